"""What a step's function is made of: the part of a step's key that is code.

What a file holds is read from the file, as the job will import it: the function and the names of
its module that it reaches, other modules of the project as a whole, versions of distributions.
What no file holds is taken by value: closures, arguments of `functools.partial`, defaults of inner
functions, and the globals of functions written in a notebook. Nothing is imported or run, so
imports by `importlib`, values read from the environment at import, and data files that the code
finds by itself are not seen.
"""

import inspect
import linecache
import platform
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from wingspan.errors import DeclarationError
from wingspan.files import digest_bytes, json_text
from wingspan.planning.modules import place_of
from wingspan.planning.project import Home, Kept, read_source
from wingspan.planning.reach import reach_import, reach_name, reach_text
from wingspan.planning.reached import Reached
from wingspan.planning.syntax import Import, parse
from wingspan.planning.values import value_digest

Step = Callable[..., object]
_COMPILED = {".so", ".pyd", ".pyc"}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a function's result depends on besides its arguments.

    Parameters
    ----------
    components
        By names fit for a reader: ``function loans.fit`` (the function itself comes first),
        ``class loans.Split``, ``global loans.THRESHOLD``, ``import loans.np``, ``module helpers``,
        ``import-time code of helpers``,
        ``closure loans.make.n``, ``default loans.make.n``, ``argument n``, ``distribution polars``
        and ``distribution python``. Values are versions after ``distribution``, what is imported
        after ``import``, else digests.
    files
        The project modules that a job of the function imports, by module name. Wingspan's own are
        left out, and so is a module that no file holds (a notebook).
    imports
        The top-level names of the third-party modules that the function reaches: ``sklearn``.
    loaded
        Those that importing the files imports too, whether or not the function uses them.
    """

    components: dict[str, str]
    files: dict[str, Kept]
    imports: frozenset[str]
    loaded: frozenset[str]


def fingerprint(function: Step) -> Fingerprint:
    """Return what a function's result depends on, and the files that hold it.

    Raises
    ------
    DeclarationError
        The function is a lambda, a bound method or has no source; a file it reaches is not Python;
        it holds a value that has no digest.
    """
    parts = _Parts(function)
    own = parts.reached.own
    first = next(iter(own), None)
    found = {key: own[key] for key in sorted(own, key=lambda key: (key != first, key))}
    found |= dict(sorted(parts.values.items()))
    found |= {f"module {name}": digest for name, digest in sorted(parts.reached.modules.items())}
    found |= {
        f"distribution {name}": value for name, value in sorted(_distributions(parts.reached))
    }
    files = dict(sorted(parts.reached.files.items()))
    reached = parts.reached
    return Fingerprint(found, files, frozenset(reached.tops), frozenset(reached.loaded))


def _distributions(reached: Reached) -> Iterator[tuple[str, str]]:
    yield from reached.distributions.items()
    yield "python", ".".join(platform.python_version_tuple()[:2])
    if reached.wingspan:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("wingspan")
        except PackageNotFoundError:
            number = "unknown version"
        edited = {name: digest for name, digest in reached.wingspan.items() if digest}
        checkout = digest_bytes(json_text(edited).encode()).partition(":")[2][:12]
        yield "wingspan", f"{number}+{checkout}" if edited else number


class _Parts:
    """The walk over the functions, classes and values that a function is made of."""

    def __init__(self, function: Step) -> None:
        self.reached = Reached()
        self.values: dict[str, str] = {}
        self._seen: dict[int, tuple[object, str]] = {}  # the objects too, as ids are used again
        inner: object = function
        while isinstance(inner, partial):
            inner = inner.func
        if isinstance(inner, types.BuiltinFunctionType) or not callable(inner):
            raise _refused(_title(function), "it has no Python source")
        self.code(function, _title(function))

    def code(self, value: Any, where: str) -> str:  # noqa: ANN401 - anything callable, or a module
        """Take in a function, class, module or partial; return the text that names it."""
        if id(value) not in self._seen:
            self._seen[id(value)] = (value, _title(value))
            self._take(value, where)
        return self._seen[id(value)][1]

    def _take(self, value: Any, where: str) -> None:  # noqa: ANN401
        if isinstance(value, types.ModuleType):
            self.reached.add(reach_import(Import(value.__name__, None), (), Path.cwd()))
        elif isinstance(value, partial):
            self.code(value.func, where)
            for name, argument in (*enumerate(value.args), *sorted(value.keywords.items())):
                self._value(f"argument {name}", argument)
        elif (home := home_of(value)) is not None:
            self._from_file(home, value.__qualname__)
        elif isinstance(value, types.FunctionType):
            self._function(value, where)
        elif isinstance(value, type):
            self._class(value, where)
        elif callable(getattr(value, "__wrapped__", None)):
            self.code(value.__wrapped__, where)
        elif isinstance(value, types.MethodType) and isinstance(value.__self__, type):
            self.reached.own[f"function {_title(value.__self__)}.{value.__name__}"] = digest_bytes(
                b""
            )
            self.code(value.__self__, where)
        elif not isinstance(value, types.BuiltinFunctionType):
            raise _refused(
                where, f"it is a {type(value).__name__}, and its state is not part of the source"
            )

    def _from_file(self, home: Home, qualname: str) -> None:
        """Take in a name of a module, as the job will import it."""
        kind = place_of(home.name, home.file).kind
        ours = kind == "project" or home.name.partition(".")[0] == "wingspan"
        if ours and home.file.suffix not in _COMPILED:
            if "." in qualname:  # two methods share all but their names
                self.reached.own[f"function {home.shown}.{qualname}"] = digest_bytes(b"")
            self.reached.add(reach_name(home, qualname.partition(".")[0]))
        else:
            title = f"{home.shown}.{qualname}"
            self.reached.own[f"function {title}"] = digest_bytes(title.encode())
            self.reached.add(reach_import(Import(home.name, None), (), home.file.parent))

    def _function(self, value: types.FunctionType, where: str) -> None:
        """Take in what no module holds by name: an inner function, a wrapper, or a notebook's."""
        code = value.__code__
        if code.co_name == "<lambda>":
            raise _refused(where, "a lambda has no name to find it by")
        home = home_of_globals(value.__globals__)
        if home is not None and Path(code.co_filename).name == home.file.name:
            title = f"{home.shown}.{code.co_qualname}"
            project = place_of(home.name, home.file).kind == "project"
            if project and "<locals>" in code.co_qualname:
                self._inner(home, code, title)
            else:
                self._from_file(home, code.co_qualname)
        else:
            title = f"{_shown(value.__module__)}.{code.co_qualname}"
            text = _cell_text(code, where)
            self._text(f"function {title}", text, value.__globals__, code.co_freevars)
        for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
            self._value(f"closure {title}.{name}", _content(cell))
        for name, default in _defaults(value):
            self._value(f"default {title}.{name}", default)
        if callable(wrapped := getattr(value, "__wrapped__", None)):
            self.code(wrapped, where)

    def _inner(self, home: Home, code: types.CodeType, title: str) -> None:
        """Take in a function that stands inside another; what it captures is taken by value."""
        source = read_source(home.file, home.package)
        text = source.function_text(code.co_name, code.co_firstlineno)
        if text is None:
            problem = (
                f"no function {code.co_name} there; the file has changed since it was imported"
            )
            where = f"{home.file}:{code.co_firstlineno}"
            raise DeclarationError(where, problem, "start Python again")
        self.reached.own[f"function {title}"] = digest_bytes(text.encode())
        self.reached.add(reach_text(home, text, frozenset(code.co_freevars)))

    def _class(self, value: type, where: str) -> None:
        if value.__module__ in {"builtins", *sys.stdlib_module_names}:
            return
        if "<locals>" in value.__qualname__:
            raise _refused(where, f"the class {value.__qualname__} is made inside a function")
        text = _class_text(value)
        if text is None:
            raise _refused(
                where, f"the source of the class {value.__qualname__} is not to be found"
            )
        self._text(f"class {_title(value)}", text, _namespace(value.__module__), ())

    def _text(
        self, key: str, text: str, namespace: Mapping[str, Any], inner: tuple[str, ...]
    ) -> None:
        """Take in a source that no file holds, and by value the globals that it uses."""
        module = key.partition(" ")[2].partition(".")[0]
        for each in parse(text, ""):
            self.reached.own[key] = digest_bytes(each.text.encode())
            for found in each.imports:
                for chain in each.chains.get(found.local, ()):
                    self.reached.add(reach_import(found, chain, Path.cwd()))
            for name in sorted(each.uses - {*inner, "__name__", "__file__"}):
                if isinstance(value := namespace.get(name), types.ModuleType):
                    self.reached.own[f"import {module}.{name}"] = value.__name__
                    for chain in each.chains[name]:
                        found = Import(value.__name__, None, name)
                        self.reached.add(reach_import(found, chain, Path.cwd()))
                elif name in namespace:
                    self._value(f"global {module}.{name}", value, once=True)

    def _value(self, key: str, value: object, *, once: bool = False) -> None:
        """Note a value's digest; the second of one name gets a number, but for a global."""
        if once and key in self.values:
            return
        free, count = key, 1
        while free in self.values:
            count += 1
            free = f"{key} ({count})"
        self.values[free] = "being read"
        self.values[free] = value_digest(value, key, self.code)


