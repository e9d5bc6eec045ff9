"""Two runs on one home: a step is computed once, the first result wins, and nothing is made of a losing one."""

import json
import logging
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

from wingspan.errors import SettingError
from wingspan.runner.drive import drive
from wingspan.runner.htcondor.export import export
from wingspan.runner.htcondor.follow.exported import collect
from wingspan.runner.local.processes import Processes
from wingspan.runner.run import Run
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.codec import encode
from wingspan.store.store import Store

SLOW = """
    import os
    import time
    from pathlib import Path
    import wingspan as ws

    def slow(log: str) -> int:
        here = Path(log).parent
        with Path(log).open("a") as file:
            file.write(f"{os.getppid()}\\n")
        end = time.monotonic() + 60
        while not (here / "go").exists() and time.monotonic() < end:
            time.sleep(0.05)
        if (here / "fail").exists():
            (here / "fail").unlink()
            raise ValueError("was to fail")
        return 7

    def double(number: int) -> int:
        return 2 * number

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("slow")
        p.step(double, p.step(slow, str(Path(__file__).with_name("log"))))
        return p
"""
RANDOM = """
    import os
    import time
    from pathlib import Path
    import wingspan as ws

    def fit(seconds: float = 0.0) -> str:
        time.sleep(seconds)
        return os.urandom(8).hex()

    def reads(model: str) -> str:
        return f"read {model}"

    def last(text: str) -> str:
        return f"last {text}"

    def pipeline(seconds: float = 0.0) -> ws.Pipeline:
        p = ws.Pipeline("random")
        p.step(last, p.step(reads, p.step(fit, seconds)))
        return p
"""
WIDE = """
    import wingspan as ws

    def nothing(n: int) -> int:
        return n

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("wide")
        p.map(nothing, over={"n": [1, 2, 3, 4]})
        return p
"""
COMMAND = [sys.executable, "-m", "wingspan", "run", "slow.py"]


@pytest.fixture
def slow(project):
    """Write a pipeline with a step that goes on once a file is there; return the file in which it counts its starts."""
    project.write(slow=SLOW)
    return project.path / "log"


@pytest.fixture
def random(project):
    """Give a pipeline whose first step gives another result each time."""
    project.write(random_steps=RANDOM)
    return project.fresh("random_steps")


def starts(log):
    """How often the step's function was called."""
    return len(log.read_text().splitlines()) if log.exists() else 0


def begin(project):
    """Start a run as a process of its own."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(COMMAND, cwd=project.path, **pipes)


def let_go(project):
    """Let the slow step end."""
    (project.path / "go").touch()


@pytest.fixture
def two(slow, project, wait_until):
    """Give two runs: one that computes the slow step, and one that waits for it, with what that one said."""
    with begin(project) as first:
        wait_until(lambda: starts(slow) == 1)
        with begin(project) as second:
            said = wait_until(
                lambda: [line for line in [second.stderr.readline()] if "computes it" in line]
            )
            yield first, second, said[0]
            let_go(project)
            for run in (first, second):
                run.communicate(timeout=60)


def publish(store, key, value, folder):
    """Store a value under a key, as another run would."""
    made = folder / f"other-{time.monotonic_ns()}"
    (made / "outputs").mkdir(parents=True)
    record = encode(value, made / "outputs" / "value")
    (made / "result.json").write_text(
        json.dumps({"outputs": {"value": record}, "status": "ok", "inputs": {}})
    )
    return store.publish(key, made)


def test_two_runs_compute_a_step_once(two, slow, project):
    """The second run waits for the first one's step, says for which run, and takes the result."""
    first, second, said = two
    assert re.search(r"waiting +slow +run \S+-slow-\S+ computes it", said)
    let_go(project)
    told = second.communicate(timeout=60)
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0), told
    assert starts(slow) == 1
    assert "done     slow" in told[1]


def test_threads_of_one_process_compute_a_step_once(slow, project, wait_until):
    """Two runs in two threads are two runs."""
    pipeline = project.fresh("slow").pipeline
    values, told = [], []

    def run():
        values.append(pipeline().run(listener=told.append).result())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: any("computes it" in event.problem for event in told))
    let_go(project)
    for thread in threads:
        thread.join(60)
    assert values == [14, 14]
    assert starts(slow) == 1


def test_the_other_computes_what_a_killed_run_did_not(two, slow, project, wait_until):
    """A run that is killed with SIGKILL holds nothing up."""
    first, second, _ = two
    first.kill()
    wait_until(lambda: starts(slow) == 2)
    let_go(project)
    second.communicate(timeout=60)
    assert second.returncode == 0


def test_the_other_computes_what_failed(two, slow, project):
    """A failure elsewhere is no result: the run that waited tries for itself."""
    first, second, _ = two
    (project.path / "fail").touch()
    let_go(project)
    for run in (first, second):
        run.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (1, 0)
    assert starts(slow) == 2


def test_ctrl_c_ends_a_run_that_waits(two, slow, project):
    """The run that waits is stopped; the one that computes goes on."""
    first, second, _ = two
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=30)
    assert first.poll() is None
    let_go(project)
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 130)
    assert starts(slow) == 1


