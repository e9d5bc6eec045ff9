"""Jobs run in warm processes within their limits, and nothing outlives whoever started them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wingspan.runner.processes import Limits, Processes

WORK = """
    import ctypes
    import json
    import os
    import signal
    import subprocess
    import sys
    import time
    from pathlib import Path

    def run(folder):
        return globals()[(folder / "what").read_text()](folder)

    def nothing(folder):
        return 0

    def seven(folder):
        return 7

    def dies(folder):
        os.kill(os.getpid(), signal.SIGUSR1)

    def says(folder):
        print("from python")
        print("to errors", file=sys.stderr)
        subprocess.run(["sh", "-c", "echo from sh"])
        ctypes.CDLL(None).puts(b"from C")
        ctypes.CDLL(None).fflush(None)
        print(os.environ["GIVEN"], Path.cwd() == folder, sys.stdin.read() == "")
        return 0

    def sleeps(folder):
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(60)
        return 0

    def ignores(folder):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return sleeps(folder)

    def leaves(folder):
        child = subprocess.Popen(["sh", "-c", "sleep 60 & echo $! > grandchild; exec sleep 60"])
        (folder / "pid").write_text(str(child.pid))
        while not (folder / "grandchild").exists():
            time.sleep(0.01)
        return 0

    def grows(folder):
        held = []
        while len(held) < 400:
            held.append(bytearray(b"x") * 2**20)
            time.sleep(0.02)
        return 0

    def forks(folder):
        subprocess.run([sys.executable, "-c", "held = b'x' * 300 * 2**20; import time; time.sleep(30)"])
        return 0

    def threads(folder):
        import joblib
        import numpy as np
        import polars as pl
        import sklearn.linear_model
        import threadpoolctl
        np.ones((300, 300)) @ np.ones((300, 300))
        pl.DataFrame({"a": [3, 1]}).sort("a")
        pools = {pool["user_api"]: pool["num_threads"] for pool in threadpoolctl.threadpool_info()}
        found = {
            **pools,
            "polars": pl.thread_pool_size(),
            "joblib": joblib.cpu_count(),
            "jobs": joblib.effective_n_jobs(-1),
            "cores": len(os.sched_getaffinity(0)),
        }
        (folder / "threads.json").write_text(json.dumps(found))
        return 0
"""
NO_LIMITS = Limits(1, None, None)
NONE = frozenset()


@pytest.fixture
def processes(project):
    project.write(jobwork=WORK)
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(project.path)
    with Processes("jobwork:run") as running:
        yield running
    os.environ.pop("PYTHONPATH") if before is None else os.environ.update(PYTHONPATH=before)


def start(processes, tmp_path, what, limits=NO_LIMITS, preload=NONE, token=None):
    folder = tmp_path / (token or what)
    folder.mkdir()
    (folder / "what").write_text(what)
    streams = (folder / "out", folder / "err")
    processes.start(token or what, folder, limits, preload, {"GIVEN": "given"}, streams)
    return folder


def one(processes, timeout_s=20):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        ended = processes.wait(1)
        if ended:
            return ended[0]
    raise AssertionError("no job has ended")


def gone(pid):
    """A process that is no more, or a zombie that nobody reaps."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


def pid_of(folder):
    for _ in range(200):
        if (folder / "pid").exists() and (folder / "pid").read_text():
            return int((folder / "pid").read_text())
        time.sleep(0.02)
    raise AssertionError("the job did not start")


def test_exit_codes_and_signals_come_back(processes, tmp_path):
    """What a job ended with is told as it was."""
    start(processes, tmp_path, "seven")
    assert (one(processes).exit_code, "exit") == (7, "exit")
    start(processes, tmp_path, "dies")
    ended = one(processes)
    assert (ended.exit_code, ended.signal, ended.cause) == (None, signal.SIGUSR1, "exit")


def test_all_output_is_caught_in_order(processes, tmp_path):
    """Python's, a subprocess's and C's; the folder is the current one, the environment as given, input is empty."""
    folder = start(processes, tmp_path, "says")
    assert one(processes).exit_code == 0
    assert (folder / "out").read_text() == "from python\nfrom sh\nfrom C\ngiven True True\n"
    assert (folder / "err").read_text() == "to errors\n"


def test_memory_over_the_limit_ends_the_job(processes, tmp_path):
    """The job is killed soon, and the peak is told."""
    start(processes, tmp_path, "grows", Limits(1, 100, None))
    ended = one(processes)
    assert (ended.cause, ended.signal) == ("memory", signal.SIGKILL)
    assert 100 < ended.peak_memory_mb < 350


