"""Jobs run in warm processes within their limits, and nothing outlives whoever started them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wingspan.runner.local.processes import Limits, Processes

WORK = """
    import ctypes
    import json
    import os
    import signal
    import resource
    import subprocess
    import sys
    import threading
    import time
    from pathlib import Path

    HOLD = [sys.executable, "-c", "held = b'x' * 300 * 2**20; import time; time.sleep(30)"]

    def run(path):
        folder = Path(path)
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
        print(os.environ["GIVEN"], Path.cwd() == folder, sys.stdin.read() == "")
        return 0

    def inherits(folder):
        found = {name: signal.getsignal(getattr(signal, name)) for name in ("SIGALRM", "SIGTERM")}
        found |= {"session": os.getsid(0), "OMP_NUM_THREADS": os.environ["OMP_NUM_THREADS"]}
        (folder / "found.json").write_text(json.dumps(found))
        return 0

    def late(folder):
        time.sleep(2.2)
        held = b"x" * 200 * 2**20
        return len(held[:0])

    def maps(folder):
        import mmap

        with (folder / "large").open("wb") as file:
            file.truncate(200 * 2**20)
        with (folder / "large").open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as whole:
            for at in range(0, len(whole), 4096):
                whole[at]
            time.sleep(2.2)
        return 0

    def sleeps(folder):
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(60)
        return 0

    def ignores(folder):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        return sleeps(folder)

    def raises(folder):
        raise ValueError("seen")

    def closes(folder):
        sys.stdout.close()
        return 5

    def leave(folder, **options):
        child = subprocess.Popen(["sh", "-c", "sleep 60 & echo $! > grandchild; exec sleep 60"], **options)
        (folder / "pid").write_text(str(child.pid))
        while not (folder / "grandchild").exists() or not (folder / "grandchild").read_text():
            time.sleep(0.01)
        return 0

    def leaves(folder):
        return leave(folder)

    def leaves_group(folder):
        return leave(folder, process_group=0)

    def leaves_session(folder):
        return leave(folder, start_new_session=True)

    def leaves_stubborn(folder):
        return leave(folder, preexec_fn=lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))

    def leaves_and_sleeps(folder):
        leave(folder, process_group=0)
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(60)

    def files(folder):
        (folder / "files").write_text(" ".join(sorted(os.listdir("/proc/self/fd"))))  # one is the list's own
        return 0

    def remembers(folder):
        seen = os.environ.get("LEFT_HERE", "nothing")
        os.environ["LEFT_HERE"] = "by another job"
        (folder / "seen").write_text(seen)
        return 0

    def core(folder):
        (folder / "core").write_text(str(sorted(os.sched_getaffinity(0))))
        while len(list(folder.parent.glob("*/core"))) < 2:
            time.sleep(0.01)
        return 0

    def template(folder):
        tasks = list(Path(f"/proc/{os.getppid()}/task").iterdir())
        found = [[(t / "comm").read_text().strip(), (t / "stat").read_text().split(")")[1].split()[0]] for t in tasks]
        (folder / "tasks").write_text(json.dumps(found))
        return 0

    def limit(folder):
        lines = Path("/proc/self/status").read_text().splitlines()
        used = next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmData:"))
        (folder / "room").write_text(str(resource.getrlimit(resource.RLIMIT_DATA)[0] / 2**20 - used))
        try:
            bytearray(4 * 2**30)
        except MemoryError:
            return 3
        return 0

    def short(folder):
        held = bytearray(b"x") * (60 * 2**20)
        return 0

    def shares(folder):
        held = bytearray(b"x") * (200 * 2**20)
        children = []
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                time.sleep(20)
                os._exit(0)
            children.append(pid)
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(20)
        return 0

    def parallel(folder):
        import numpy as np
        from joblib import Parallel, delayed
        (folder / "pid").write_text(str(os.getpid()))
        seconds = float(os.environ["SECONDS"])
        def work(x):
            (folder / "working").touch()
            time.sleep(seconds)
            return float(x.sum())
        Parallel(n_jobs=2)(delayed(work)(np.ones(300_000)) for _ in range(2))
        return 0

    def grows(folder):
        held = []
        while len(held) < 400:
            held.append(bytearray(b"x") * 2**20)
            time.sleep(0.02)
        return 0

    def forks(folder):
        subprocess.run(HOLD)
        return 0

    def forks_in_thread(folder):
        thread = threading.Thread(target=subprocess.run, args=[HOLD])
        thread.start()
        thread.join()
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


