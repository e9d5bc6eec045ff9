"""The commands that run pipelines: what they print, what they leave, how they exit."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wingspan.cli.listing import _lines

PIPELINE = """
    import time
    from pathlib import Path
    import wingspan as ws

    def double(n: int) -> int:
        print("doubling", n)
        return 2 * n

    def slow(n: int, seconds: float) -> int:
        time.sleep(seconds)
        return n // (0 if n == 13 else 1)

    def pipeline(n: int = 1, seconds: float = 0.0, words: list[str] = ["a"], flag: bool = False) -> ws.Pipeline:
        p = ws.Pipeline("doubling")
        p.step(slow, p.step(double, n), seconds)
        return p

    def other() -> int:
        return 3
"""


def wingspan(*words, check=0, **kwargs):
    """Run the command; return its output after checking its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "wingspan", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **kwargs,
    )
    assert done.returncode == check, done.stdout + done.stderr
    return done


@pytest.fixture
def doubling(project):
    project.write(doubling=PIPELINE)
    return project


def test_run_says_what_it_did(doubling):
    """Progress on standard error, and how many steps were run or up to date."""
    assert "2 steps run, 0 up to date" in wingspan("run", "doubling.py").stderr
    assert "0 steps run, 2 up to date" in wingspan("run", "doubling.py:pipeline").stderr


def test_set_reaches_the_parameters_by_their_types(doubling):
    """--set converts as the annotation says."""
    wingspan("run", "doubling.py", "--set", "n=21", "--set", "flag=yes", "--set", "words=a,b")
    assert "doubling 21" in wingspan("logs", "double").stdout


def test_a_step_without_output_is_told_so(project):
    """Nothing on standard output, a word on standard error; the lines of runs stand in columns."""
    code = "import wingspan as ws\ndef one() -> int:\n    return 1\n"
    for name in ("short", "a_longer_name"):
        file = project.path / f"{name}.py"
        file.write_text(
            f"{code}def pipeline():\n    p = ws.Pipeline({name!r})\n    p.step(one)\n    return p\n"
        )
        wingspan("run", f"{name}.py")
    done = wingspan("logs", "one")
    assert (done.stdout, done.stderr) == ("", "step one wrote nothing\n")
    heads = [line for line in wingspan("runs").stdout.splitlines() if not line.startswith(" ")]
    assert len({line.index("1/1 step") for line in heads}) == 1


def test_plan_says_why(doubling):
    """A dry run with reasons, as text and as JSON."""
    assert "doubling: 2 of 2 steps to run" in wingspan("plan", "doubling.py").stdout
    wingspan("run", "doubling.py")
    told = json.loads(wingspan("plan", "doubling.py", "--set", "n=2", "--json").stdout)
    assert [step["reason"] for step in told["steps"]] == [
        "parameter n 1 -> 2",
        "input n: double changed",
    ]
    one = wingspan("plan", "doubling.py", "slow", "--set", "n=2")
    assert one.stdout.endswith("first cause:\n  step double: parameter n 1 -> 2\n")
    one = json.loads(wingspan("plan", "doubling.py", "double", "--set", "n=2", "--json").stdout)
    assert one["changes"] == [{"part": "parameter n", "was": "1", "is": "2"}]
    assert "did you mean slow" in wingspan("plan", "doubling.py", "solw", check=2).stderr


LOGGED = """
    import wingspan as ws

    def fit(rate: float) -> dict[str, float]:
        ws.log({"loss": rate / 3}, step=1)
        return {"auc": rate}

    def nothing() -> None:
        return None

    def pipeline(count: int = 2) -> ws.Pipeline:
        p = ws.Pipeline("logged")
        p.map(fit, over={"rate": [n / 10 for n in range(count)]})
        p.step(nothing)
        return p
"""


def test_run_ends_with_short_results_and_metrics(project):
    """On standard output; of many steps a few, and what shows the others."""
    project.write(logged=LOGGED)
    told = wingspan("run", "logged.py").stdout
    assert told.splitlines() == [
        "results:",
        "  fit[0.0]  {auc: 0}",
        "  fit[0.1]  {auc: 0.1}",
        "metrics:",
        "  fit[0.0]  loss 0",
        "  fit[0.1]  loss 0.0333333",
    ]
    assert wingspan("run", "logged.py").stdout == told
    explained = wingspan("plan", "logged.py", "fit").stdout.splitlines()
    assert [line.partition(" is ")[0] for line in explained] == ["step fit[0.0]", "step fit[0.1]"]
    many = wingspan("run", "logged.py", "--set", "count=30").stdout.splitlines()
    assert many[7] == "  fit[...]  and 24 more: wingspan show fit"
    assert len(many) == 16


