"""However a step ends, the report says how: exceptions of any kind, crashes, exits, and waits for ever."""

import re
import signal

import pytest

from wingspan.pipeline.resources import Resources
from wingspan.runner.failure import failure
from wingspan.runner.local.pressure import free_share
from wingspan.runner.local.processes import Limits, Processes

STEPS = """
    import ctypes
    import dataclasses
    import mmap
    import multiprocessing
    import os
    import signal
    import sys
    import tempfile
    import wingspan as ws

    class Mute(Exception):
        def __str__(self):
            raise ValueError("no words")
        __repr__ = __str__

    class Odd(Exception):
        def __str__(self):
            return 7

    class Ends(Exception):
        def __str__(self):
            sys.exit("while shown")

    @dataclasses.dataclass(frozen=True)
    class Frozen(Exception):
        code: int

    def mute() -> int:
        raise Mute

    def odd() -> int:
        raise Odd

    def ends() -> int:
        raise Ends

    def frozen() -> int:
        raise Frozen(7)

    def exits() -> int:
        sys.exit("over")

    def interrupts() -> int:
        raise KeyboardInterrupt

    def closes() -> int:
        raise GeneratorExit

    def recurses() -> int:
        return recurses() + 1

    def group() -> int:
        raise ExceptionGroup("two", [ValueError("first"), TypeError("second")])

    def caused() -> int:
        try:
            raise Mute
        except Mute as error:
            raise RuntimeError("after it") from error

    def surrogate() -> int:
        raise ValueError("not a letter: \\udcff")

    def silent() -> int:
        sys.stdout.close()
        sys.stderr.close()
        raise ValueError("no streams")

    def no_streams() -> int:
        sys.stdout = sys.stderr = None
        raise ValueError("no streams")

    def hard() -> int:
        os._exit(3)

    def segfault() -> int:
        return ctypes.string_at(0)[0]

    def aborts() -> int:
        os.abort()

    def bus_error() -> int:
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * mmap.PAGESIZE)
            file.flush()
            mapped = mmap.mmap(file.fileno(), mmap.PAGESIZE)
            file.truncate(0)
            return mapped[0]

    def pipeline(names: list[str]) -> ws.Pipeline:
        p = ws.Pipeline("ends")
        for name in names:
            p.step(globals()[name])
        return p
"""
RAISED = {
    "mute": "Mute: <its text cannot be shown: ValueError in Mute.__str__>",
    "odd": "Odd: <its text cannot be shown: TypeError in Odd.__str__>",
    "ends": "Ends: <its text cannot be shown: SystemExit in Ends.__str__>",
    "frozen": "Frozen: 7",
    "exits": "SystemExit: over",
    "interrupts": "KeyboardInterrupt (",
    "closes": "GeneratorExit (",
    "recurses": "RecursionError: maximum recursion depth exceeded",
    "group": "ExceptionGroup: two (2 sub-exceptions)",
    "caused": "RuntimeError: after it",
    "surrogate": "ValueError: not a letter: \udcff",
    "silent": "ValueError: no streams",
    "no_streams": "ValueError: no streams",
}
CRASHES = {"segfault": "SIGSEGV", "aborts": "SIGABRT", "bus_error": "SIGBUS"}


@pytest.fixture
def ended(project, tmp_path):
    """Give a function that runs steps which all fail, and returns the run."""
    project.write(ends=STEPS)
    module = project.fresh("ends")
    return lambda *names: module.pipeline(list(names)).run(home=tmp_path / "home", check=False)


def test_exceptions_of_any_kind_are_reported_as_they_are(ended):
    """Class, message and line of what was raised, with a traceback from the step's function on."""
    run = ended(*RAISED)
    for name, told in RAISED.items():
        event = run.events[name]
        assert event.state == "failed"
        assert event.problem.startswith(told), event
        assert re.search(r"\(.*ends\.py:\d+\)$", event.problem), event
        assert f"in {name}" in run.report(name)
        assert "os._exit" not in run.report(name)
    assert "end the process" in run.events["exits"].fix
    assert "first" in run.report("group")
    assert "second" in run.report("group")
    assert "Mute" in run.report("caused")