def start(processes, tmp_path, what, limits=NO_LIMITS, preload=NONE, token=None, **environment):
    folder = tmp_path / (token or what)
    folder.mkdir()
    (folder / "what").write_text(what)
    streams = (folder / "out", folder / "err")
    given = {"GIVEN": "given", **environment}
    processes.start(token or what, folder, limits, preload, given, streams)
    return folder


def one(processes, timeout_s=20):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        ended = processes.wait(1)
        if ended:
            return ended[0]
    raise AssertionError("no job has ended")


def gone(pid, within_s=20):
    """A process that is no more, or a zombie that nobody reaps."""
    for _ in range(round(within_s / 0.05) or 1):
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


@pytest.mark.parametrize("what", ["forks", "forks_in_thread"])
def test_memory_of_children_counts(processes, tmp_path, what):
    """A job cannot hide what its subprocesses hold, whichever of its threads started them."""
    start(processes, tmp_path, what, Limits(1, 150, None))
    ended = one(processes)
    assert ended.cause == "memory"
    assert ended.peak_memory_mb > 150


def test_a_heavy_template_is_not_charged_to_a_small_job(processes, tmp_path):
    """What the template had imported is nobody's memory."""
    start(processes, tmp_path, "nothing", Limits(1, 50, None), frozenset({"numpy", "polars"}))
    ended = one(processes)
    assert ended.exit_code == 0
    assert ended.peak_memory_mb < 30


def test_memory_that_forks_share_counts_once(processes, tmp_path):
    """Data held before three forks is neither forgotten nor counted four times."""
    folder = start(processes, tmp_path, "shares", Limits(1, 300, None))
    pid_of(folder)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert processes.wait(0.2) == []
    assert 190 < processes.memory_mb("shares") < 290
    processes.stop("shares")
    assert 190 < one(processes).peak_memory_mb < 290


def test_the_peak_of_a_short_job_is_seen(processes, tmp_path):
    """Also if nobody has looked, and in a template that held more before."""
    start(processes, tmp_path, "short", preload=frozenset({"numpy", "polars"}))
    assert 55 < one(processes).peak_memory_mb < 110


@pytest.mark.parametrize(("what", "least", "most"), [("late", 195, 230), ("maps", 0, 60)])
def test_the_last_growth_of_a_long_job_is_seen(processes, tmp_path, what, least, most):
    """The system's own peak completes what looks have seen; a file that was mapped for a while is no memory held."""
    start(processes, tmp_path, what)
    ended = one(processes)
    assert ended.exit_code == 0
    assert least <= ended.peak_memory_mb < most


def test_an_allocation_far_over_the_request_is_refused(processes, tmp_path):
    """The backstop leaves room for libraries on top of what the template has, and no more."""
    preload = frozenset({"numpy", "polars", "sklearn.linear_model"})
    folder = start(processes, tmp_path, "limit", Limits(1, 100, None), preload)
    assert one(processes).exit_code == 3
    assert 600 < float((folder / "room").read_text()) < 700


@pytest.mark.long
def test_watching_many_jobs_costs_little(processes, tmp_path):
    """Of sixteen jobs, a few hundredths of a core."""
    preload = frozenset({"numpy", "polars"})
    for number in range(16):
        limits = Limits(1, 500, None)
        pid_of(start(processes, tmp_path, "sleeps", limits, preload, token=f"job{number}"))
    processes.wait(0)
    before = time.process_time()
    assert processes.wait(4) == []
    assert time.process_time() - before < 0.04 * 4


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


def test_waiting_for_a_job_that_is_being_stopped_is_idle(processes, tmp_path):
    """Also when its time is over meanwhile."""
    pid_of(start(processes, tmp_path, "ignores", Limits(1, None, 0.3)))
    processes.stop("ignores")
    before = time.process_time()
    assert one(processes).cause == "stopped"
    assert time.process_time() - before < 0.3


