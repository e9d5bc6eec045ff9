"""Start installed daemons as one user's pool in one folder, and stop them without a trace."""

import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wingspan.errors import ConflictError, PoolError
from wingspan.files import json_text, locked, write_atomically, writing
from wingspan.pool.account import own_account, words_to_become
from wingspan.pool.configuration import Owner, pool_configuration
from wingspan.pool.install import Daemons, find_daemons, install
from wingspan.pool.processes import end_processes, is_running, offspring

_READY_WITHIN_S = 60.0
_EVICT_WITHIN_S = 10.0
_STOP_WITHIN_S = 20.0
_CONFIG = "condor_config"
_PIDFILE = "master.pid"
_RECORD = "pool.json"
_FOLDERS = ("log", "spool", "execute", "lock", "run", "keys", "home")
_READY = {"Machine", "Scheduler", "Negotiator"}  # ads that a pool which can run a job has
SYSTEM_CONFIGS = (Path("/usr/local/etc/condor_config"), Path("/etc/condor/condor_config"))
_KEPT = ("LANG", "LC_ALL", "TZ")  # of the caller's environment, with PATH: the daemons get no more


@dataclass(frozen=True, slots=True)
class Pool:
    """A personal pool that runs."""

    folder: Path
    daemons: Daemons
    master_pid: int

    @property
    def config(self) -> Path:
        """The HTCondor configuration file, which is all that a client needs to know."""
        return self.folder / _CONFIG

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which HTCondor's tools and bindings talk to this pool."""
        return _environment(self.folder, self.daemons)

    def _repr_html_(self) -> str:
        from wingspan.draw.table import table_html

        rows = [
            ("folder", self.folder),
            ("configuration", self.config),
            ("master", self.master_pid),
        ]
        return table_html(("pool on this machine", ""), rows)

    def stop(self) -> None:
        """Stop the daemons and whatever jobs still run; the folder keeps its logs and the job queue."""
        stop_pool(self.folder)