def test_an_exit_keeps_its_code(ended):
    """`os._exit` leaves no result, and is named with its exit code."""
    event = ended("hard").events["hard"]
    assert event.problem == "its process ended with exit code 3 and without a result"
    assert "os._exit" in event.fix


def test_a_crash_shows_the_python_stack(ended):
    """The signal, the line that the step was at, and the stack down to the step's function."""
    run = ended(*CRASHES)
    for name, number in CRASHES.items():
        event, report = run.events[name], run.report(name)
        assert event.problem.startswith(f"its process was ended by {number} in "), event
        assert "Fatal Python error: " in report
        assert re.search(rf'File ".*ends\.py", line \d+ in {name}', report), report
        assert "job.py" not in report.partition("run it alone")[0]
        assert "Extension modules" not in report


FORKS = """
    import multiprocessing
    import os
    import time
    import polars as pl
    import wingspan as ws

    def rows(n: int) -> int:
        return pl.DataFrame({"a": list(range(n))}).lazy().select(pl.len()).collect().item()

    def square(n: int) -> int:
        time.sleep(7)
        return n * n

    def pool(method: str, what: str) -> list[int]:
        rows(3)
        with multiprocessing.get_context(method).Pool(2) as pool:
            return pool.map(globals()[what], [3, 4])

    def pipeline(method: str, what: str) -> ws.Pipeline:
        p = ws.Pipeline("forks")
        p.step(pool, method, what)
        return p
"""


def test_a_fork_that_waits_for_ever_inside_polars_ends_the_step(project, tmp_path):
    """The step fails, says why and what to do, and shows where the forked process waits."""
    project.write(forks=FORKS)
    run = project.fresh("forks").pipeline("fork", "rows").run(home=tmp_path / "home", check=False)
    event = run.events["pool"]
    assert event.state == "failed"
    assert "polars was used before the fork" in event.problem
    assert '"spawn"' in event.fix
    assert re.search(r"forks\.py.*in rows", run.report("pool"))


@pytest.mark.parametrize(
    ("method", "what", "values"), [("fork", "square", [9, 16]), ("spawn", "rows", [3, 4])]
)
def test_other_processes_are_left_alone(project, tmp_path, method, what, values):
    """A fork that does not use polars may take its time; a process of its own may use polars."""
    project.write(forks=FORKS)
    assert (
        project.fresh("forks").pipeline(method, what).run(home=tmp_path / "home").result() == values
    )


def files(root, texts):
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


MEMINFO = "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\n"


@pytest.mark.parametrize(
    ("texts", "free"),
    [
        ({}, 1.0),
        ({"proc/meminfo": MEMINFO}, 0.6),
        (
            {
                "proc/meminfo": MEMINFO,
                "proc/self/cgroup": "0::/outer/inner\n",
                "sys/fs/cgroup/outer/inner/memory.max": "max\n",
                "sys/fs/cgroup/outer/inner/memory.current": "950\n",
                "sys/fs/cgroup/outer/memory.max": "1000\n",
                "sys/fs/cgroup/outer/memory.current": "950\n",
                "sys/fs/cgroup/outer/memory.stat": "anon 800\nactive_file 50\ninactive_file 100\n",
            },
            0.2,
        ),
        (
            {
                "proc/meminfo": MEMINFO,
                "proc/self/cgroup": "9:cpu:/x\n4:memory:/job\n0::/\n",
                "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1000\n",
                "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "900\n",
                "sys/fs/cgroup/memory/job/memory.stat": "total_inactive_file 200\n",
            },
            0.3,
        ),
    ],
)
def test_free_memory_is_that_of_the_narrowest_limit(tmp_path, texts, free):
    """The machine's, or that of a control group, whichever is less; cached files count as free."""
    assert free_share(files(tmp_path, texts)) == pytest.approx(free)


