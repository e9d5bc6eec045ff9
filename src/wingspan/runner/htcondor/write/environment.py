"""Pack this interpreter and the libraries that steps need for machines without them.

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
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from wingspan.errors import SpaceError
from wingspan.files import aside, digest_bytes, json_text
from wingspan.planning.plan import PlannedStep
from wingspan.runner.htcondor.write.archive import READER, SUFFIX, has_reader, pack, reader_files
from wingspan.runner.htcondor.write.packages import (
    Package,
    distribution_packages,
    packages_of,
    without_tests,
)
from wingspan.shown import counted
from wingspan.store.libraries import with_companions

_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LIBRARY = Path("python/lib") / _VERSION
_SITE = _LIBRARY / "site-packages"
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
_PROGRAM = Path("python/bin/python3")
_LINKS = {"python/bin/python": _PROGRAM.name}  # as commands call it
_PACKED, _INTERPRETER = 0.26, 25_000_000  # as measured with scikit-learn and Polars
Members = Iterable[tuple[Path, Path]]


@dataclass(frozen=True)
class Environment:
    """What some steps need: packages by name, found here and not packed yet."""

    packages: dict[str, Package]

    @cached_property
    def identity(self) -> str:
        """What names it: equal for equal content."""
        versions = {name: _content(package) for name, package in self.packages.items()}
        own = [(str(target), digest_bytes(file.read_bytes())) for file, target in _wingspan_files()]
        facts = [sys.version, sysconfig.get_platform(), sys.base_prefix, versions, own]
        return digest_bytes(json_text(facts).encode()).partition(":")[2][:16]

    def archive_in(self, folder: Path) -> Path:
        """Return where its archive is in a folder, once it is packed."""
        return folder / f"{self.identity}{SUFFIX}"

    def estimated_bytes(self) -> int:
        """Return about how many bytes its archive will have."""
        files = (
            package.root / file for package in self.packages.values() for file in package.files
        )
        return _INTERPRETER + int(_PACKED * sum(file.stat().st_size for file in files))

    def packed(self, folder: Path, limit_mb: int) -> Path:
        """Return the archive, made in a folder unless it is there.

        Raises
        ------
        SpaceError
            It is larger than the pool's profile allows.
        """
        path = self.archive_in(folder)
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with aside(path) as part:
                pack(*self._members(), _LINKS, part)
        size_mb = path.stat().st_size / 2**20
        if size_mb > limit_mb:
            problem = f"the environment of {counted(len(self.packages), 'package')} has {size_mb:.0f} MB, the pool's limit is {limit_mb}"
            fix = "name a container image, a shared folder, or a higher environment_limit in wingspan.toml"
            raise SpaceError(str(path), problem, fix)
        return path

    def unpacked(self, folder: Path, claim: Callable[[str], object]) -> Path:
        """Return the folder that holds it ready to be used, made in `folder` unless it is there.

        Parameters
        ----------
        claim
            Called with its name before anything else, so that no other process removes it.

        Raises
        ------
        SpaceError
            The disk is full; nothing half-made is left.
        """
        path = folder / self.identity
        claim(path.name)
        if path.is_dir():
            with suppress(PermissionError):  # another user's, whose runs do it
                os.utime(path)
            return path
        try:
            with aside(path) as part:
                for members in self._members():
                    _copy(members, part)
                for place, target in _LINKS.items():
                    (part / place).symlink_to(target)
        except OSError as error:
            if error.errno not in {
                errno.ENOTEMPTY,
                errno.EEXIST,
            }:  # else another process was quicker
                raise
        return path

    def _members(self) -> tuple[list[tuple[Path, Path]], list[tuple[Path, Path]]]:
        """Return (file here, place in the archive): of what reads the rest, and of the rest."""
        files = {target: source for source, target in _interpreter()}
        for package in self.packages.values():
            files.update({target: source for source, target in _of_package(package)})
        files.update({target: source for source, target in _wingspan_files()})
        read = reader_files() if READER in self.packages else frozenset()
        binaries = [source for source in files.values() if source in read and _is_binary(source)]
        read |= {_program(), *_shared_libraries([_program(), *binaries])}
        first = [(source, target) for target, source in files.items() if source in read]
        rest = [(source, target) for target, source in files.items() if source not in read]
        return first, rest


def environment_of(steps: Iterable[PlannedStep]) -> Environment:
    """Return the environment with Wingspan's own needs and what steps' jobs import."""
    wanted = tuple(steps)
    names = with_companions(name for step in wanted for name in step.libraries)
    imported = [
        name.removeprefix("distribution ")
        for step in wanted
        for name in step.components
        if name.startswith("distribution ")
    ]
    project = next((Path(root) for step in wanted if (root := step.action.get("root"))), None)
    reader = [READER] if has_reader() else []
    own = distribution_packages(["wingspan", *reader, *dict.fromkeys(imported)])
    return Environment(dict(sorted({**packages_of(names, project), **own}.items())))


def _content(package: Package) -> list[object]:
    """Return what identifies a package's files: its installer's list of their digests."""
    record = next((file for file in package.files if file.name == "RECORD"), None)
    if record is not None:
        return [package.version, digest_bytes((package.root / record).read_bytes())]
    files = [(str(file), (package.root / file).stat()) for file in package.files]
    return [package.version, [(name, facts.st_size, facts.st_mtime_ns) for name, facts in files]]


def _copy(members: Members, folder: Path) -> None:
    for source, target in members:
        place = folder / target
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source.resolve(), place)


def _program() -> Path:
    return Path(sys._base_executable)  # type: ignore[attr-defined]  # noqa: SLF001


def _interpreter() -> Iterator[tuple[Path, Path]]:
    """Yield the files of the interpreter, its standard library, and their shared libraries."""
    yield _program(), _PROGRAM
    stdlib = Path(sysconfig.get_path("stdlib"))
    binaries = [_program()]
    for folder, inner, files in os.walk(stdlib):
        inner[:] = [n for n in inner if n not in _NEVER and not n.startswith("config-")]
        for path in (Path(folder, n) for n in files if not n.startswith("_tkinter.")):
            binaries += [path] if _is_binary(path) else []
            yield path, _LIBRARY / path.relative_to(stdlib)
    for library in _shared_libraries(binaries):
        yield library, Path("python/lib") / library.name


def _is_binary(path: Path) -> bool:
    return path.suffix == ".so"


def _of_package(package: Package) -> Iterator[tuple[Path, Path]]:
    for file in without_tests(package):
        path = package.root / file
        for each in (path, *_compiled(path)):
            yield each, _SITE / each.relative_to(package.root)


def _compiled(path: Path) -> list[Path]:
    if path.suffix != ".py":
        return []
    cached = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
    return [cached] if cached.exists() else []


def _wingspan_files() -> list[tuple[Path, Path]]:
    """Return Wingspan's own files if it is installed from its source folder.

    Otherwise they are among the other packages.
    """
    root = Path(__file__).parents[3]
    if "site-packages" in root.parts:
        return []
    kept = [path for path in sorted(root.rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    return [(path, _SITE / path.relative_to(root.parent)) for path in kept]


def _shared_libraries(binaries: Iterable[Path]) -> list[Path]:
    """Return the libraries that some binaries are linked with, without the C library."""
    printed = subprocess.run(
        ["ldd", *map(str, binaries)], capture_output=True, text=True, check=False
    ).stdout
    found = {
        Path(line.split(" => ")[1].split(" (")[0])
        for line in printed.splitlines()
        if " => /" in line and not _SYSTEM.fullmatch(line.split()[0])
    }
    return sorted(found)
