"""``wingspan why`` as a user types it."""

import json
import subprocess
import sys

import pytest

from wingspan.accesspoint import remove, submit
from wingspan.accesspoint.idle import queued_ads
from wingspan.cli.main import main
from wingspan.cli.why import _job_id
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.trail import has_step
from wingspan.shown import duration

PIPELINE = """
    import wingspan as ws

    def broken(n: int) -> int:
        raise ValueError(n)

    def after(n: int) -> int:
        return n

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("broken")
        p.step(after, p.step(broken, 1))
        return p
"""


def wingspan(*words, check=0):
    """Run the command; return its output after checking its exit code."""
    command = [sys.executable, "-m", "wingspan", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == check, done.stdout + done.stderr
    return done


@pytest.fixture
def ask(capsys, monkeypatch):
    """Give a function that runs `wingspan why` in this process, and returns what it printed, errors last."""

    def run(*words, check=0):
        monkeypatch.setattr(sys, "argv", ["wingspan", "why", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert (end.value.code or 0) == check, out + err
        return out + err

    return run


@pytest.mark.htcondor
def test_jobs_of_a_run_are_told_by_state(pool, project, wait_until, ask):
    """Idle with the clause, held with cause and fix, running with its host; jobs alike once, steps chosen by name."""
    project.write(broken=PIPELINE)
    wingspan("run", "broken.py", check=1)
    (run,) = json.loads(wingspan("runs", "--json").stdout)
    told = ask()
    assert all(text in told for text in ("it ran on this machine, not in a pool", "after: "))
    (project.path / ".wingspan/runs" / run["run"] / "on").write_text("htcondor")
    dag = DagFolder(project.path / ".wingspan/runs" / run["run"] / "dag/1")
    dag.results.mkdir(parents=True)
    dag.cluster.write_text("1")
    dag.nodes.write_text('{"node": ["key"]}')
    base = {
        "executable": "/bin/sleep",
        "arguments": 600,
        "initialdir": dag.results,
        "request_memory": 64,
        "request_disk": 1000,
        "should_transfer_files": "YES",
        "My.WingspanRun": f'"{run["run"]}"',
    }
    idle = submit({**base, "request_memory": 900000, "My.WingspanStep": '"broken,after"'}, 3)
    held = submit({**base, "hold": True, "My.WingspanStep": '"after"'})
    running = submit({**base, "My.WingspanStep": '"other"'})
    copied = submit({**base, "initialdir": project.path, "hold": True})  # of a copy of the run
    try:
        wait_until(lambda: queued_ads(f"ClusterId == {running} && JobStatus == 2"))
        found = json.loads(ask(run["run"], "--json"))["jobs"]
        facts = {fact["state"]: fact for fact in found}
        assert (len(found), facts["idle"]["jobs_alike"]) == (3, 3)
        assert facts["idle"]["problem"].endswith("meets: request_memory = 900000 MB")
        assert (facts["idle"]["slots"], facts["idle"]["fit"]) == (1, 0)
        assert "submitted on hold" in facts["held"]["problem"]
        assert facts["running"]["problem"].startswith("on slot1_")
        only = json.loads(ask("last", "broken", "--json"))["jobs"]
        assert [fact["job"] for fact in only] == [f"{idle}.0"]
        text = ask(f"{idle}.1")
        assert f"job {idle}.1 (step broken,after): idle for " in text
        assert "0 of 1 slots meet request_memory = 900000 MB" in text
        assert "-> request_memory: ask for at most 16384 MB" in text
        assert f"job {held}.0 (step after): held for " in ask(str(held))
    finally:
        remove([str(idle), str(held), str(running), str(copied)], "end of test")


def test_a_run_on_this_machine_needs_no_pool(project, ask, monkeypatch, tmp_path):
    """What failed is told, with the command that tells more."""
    monkeypatch.setenv("CONDOR_CONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    project.write(broken=PIPELINE)
    wingspan("run", "broken.py", check=1)
    told = ask()
    assert ": failed; it ran on this machine, not in a pool" in told
    assert "  broken: failed: ValueError: 1" in told
    assert "-> wingspan logs broken --run " in told


GREEDY = """
    import wingspan as ws

    def first(n: int) -> int:
        return n

    def greedy(n: int) -> int:
        return n

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("greedy")
        p.step(greedy, p.step(first, 1), resources=ws.Resources(memory="900GB"))
        return p
"""


@pytest.mark.htcondor
@pytest.mark.long
def test_a_step_of_a_run_on_the_pool_that_no_slot_can_take(
    pool, project, job_folder, monkeypatch, wait_until, ask
):
    """From the command line alone: the run waits, and `why` names the clause of the step that holds it up."""
    monkeypatch.setenv("WINGSPAN_HOME", str(job_folder / "home"))
    project.write(greedy=GREEDY)
    wingspan("run", "greedy.py", "--on", "htcondor", "--background")
    try:
        told = wait_until(lambda: (out := ask("last", "greedy")) and "idle" in out and out, 60)
        assert "(step greedy): idle for" in told
        assert "meets: request_memory = 921600 MB" in told
        assert "-> request_memory: ask for at most 16384 MB" in told
        assert "greedy: waiting" not in told
    finally:
        wingspan("stop")


@pytest.mark.htcondor
def test_a_job_or_step_that_is_not_there_is_an_error(pool, project, ask):
    """Ids of jobs that ended, runs and steps that never were: one message, exit code 2."""
    assert "is not in the queue" in ask("99999.0", check=2)
    assert "there is no run" in ask("some-run", check=2)
    project.write(broken=PIPELINE)
    wingspan("run", "broken.py", check=1)
    assert "did you mean broken?" in ask("last", "brokn", check=2)


@pytest.mark.parametrize(
    ("label", "step", "expected"),
    [
        ("load,fit[a,b]", "fit[a,b]", True),
        ("load,fit[a,b]", "fit", False),
        ("my_step", "my step", True),
        ("", "a", False),
    ],
)
def test_a_step_is_found_in_the_label_of_its_job(label, step, expected):
    """Names are found whole, also those that a job's ad has with other characters."""
    assert has_step(label, step) is expected


def test_digits_that_end_a_run_id_are_not_a_job(tmp_path):
    """Of older versions; what has a point is a job in any case."""
    folder = tmp_path / "runs" / "20251129-083127-loans-1234"
    folder.mkdir(parents=True)
    (folder / "plan.jsonl").touch()
    assert _job_id("1234", tmp_path) is None
    assert _job_id("last", tmp_path) is None
    assert _job_id("34", tmp_path).group(1) == "34"
    assert _job_id("1234.0", tmp_path).groups() == ("1234", "0")


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "5 s"), (130, "2 min"), (3700, "61 min"), (7300, "2 h 1 min")]
)
def test_durations_are_told_as_people_do(seconds, text):
    """Seconds, then minutes, then hours."""
    assert duration(seconds) == text
