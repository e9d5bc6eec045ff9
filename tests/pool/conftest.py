"""Several hosts on one machine, in namespaces of the kernel, joined by a bridge.

A host has its own network, processes, name, users, /etc, /var, /tmp, /run, /root and /home. It shares with this
machine the kernel, /usr and what it is shown. Nothing outside the namespaces and the hosts' folder is changed.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from wingspan.pool.configuration import TUNED, settings_text

ROOT = Path(__file__).parents[2]
DOMAIN = "example.org"
USER, DAEMONS = 64001, 64000  # the ids of the user ann and of condor
# Becomes the first process of a host: makes its file system, shortens the times after which its network gives a lost
# peer up, reports, and reaps processes without a parent.
INIT = r"""
set -eu
name=$1 folder=$2; shift 2
mount -t tmpfs -o mode=755 host /mnt
mkdir /mnt/own /mnt/seen
for own in etc var root home; do mkdir /mnt/own/$own; mount --bind "$folder/$own" /mnt/own/$own; done
number=0
hidden= seen=
for path in "$@"; do
    case $path in
        -*) hidden="$hidden ${path#-}" ;;
        *) number=$((number + 1)); mkdir /mnt/seen/$number; mount --bind "$path" /mnt/seen/$number; seen="$seen $path" ;;
    esac
done
for path in $hidden /tmp /run; do mount -t tmpfs -o mode=755 host $path; done
for own in etc var root home; do mount --move /mnt/own/$own /$own; done
number=0
for path in $seen; do
    number=$((number + 1)); mkdir -p "$path"; mount --move /mnt/seen/$number "$path"
done
umount -l /mnt
chmod 1777 /tmp /var/tmp
chmod 755 /root
mkdir -p /run/lock
hostname "$name"
cd /proc/sys/net/ipv4
for setting in tcp_retries2=3 tcp_syn_retries=2 tcp_keepalive_intvl=2 tcp_keepalive_probes=3; do
    echo "${setting#*=}" > "${setting%=*}"
done
cd /
echo ready
while :; do sleep 3600 & wait $!; done
"""
SYSTEMCTL = """#!/bin/sh
# Stands in for systemd: starts HTCondor's master, whatever else is asked for.
exec condor_master </dev/null >/dev/null 2>&1
"""
WRAPPER = """#!/bin/sh
# Runs a job once this host is not paused, so that a test can act while the job is there.
while [ -e /etc/condor/paused ]; do sleep 0.2; done
exec "$@"
"""
# The times that HTCondor waits before it gives a machine up, in seconds instead of minutes; and nothing that would
# reach out of the hosts.
SHORT = {
    **TUNED,
    "JOB_DEFAULT_LEASE_DURATION": 20,  # the least that HTCondor takes
    "ALIVE_INTERVAL": 3,
    "MAX_CLAIM_ALIVES_MISSED": 4,
    "TCP_KEEPALIVE_INTERVAL": 3,
    "CLASSAD_LIFETIME": 15,
    "UPDATE_INTERVAL": 3,
    "NUM_CPUS": 2,
    "MEMORY": 8192,
    "BASE_CGROUP": "",
    "MAIL": "/bin/true",
    "DOCKER": "",
    "SINGULARITY": "",
    "BENCHMARKS_JOBLIST": "",
    "JAVA": "",
}
BASE = """RELEASE_DIR = {release}
BIN = $(RELEASE_DIR)/bin
SBIN = $(RELEASE_DIR)/sbin
LIB = $(RELEASE_DIR)/lib{inner}
LIBEXEC = $(RELEASE_DIR)/libexec{inner}
SHARE = $(RELEASE_DIR)/share{inner}
LOCAL_DIR = /var
LOG = /var/log/condor
SPOOL = /var/spool/condor
EXECUTE = /var/lib/condor/execute
RUN = /var/run/condor
LOCK = /var/lock/condor
ETC = /etc/condor
LOCAL_CONFIG_DIR = /etc/condor/config.d
"""


@dataclass
class Host:
    """One of several hosts; `name` is its full name."""

    name: str
    address: str
    folder: Path
    process: subprocess.Popen
    pid: int
    path: str

    def words(self, *command, user=0, folder="/root"):
        """Return the command line that runs a command in this host."""
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        home, name = ("/home/ann", "ann") if user else ("/root", "root")
        variables = [f"PATH={self.path}", f"HOME={home}", f"USER={name}", f"LOGNAME={name}"]
        enter = ["nsenter", "-t", str(self.pid), "-n", "-m", "-u", "-i", "-p", "--"]
        clean = ["env", "-i", "-C", folder, *variables, "LANG=C.UTF-8", "COLUMNS=200"]
        return [*enter, *become, *clean, *map(str, command)]

    def run(self, *command, user=0, folder="/root", check=True, timeout=60):
        """Run a command in this host; return what it printed, errors too."""
        done = subprocess.run(
            self.words(*command, user=user, folder=folder),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False, timeout=timeout,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{self.name}: {command}\n{done.stdout}"
        return done.stdout

    def kill(self):
        """End every process of the host at once, as a power cut would."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()


