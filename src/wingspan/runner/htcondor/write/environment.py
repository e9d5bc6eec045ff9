"""The interpreter that runs here and the libraries that some steps need, packed for machines that have neither.

The archive holds one folder, ``python``: ``bin/python3``, ``lib/python3.X`` with ``site-packages``, and the shared
libraries that the interpreter needs beyond the C library. It runs from wherever it is unpacked, on a machine of the
same architecture whose C library is not older than this one's.
"""

import errno
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from wingspan.accesspoint.status import is_one_machine
from wingspan.errors import SpaceError
from wingspan.files import aside, digest_bytes, json_text
from wingspan.planning.plan import PlannedStep
from wingspan.runner.htcondor.profile import AUTO, SEND, Profile
from wingspan.runner.htcondor.write.image import images_of

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LIBRARY = Path("python/lib") / _VERSION
_NEVER = {
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "dist-packages",
}
_SYSTEM = re.compile(
    r"(ld-linux.*|lib(c|m|dl|pthread|rt|util|resolv|nsl|crypt)\.so.*|linux-vdso.*)"
)


def travels(profile: Profile, steps: Iterable[PlannedStep]) -> bool:
    """Return whether the environment is given to jobs: as the profile says, else into containers and to other machines."""
    if profile.environment != AUTO:
        return profile.environment == SEND
    return bool(images_of(steps, profile)) or not is_one_machine()


def environment_for(steps: Iterable[PlannedStep], folder: Path, limit_mb: int) -> Path:
    """Return the archive with what the steps need, packed into `folder` unless it is there.

    Raises
    ------
    SpaceError
        It is larger than the pool's profile allows.
    """
    names = distributions_of(steps)
    sources = _wingspan_files()
    path = folder / f"{_identity(names, sources)}.tar.gz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with aside(path) as part, tarfile.open(part, "w:gz", compresslevel=1) as archive:
            for source, target in _members(names, sources):
                archive.add(source.resolve(), str(target), recursive=False)
    size_mb = path.stat().st_size / 2**20
    if size_mb > limit_mb:
        problem = f"the environment of {len(names)} packages has {size_mb:.0f} MB, the pool's limit is {limit_mb}"
        fix = "name a container image, a shared folder, or a higher environment_limit in wingspan.toml"
        raise SpaceError(str(path), problem, fix)
    return path


def unpacked_environment(
    steps: Iterable[PlannedStep], folder: Path, claim: Callable[[str], object]
) -> Path:
    """Return the folder with what the steps need, ready to be used, made in `folder` unless it is there.

    Parameters
    ----------
    claim
        Called with its name before anything else, so that nobody removes it.

    Raises
    ------
    SpaceError
        The disk is full; nothing half-made is left.
    """
    names = distributions_of(steps)
    sources = _wingspan_files()
    path = folder / _identity(names, sources)
    claim(path.name)
    if path.is_dir():
        with suppress(PermissionError):  # another user's, who sees to it
            os.utime(path)
        return path
    try:
        with aside(path) as part:
            for source, target in _members(names, sources):
                place = part / target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source.resolve(), place)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:  # else another process was quicker
            raise
    return path


def _identity(names: Iterable[str], sources: Iterable[tuple[Path, Path]]) -> str:
    """Return what names an environment: equal for equal content."""
    versions = {name: metadata.version(name) for name in names}
    stamps = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path, _ in sources]
    facts = [sys.version, sysconfig.get_platform(), sys.base_prefix, versions, stamps]
    return digest_bytes(json_text(facts).encode()).partition(":")[2][:16]


def distributions_of(steps: Iterable[PlannedStep]) -> list[str]:
    """Return the distributions that the steps import, Wingspan's own, and all that these require, as installed here."""
    waiting = {"wingspan"} | {
        name.removeprefix("distribution ")
        for step in steps
        for name in step.components
        if name.startswith("distribution ")
    }
    found: dict[str, None] = {}
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # python itself, or needed on other systems only
            continue
        if name not in found:
            found[name] = None
            waiting |= {_word(text) for text in required if "extra ==" not in text}
    return sorted(found)


def _word(requirement: str) -> str:
    match = _NAME.match(requirement)
    return match[0] if match else ""


def _members(
    names: Iterable[str], sources: Iterable[tuple[Path, Path]]
) -> Iterator[tuple[Path, Path]]:
    """Yield (file here, place in the archive)."""
    yield Path(sys._base_executable), Path("python/bin/python3")  # type: ignore[attr-defined]  # noqa: SLF001
    stdlib = Path(sysconfig.get_path("stdlib"))
    binaries = [Path(sys._base_executable)]  # type: ignore[attr-defined]  # noqa: SLF001
    for folder, inner, files in os.walk(stdlib):
        inner[:] = [n for n in inner if n not in _NEVER and not n.startswith("config-")]
        for path in (Path(folder, n) for n in files if not n.startswith("_tkinter.")):
            binaries += [path] if path.suffix == ".so" else []
            yield path, _LIBRARY / path.relative_to(stdlib)
    for library in _shared_libraries(binaries):
        yield library, Path("python/lib") / library.name
    site = Path(sysconfig.get_path("purelib"))
    for name in names:
        for file in metadata.files(name) or []:
            path = Path(str(file.locate()))
            if path.is_file() and path.resolve().is_relative_to(site.resolve()):
                for each in (path, *_compiled(path)):
                    yield each, _LIBRARY / "site-packages" / each.relative_to(site)
    yield from sources


def _compiled(path: Path) -> list[Path]:
    if path.suffix != ".py":
        return []
    cached = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
    return [cached] if cached.exists() else []


def _wingspan_files() -> list[tuple[Path, Path]]:
    """Return Wingspan's own files where it is installed from its source folder; else they are among the others."""
    root = Path(__file__).parents[3]
    if "site-packages" in root.parts:
        return []
    kept = [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    return [(path, _LIBRARY / "site-packages" / path.relative_to(root.parent)) for path in kept]


def _shared_libraries(binaries: Iterable[Path]) -> list[Path]:
    """Return the libraries that the interpreter and its modules are linked with, but for the system's C library."""
    told = subprocess.run(
        ["ldd", *map(str, binaries)], capture_output=True, text=True, check=False
    ).stdout
    found = {
        Path(line.split(" => ")[1].split(" (")[0])
        for line in told.splitlines()
        if " => /" in line and not _SYSTEM.fullmatch(line.split()[0])
    }
    return sorted(found)
