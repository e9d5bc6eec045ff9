"""A pool whose jobs see nothing of this machine's Python: what they need must have been sent.

Its startd gets a root of its own: the system's folders without Python, the daemons, and the pool's folders that a startd
works in. There is no HOME, no checkout, no /opt, no /usr/local, and an empty /tmp. It bears another machine's name.
This guards against accidents; a job that means to get out may find a way.
"""

import shlex
import subprocess
from pathlib import Path

import pytest

from wingspan.pool.personal import start_pool

_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "usr", "etc", "dev", "proc", "sys")
_HIDDEN = (
    "/usr/local",
    "/usr/bin/*python*",
    "/usr/bin/pip*",
    "/usr/bin/pydoc*",
    "/usr/lib/python*",
    "/usr/lib/pypy*",
    "/usr/lib/*/libpython*",
    "/usr/share/python*",
    "/usr/src/python*",
)
_WORKED_IN = ("log", "execute", "lock", "run", "keys", "condor_config")
_STARTD = """#!/bin/sh
# Becomes condor_startd, in a mount namespace whose root has no Python. What goes wrong stands in BlindLog.
set -eu
if [ "${{1-}}" != --inside ]; then
    exec unshare --user --map-root-user --mount --propagation private "$0" --inside "$(id -u)" "$(id -g)" "$@"
fi
user=$2 group=$3
shift 3
PATH=$PATH:/usr/sbin:/sbin  # an ordinary user's has no pivot_root
exec 2>>{log}/BlindLog
root=/mnt
mount -t tmpfs -o mode=755 blind $root
for name in {system}; do
    if [ -L /$name ]; then cp -P /$name $root/$name
    elif [ -d /$name ]; then mkdir $root/$name; mount --rbind /$name $root/$name; fi
done
for path in {hidden}; do
    if [ -L $root$path ]; then continue
    elif [ -d $root$path ]; then mount -t tmpfs -o mode=755 blind $root$path
    elif [ -e $root$path ]; then mount --bind /dev/null $root$path; fi
done
mkdir -p $root/tmp $root/var/tmp $root/run $root/old
chmod 1777 $root/tmp $root/var/tmp
for path in {seen}; do
    if [ -d "$path" ]; then mkdir -p "$root$path"
    else mkdir -p "$(dirname "$root$path")"; : > "$root$path"; fi
    mount --rbind "$path" "$root$path"
done
cd $root
pivot_root . old
cd /
umount -l /old
rmdir /old
export _CONDOR_NETWORK_HOSTNAME=blind.invalid _CONDOR_FILESYSTEM_DOMAIN=blind.invalid
exec unshare --user --map-user="$user" --map-group="$group" {startd} "$@"
"""


def start_blind_pool(folder, daemons, *, see=(), **options):
    """Start a pool whose execution point is blind; return it.

    Parameters
    ----------
    see
        Further folders that jobs may see: a shared one.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    seen = [daemons.prefix.resolve(), *(folder / name for name in _WORKED_IN), *see]
    patterns = [str(p) for pattern in _HIDDEN for p in sorted(Path("/").glob(pattern[1:]))]
    script = folder / "blind_startd"
    script.write_text(
        _STARTD.format(
            log=shlex.quote(str(folder / "log")),
            system=" ".join(_SYSTEM),
            hidden=shlex.join(patterns),
            seen=shlex.join(map(str, seen)),
            startd=shlex.quote(str(daemons.release / "sbin/condor_startd")),
        )
    )
    script.chmod(0o755)
    return start_pool(folder, daemons=daemons, extra={"STARTD": script}, **options)


@pytest.fixture(scope="session")
def blind_pool(daemons, pool_parent):
    """Give a blind pool that runs, and the shared folder that its jobs see; tests set their environment to it."""
    tried = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        pytest.skip(
            f"NO NAMESPACES, so a pool without this machine's Python is not tested: {tried.stderr}"
        )
    folder, shared = pool_parent / "blind", pool_parent / "blind-shared"
    shared.mkdir()
    running = start_blind_pool(folder, daemons, see=[shared], cpus=4, memory_mb=16384)
    yield running, shared
    running.stop()


@pytest.fixture
def blind(blind_pool, monkeypatch, request):
    """Give a folder for homes on the access point of a blind pool, with this process's environment set to it."""
    running, _ = blind_pool
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    folder = running.folder / "tests" / request.node.name.replace("/", "_")
    folder.mkdir(parents=True)
    return folder