@pytest.mark.parametrize("what", ["leaves", "leaves_group", "leaves_session", "leaves_stubborn"])
def test_what_a_job_leaves_behind_is_ended(processes, tmp_path, what):
    """Children and grandchildren are gone when their job is told ended, whatever they made of themselves."""
    folder = start(processes, tmp_path, what)
    assert one(processes).exit_code == 0
    assert gone(pid_of(folder), 0)
    assert gone(int((folder / "grandchild").read_text()), 0)


@pytest.mark.long
@pytest.mark.parametrize(("seconds", "runtime_s", "cause"), [(0, None, "exit"), (60, 20, "time")])
def test_shared_memory_is_removed(processes, tmp_path, seconds, runtime_s, cause):
    """What workers of scikit-learn share is removed, also when the job is killed."""
    preload = frozenset({"numpy", "joblib"})
    limits = Limits(2, None, runtime_s)
    folder = start(processes, tmp_path, "parallel", limits, preload, SECONDS=str(seconds))
    assert one(processes, timeout_s=60).cause == cause, (folder / "err").read_text()
    assert (folder / "working").exists()
    pid = pid_of(folder)
    assert [path.name for path in Path("/dev/shm").iterdir() if f"-{pid}-" in path.name] == []
    assert list(Path("/dev/shm").glob(f"joblib_memmapping_folder_{pid}_*")) == []


def test_an_exception_is_told_in_the_output(processes, tmp_path):
    """Nothing that a function raises is lost, nor can it reach the template."""
    folder = start(processes, tmp_path, "raises")
    assert one(processes).exit_code == 70
    assert "ValueError: seen" in (folder / "err").read_text()


def test_a_closed_stream_is_no_failure(processes, tmp_path):
    """A function may close its output; its exit code stays."""
    start(processes, tmp_path, "closes")
    assert one(processes).exit_code == 5


def test_jobs_get_no_file_of_the_template(processes, tmp_path):
    """Input, output, errors, and the folder it lists itself."""
    folder = start(processes, tmp_path, "files")
    one(processes)
    assert (folder / "files").read_text() == "0 1 2 3"


def test_jobs_do_not_see_each_other(processes, tmp_path):
    """What one leaves in its environment is neither in the next job's nor in ours."""
    folders = []
    for number in range(2):
        folders.append(start(processes, tmp_path, "remembers", token=f"job{number}"))
        one(processes)
    assert [(folder / "seen").read_text() for folder in folders] == ["nothing", "nothing"]
    assert "LEFT_HERE" not in os.environ


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_jobs_side_by_side_have_cores_of_their_own(processes, tmp_path):
    """The core of one is not the other's."""
    folders = [start(processes, tmp_path, "core", token=f"job{number}") for number in range(2)]
    one(processes)
    assert len({(folder / "core").read_text() for folder in folders}) == 2


def test_a_heavy_template_forks_while_nothing_runs(processes, tmp_path):
    """What threads libraries start on import, polars and its allocator, sleep while a job is forked."""
    preload = frozenset({"numpy", "polars", "sklearn.linear_model", "skops.io"})
    folder = start(processes, tmp_path, "template", Limits(2, None, None), preload)
    one(processes)
    tasks = json.loads((folder / "tasks").read_text())
    _, *others = sorted(tasks, key=lambda task: task[0].startswith(("polars-", "jemalloc")))
    assert all(name.startswith(("polars-", "jemalloc")) for name, _ in others), tasks
    assert all(state == "S" for _, state in others), tasks


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


def test_a_template_lost_between_jobs_loses_none(processes, tmp_path):
    """The next job starts in a new one."""
    folder = start(processes, tmp_path, "sleeps")
    pid = pid_of(folder)
    template = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    processes.stop("sleeps")
    one(processes)
    os.kill(template, signal.SIGKILL)
    assert gone(template)
    start(processes, tmp_path, "seven")
    assert one(processes).exit_code == 7


def test_a_lost_template_leaves_no_process_group(processes, tmp_path):
    """What its jobs had started in groups of their own is ended too."""
    folder = start(processes, tmp_path, "leaves_and_sleeps")
    while not (folder / "grandchild").exists():
        time.sleep(0.02)
    time.sleep(0.2)
    pid = pid_of(folder)
    template = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(template, signal.SIGKILL)
    assert one(processes).cause == "lost"
    assert gone(int((folder / "grandchild").read_text()))


