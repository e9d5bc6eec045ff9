"""Find the installed packages that modules come from: requirements and files."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from wingspan.planning.modules import locate, metadata_folders, version_of

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?[^;]*(?:;(.*))?", re.DOTALL)
_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_IMPORTS_TESTS = re.compile(rb"^[ \t]*(?:from|import)[ \t]+([\w.]*\btests\b)", re.MULTILINE)
_TESTS = "tests"


class Package(NamedTuple):
    """What one distribution, or one module without a distribution, has installed below `root`."""

    name: str
    version: str
    root: Path
    files: tuple[Path, ...]


def packages_of(modules: Iterable[str], project: Path | None = None) -> dict[str, Package]:
    """Return the packages that bring some modules, and all that these require, by name.

    Packages that are not installed are left out.

    Parameters
    ----------
    project
        Folder of the project; its own modules are not packages.
    """
    found: dict[str, Package] = {}
    wanted: list[tuple[str, frozenset[str]]] = []
    for module in sorted(modules):
        place = locate(module, project or Path.cwd())
        if place is None or place.kind != "distribution":
            continue
        titles = [version_of(folder)[0] for folder in metadata_folders(module, place.folder)]
        wanted += [(title, frozenset()) for title in titles]
        if not titles:
            found[module] = Package(module, "", place.folder, _tree(place.folder, module))
    return found | _with_requirements(wanted)


def distribution_packages(names: Iterable[str]) -> dict[str, Package]:
    """Return some distributions and all that they require, by name."""
    return _with_requirements([(name, frozenset()) for name in names])


def _with_requirements(waiting: list[tuple[str, frozenset[str]]]) -> dict[str, Package]:
    found: dict[str, Package] = {}
    seen: set[tuple[str, str]] = set()
    while waiting:
        title, extras = waiting.pop()
        name = plain_name(title)
        new = {(name, extra) for extra in ("", *extras)} - seen
        if not new:
            continue
        seen |= new
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # python itself, or needed on other systems only
            continue
        found.setdefault(name, _package(name, distribution))
        waiting += [
            (other, wanted)
            for other, wanted, extra in _required(distribution)
            if (name, extra) in new
        ]
    return dict(sorted(found.items()))


def plain_name(name: str) -> str:
    """Return a distribution's name as all its spellings have it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _required(distribution: metadata.Distribution) -> Iterator[tuple[str, frozenset[str], str]]:
    """Yield what a distribution requires: name, extras, and the extra that asks for it."""
    for text in distribution.requires or ():
        match = _REQUIREMENT.match(text)
        if match:
            name, extras, condition = match.groups(default="")
            asked = _EXTRA.search(condition)
            wanted = frozenset(extra.strip() for extra in extras.split(",") if extra.strip())
            yield name, wanted, asked[1] if asked else ""


def _package(name: str, distribution: metadata.Distribution) -> Package:
    root = Path(str(distribution.locate_file("")))
    return Package(name, distribution.version, root, _files(name, str(root), distribution.version))


@lru_cache(maxsize=1024)
def _files(name: str, root: str, _version: str) -> tuple[Path, ...]:
    """Return the files of a distribution below its root.

    If it lists none, those of its modules.
    """
    distribution, place = metadata.distribution(name), Path(root)
    listed = distribution.files
    if not listed:
        tops = (distribution.read_text("top_level.txt") or name.replace("-", "_")).split()
        return tuple(path for top in tops for path in _tree(place, top))
    inside = (Path(*file.parts) for file in listed if ".." not in file.parts)
    return tuple(path for path in inside if _is_sent(path) and (place / path).is_file())


def _tree(root: Path, module: str) -> tuple[Path, ...]:
    """Return the files of a module, relative to the folder that it is imported from."""
    found = [path for path in root.glob(f"{module}.*") if path.is_file()]
    found += [path for path in (root / module).rglob("*") if path.is_file()]
    inside = (path.relative_to(root) for path in sorted(found))
    return tuple(path for path in inside if _is_sent(path))


def _is_sent(path: Path) -> bool:
    editable = path.name.startswith("__editable__") or path.name == "direct_url.json"
    return path.suffix != ".a" and not editable and "__pycache__" not in path.parts


def without_tests(package: Package) -> tuple[Path, ...]:
    """Return a package's files without its folders of tests.

    Tests that its other modules import from stay.
    """
    own = [path for path in package.files if _TESTS not in path.parts]
    if len(own) == len(package.files):
        return package.files
    needed = {
        _folder_of(found.decode(), path)
        for path in own
        if path.suffix == ".py"
        for found in _IMPORTS_TESTS.findall((package.root / path).read_bytes())
    }
    return tuple(
        path
        for path in package.files
        if _TESTS not in path.parts or not needed.isdisjoint(path.parents)
    )


def _folder_of(module: str, importer: Path) -> Path:
    """Return the folder of tests that an import of one of its modules means."""
    name = module.lstrip(".")
    dots = len(module) - len(name)
    above = importer.parents[dots - 1] if 0 < dots <= len(importer.parents) else Path()
    parts = name.split(".")
    return above.joinpath(*parts[: parts.index(_TESTS) + 1])
