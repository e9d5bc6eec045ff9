"""What every runner promises: one class of tests over this machine, a small access point, and real daemons."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.accesspoint.bindings import explained
from wingspan.accesspoint.jobs import hold, query, release, remove
from wingspan.store.store import Store

STEPS = """
    import os
    import time
    from pathlib import Path
    from typing import NamedTuple
    import wingspan as ws

    class Parts(NamedTuple):
        low: list[int]
        high: list[int]

    def said(log: str, word: str) -> None:
        with Path(log).open("a") as file:
            file.write(f"{word} {os.getpid()}\\n")

    def load(path: Path, log: str) -> Parts:
        said(log, "load")
        numbers = [int(word) for word in path.read_text().split()]
        return Parts(numbers[:2], numbers[2:])

    def total(numbers: list[int]) -> int:
        print("adding")
        ws.log({"count": len(numbers)}, step=1)
        return sum(numbers)

    def folder(numbers: list[int]) -> Path:
        Path("made").mkdir()
        for number in numbers:
            Path("made", str(number)).write_text("x" * number)
        return Path("made")

    def weigh(folder: Path, total: int) -> str:
        return f"{sum(len(file.read_text()) for file in folder.iterdir())} and {total}"

    def fails(numbers: list[int]) -> int:
        raise ValueError(f"no good: {numbers}")

    def slow(parts: Parts, log: str, flag: str) -> int:
        said(log, "slow")
        while not Path(flag).exists():
            time.sleep(0.02)
        return len(parts.high)

    def good(data: str, log: str) -> ws.Pipeline:
        p = ws.Pipeline("good")
        parts = p.step(load, Path(data), log)
        p.step(weigh, p.step(folder, parts.low), p.step(total, parts.high))
        return p

    def bad(data: str, log: str) -> ws.Pipeline:
        p = ws.Pipeline("bad")
        parts = p.step(load, Path(data), log)
        p.step(total, p.step(fails, parts.low))
        p.step(folder, parts.high)
        return p

    def long(data: str, log: str, flag: str) -> ws.Pipeline:
        p = ws.Pipeline("long")
        p.step(slow, p.step(load, Path(data), log), log, flag)
        return p

    def short(data: str, log: str, flag: str) -> ws.Pipeline:
        p = ws.Pipeline("short")
        p.step(slow, Parts([1], [2, 3]), log, flag)
        return p
