"""Unpack Debian packages of HTCondor and its C libraries under one folder.

apt works on a private state.

Nothing of the machine's own package state is read or written, and no root is needed: apt-get works on an
empty list of installed packages kept in a scratch folder. Mirror, keys and proxies are those of the machine.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from wingspan.errors import PoolError

PACKAGE = "condor"  # the name of HTCondor's package in Debian since trixie
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# of the archive's indexes: no Contents, no translations, no icons, whatever the machine fetches
_PACKAGES_ONLY = """Acquire::IndexTargets::deb::Packages {
  MetaKey "$(COMPONENT)/binary-$(ARCHITECTURE)/Packages";
  flatMetaKey "Packages";
  ShortDescription "Packages";
  Description "$(RELEASE) Packages";
};"""


@dataclass(frozen=True, slots=True)
class Package:
    """One version of a binary package, as the archive's index describes it."""

    name: str
    version: str
    section: str
    needs: tuple[tuple[str, ...], ...]  # every group of alternatives in Depends and Pre-Depends
    provides: tuple[str, ...]


def run_tool(command: Sequence[str | Path], fix: str, cwd: Path | None = None) -> str:
    """Return a tool's standard output; a `PoolError` with the end of its messages if it fails."""
    words = [str(word) for word in command]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        words, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-4:]
        problem = f"ended with code {done.returncode}: {' | '.join(last) or 'no message'}"
        raise PoolError(f"{Path(words[0]).name} {words[-1]}", problem, fix)
    return done.stdout


def debian_mirror() -> str:
    """Return the Debian archive that the machine's apt uses, such as ``http://HOST/debian/``."""
    targets = run_tool(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
        "look at /etc/apt/sources.list.d, or name an archive with --mirror",
    )
    for line in targets.splitlines():
        if "debian" in urlsplit(line).path.split("/"):
            return line
    raise PoolError(
        "apt's configuration",
        f"expected a Debian archive among its sources, found {sorted(set(targets.split()))}",
        "name one with --mirror, or install from an HTCondor tarball with --tarball",
    )


def apt_configuration(state: Path) -> str:
    """Return the apt.conf that keeps everything apt-get reads and writes in the folder `state`."""
    return "\n".join(
        [
            "#clear APT::Update::Post-Invoke;",
            "#clear APT::Update::Post-Invoke-Success;",
            "#clear Acquire::IndexTargets;",
            _PACKAGES_ONLY,
            'Acquire::Languages "none";',
            'Acquire::Retries "3";',
            'Acquire::Check-Valid-Until "false";',  # a mirror's snapshot of a moving suite may be old
            'APT::Update::Error-Mode "any";',  # a failed download is an error, not a warning
            'APT::Sandbox::User "";',
            'APT::Install-Recommends "false";',
            'Debug::NoLocking "true";',
            f'Dir::Etc::sourcelist "{state}/sources.list";',
            'Dir::Etc::sourceparts "-";',
            'Dir::Etc::preferences "-";',
            'Dir::Etc::preferencesparts "-";',
            f'Dir::State "{state}";',
            f'Dir::State::lists "{state}/lists";',
            f'Dir::State::status "{state}/status";',
            f'Dir::Cache "{state}/cache";',
            "",
        ]
    )


def parse_packages(text: str) -> list[Package]:
    """Read the stanzas that ``apt-cache show`` prints; continuation lines are left out."""
    packages = []
    for stanza in text.strip().split("\n\n"):
        field = dict(re.findall(r"^([A-Za-z-]+): (.*)$", stanza, flags=re.MULTILINE))
        groups = [*_groups(field.get("Pre-Depends", "")), *_groups(field.get("Depends", ""))]
        provides = tuple(name for group in _groups(field.get("Provides", "")) for name in group)
        section = field.get("Section", "").rpartition("/")[2]
        packages.append(
            Package(field["Package"], field["Version"], section, tuple(groups), provides)
        )
    return packages


def _groups(relation: str) -> list[tuple[str, ...]]:
    """Return package names of ``a (>= 1) | b, c:any`` as ``[(a, b), (c,)]``."""
    return [
        tuple(re.split(r"[\s:(]", name.strip())[0] for name in group.split("|"))
        for group in relation.split(",")
        if group.strip()
    ]


def library_closure(packages: Iterable[Package], root: str) -> list[Package]:
    """Return `root` and the C libraries (section ``libs``) that it needs, directly or not.

    Programs such as perl or systemd are not followed: HTCondor finds the machine's own by PATH.
    """
    by_name: dict[str, Package] = {}
    for package in packages:
        for name in (package.name, *package.provides):
            by_name.setdefault(name, package)
    kept = {root: by_name[root]}
    open_packages = [by_name[root]]
    while open_packages:
        for alternatives in open_packages.pop().needs:
            found = next((by_name[name] for name in alternatives if name in by_name), None)
            if found and found.section == "libs" and found.name not in kept:
                kept[found.name] = found
                open_packages.append(found)
    return list(kept.values())


def unpack_debian(
    suite: str, mirror: str, state: Path, prefix: Path, package: str = PACKAGE
) -> str:
    """Unpack HTCondor of a Debian suite and its C libraries under `prefix`; return its version.

    `state` is an empty scratch folder for apt's lists and the packages (about 50 MB).
    """
    for tool in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise PoolError(
                "wingspan pool install",
                f"expected {tool} on the PATH, found none: this is not a Debian or Ubuntu machine",
                "download HTCondor's tarball for this system and give it with --tarball",
            )
    for folder in ("lists/partial", "cache/archives/partial", "debs"):
        (state / folder).mkdir(parents=True)
    (state / "status").touch()
    signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    (state / "sources.list").write_text(f"deb {signed}{mirror} {suite} main\n")
    configuration = state / "apt.conf"
    configuration.write_text(apt_configuration(state))
    option = ["-c", str(configuration)]
    network = f"check that {mirror} can be reached and has the suite {suite!r} (--mirror, --suite)"
    run_tool(["apt-get", *option, "-qq", "update"], network)
    plan = run_tool(["apt-get", *option, "-qq", "--print-uris", "-y", "install", package], network)
    names = [line.split()[1].partition("_")[0] for line in plan.splitlines() if line[:1] == "'"]
    shown = run_tool(["apt-cache", *option, "--no-all-versions", "show", *names], network)
    kept = library_closure(parse_packages(shown), package)
    wanted = [f"{each.name}={each.version}" for each in kept]
    run_tool(["apt-get", *option, "-qq", "download", *wanted], network, cwd=state / "debs")
    debs = sorted((state / "debs").glob("*.deb"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        space = f"look at the space left for {prefix}"
        list(pool.map(lambda deb: run_tool(["dpkg-deb", "-x", deb, prefix], space), debs))
    _merge_usr(prefix)
    return kept[0].version


def _merge_usr(prefix: Path) -> None:
    """Move what a package ships under /lib, /bin and the like to /usr, as the others do."""
    for name in ("lib", "lib64", "bin", "sbin"):
        folder = prefix / name
        if folder.is_dir() and not folder.is_symlink():
            shutil.copytree(folder, prefix / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(folder)
