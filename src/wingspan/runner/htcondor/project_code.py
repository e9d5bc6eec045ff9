"""The user's own modules, packed for jobs on other machines: what a step's file imports, and what those import."""

import ast
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from wingspan.files import aside, digest_bytes
from wingspan.planning.modules import Place, locate
from wingspan.planning.plan import PlannedStep

_EPOCH = (1980, 1, 1, 0, 0, 0)  # zip's first year: the same files give the same bytes


def project_files(steps: Iterable[PlannedStep]) -> dict[str, list[Path]]:
    """Return the project's files that the steps import, directly or not, by the folder they are imported from."""
    found: dict[Path, str] = {}
    waiting = {start for step in steps for start in _starts(step)}
    while waiting:
        file, root = waiting.pop()
        if file in found:
            continue
        found[file] = root
        waiting |= {
            (place.file, str(place.folder))
            for place in _imported(file, Path(root))
            if place.file is not None and place.kind == "project"
        }
    roots: dict[str, list[Path]] = {}
    for file, root in sorted(found.items()):
        roots.setdefault(root, []).append(file)
    return roots


def pack_code(roots: dict[str, list[Path]], folder: Path) -> Path:
    """Write the files as ``code-DIGEST.zip`` into a folder, root number N below ``N/``; return its path."""
    contents = [
        (f"{number}/{file.relative_to(root)}", file.read_bytes())
        for number, (root, files) in enumerate(roots.items())
        for file in files
    ]
    whole = b"".join(name.encode() + b"\0" + content + b"\0" for name, content in contents)
    path = folder / f"code-{digest_bytes(whole).partition(':')[2][:16]}.zip"
    with aside(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content)
    return path


def _starts(step: PlannedStep) -> Iterator[tuple[Path, str]]:
    """Yield the files that a step's job imports first, with the folder they are imported from."""
    names = list(step.modules)
    root = Path(step.action.get("root", Path.cwd()))
    if "module" in step.action:
        names.append(step.action["module"])
        if not _own(names[-1]) and names[-1] not in step.modules:  # a script, under its own name
            yield Path(step.action["file"]), step.action["root"]
    for name in names:
        place = None if _own(name) else locate(name, root)
        if place is not None and place.file is not None and place.kind == "project":
            yield place.file, str(place.folder)


def _own(name: str) -> bool:
    """Return whether a module is Wingspan's: every environment has it."""
    return name.partition(".")[0] == "wingspan"


def _imported(file: Path, root: Path) -> Iterator[Place]:
    """Yield the modules that a file imports, anywhere in it, and the packages that it lies in."""
    if file.suffix != ".py":
        return
    package = ".".join(file.parent.relative_to(root).parts)
    for name in _names(ast.parse(file.read_bytes()), package):
        parts = name.split(".")
        if _own(name):
            continue
        for depth in range(1, len(parts) + 1):
            place = locate(".".join(parts[:depth]), root)
            if place is None:
                break
            yield place


def _names(tree: ast.AST, package: str) -> Iterator[str]:
    if package:
        yield package
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package else []
            above = parts[: len(parts) - (node.level - 1)] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            if base:
                yield base
            yield from (".".join(filter(None, [base, alias.name])) for alias in node.names)