"""
START = "import sys, flow; flow.{name}(*sys.argv[2:]).run({on!r}, home=sys.argv[1], fuse=False)"


DIGEST_OF_7 = "blake2b-256:c5be2e99358217f93f7b924bb18502667cb079c5266dfc833e90eacc64e9f03a"


class Scene:
    """A user's project on one kind of runner."""

    def __init__(self, project, place, on):
        self.project, self.on, self.module = project, on, project.fresh("flow")
        self.home, self.log, self.flag = place / "home", place / "log", place / "flag"
        (place / "numbers.txt").write_text("1 2 3 4")
        self.words = [str(place / "numbers.txt"), str(self.log), str(self.flag)]

    def pipeline(self, name):
        return getattr(self.module, name)(*self.words[: 2 if name in {"good", "bad"} else 3])

    def run(self, name, **options):
        return self.pipeline(name).run(self.on, home=self.home, fuse=False, **options)

    def submit(self, name):
        return self.pipeline(name).submit(self.on, home=self.home, fuse=False)

    def process(self, name):
        """Start a process that runs a pipeline."""
        command = [
            sys.executable,
            "-c",
            START.format(name=name, on=self.on),
            str(self.home),
            *self.words,
        ]
        return subprocess.Popen(command, cwd=self.project.path)

    def said(self, word):
        """Return the process ids of the steps that have begun so."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.split()[1] for line in lines if line.startswith(word)]

    def wait(self, condition, told=lambda: "", within_s=60):
        end = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < end, told()
            time.sleep(0.02)
        return found

    def until_slow(self, times=1):
        """Wait until ``slow`` has begun, for the n-th time."""
        self.wait(lambda: len(self.said("slow")) >= times)

    def until(self, run, step, state):
        """Wait until a step has a state; return its event."""

        def there():
            event = run.events[step]
            return event if event.state == state else None

        return self.wait(there, lambda: f"not {state}: {run.events[step]}")

    def job(self, run):
        """Return the number of the run's only job in the queue, DAGMan's own apart."""
        (ad,) = self.wait(lambda: query(f'WingspanRun == "{run.run_id}"', ["ClusterId"]))
        return str(ad["ClusterId"])


class RunnerContract:
    """What a runner does with a plan, wherever its steps run."""

    on = "local"

    @pytest.fixture
    def place(self, tmp_path):
        """Give a folder for data and runs; a subclass has the pool ready as well."""
        return tmp_path

    @pytest.fixture
    def flow(self, project, place):
        """Give the scene: the user's module, its files, and how to run it."""
        project.write(flow=STEPS)
        scene = Scene(project, place, self.on)
        yield scene
        scene.flag.touch()

    def lose(self, flow, run):
        """Let the machine that runs ``slow`` lose it."""
        os.kill(int(flow.said("slow")[-1]), signal.SIGKILL)

    def test_a_run_that_ends_well(self, flow):
        """Values are those of the functions called by hand; each step is told as running, then done; nothing is left to do."""
        told = []
        run = flow.run("good", listener=lambda event: told.append((event.step, event.state)))
        assert dict(run) == {
            "load": ([1, 2], [3, 4]),
            "folder": run["folder"],
            "total": 7,
            "weigh": "3 and 7",
        }
        assert {name: event.state for name, event in run.events.items()} == dict.fromkeys(
            run, "done"
        )
        for name in run:
            assert [state for step, state in told if step == name and state != "waiting"] == [
                "running",
                "done",
            ]
        assert told.index(("load", "done")) < told.index(("weigh", "running"))
        assert (run.logs("total"), run.metrics["total"]["count"].curve) == ("adding\n", ((1, 2.0),))
        digests = {
            name: each["digest"]
            for name, each in Store(run.home.store)
            .result(run.steps["total"].key)["outputs"]
            .items()
        }
        assert digests == {"value": DIGEST_OF_7}
        again = flow.run("good")
        assert (again["weigh"], again.state) == ("3 and 7", "done")
        assert not list(again.folder.root.glob("steps/*/*"))
        assert len(flow.said("load")) == 1

    def test_a_step_that_fails(self, flow):
        """What needs it is skipped, the others are done; it is not tried again, and its own words are told."""
        run = flow.run("bad", check=False)
        assert {name: event.state for name, event in run.events.items()} == {
            "load": "done", "fails": "failed", "total": "skipped", "folder": "done",
        }  # fmt: skip
        assert run.state == "failed"
        assert (
            run.events["fails"].problem
            == f"ValueError: no good: [1, 2] ({flow.project.path}/flow.py:36)"
        )
        assert run.events["total"].problem == "needs fails, which failed"
        assert 'raise ValueError(f"no good: {numbers}")' in run.report("fails")
        assert len(run.folder.attempts(run.steps["fails"].key)) == 1

    def test_the_driver_is_killed(self, flow):
        """Killed with -9 and resumed: the run ends well, and nothing that was finished is done again."""
        driver = flow.process("long")
        flow.until_slow()
        driver.kill()
        driver.wait()
        flow.flag.touch()
        run = ws.open_run(home=flow.home).resume()
        assert (run["slow"], run.state) == (2, "done")
        assert len(flow.said("load")) == 1

    def test_stopped_and_resumed(self, flow, wait_until):
        """Stopped, it says so and leaves no job; resumed, it ends well."""
        run = flow.submit("long")
        flow.until_slow()
        assert run.stop().state == "stopped"
        assert run.events["slow"].state == "stopped"
        process = Path(f"/proc/{flow.said('slow')[-1]}")
        wait_until(
            lambda: not process.exists()
        )  # the job has left the queue; its starter may still end it
        flow.flag.touch()
        assert run.resume()["slow"] == 2
        assert len(flow.said("load")) == 1

    def test_two_at_once(self, flow):
        """Each step is run once for both."""
        one, other = flow.submit("long"), flow.submit("long")
        flow.until_slow()
        flow.flag.touch()
        assert one.wait(60)["slow"] == other.wait(60)["slow"] == 2
        assert (len(flow.said("load")), len(flow.said("slow"))) == (1, 1)

    def test_a_job_that_is_lost(self, flow):
        """It is run again, once."""
        run = flow.submit("short")
        flow.until_slow()
        self.lose(flow, run)
        flow.until_slow(2)
        flow.flag.touch()
        assert run.wait(60)["slow"] == 2
        assert len(flow.said("slow")) == 2


class PoolContract(RunnerContract):
    """What a runner does besides, where jobs have a queue."""

    on = "htcondor"

    def lose(self, flow, run):
        """Let the machine that runs ``slow`` give it back."""
        with explained("eviction of a job") as htcondor2:
            htcondor2.Schedd().act(
                htcondor2.JobAction.Vacate, f"ClusterId == {flow.job(run)}", ("to be run again", 0)
            )

    def test_a_job_that_is_held(self, flow):
        """Held by the user, it stays so, and says by whom; released, it ends well."""
        run = flow.submit("short")
        flow.until_slow()
        hold(flow.job(run), "to look at it")
        event = flow.until(run, "slow", "held")
        assert event.problem.startswith("held by the user")
        release(flow.job(run), "looked at")
        flow.until_slow(2)
        flow.flag.touch()
        assert run.wait(60)["slow"] == 2

    def test_a_job_that_is_removed(self, flow):
        """Removed by the user, its step failed, and is not started again; the same command runs it."""
        run = flow.submit("long")
        flow.until_slow()
        remove(flow.job(run), "not wanted")
        event = flow.until(run, "slow", "failed")
        assert event.problem.startswith("its job was removed by the user")
        assert run.wait(60).state == "failed"
        flow.flag.touch()
        assert flow.run("long")["slow"] == 2
        assert (len(flow.said("load")), len(flow.said("slow"))) == (1, 2)


class TestThisMachine(RunnerContract):
    """The local runner."""


class TestSmallAccessPoint(PoolContract):
    """The pool runner over an access point that is two files of these tests."""

    @pytest.fixture
    def place(self, tmp_path, small_pool):
        return tmp_path


@pytest.mark.htcondor
@pytest.mark.long
class TestRealDaemons(PoolContract):
    """The pool runner over HTCondor."""

    @pytest.fixture
    def place(self, job_folder):
        return job_folder