@pytest.mark.long
def test_until_force_touch_and_jobs(doubling):
    """A part is run, a step is forced, last results are kept; plan says what would happen."""
    assert (
        "doubling: 1 of 1 step to run"
        in wingspan("plan", "doubling.py", "--until", "double").stdout
    )
    assert (
        "1 step run, 0" in wingspan("run", "doubling.py", "--until", "double", "--jobs", "1").stderr
    )
    assert "1 step run, 1" in wingspan("run", "doubling.py").stderr
    forced = wingspan("plan", "doubling.py", "--force", "double").stdout
    assert forced.splitlines()[1] == "  run  double  forced"
    assert "1 step run, 1" in wingspan("run", "doubling.py", "--force", "double").stderr
    assert "2 of 2" not in wingspan("plan", "doubling.py").stdout
    doubling.write(doubling=PIPELINE.replace("return 2 * n", "return n * 2"))
    kept = wingspan("plan", "doubling.py", "--touch").stdout
    assert kept == "doubling: --touch would keep the last results of: double, slow\n"
    told = wingspan("run", "doubling.py", "--touch").stderr
    assert "up to date with their last results: double, slow" in told
    assert "0 steps run, 2 up to date" in told
    assert (
        "did you mean double" in wingspan("run", "doubling.py", "--until", "dubble", check=2).stderr
    )


def test_plan_of_a_step_alone_takes_the_last_runs_file(doubling):
    """With the settings it had."""
    assert "no run was started from a file" in wingspan("plan", "slow", check=2).stderr
    wingspan("run", "doubling.py", "--set", "n=3")
    assert "step slow is up to date" in wingspan("plan", "slow").stdout
    doubling.write(doubling=PIPELINE.replace("return 2 * n", "return n * 2"))
    assert "first cause:\n  step double:" in wingspan("plan", "slow").stdout


def test_runs_shows_parameters_times_and_outcome(doubling):
    """As text and as JSON; also those parameters that were not set."""
    doubling.write(doubling=PIPELINE.replace("n == 13", "n == 26"))
    wingspan("run", "doubling.py", "--set", "n=13", check=1)
    wingspan("run", "doubling.py", "--set", "n=2")
    first, parameters, second, *failed = wingspan("runs").stdout.splitlines()
    assert "  done      2/2 steps " in first
    assert parameters.startswith("    started ")
    assert parameters.endswith(' UTC  flag=False  n=2  seconds=0  words=["a"]')
    assert "  failed    1/2 steps " in second
    assert failed[-1].endswith("failed: slow")
    rows = json.loads(wingspan("runs", "--json", "--pipeline", "doubling").stdout)
    assert [row["parameters"]["n"] for row in rows] == ["2", "13"]
    assert [row["failed"] for row in rows] == [[], ["slow"]]
    assert all(0 < row["duration_s"] < 60 for row in rows)
    assert "doubling" in wingspan("runs", "--pipeline", "other", check=2).stderr
    assert wingspan("runs", "--pipeline", "other", "--json").stdout == "[]\n"


def test_plan_exports_a_dag(doubling):
    """What is to run becomes a DAG in a new folder; one in use is refused, and nothing in it is changed."""
    told = wingspan("plan", "doubling.py", "--export", "out").stderr
    folder = doubling.path / "out"
    assert told == f"submit: cd {folder} && condor_submit_dag -batch-name doubling workflow.dag\n"
    dag = folder / "workflow.dag"
    assert dag.read_text().count("JOB ") == 2
    assert "expected a new or empty folder" in (
        wingspan("plan", "doubling.py", "--export", "out", check=2).stderr
    )
    collected = wingspan("collect", "out")
    assert "waiting double" in collected.stdout.replace("  ", " ")
    assert "the DAG was never submitted" in collected.stderr
    assert "&& condor_submit_dag -batch-name doubling workflow.dag" in collected.stderr