class Hosts:
    """Makes hosts; each is joined to the others until `cut`."""

    def __init__(self, folder, daemons):
        self.folder, self.daemons, self.all = folder, daemons, {}
        self.switch = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo ready; exec sleep infinity"],
                                       stdout=subprocess.PIPE, text=True)  # fmt: skip
        _wait_until_ready(self.switch)
        self._on_switch("ip", "link", "add", "br0", "type", "bridge")
        self._on_switch("ip", "link", "set", "br0", "up")

    def make(self, short, address, *, python=False):
        """Start a host without daemons; `python` shows it this project and its Python."""
        name, folder = f"{short}.{DOMAIN}", self.folder / short
        self._fill(folder, name)
        needed = _topmost(ROOT, Path(sys.prefix), Path(sys.base_prefix)) if python else []
        seen = [self.daemons.prefix, *needed]
        hidden = [] if python else [f"-{path}" for path in _topmost(ROOT, Path(sys.prefix))]
        words = [
            "unshare",
            "--net",
            "--mount",
            "--uts",
            "--ipc",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        words += ["--propagation", "private", "sh", "-c", INIT, "init", name, str(folder), *hidden]
        process = subprocess.Popen([*words, *map(str, seen)], stdout=subprocess.PIPE, text=True)
        _wait_until_ready(process)
        pid = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        path = f"/etc/condor/bin:{self.daemons.search_path}:/usr/sbin:/usr/bin:/sbin:/bin"
        host = Host(name, address, folder, process, pid, path)
        self.all[short] = host
        self._on_switch(
            "ip",
            "link",
            "add",
            f"v-{short}",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            str(pid),
        )
        self._on_switch("ip", "link", "set", f"v-{short}", "master", "br0", "up")
        for words in (
            ("addr", "add", f"{address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            host.run("ip", *words)
        return host

    def cut(self, host):
        """Pull the network cable of a host."""
        self._on_switch("ip", "link", "set", f"v-{host.folder.name}", "down")

    def join(self, host):
        """Put the cable back."""
        self._on_switch("ip", "link", "set", f"v-{host.folder.name}", "up")

    def close(self):
        """End all hosts, and with them their networks."""
        for host in self.all.values():
            with contextlib.suppress(ProcessLookupError):
                host.kill()
        self.switch.kill()
        self.switch.wait()

    def _on_switch(self, *words):
        command = ["nsenter", "-t", str(self.switch.pid), "-n", "--", *words]
        subprocess.run(command, check=True, capture_output=True)

    def _fill(self, folder, name):
        """Write the files with which a host begins: HTCondor is installed, and not configured."""
        folder.mkdir(parents=True)
        subprocess.run(["cp", "-a", "/etc", str(folder / "etc")], check=True)
        condor = folder / "etc/condor"
        shutil.rmtree(condor, ignore_errors=True)
        for inner in ("config.d", "bin"):
            (condor / inner).mkdir(parents=True)
        for inner in ("passwords.d", "tokens.d"):
            (condor / inner).mkdir(mode=0o700)
        for inner in ("log", "spool", "run", "lock", "lib/condor/execute", "tmp"):
            (folder / "var" / inner).mkdir(parents=True, exist_ok=True)
        for inner in (
            "log/condor",
            "spool/condor",
            "run/condor",
            "lock/condor",
            "lib/condor",
            "lib/condor/execute",
        ):
            (folder / "var" / inner).mkdir(exist_ok=True)
            os.chown(folder / "var" / inner, DAEMONS, DAEMONS)
        shutil.copytree(ROOT / "examples/pool", folder / "root/examples/pool")
        (folder / "home/ann").mkdir(parents=True)
        os.chown(folder / "home/ann", USER, USER)
        for file, rows in ACCOUNTS.items():
            own = folder / "etc" / file
            own.write_text(rows + own.read_text())
        (folder / "etc/hosts").write_text("127.0.0.1 localhost\n" + HOSTS)
        (folder / "etc/resolv.conf").unlink(missing_ok=True)
        (folder / "etc/resolv.conf").touch()
        (folder / "etc/hostname").write_text(f"{name}\n")
        for program, text in (("bin/systemctl", SYSTEMCTL), ("wrapper", WRAPPER)):
            (condor / program).write_text(text)
            (condor / program).chmod(0o755)
        inner = "/condor" if (self.daemons.release / "libexec/condor").is_dir() else ""
        (condor / "condor_config").write_text(
            BASE.format(release=self.daemons.release, inner=inner)
        )
        (condor / "config.d/90-short.conf").write_text(settings_text(SHORT))


ADDRESSES = {
    "cm": "192.0.2.1",
    "access": "192.0.2.2",
    "exec1": "192.0.2.11",
    "exec2": "192.0.2.12",
    "exec3": "192.0.2.13",
    "stranger": "192.0.2.99",
}
HOSTS = "".join(f"{address} {name}.{DOMAIN} {name}\n" for name, address in ADDRESSES.items())
ACCOUNTS = {
    "passwd": f"condor:x:{DAEMONS}:{DAEMONS}:HTCondor:/nonexistent:/usr/sbin/nologin\n"
    f"ann:x:{USER}:{USER}::/home/ann:/bin/sh\n",
    "group": f"condor:x:{DAEMONS}:\nann:x:{USER}:\n",
}


def _wait_until_ready(process):
    """Read the one line that a process of a host, or of the switch, prints."""
    with process.stdout as output:
        assert output.readline() == "ready\n", process.args


def _topmost(*paths):
    """Return the folders that lie in none of the others, each once."""
    found = {path.resolve() for path in paths}
    return [path for path in sorted(found) if not any(other in path.parents for other in found)]


def why_no_hosts():
    """Return why hosts cannot be made here; nothing if they can."""
    if os.getuid():
        return "only root may make them"
    missing = [tool for tool in ("unshare", "nsenter", "setpriv", "ip") if not shutil.which(tool)]
    if missing:
        return f"{', '.join(missing)} not on the PATH"
    script = "ip link add br0 type bridge && ip link add v-a type veth peer name v-b && mount -t tmpfs none /mnt"
    words = [
        "unshare",
        "--net",
        "--mount",
        "--uts",
        "--ipc",
        "--pid",
        "--fork",
        "--mount-proc",
        "sh",
        "-c",
        script,
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


@pytest.fixture(scope="module")
def hosts(daemons, pool_parent):
    """Give a `Hosts` that has none yet."""
    if reason := why_no_hosts():
        pytest.skip(f"NO SEVERAL HOSTS, so a pool on several machines is not tested: {reason}")
    folder = pool_parent / "hosts"
    made = Hosts(folder, daemons)
    yield made
    made.close()
    shutil.rmtree(folder)
