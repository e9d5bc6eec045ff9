"""Find files of the project that a pool's jobs would lack.

Steps have read them here without declaring them, or the code names them.
"""

import ast
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from wingspan.planning.plan import PlannedStep
from wingspan.planning.reads import ABSENT, FILES
from wingspan.runner.htcondor.check.preflight import Check
from wingspan.store.store import Store

_SAME = frozenset(
    {"resolve", "absolute", "abspath", "realpath", "fspath", "str", "Path", "expanduser"}
)
from wingspan.shown import listed

_JOINED = frozenset({"joinpath", "join"})


def check_project_files(steps: Iterable[PlannedStep], code: Iterable[Path], store: Store) -> Check:
    """Look for files of the project that are not sent with the code."""
    wanted, modules = tuple(steps), tuple(code)
    sent = set(map(str, modules))
    sent |= {file["path"] for step in wanted for file in step.files}
    found = {**_named(modules), **_recorded(wanted, store)}
    lacking = [
        f"{path} ({why})"
        for path, why in sorted(found.items())
        if not any(path == one or path.startswith(f"{one}/") for one in sent)
    ]
    if not lacking:
        return Check("project files", True, "the code names none that jobs would lack")
    problem = f"jobs do not get {listed(lacking)}"
    fix = "declare each as an argument of type Path, and let the function open the path that it is given"
    return Check("project files", False, problem, fix)


def _recorded(steps: Iterable[PlannedStep], store: Store) -> dict[str, str]:
    """Return the files that jobs of these steps have read here, and which step read each."""
    projects = {step.name: str(step.action.get("project", "")) for step in steps}
    found = {}
    for entry in store.reads.entries() if projects else ():
        project = projects.get(entry.step)
        for name, digest in entry.reads.get(FILES, {}).items() if project else ():
            path = os.path.normpath(f"{project}/{name}")
            if digest != ABSENT and os.path.exists(path):  # noqa: PTH110
                found[path] = f"read by step {entry.step}"
    return found


def _named(modules: Iterable[Path]) -> dict[str, str]:
    """Return the files that modules name relative to themselves, with the line that does."""
    found: dict[str, str] = {}
    for file in modules:
        for path, line in paths_in(file) if file.suffix == ".py" else ():
            found.setdefault(str(path), f"{file.name}:{line}")
    return found


def paths_in(file: Path) -> Iterator[tuple[Path, int]]:
    """Yield the files that a module names by way of ``__file__``, with their lines.

    Only what the source text alone says is found.

    Nothing is run: ``Path(__file__).parent / "cfg.json"``, ``os.path.join(HERE, "data.csv")``.
    """
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    known: dict[str, PurePath] = {"__file__": file.absolute()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], _path(node.value, known)
            if isinstance(target, ast.Name) and value is not None:
                known[target.id] = value
    seen = set()
    for node in ast.walk(tree):
        path = _path(node, known) if isinstance(node, ast.BinOp | ast.Call) else None
        if path is not None and path not in seen and Path(path).is_file():
            seen.add(path)
            yield Path(path), node.lineno  # type: ignore[attr-defined]  # of these two kinds


def _path(node: ast.AST, known: Mapping[str, PurePath]) -> PurePath | None:
    """Return the path that an expression gives.

    None if the source text does not say, or the expression is not a path.
    """
    match node:
        case ast.Name(id=name):
            return known.get(name)
        case ast.Attribute(value=inner, attr="parent"):
            found = _path(inner, known)
            return found.parent if found else None
        case ast.Subscript(value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(n)):
            found = _path(inner, known)
            return (
                found.parents[n]
                if found and isinstance(n, int) and n < len(found.parents)
                else None
            )
        case ast.BinOp(left=left, op=ast.Div(), right=ast.Constant(str(text))):
            found = _path(left, known)
            return found / text if found else None
        case ast.Call(func=function, args=arguments):
            return _called(function, arguments, known)
    return None


def _called(
    function: ast.expr, arguments: list[ast.expr], known: Mapping[str, PurePath]
) -> PurePath | None:
    """Return the path that a call of a function of pathlib, or of ``os.path``, gives."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    holder = _path(function.value, known) if isinstance(function, ast.Attribute) else None
    given = list(arguments)
    first = holder or (_path(given.pop(0), known) if given else None)
    texts = [each.value for each in given if isinstance(each, ast.Constant)]
    words = [text for text in texts if isinstance(text, str)]
    if first is None or len(words) != len(given):
        return None
    if name in _SAME | _JOINED:
        return Path(os.path.normpath(first.joinpath(*words)))
    if name == "dirname":
        return first.parent
    if name == "with_name" and len(words) == 1:
        return first.with_name(words[0])
    return None