def test_memory_of_children_counts(processes, tmp_path):
    """A job cannot hide what its subprocesses hold."""
    start(processes, tmp_path, "forks", Limits(1, 150, None))
    ended = one(processes)
    assert ended.cause == "memory"
    assert ended.peak_memory_mb > 150


def test_a_heavy_template_is_not_charged_to_a_small_job(processes, tmp_path):
    """What the template had imported is nobody's memory."""
    start(processes, tmp_path, "nothing", Limits(1, 50, None), frozenset({"numpy", "polars"}))
    ended = one(processes)
    assert ended.exit_code == 0
    assert ended.peak_memory_mb < 30


def test_time_over_the_limit_ends_the_job(processes, tmp_path):
    """Killed at its limit, not at the end of waiting."""
    start(processes, tmp_path, "sleeps", Limits(1, None, 0.4))
    ended = one(processes)
    assert ended.cause == "time"
    assert ended.wall_s < 5


@pytest.mark.parametrize("what", ["sleeps", "ignores"])
def test_a_job_that_is_stopped_ends(processes, tmp_path, what):
    """By SIGTERM, or after two seconds by SIGKILL."""
    folder = start(processes, tmp_path, what)
    pid = pid_of(folder)
    processes.stop(what)
    assert one(processes).cause == "stopped"
    assert gone(pid)


def test_what_a_job_leaves_behind_is_ended(processes, tmp_path):
    """Children and grandchildren die with their job."""
    folder = start(processes, tmp_path, "leaves")
    assert one(processes).exit_code == 0
    assert gone(pid_of(folder))
    assert gone(int((folder / "grandchild").read_text()))


def test_a_lost_template_loses_its_jobs_only(processes, tmp_path):
    """Its jobs are told lost and are gone; the next job gets a new template."""
    folder = start(processes, tmp_path, "sleeps")
    pid = pid_of(folder)
    template = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(template, signal.SIGKILL)
    assert one(processes).cause == "lost"
    assert gone(pid)
    start(processes, tmp_path, "seven")
    assert one(processes).exit_code == 7


def test_nothing_survives_a_killed_parent(project, tmp_path):
    """kill -9 of the one who started them takes template and jobs along."""
    project.write(jobwork=WORK)
    code = f"""
import sys, time
from pathlib import Path
from wingspan.runner.processes import Limits, Processes
p = Processes("jobwork:run")
folder = Path({str(tmp_path)!r})
(folder / "what").write_text("sleeps")
p.start("x", folder, Limits(1, None, None), frozenset(), {{}}, (folder / "out", folder / "err"))
p.wait(60)
"""
    environment = {**os.environ, "PYTHONPATH": str(project.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as parent:
        pid = pid_of(tmp_path)
        template = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        parent.kill()
    assert gone(pid)
    assert gone(template)


@pytest.mark.parametrize("cpus", [1, 2])
def test_thread_pools_have_as_many_threads_as_the_job_has_cores(processes, tmp_path, cpus):
    """BLAS, OpenMP, polars, joblib and the affinity agree."""
    preload = frozenset({"numpy", "polars", "sklearn.linear_model"})
    folder = start(processes, tmp_path, "threads", Limits(cpus, None, None), preload)
    ended = one(processes, 60)
    assert ended.exit_code == 0, (folder / "err").read_text()
    found = json.loads((folder / "threads.json").read_text())
    if cpus > len(os.sched_getaffinity(0)):
        found.pop("cores")
        found.pop("joblib")
        found.pop("jobs")
    assert set(found.values()) == {cpus}, found


def test_forking_a_heavy_template_is_safe_many_times(processes, tmp_path):
    """Forty jobs in a row that use polars and BLAS, from one template that has only imported them."""
    preload = frozenset({"numpy", "polars", "sklearn.linear_model"})
    for number in range(40):
        start(processes, tmp_path, "threads", Limits(2, None, None), preload, token=f"job{number}")
        assert one(processes, 60).exit_code == 0


def test_many_jobs_leave_nothing_open(processes, tmp_path):
    """Three hundred jobs, two at a time, cost no file descriptor."""
    start(processes, tmp_path, "nothing", token="first")
    one(processes)
    before = len(list(Path("/proc/self/fd").iterdir()))
    running = 0
    for number in range(300):
        start(processes, tmp_path, "nothing", token=f"job{number}")
        running += 1
        while running >= 2:
            running -= len(processes.wait(5))
    while running:
        running -= len(processes.wait(5))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_library_that_cannot_be_imported_is_left_to_the_job(processes, tmp_path):
    """A template serves on without it."""
    start(processes, tmp_path, "seven", preload=frozenset({"no_such_library"}))
    assert one(processes).exit_code == 7