SUBMITTED = """000 (012.000.000) 2026-01-01 10:00:00 Job submitted from host: <127.0.0.1:9618>
...
"""
ENDED = """009 (012.000.000) 2026-01-01 10:00:01 Job was aborted.
\tvia condor_rm (by user me)
...
"""


def test_collect_tells_a_dag_that_has_ended_from_one_that_goes_on(doubling):
    """What waits in a DAG that is over will never come: exit code 1, and what to do; submitted again, it goes on."""
    wingspan("plan", "doubling.py", "--export", "out")
    log = doubling.path / "out" / "workflow.dag.dagman.log"
    log.write_text(SUBMITTED)
    assert "2 steps without a result yet; the DAG is in the queue" in (
        wingspan("collect", "out").stderr
    )
    log.write_text(SUBMITTED + ENDED)
    failed = wingspan("collect", "out", check=1).stderr
    assert "the DAG has ended, 2 steps without a result" in failed
    assert "workflow.dag.dagman.out says more" in failed
    log.write_text(SUBMITTED + ENDED + SUBMITTED.replace("012.", "013."))
    assert "the DAG is in the queue" in wingspan("collect", "out").stderr


def test_a_failing_run_exits_with_1_and_shows_the_traceback(doubling):
    """The report stands on standard error and in the logs."""
    failed = wingspan("run", "doubling.py", "--set", "n=6.5", check=2)
    assert "expected int, found '6.5'" in failed.stderr
    doubling.write(doubling=PIPELINE.replace("2 * n", "13"))
    failed = wingspan("run", "doubling.py", check=1)
    assert "ZeroDivisionError" in failed.stderr
    logs = wingspan("logs", "slow").stdout
    assert logs.count("Traceback") == 1
    assert logs.count("ZeroDivisionError: ") == 2  # of the traceback, and of the problem
    assert wingspan("logs", "double").stdout == "doubling 1\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "doublin.py"], "did you mean doubling.py"),
        (["run", "doubling.py:pipelin"], "did you mean pipeline"),
        (["run", "doubling.py:other"], "expected a wingspan.Pipeline"),
        (["run", "doubling.py", "--set", "m=1"], "has no parameter 'm'"),
        (["run", "doubling.py", "--set", "n"], "expected NAME=VALUE"),
        (["status", "nothing"], "there is no run yet"),
        (["logs", "slow"], "start one: wingspan run FILE"),
        (["collect", "nothing"], "there is no exported DAG here"),
        (["exec"], "expected a command after --"),
    ],
)
def test_bad_input_exits_with_2_and_says_what_to_do(doubling, words, told):
    """One message with the place and the next step, no traceback."""
    failed = wingspan(*words, check=2)
    assert told in failed.stderr
    assert "Traceback" not in failed.stderr


def test_runs_and_status(doubling):
    """Runs are listed newest first; a step's state, time and memory are shown."""
    wingspan("run", "doubling.py")
    wingspan("run", "doubling.py", "--set", "n=4")
    listed = json.loads(wingspan("runs", "--json").stdout)
    assert [run["state"] for run in listed] == ["done", "done"]
    assert listed[0]["run"] > listed[1]["run"]
    assert listed[0]["run"] in wingspan("runs").stdout
    shown = json.loads(wingspan("status", listed[1]["run"], "--json").stdout)
    assert shown["steps"]["double"]["state"] == "done"
    assert "double" in wingspan("status").stdout


def test_a_run_in_the_background_can_be_stopped_and_resumed(doubling):
    """What was finished before the stop is not run again."""
    started = wingspan("run", "doubling.py", "--set", "seconds=60", "--background").stdout
    run_id = started.split()[1]
    for _ in range(200):
        if (
            json.loads(wingspan("status", run_id, "--json").stdout)["steps"]["slow"]["state"]
            == "running"
        ):
            break
    assert ": stopped" in wingspan("stop", run_id).stdout
    assert "is not running" in wingspan("stop", run_id).stdout
    folder = doubling.path / ".wingspan" / "runs" / run_id
    plan = (folder / "plan.jsonl").read_text().replace("60.0", "0.01")
    (folder / "plan.jsonl").write_text(plan)
    resumed = wingspan("resume", run_id).stderr
    assert "done     slow" in resumed
    assert "double " not in resumed