def _refused(where: str, problem: str) -> DeclarationError:
    fix = (
        "write the step as a function with `def`, at the top level of a file or in a notebook cell"
    )
    return DeclarationError(where, problem, fix)


def _title(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, partial):
        return f"partial of {_title(value.func)}"
    module = getattr(value, "__module__", None) or type(value).__module__
    return f"{_shown(module)}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _shown(module: str) -> str:
    if module != "__main__":
        return module
    home = home_of_globals(_namespace("__main__"))
    return home.shown if home else "notebook"


def _namespace(module: str) -> Mapping[str, Any]:
    loaded = sys.modules.get(module)
    return vars(loaded) if loaded else {}


def home_of_globals(namespace: Mapping[str, Any]) -> Home | None:
    """Return the module of these globals if a file holds it; a script as it will be imported."""
    name, file, spec = (namespace.get(key) for key in ("__name__", "__file__", "__spec__"))
    if not isinstance(name, str) or not isinstance(file, str):
        return None
    path = Path(file).absolute()
    if name == "__main__":
        name = spec.name if spec else path.stem
    stem = path.parent.name if path.stem == "__init__" else path.stem
    shown = name if name.rpartition(".")[2] == stem.partition(".")[0] else path.stem
    return Home(name, shown, path, namespace.get("__package__") or "")