def test_our_own_children_are_left_alone(processes, tmp_path):
    """Nothing but jobs is ended or reaped, also on leaving."""
    with subprocess.Popen(["sleep", "60"]) as child:
        pid_of(start(processes, tmp_path, "sleeps"))
        processes.close()
        assert child.poll() is None
        child.kill()
        assert child.wait() == -signal.SIGKILL


def test_leaving_does_not_wait_for_imports(project, monkeypatch):
    """A template that still imports is killed."""
    project.write(jobwork=WORK, slow="import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(project.path))
    began = time.monotonic()
    with Processes("jobwork:run") as processes:
        processes.warm(1, frozenset({"slow"}))
    assert time.monotonic() - began < 40


def test_files_in_the_current_folder_do_not_stand_in_for_libraries(
    processes, tmp_path, monkeypatch
):
    """A user's select.py is not what the template imports as the standard library's."""
    (tmp_path / "select.py").write_text("raise RuntimeError('imported')")
    monkeypatch.chdir(tmp_path)
    start(processes, tmp_path, "seven")
    assert one(processes).exit_code == 7


FORKING = """
import json, os, signal, sys, time
from pathlib import Path
from wingspan.runner.local.processes import Limits, Processes
signal.signal(signal.SIGALRM, lambda *_: None)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
here = Path(sys.argv[1])
def start(processes, what, cpus):
    folder = here / what
    folder.mkdir()
    (folder / "what").write_text(what)
    streams = (folder / "out", folder / "err")
    processes.start(what, folder, Limits(cpus, None, None), frozenset(), {"GIVEN": "given"}, streams)
with Processes("jobwork:run", fork=True) as processes:
    start(processes, "inherits", 1)
    start(processes, "says", 2)  # from a second template
    ended = {}
    while len(ended) < 2:
        ended |= {each.token: each.exit_code for each in processes.wait(60)}
    start(processes, "sleeps", 1)
    processes.wait(1)
(here / "ended.json").write_text(json.dumps([ended, os.getsid(0)]))
"""


def test_a_template_forked_from_a_small_process_is_like_one_that_was_started(project, tmp_path):
    """It takes over neither session nor signals nor output, its jobs have their own threads, and leaving ends them."""
    project.write(jobwork=WORK)
    environment = {**os.environ, "PYTHONPATH": str(project.path)}
    command = [sys.executable, "-c", FORKING, str(tmp_path)]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == ""
    ended, session = json.loads((tmp_path / "ended.json").read_text())
    assert ended == {"inherits": 0, "says": 0}
    found = json.loads((tmp_path / "inherits" / "found.json").read_text())
    assert found.pop("session") != session
    assert found == {"OMP_NUM_THREADS": "1", "SIGALRM": 0, "SIGTERM": 0}
    assert (tmp_path / "says" / "out").read_text().splitlines()[-1] == "given True True"
    assert gone(pid_of(tmp_path / "sleeps"))


@pytest.mark.parametrize("fork", [False, True])
@pytest.mark.parametrize("held", ["", "import os; os.fork() or time.sleep(60)"])
def test_nothing_survives_a_killed_parent(project, tmp_path, held, fork):
    """kill -9 of the one who started them takes template and jobs along; also if a fork of it holds its files."""
    project.write(jobwork=WORK)
    code = f"""
import sys, time
from pathlib import Path
from wingspan.runner.local.processes import Limits, Processes
p = Processes("jobwork:run", fork={fork})
folder = Path({str(tmp_path)!r})
(folder / "what").write_text("sleeps")
p.warm(1, frozenset())
{held}
p.start("x", folder, Limits(1, None, None), frozenset(), {{}}, (folder / "out", folder / "err"))
p.wait(60)
"""
    environment = {**os.environ, "PYTHONPATH": str(project.path)}
    with subprocess.Popen([sys.executable, "-c", code], env=environment) as parent:
        pid = pid_of(tmp_path)
        template = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        parent.kill()
    assert gone(pid)
    assert gone(template)
    for child in {int(child) for child in children} - {template}:
        os.kill(child, signal.SIGKILL)


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


@pytest.mark.long
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


def test_a_library_that_cannot_be_imported_is_left_to_the_job(processes, project, tmp_path):
    """A template serves on without it, whatever it raises."""
    project.write(broken="raise OSError('no driver')")
    start(processes, tmp_path, "seven", preload=frozenset({"no_such_library", "broken"}))
    assert one(processes).exit_code == 7