def test_ctrl_c_leaves_a_run_that_the_same_command_resumes(doubling):
    """Interrupted, it says so, leaves no process, and goes on when asked again."""
    command = [sys.executable, "-m", "wingspan", "run", "doubling.py", "--set", "seconds=0.7"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as first:
        assert "done" in first.stderr.readline()
        first.send_signal(signal.SIGINT)
        assert "run the same command to continue" in first.stderr.read()
    assert first.returncode == 130
    assert "1 step run, 1 up to date" in wingspan(*command[3:]).stderr


def test_exec_takes_requests_as_options_and_advises_by_them(doubling):
    """A wrong one is named; a job over its time is told which option to raise."""
    told = wingspan("exec", "--memory", "lots", "--", "true", check=2).stderr
    assert told.startswith(
        "error: wingspan exec: memory='lots' is invalid: expected a size above 0"
    )
    told = wingspan("exec", "--runtime", "1s", "--disk", "1GB", "--", "sleep", "60", check=1).stderr
    assert "-> ask for more: --runtime RUNTIME" in told
    assert "Resources" not in told + wingspan("status").stdout


def test_exec_runs_one_command_as_a_job(doubling):
    """No pipeline needed: output is printed, named files are kept."""
    (doubling.path / "work.py").write_text(
        "print('worked', 6 * 7)\nopen('out.txt', 'w').write('kept')\n"
    )
    done = wingspan("exec", "--output", "out.txt", "--", "python", "work.py")
    assert done.stdout == "worked 42\n"
    assert "+ python work.py\n" in done.stderr
    kept = done.stderr.split("out.txt: ")[1].split()[0]
    assert Path(kept).read_text() == "kept"


def test_exec_takes_each_word_for_what_it_is(doubling):
    """A script in a folder is found there; what is written is not read; dots and code are no files."""
    folder = doubling.path / "sub"
    folder.mkdir()
    (folder / "work.py").write_text("import sys\nopen(sys.argv[1], 'w').write(sys.argv[2])\n")
    (doubling.path / "out.txt").write_text("mine")
    code = "#" * 300
    done = wingspan(
        "exec", "--output", "out.txt", "--", "python", "sub/work.py", "out.txt", code, "", "."
    )
    kept = done.stderr.split("out.txt: ")[1].split()[0]
    assert Path(kept).read_text() == code
    assert (doubling.path / "out.txt").read_text() == "mine"


def test_help_starts_at_once():
    """Help loads no heavy library."""
    code = "import sys, wingspan.cli.main; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("numpy", "polars", "sklearn", "rich", "torch", "htcondor2"):
        assert f"'{heavy}'" not in loaded


def test_a_home_may_be_named(doubling, tmp_path):
    """--home and WINGSPAN_HOME move all that is left behind."""
    wingspan("run", "doubling.py", "--home", str(tmp_path / "a"))
    wingspan("run", "doubling.py", env={**os.environ, "WINGSPAN_HOME": str(tmp_path / "b")})
    assert (tmp_path / "a" / "store").is_dir()
    assert (tmp_path / "b" / "store").is_dir()
    assert not (doubling.path / ".wingspan").exists()


@pytest.mark.parametrize("width", [80, 160])
def test_the_list_of_runs_fits_the_terminal(monkeypatch, width):
    """Where the start does not fit on a run's line, it stands on the line below; nothing is lost."""
    monkeypatch.setenv("COLUMNS", str(width))
    row = {"run": "20261129-230523.0003-table-training-zvgx", "state": "failed", "done": 5}
    row |= {"steps": 14, "duration_s": 11.7, "started": "2026-11-29 23:05:23 UTC"}
    row |= {"parameters": {"csv": "loans.csv"}, "failed": ["fit[3,home]", "fit[5,amount]"]}
    lines = _lines([row])
    text = "\n".join(lines)
    assert all(len(line) <= width for line in text.splitlines())
    assert all(
        word in text for word in ("2026-11-29 23:05:23 UTC", "csv=loans.csv", "fit[5,amount]")
    )
    assert ("2026-11-29 23" in lines[0]) is (width == 160)