def home_of(value: Any) -> Home | None:  # noqa: ANN401
    """Return the module that a function or class can be imported from by its name, if any."""
    name, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(name, str) or not isinstance(qualname, str):
        return None
    own = getattr(value, "__globals__", {})
    namespace = own if own.get("__name__") == name else _namespace(name)
    found: Any = namespace.get(qualname.partition(".")[0])
    for part in qualname.split(".")[1:]:
        found = getattr(found, part, None)
    same = found is value or (isinstance(value, types.MethodType) and found == value)
    return home_of_globals(namespace) if same else None


def _content(cell: types.CellType) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        return "not yet assigned"


def _defaults(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    code, defaults = function.__code__, function.__defaults__ or ()
    names = code.co_varnames[: code.co_argcount]
    yield from zip(names[len(names) - len(defaults) :], defaults, strict=True)
    yield from sorted((function.__kwdefaults__ or {}).items())


def _cell_text(code: types.CodeType, where: str) -> str:
    """Return the source of a function that a notebook, or another prompt, keeps in `linecache`."""
    try:
        text = inspect.getsource(code)
    except OSError as error:
        raise _refused(where, f"the source of {code.co_qualname} is not to be found") from error
    return f"if True:\n{text}" if text[0].isspace() else text


def _class_text(value: type) -> str | None:
    """Return the source of a notebook's class: of its methods' cell, or the last to define it."""
    cells = [
        each.__code__.co_filename
        for each in vars(value).values()
        if isinstance(each, types.FunctionType)
    ]
    cells += [name for name in reversed(linecache.cache) if not Path(name).exists()]
    for cell in cells:
        text = "".join(linecache.getlines(cell))
        if f"class {value.__name__}" not in text:
            continue
        for each in parse(text, ""):
            if each.defines(value.__name__) == "class":
                return each.text
    return None
