"""The personal pool, with real daemons."""

import os
import pwd
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wingspan
from wingspan.accesspoint import query, submit
from wingspan.errors import ConflictError, PoolError
from wingspan.pool.personal import default_folder, find_pool, start_pool, stop_pool, use_pool
from wingspan.pool.processes import is_running, offspring

pytestmark = pytest.mark.htcondor
SOURCE = Path(wingspan.__file__).parents[1]


def outside(folder):
    """Return what lies beside a pool's folder, in HOME, and what HTCondor or Java might leave in shared places."""
    mine = {path for parent in (folder.parent, Path.home()) for path in parent.iterdir()} - {folder}
    names = re.compile("condor|FS_|hsperfdata|dagman", re.IGNORECASE)
    shared = {path for parent in ("/tmp", "/dev/shm") for path in Path(parent).iterdir()}
    return mine | {path for path in shared if names.search(path.name)}


def use(monkeypatch, pool):
    """Point this process at another pool for the rest of a test."""
    for name, value in pool.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def folder(pool_parent, request):
    """Give a folder for a pool of the test's own; whatever runs there is stopped at the end."""
    folder = pool_parent / request.node.name[:40]
    yield folder
    stop_pool(folder)


def test_a_pool_is_ready_soon_and_leaves_nothing(daemons, folder, monkeypatch, wait_until):
    """Stopping it in the middle of jobs leaves no process, no mount, and no file outside its folder."""
    before = outside(folder)
    begin = time.monotonic()
    pool = start_pool(folder, cpus=2, daemons=daemons)
    assert time.monotonic() - begin < 60
    use(monkeypatch, pool)
    log = folder / "job.log"
    text = f"executable = /bin/sh\nlog = {log}\narguments = \"-c 'setsid sleep 900 & sleep 900'\"\n"
    cluster = submit(text)
    submit(f"universe = local\nexecutable = /bin/sleep\narguments = 900\nlog = {log}\n")
    wait_until(lambda: list(offspring(pool.master_pid).values()).count("sleep") == 3)
    pids = [pool.master_pid, *offspring(pool.master_pid)]
    pool.stop()
    assert find_pool(folder) is None
    assert not [pid for pid in pids if is_running(pid)]
    assert offspring(pool.master_pid) == {}
    assert outside(folder) == before
    assert str(folder) not in Path("/proc/self/mounts").read_text()
    assert (
        f"004 ({cluster:03}.000.000)" in log.read_text()
    )  # evicted, so that the next start runs it again


@pytest.mark.long
def test_a_queued_job_outlives_a_restart(daemons, folder, monkeypatch, wait_until):
    """What was running begins again when the pool is started again in its folder."""
    log = folder / "job.log"
    pool = start_pool(folder, cpus=2, daemons=daemons)
    use(monkeypatch, pool)
    submit({"executable": "/bin/sleep", "arguments": 900, "log": log})
    wait_until(lambda: log.read_text().count("\n001 (") == 1)
    pool.stop()
    start_pool(folder, cpus=2, daemons=daemons)
    wait_until(lambda: log.read_text().count("\n001 (") == 2, 90)
    assert "\n022 (" not in log.read_text()  # not: looking for the execution point that was stopped
    assert len(query()) == 1


def test_starting_again_gives_the_pool_that_runs(pool, daemons):
    """The same settings find the running pool; others are refused, and it goes on."""
    again = start_pool(pool.folder, cpus=8, memory_mb=16384, daemons=daemons)
    assert again == pool
    with pytest.raises(ConflictError, match="wingspan pool stop"):
        start_pool(pool.folder, cpus=3, daemons=daemons)
    assert find_pool(pool.folder) == pool


def test_a_pool_that_cannot_start_says_why(daemons, folder):
    """The daemon's last words are in the message, and nothing is left running."""
    with pytest.raises(PoolError, match="condor_master ended"):
        start_pool(folder, daemons=daemons, extra="LOG = /nonexistent/log\n")
    assert find_pool(folder) is None


def test_a_killed_pool_is_not_taken_for_a_running_one(daemons, folder):
    """After a crash or a reboot the id in the pid file is another process's, or nobody's."""
    pool = start_pool(folder, cpus=1, daemons=daemons)
    pool.stop()
    (folder / "master.pid").write_text(str(os.getpid()))
    assert find_pool(folder) is None
    assert not stop_pool(folder)


