"""Where a module lives and which distribution brought it, found without importing anything.

A module is of the standard library, of a distribution (in ``site-packages``, or next to a
``.dist-info`` folder that lists it), or of the project: all else, an editable install too.
"""

import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Literal

_MARKS = (".git", ".hg", "pyproject.toml", "setup.py", "setup.cfg", "wingspan.toml")
_SITE = {"site-packages", "dist-packages"}
_STANDARD = tuple(
    os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a module was found.

    `file` is None for a package without ``__init__``; `folder` is the entry of ``sys.path``.
    """

    kind: Literal["standard", "distribution", "project"]
    file: Path | None
    folder: Path


def locate(name: str, near: Path) -> Place | None:
    """Find a module as an import in a file of the folder `near` would, or return None."""
    spec = _spec(name, near)
    if spec is None:
        return None
    if spec.origin in {"built-in", "frozen"}:
        return Place("standard", None, Path())
    if spec.has_location and spec.origin:
        return place_of(name, Path(spec.origin).absolute())
    locations = list(spec.submodule_search_locations or ())
    return _place(name, None, Path(locations[0])) if locations else None


def place_of(name: str, file: Path) -> Place:
    """Say what the module `name`, known to lie in `file`, belongs to."""
    return _place(name, file, file.parent if file.stem == "__init__" else file)


def _place(name: str, file: Path | None, path: Path) -> Place:
    """Classify the module `name` whose own file or folder is `path`."""
    depth = min(name.count("."), len(path.parents) - 1)
    folder = path.parents[depth]
    if _SITE & set(path.parts):
        return Place("distribution", file, folder)
    if os.path.realpath(path).startswith(_STANDARD):
        return Place("standard", file, folder)
    kind: Literal["distribution", "project"] = (
        "distribution" if file and metadata_folders(name, folder) else "project"
    )
    return Place(kind, file, folder)


def _spec(name: str, near: Path) -> ModuleSpec | None:
    """Return what the import system knows of a module, its parents not imported."""
    loaded = getattr(sys.modules.get(name), "__spec__", None)
    if isinstance(loaded, ModuleSpec):
        return loaded
    parent, _, _ = name.rpartition(".")
    if not parent:
        return _find(name, None) or PathFinder.find_spec(name, [str(near)])
    package = _spec(parent, near)
    locations = package.submodule_search_locations if package else None
    return _find(name, list(locations)) if locations else None


def _find(name: str, path: list[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(name, path) if find else None
        if isinstance(spec, ModuleSpec):
            return spec
    return None


def metadata_folders(name: str, folder: Path) -> tuple[Path, ...]:
    """Return the ``.dist-info`` folders in `folder` of the distributions that bring a module."""
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return ()
    return _metadata_folders(name, folder, changed)


@lru_cache(maxsize=1024)
def _metadata_folders(name: str, folder: Path, changed: int) -> tuple[Path, ...]:
    listed = _listed(folder, changed)
    for (
        path
    ) in listed:  # most distributions are named as their module: spares reading all the others
        if _plain(path.name.partition("-")[0]) == _plain(name) and _brings(path, name) is not False:
            return (path,)
    return tuple(path for path in listed if _brings(path, name))


@lru_cache(maxsize=64)
def _listed(folder: Path, _changed: int) -> tuple[Path, ...]:
    suffixes = (".dist-info", ".egg-info") if folder.name in _SITE else (".dist-info",)
    return tuple(sorted(path for path in folder.iterdir() if path.name.endswith(suffixes)))


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _brings(metadata: Path, name: str) -> bool | None:
    """Say whether a distribution lists the module; None if it lists nothing."""
    tops, record = _text(metadata / "top_level.txt"), _text(metadata / "RECORD")
    if tops is None and record is None:
        return None
    path = name.replace(".", "/")
    lines = f"\n{record or ''}"
    return name in (tops or "").split() or f"\n{path}/" in lines or f"\n{path}." in lines


def version_of(metadata: Path) -> tuple[str, str]:
    """Return a distribution's name and version; `importlib.metadata` says the same, 40 ms later."""
    return _version_of(metadata, tuple(map(_changed, metadata_files(metadata))))


@lru_cache(maxsize=1024)
def _version_of(metadata: Path, _changed: tuple[int, ...]) -> tuple[str, str]:
    text = next(filter(None, map(_text, metadata_files(metadata))), "")
    head = dict(line.partition(": ")[::2] for line in text.partition("\n\n")[0].splitlines())
    name, _, version = metadata.stem.partition("-")
    return head.get("Name", name), head.get("Version", version or "unknown version")


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def metadata_files(metadata: Path) -> tuple[Path, ...]:
    """Return the files that may hold a distribution's name and version, the newest kind first."""
    return metadata / "METADATA", metadata / "PKG-INFO", metadata


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


@lru_cache(maxsize=256)
def project_of(root: str, home: str) -> str:
    """Return the project of a step's code: the nearest folder with a mark such as ``.git``.

    Without a mark it is the folder that holds ``.wingspan``, if the code lies below, else the code's own folder. Empty
    for an installed package.
    """
    folder = Path(root)
    if {"site-packages", "dist-packages"} & set(folder.parts):
        return ""
    users = Path.home()
    for above in (folder, *folder.parents):
        if above in {users, *users.parents}:
            break
        if any((above / mark).exists() for mark in _MARKS):
            return str(above)
    around = Path(home).parent
    below = Path(home).name == ".wingspan" and folder.is_relative_to(around) and around != users
    return str(around if below else folder)