def default_folder() -> Path:
    """Return the folder of the user's own pool: ``~/.local/state/wingspan/pool``."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(state, "wingspan", "pool")


def find_pool(folder: Path | None = None) -> Pool | None:
    """Return the pool that runs in a folder (default: the user's own), or None."""
    folder = (folder or default_folder()).resolve()
    try:
        prefix = json.loads((folder / _RECORD).read_text())["prefix"]
        pid = int((folder / _PIDFILE).read_text())
    except (OSError, ValueError):
        return None
    daemons = find_daemons(Path(prefix))
    if daemons is None or not is_running(pid, f"CONDOR_CONFIG={folder / _CONFIG}"):
        return None
    return Pool(folder, daemons, pid)


def use_pool() -> Path:
    """Point this process at a pool and return that pool's configuration file.

    CONDOR_CONFIG wins where it is set; then the user's own pool, if it runs; then the machine's configuration.

    Raises
    ------
    PoolError
        None of the three is there, or CONDOR_CONFIG names a file that is not there.
    """
    named = os.environ.get("CONDOR_CONFIG", os.devnull)
    if named != os.devnull:  # which is what the bindings set it to when they find no pool
        if named != "ONLY_ENV" and not Path(named).is_file():
            problem = (
                f"no HTCondor pool can be reached: CONDOR_CONFIG names {named}, which is not a file"
            )
            fix = "correct or unset CONDOR_CONFIG; or start your own pool: wingspan pool start"
            raise PoolError("HTCondor", problem, fix)
        return Path(named)
    own = find_pool()
    if own:
        os.environ.update(own.environment)
        return own.config
    for config in SYSTEM_CONFIGS:
        if config.exists():
            os.environ["CONDOR_CONFIG"] = str(config)
            return config
    problem = f"CONDOR_CONFIG is not set, no pool runs in {default_folder()}, {config} is missing"
    raise PoolError(
        "HTCondor", f"no pool is configured: {problem}", "start your own with: wingspan pool start"
    )


def start_pool(
    folder: Path | None = None,
    *,
    cpus: int | None = None,
    memory_mb: int | None = None,
    tuned: bool = True,
    extra: Mapping[str, object] | str = "",
    daemons: Daemons | None = None,
) -> Pool:
    """Start a pool and return when it can run jobs, or return the one that runs in this folder.

    Parameters
    ----------
    folder
        Where everything of it lies; default: `default_folder`. Not under /tmp if DAGs are to run from it.
    cpus, memory_mb
        What to offer to jobs; default: all of the machine.
    tuned
        Short intervals for one user; False for HTCondor's own defaults.
    extra
        HTCondor configuration to add: settings by name, or text.
    daemons
        Default: those of the default suite, installed now if they are not there.

    Raises
    ------
    PoolError
        The daemons do not start; their last words are in the message.
    ConflictError
        A pool with another configuration runs in this folder.
    """
    folder = (folder or default_folder()).resolve()
    daemons = daemons or install()
    account = own_account()
    owner = Owner(account.pw_name, None if os.getuid() else Path.home())
    config = pool_configuration(
        daemons.release, folder, owner,
        cpus=cpus, memory_mb=memory_mb, tuned=tuned, extra=extra,
    )  # fmt: skip
    other = "name another folder: wingspan pool start --folder FOLDER"
    with writing(folder, other), locked(folder / "pool.lock"):
        running = find_pool(folder)
        if running:
            if running.config.read_text() != config:
                problem = "a pool with other settings runs here"
                raise ConflictError(str(folder), problem, "stop it first: wingspan pool stop")
            return running
        for name in _FOLDERS:
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        write_atomically(folder / _CONFIG, config)
        write_atomically(folder / _RECORD, json_text({"format": 1, "prefix": str(daemons.prefix)}))
        return _start(folder, daemons, account)


def _start(folder: Path, daemons: Daemons, account: pwd.struct_passwd) -> Pool:
    (folder / _PIDFILE).unlink(missing_ok=True)
    (folder / "log/.collector_address").unlink(missing_ok=True)
    master = str(daemons.release / "sbin/condor_master")
    environment = _environment(folder, daemons)
    own = {name: os.environ[name] for name in _KEPT if name in os.environ}
    home = {"HOME": str(folder / "home"), "USER": account.pw_name, "LOGNAME": account.pw_name}
    started = subprocess.run(
        [*words_to_become(account), master, "-pidfile", str(folder / _PIDFILE)],
        env={**environment, **own, **home},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    pool = None
    deadline = time.monotonic() + _READY_WITHIN_S
    while started.returncode == 0 and time.monotonic() < deadline:
        pool = find_pool(folder)
        if pool and _is_ready(pool):
            return pool
        time.sleep(0.05)
    problem, fix = _failure(started, folder, pool)
    stop_pool(folder)
    raise PoolError(str(folder), problem, fix)


def _failure(
    started: subprocess.CompletedProcess[str], folder: Path, pool: Pool | None
) -> tuple[str, str]:
    """Return what went wrong at the start, and what to do."""
    said = started.stderr.strip()
    look = f"look at the files in {folder / 'log'}"
    if said.startswith("unshare:"):
        fix = "run this as an ordinary user, or allow user namespaces on this machine"
        return f"root needs a user namespace to run jobs as an account: {said}", fix
    if started.returncode:
        return f"condor_master ended with code {started.returncode}: {said}", look
    if pool is None:
        log = folder / "log/MasterLog"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else [said]
        return f"condor_master ended: {' | '.join(lines[-3:]) or 'it wrote no log'}", look
    return f"the pool was not ready after {_READY_WITHIN_S:.0f} s", look


def _is_ready(pool: Pool) -> bool:
    """Ask the collector whether it knows a slot, the access point and the negotiator."""
    if not (pool.folder / "log/.collector_address").exists():
        return False
    asked = subprocess.run(
        ["condor_status", "-any", "-af", "MyType"],
        env=pool.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return set(asked.stdout.split()) >= _READY


def stop_pool(folder: Path | None = None) -> bool:
    """Stop the pool in a folder with all its jobs; say whether one ran.

    The queue is kept: at the next start its jobs begin again, a DAG goes on where it was.
    """
    folder = (folder or default_folder()).resolve()
    pool = find_pool(folder)
    if pool is None:
        return False
    _evict_jobs(pool)
    os.kill(pool.master_pid, signal.SIGQUIT)  # a fast shutdown
    deadline = time.monotonic() + _STOP_WITHIN_S
    while find_pool(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    end_processes([pool.master_pid] if find_pool(folder) else [])
    end_processes(offspring(pool.master_pid))
    (folder / _PIDFILE).unlink(missing_ok=True)
    return True


def _evict_jobs(pool: Pool) -> None:
    """End the running jobs, so that they are idle in the queue after a restart.

    Otherwise the schedd would look for them.
    """
    names = offspring(pool.master_pid)
    shadows = [pid for pid, name in names.items() if name == "condor_shadow"]
    if shadows:
        command = ["condor_off", "-fast", "-daemon", "startd"]
        subprocess.run(command, env=pool.environment, capture_output=True, check=False)
    deadline = time.monotonic() + _EVICT_WITHIN_S
    # a shadow that has ended but was not reaped still counts: the schedd has not taken note of it yet
    while any(Path(f"/proc/{pid}").exists() for pid in shadows) and time.monotonic() < deadline:
        time.sleep(0.02)


def _environment(folder: Path, daemons: Daemons) -> dict[str, str]:
    path = os.pathsep.join([daemons.search_path, os.environ.get("PATH", os.defpath)])
    return {"CONDOR_CONFIG": str(folder / _CONFIG), "PATH": path}