def test_the_configured_pool_comes_first(monkeypatch, pool, tmp_path):
    """CONDOR_CONFIG, then the user's own pool, then an error that says how to get one."""
    assert use_pool() == pool.config
    monkeypatch.setenv("CONDOR_CONFIG", "/dev/null")  # what the bindings leave when they find none
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    if not Path("/etc/condor/condor_config").exists():
        with pytest.raises(PoolError, match="no pool is configured"):
            use_pool()
    default_folder().parent.mkdir(parents=True)
    default_folder().symlink_to(pool.folder)
    assert use_pool() == pool.config
    assert os.environ["CONDOR_CONFIG"] == str(pool.config)


def ordinary_account():
    """Return an account that root can be for a test, with a Python that can read this code; or skip."""
    if os.getuid():
        pytest.skip("the tests run as an ordinary user already")
    if shutil.which("setpriv") is None:
        pytest.skip("no program setpriv to become an ordinary user with")
    accounts = [entry for entry in pwd.getpwall() if 1000 <= entry.pw_uid < 60000]
    if not accounts:
        pytest.skip("no ordinary account in the password file")
    return accounts[0]


def as_account(account, home, *words):
    """Run a system Python as another account with its own HOME, and return what it prints."""
    ids = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    path = os.pathsep.join([str(SOURCE), *[p for p in sys.path if p.endswith("site-packages")]])
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    environment = {"HOME": str(home), "PYTHONPATH": path, "PATH": programs, "USER": account.pw_name}
    command = ["setpriv", *ids, "/usr/bin/python3", *words]
    return subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, check=False
    )


STRANGER = """
from wingspan.accesspoint import query
print(query())
"""
ORDINARY = """
import os, sys, time
from pathlib import Path
from wingspan.pool.install import install
from wingspan.pool.personal import start_pool
from wingspan.accesspoint import submit, query
pool = start_pool(Path.home() / "pool", cpus=2, daemons=install())
os.environ.update(pool.environment)
out = Path.home() / "out"
try:
    submit({"executable": "/usr/bin/id", "arguments": "-un", "output": out})
    deadline = time.monotonic() + 30
    while query() and time.monotonic() < deadline:
        time.sleep(0.1)
finally:
    pool.stop()
print(out.read_text())
"""


@pytest.fixture
def account(pool_parent):
    """Give an ordinary account and its HOME."""
    account = ordinary_account()
    home = pool_parent / f"home-{account.pw_name}"
    home.mkdir(exist_ok=True)
    shutil.chown(home, account.pw_uid, account.pw_gid)
    tried = as_account(
        account,
        home,
        "-c",
        "import sys, wingspan.pool.install, htcondor2; sys.version_info >= (3, 11)",
    )
    if tried.returncode:
        pytest.skip(
            f"{account.pw_name} cannot read this code with /usr/bin/python3: {tried.stderr[-200:]}"
        )
    return account, home


def test_an_ordinary_user_installs_starts_submits_and_stops(account, daemons):
    """All of it without root, in the user's own folders; `daemons` says whether they can be had here."""
    user, home = account
    done = as_account(user, home, "-c", ORDINARY)
    assert done.stdout.split() == [user.pw_name], done.stderr
    assert {path.lstat().st_uid for path in home.rglob("*")} == {user.pw_uid}
    assert (home / ".cache/wingspan/htcondor/sid/installed.json").exists()


def test_nobody_else_may_look_into_a_pool(account, pool):
    """Another user of the machine gets nothing, even with the pool's configuration."""
    user, home = account
    config = home / "condor_config"
    config.write_text(pool.config.read_text().replace("$(LOG)/.", f"{home}/"))
    for name in (".collector_address", ".schedd_address"):
        shutil.copy(pool.folder / "log" / name, home / name[1:])
    code = f"import os; os.environ['CONDOR_CONFIG'] = '{config}'\n{STRANGER}"
    done = as_account(user, home, "-c", code)
    assert done.returncode == 1
    assert "does not accept these credentials" in done.stderr
