"""One module as its top-level statements: which of them give a name its value. Pure."""

import ast
import builtins
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from importlib.util import decode_source

from wingspan.planning.effects import Callee, Effect
from wingspan.planning.syntax import Import, Statement, digest_of, looked_up, parse


@dataclass(frozen=True)
class Source:
    """One module as its top-level statements; an import of several names is one for each."""

    statements: tuple[Statement, ...]
    content: bytes = b""

    @cached_property
    def effects(self) -> tuple[Effect, ...]:
        """What each statement does when the module is imported."""
        return tuple(map(Effect, self.statements))

    @cached_property
    def digest(self) -> str:
        """The digest of the whole module."""
        return digest_of(self.statements)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """Everything the module imports, also inside functions."""
        return tuple(found for each in self.statements for found in each.imports)

    @cached_property
    def imports_at_once(self) -> tuple[Import, ...]:
        """What the module imports when it is imported itself."""
        return tuple(found for each in self.statements for found in each.imports_at_once)

    @cached_property
    def imported(self) -> frozenset[str]:
        """The names that the module imports when it is imported itself."""
        return frozenset(found.local for found in self.imports_at_once)

    @cached_property
    def exports(self) -> frozenset[str] | None:
        """The names that ``import *`` takes by ``__all__``; None if that is not written out."""
        found: set[str] = set()
        for effect in self.effects:
            each = effect.statement
            if "__all__" in each.binds or any(
                link.origin == "__all__" for link in effect.piece.changed
            ):
                names = _names_in(each.node)
                if names is None:
                    return None
                found.update(names)
        return frozenset(found)

    @cached_property
    def public(self) -> frozenset[str]:
        """The names that ``import *`` takes, but for those of the module's own star imports."""
        if "__all__" in self._bound_names:
            return self.exports or frozenset()
        return frozenset(name for name in self._bound_names if not name.startswith("_"))

    @cached_property
    def bound(self) -> dict[str, tuple[int, ...]]:
        """For each name, the positions of the statements that bind it."""
        found: dict[str, list[int]] = {}
        for position, each in enumerate(self.statements):
            for name in each.binds:
                found.setdefault(name, []).append(position)
        return {name: tuple(sorted(positions)) for name, positions in found.items()}

    @cached_property
    def stars(self) -> tuple[int, ...]:
        """The positions of ``from module import *``."""
        return tuple(
            position
            for position, each in enumerate(self.statements)
            if any(found.name == "*" for found in each.imports_at_once)
        )

    def unused(self, statement: Statement) -> bool:
        """Say whether the module never uses the name that it imports: it imports for what that does."""
        local = statement.imports[0].local.encode()
        if re.search(rb"(?<![\w.])" + local + rb"[.(\[]", self._without_comments):
            return False
        return local.decode() not in self._used

    @cached_property
    def _used(self) -> frozenset[str]:
        return frozenset(looked_up(decode_source(self.content))) | (self.exports or frozenset())

    @cached_property
    def _without_comments(self) -> bytes:
        return re.sub(rb"#.*", b"", self.content)

    @cached_property
    def opaque(self) -> bool:
        """Whether it makes names when it is imported that cannot be known from its text."""
        code = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        return any(
            not isinstance(each.statement.node, code) and each.dynamic for each in self.effects
        )

    def binding(self, name: str) -> tuple[Statement, ...]:
        """Return the statements that can give `name` its value, in order; none for a builtin."""
        own = self.bound.get(name, ())
        stars = [star for star in self.stars if not own or star > own[0]]
        return tuple(self.statements[position] for position in sorted({*own, *stars}))

    def binds(self, name: str) -> tuple[Effect, ...]:
        """Return the statements that bind a name, but for imports."""
        found = (self.effects[position] for position in self.bound.get(name, ()))
        return tuple(each for each in found if not each.statement.is_import)

    def derives(self, position: int) -> frozenset[Callee]:
        """Return the imported classes that a statement derives classes from."""
        return frozenset(base for base in self.effects[position].bases if self.foreign(base[0]))

    def foreign(self, name: str) -> bool:
        """Say whether a name may come from another module, but for builtins."""
        unknown = bool(self.stars) and name not in self.bound and not hasattr(builtins, name)
        return unknown or name in self.imported

    def hooks(self, name: str) -> bool:
        """Say whether deriving a class from a class of the module runs code of the class."""
        seen, pending = set(), [name]
        while pending:
            each = pending.pop()
            if each in seen:
                continue
            seen.add(each)
            if each in self._globals:  # made by a call, so what its class does is not known
                return True
            for effect in self._code.get(each, ()):
                if effect.hooks:
                    return True
                pending += [base for base, _ in effect.bases]
        return False

    def bases_elsewhere(self, name: str) -> frozenset[Callee]:
        """Return the imported bases of a class of the module."""
        found = (base for effect in self._code.get(name, ()) for base in effect.bases)
        return frozenset(base for base in found if self.foreign(base[0]))

    def function_text(self, name: str, line: int) -> str | None:
        """Return the text of a function, inner or not; of several of a name, that at `line`."""
        found = [
            node
            for each in self.statements
            for node in ast.walk(each.node)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        ]
        if len(found) > 1:
            found = [node for node in found if line == _first_line(node)]
        return ast.unparse(found[0]) if found else None

    def declares(self, effect: Effect) -> bool:
        """Say whether a statement declares a step of a pipeline, which runs nothing."""
        return any(
            chain[-1:] in {("step",), ("map",), ("command",)} and name in self._pipelines
            for name, chain in effect.calls
        )

    @cached_property
    def _pipelines(self) -> frozenset[str]:
        return frozenset(
            name
            for name, effects in self._globals.items()
            if any(
                (called, *chain)[-1] == "Pipeline"
                for each in effects
                for called, chain in each.calls
            )
        )

    @cached_property
    def _code(self) -> dict[str, list[Effect]]:
        """For each function and class, the statements that define it."""
        return {**self._defined["function"], **self._defined["class"]}

    @cached_property
    def _globals(self) -> dict[str, list[Effect]]:
        return self._defined["global"]

    @cached_property
    def _bound_names(self) -> frozenset[str]:
        return frozenset(name for each in self.statements for name in each.binds)

    @cached_property
    def _defined(self) -> dict[str, dict[str, list[Effect]]]:
        """For each kind of definition, the statements that give each name one."""
        found: dict[str, dict[str, list[Effect]]] = defaultdict(dict)
        for each in self.effects:
            for name in each.statement.binds:
                found[each.statement.defines(name)].setdefault(name, []).append(each)
        return found


def read(text: str | bytes, package: str) -> Source:
    """Return a module of its text.

    Raises
    ------
    SyntaxError
        The text is not Python.
    """
    return Source(parse(text, package), text if isinstance(text, bytes) else text.encode())


def _names_in(node: ast.stmt) -> list[str] | None:
    """Return the texts that a statement puts into ``__all__``; None if it holds more than texts."""
    value = getattr(node, "value", None)
    if isinstance(value, ast.Call):  # __all__.extend([...])
        value = value.args[0] if len(value.args) == 1 else None
    parts = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    values = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    texts = [each for each in values if isinstance(each, str)]
    return texts if len(texts) == len(parts) else None


def _first_line(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