HOLDS = """
    import time
    from pathlib import Path

    def run(path):
        folder = Path(path)
        held = bytearray(b"x") * (int((folder / "what").read_text()) * 2**20)
        (folder / "there").touch()
        time.sleep(60)
        return 0
"""


@pytest.fixture
def holding(project, tmp_path, monkeypatch):
    """Give a function that starts jobs which hold so many MB, where the machine has a share of its memory free."""
    project.write(holds=HOLDS)
    monkeypatch.setenv("PYTHONPATH", str(project.path))
    monkeypatch.setattr("wingspan.runner.local.processes.UNSTATED_MB", 100)
    free = [1.0]
    with Processes("holds:run", free=lambda: free[0]) as processes:

        def start(amounts, limits):
            for amount in amounts:
                folder = tmp_path / str(amount)
                folder.mkdir()
                (folder / "what").write_text(str(amount))
                streams = (folder / "out", folder / "err")
                processes.start(str(amount), folder, limits, frozenset(), {}, streams)
            return processes, free

        yield start


def test_a_job_without_a_limit_is_left_alone_while_memory_is_free(holding, tmp_path, wait_until):
    """And ended, the one that holds most first, once little is left; what holds little stays."""
    processes, free = holding([30, 150, 300], Limits(1, None, None))
    wait_until(
        lambda: (
            processes.wait(0.1) == []
            and all((tmp_path / n / "there").exists() for n in ("30", "150", "300"))
        )
    )
    assert processes.wait(1.5) == []
    free[0] = 0.05
    ended = wait_until(lambda: processes.wait(0.5))
    assert [(one.token, one.cause, one.signal) for one in ended] == [
        ("300", "memory", signal.SIGKILL)
    ]
    assert ended[0].peak_memory_mb > 290
    ended = wait_until(lambda: processes.wait(0.5))
    assert [one.token for one in ended] == ["150"]
    assert processes.wait(1.5) == []


def test_a_job_within_its_limit_is_left_alone(holding, tmp_path, wait_until):
    """What a user has stated is what the job may take."""
    processes, free = holding([150], Limits(1, 400, None))
    free[0] = 0.05
    wait_until(lambda: processes.wait(0.1) == [] and (tmp_path / "150" / "there").exists())
    assert processes.wait(1.5) == []


def test_a_package_that_is_missing_is_no_fault_of_the_code():
    """On a machine of a pool it may be missing alone; the advice says how it gets there."""
    error = {"type": "ModuleNotFoundError", "message": "No module named 'rare.part'", "where": ""}
    told = failure({"status": "failed", "error": error}, "exit", None, 0.0, Resources())
    assert told.fix.startswith("install rare, or correct its name; jobs of a pool get")
    assert "`import rare` in its file" in told.fix


def test_the_message_says_what_to_state():
    """Of a step that stated nothing, and of one that did."""
    why = failure(None, "memory", signal.SIGKILL, 3000.0, Resources())
    assert (why.cause, "states no memory" in why.problem) == ("memory", True)
    assert 'memory="6016MB"' in why.fix
    why = failure(None, "memory", signal.SIGKILL, 3000.0, Resources(memory="2GB"))
    assert "it asked for 2,048 MB" in why.problem
    crash = failure(None, "exit", signal.SIGSEGV, 3000.0, Resources())
    assert crash.cause == ""


def test_a_step_that_states_no_memory_may_take_more(project, tmp_path):
    """More than what a pool is asked for is no reason to end it."""
    text = """
        import resource
        import wingspan as ws

        def limit() -> int:
            return resource.getrlimit(resource.RLIMIT_DATA)[0]

        def pipeline(memory: str | None = None) -> ws.Pipeline:
            p = ws.Pipeline("limits")
            p.step(limit, resources=ws.Resources(memory=memory))
            return p
    """
    project.write(limits=text)
    pipeline = project.fresh("limits").pipeline
    assert pipeline().run(home=tmp_path / "one").result() == -1
    assert 3 * 2**30 < pipeline("2GB").run(home=tmp_path / "two").result() < 5 * 2**30