def test_no_more_jobs_than_allowed_run_at_once(project):
    """The driver passes the limit on; what is no count is refused."""
    project.write(wide=WIDE)
    run = project.fresh("wide").pipeline().prepare()
    running, most = set(), []

    def count(event):
        (running.add if event.state == "running" else running.discard)(event.step)
        most.append(len(running))

    assert drive(run.folder, run.home, count, jobs=1).ok
    assert max(most) == 1
    with pytest.raises(SettingError, match=r"jobs=0.*at least 1"):
        drive(run.folder, run.home, count, jobs=0)


def test_the_first_result_wins_and_is_what_is_read(random, tmp_path, caplog):
    """A result that comes second is dropped, its step is named once, and its reader reads the first one."""
    store = Store(tmp_path / "home" / "store")
    told = []

    def listener(event):
        told.append(event)
        if event.step == "fit" and event.state == "running":
            publish(store, event.key, "first", tmp_path)

    with caplog.at_level(logging.WARNING, "wingspan.runner"):
        run = random.pipeline(0.3).run(home=tmp_path / "home", listener=listener)
    assert (run["fit"], run["reads"]) == ("first", "read first")
    assert [record.getMessage() for record in caplog.records] == [run.events["fit"].note]
    assert "step fit is not deterministic" in run.events["fit"].note
    assert "seed" in run.events["fit"].note


def test_what_a_stopped_run_made_of_another_result_runs_again(random, tmp_path, monkeypatch):
    """A finished job of a stopped run counts only if it read what is stored now."""
    home = tmp_path / "home"
    publish_as_ever = Store.publish

    def interrupt(store, key, folder):
        if json.loads((folder / "result.json").read_text())["step"] == "reads":
            raise KeyboardInterrupt
        return publish_as_ever(store, key, folder)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "publish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            random.pipeline().run(home=home)
    Store(home / "store").gc([], -1.0)
    run = random.pipeline().run(home=home)
    assert run["reads"] == f"read {run['fit']}"
    assert run["last"] == f"last read {run['fit']}"


def test_a_step_that_starts_as_the_run_is_stopped_is_stopped(random, tmp_path, monkeypatch):
    """Its process may run before the record says so: it does not count as waiting."""
    start, seen = Processes.start, []

    def interrupt(*given):
        start(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(Processes, "start", interrupt)
    with pytest.raises(KeyboardInterrupt):
        random.pipeline().run(
            home=tmp_path / "home", listener=lambda event: seen.append((event.step, event.state))
        )
    assert seen[-1] == ("fit", "stopped")


def test_a_stopped_runs_result_of_the_same_input_is_taken(random, tmp_path, monkeypatch):
    """A finished job of a stopped run is not run again when its input is as it was."""
    home = tmp_path / "home"
    publish_as_ever, seen = Store.publish, []

    def interrupt(store, key, folder):
        if json.loads((folder / "result.json").read_text())["step"] == "reads":
            raise KeyboardInterrupt
        return publish_as_ever(store, key, folder)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "publish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            random.pipeline().run(home=home)
    run = random.pipeline().run(
        home=home, listener=lambda event: seen.append((event.step, event.state))
    )
    assert run["reads"] == f"read {run['fit']}"
    assert ("reads", "running") not in seen


@pytest.mark.parametrize("fused", [False, True])
def test_a_dag_that_lost_brings_in_nothing_of_its_own(random, tmp_path, run_jobs, fused):
    """What jobs made of a result that came second is not brought in; the next run makes it of the first."""
    from dataclasses import replace

    home, folder = Home(tmp_path / "home"), RunFolder(tmp_path / "dag")
    plan = random.pipeline().plan(home.root)
    if fused:
        plan = replace(plan, groups=(tuple(step.key for step in plan.steps),))
    run_jobs(export(plan, folder, home))
    publish(Store(home.store), plan.steps[0].key, "first", tmp_path)
    events = collect(folder, home)
    assert {name: event.state for name, event in events.items()} == {
        "fit": "done",
        "reads": "stopped",
        "last": "stopped",
    }
    command = [
        sys.executable,
        "-m",
        "wingspan",
        "collect",
        str(folder.root),
        "--home",
        str(home.root),
    ]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert (
        "stopped  reads  read as model another result than the one that was stored" in told.stdout
    )
    assert "-> run the pipeline again: the step is computed from the stored result" in told.stderr
    run = Run(folder, home)
    assert run.state == "stopped"
    again = random.pipeline().run(home=home.root)
    assert (again["reads"], again["last"]) == ("read first", "last read first")


def test_a_dag_of_the_stored_results_is_brought_in(random, tmp_path, run_jobs):
    """What jobs made of the results that are stored is taken."""
    home, folder = Home(tmp_path / "home"), RunFolder(tmp_path / "dag")
    run_jobs(export(random.pipeline().plan(home.root), folder, home))
    assert {event.state for event in collect(folder, home).values()} == {"done"}
    run = Run(folder, home)
    assert run["last"] == f"last read {run['fit']}"
