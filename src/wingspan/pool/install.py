"""Install real HTCondor daemons in a private folder, from a Debian suite or a tarball.

No root, no system package, nothing else on the machine changed. The folder's record is written first, to say
that the folder is ours, and again last, to say that it is complete; the next installation clears an incomplete one.
"""

import json
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from wingspan.errors import PoolError
from wingspan.files import disk_errors, json_text, locked, remove, write_atomically, writing
from wingspan.pool.apt import debian_mirror, run_tool, unpack_debian
from wingspan.pool.patch import find_patchelf, make_private

DEFAULT_SUITE = "sid"
_RECORD = "installed.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Daemons:
    """An installation of HTCondor: `release` is what the manual calls RELEASE_DIR."""

    prefix: Path
    version: str
    origin: str

    @property
    def release(self) -> Path:
        """The folder that holds bin, sbin, lib and libexec."""
        return self.prefix / "usr"

    @property
    def search_path(self) -> str:
        """What to put before PATH to find HTCondor's programs."""
        return os.pathsep.join([str(self.release / "bin"), str(self.release / "sbin")])


def default_prefix(name: str = DEFAULT_SUITE) -> Path:
    """Return where daemons of a suite or a tarball go: ``~/.cache/wingspan/htcondor/NAME``."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache, "wingspan", "htcondor", name)


def find_daemons(prefix: Path) -> Daemons | None:
    """Return the daemons in a folder, or None where no complete installation is."""
    file = prefix / _RECORD
    if not file.exists():
        return None
    record = json.loads(file.read_text())
    if record["format"] != _FORMAT or record["prefix"] != str(prefix) or not record["version"]:
        return None  # of another Wingspan; moved, while its programs name the old path; or not complete
    return Daemons(prefix, record["version"], record["origin"])


def install(
    prefix: Path | None = None,
    suite: str = DEFAULT_SUITE,
    tarball: Path | None = None,
    mirror: str | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Daemons:
    """Install HTCondor's daemons, or return those that are there.

    Parameters
    ----------
    prefix
        Folder for them; it cannot be moved later. Default: `default_prefix`.
    suite
        Debian suite to take the packages from: ``sid``, ``trixie`` or later.
    tarball
        HTCondor's own binary tarball for this system, used in place of packages.
    mirror
        Debian archive; default: the one in the machine's apt configuration.
    report
        Called with a line of text before each part of the work.

    Raises
    ------
    PoolError
        The machine lacks what is needed, or the archive cannot be reached.
    """
    name = suite if tarball is None else tarball.name.removesuffix(".gz").removesuffix(".tar")
    prefix = Path(os.path.abspath(prefix or default_prefix(name)))  # noqa: PTH100 - resolve() would follow links
    found = find_daemons(prefix)
    if found:
        return found
    other = "name another folder: wingspan pool install --prefix FOLDER"
    lock = prefix.with_name(f"{prefix.name}.lock")
    with writing(prefix, other), locked(lock):
        daemons = find_daemons(prefix)
        if daemons:
            return daemons
        if not (prefix / _RECORD).exists() and prefix.exists() and any(prefix.iterdir()):
            raise PoolError(
                str(prefix), "the folder holds something else", "give an empty --prefix"
            )
        remove(prefix)
        daemons = Daemons(prefix, "", str(tarball or f"Debian {suite}"))
        _write_record(daemons)
        try:
            with disk_errors(prefix):
                if tarball:
                    _unpack_tarball(tarball, prefix)
                else:
                    _install_debian(prefix, suite, mirror, report)
            daemons = replace(daemons, version=_condor_version(prefix))
            _write_record(daemons)
        except BaseException:
            remove(prefix)
            raise
    return daemons


def _write_record(daemons: Daemons) -> None:
    record = {"prefix": str(daemons.prefix), "version": daemons.version, "origin": daemons.origin}
    write_atomically(daemons.prefix / _RECORD, json_text({"format": _FORMAT, **record}))


def _install_debian(
    prefix: Path, suite: str, mirror: str | None, report: Callable[[str], None]
) -> None:
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise PoolError(
            "wingspan pool install",
            f"expected Linux on x86_64, found {system} on {machine}",
            "give HTCondor's tarball for this system with --tarball",
        )
    patchelf = find_patchelf()
    mirror = mirror or debian_mirror()
    state = prefix / "apt"
    report(f"fetching HTCondor and its libraries: Debian {suite} from {mirror}")
    version = unpack_debian(suite, mirror, state, prefix)
    remove(state)
    report(f"giving HTCondor {version} its own libraries")
    make_private(prefix, patchelf)


def _unpack_tarball(tarball: Path, prefix: Path) -> None:
    """Unpack the one top folder of HTCondor's tarball as ``prefix/usr``."""
    fix = "give one of the files condor-VERSION-SYSTEM-stripped.tar.gz that HTCondor publishes"
    unpacked = prefix / "unpacked"
    unpacked.mkdir()
    run_tool(["tar", "-C", unpacked, "--no-same-owner", "-xf", tarball.absolute()], fix)
    tops = list(unpacked.iterdir())
    if len(tops) != 1 or not (tops[0] / "sbin/condor_master").exists():
        found = sorted(top.name for top in tops)
        raise PoolError(
            str(tarball), f"expected one folder with sbin/condor_master, found {found}", fix
        )
    shutil.move(tops[0], prefix / "usr")
    unpacked.rmdir()


def _condor_version(prefix: Path) -> str:
    """Ask the installed programs themselves; this also shows that they run here."""
    text = run_tool(
        [prefix / "usr/bin/condor_version"],
        "HTCondor's programs do not run on this machine: try another --suite, or --tarball",
    )
    return text.split()[1]
