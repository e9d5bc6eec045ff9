"""``wingspan sweep``: a W&B file searches its program, or a step of a pipeline; trials are listed and ended."""

import csv
import io
import json

import pytest
from typer.testing import CliRunner

import wingspan as ws
from wingspan.cli.main import app
from wingspan.errors import WingspanError

FILE = """\
program: train.py
method: grid
metric:
  name: score
  goal: maximize
parameters:
  rate:
    values: [0.1, 0.2, 0.4]
  size:
    value: 3
"""
TRAIN = """\
import argparse, json
from helper import scaled
parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--size", type=int)
given = parser.parse_args()
json.dump({"score": scaled(given.rate) * given.size}, open("result.json", "w"))
"""
LOANS = """
    import wingspan as ws

    def load(size: int) -> list[int]:
        return list(range(size))

    def fit(table: list[int], rate: float, size: int = 1) -> dict[str, float]:
        return {"score": rate * size + len(table)}

    def pipeline(rows: int = 2) -> ws.Pipeline:
        p = ws.Pipeline("loans")
        p.step(fit, p.step(load, rows), rate=0.3)
        return p
"""


def ask(*words, code=0):
    """Give a command and return what it prints; a WingspanError is raised."""
    done = CliRunner().invoke(app, ["sweep", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def files(project):
    (project.path / "sweep.yaml").write_text(FILE)
    (project.path / "train.py").write_text(TRAIN)
    (project.path / "helper.py").write_text("def scaled(x):\n    return 2 * x\n")
    (project.path / "unused.py").write_text("raise SystemExit(1)\n")
    return project


def test_a_program_is_searched_without_any_python_of_wingspan(files):
    """The module that it imports travels along; the best trial is printed."""
    said = ask("sweep.yaml", "--output", "result=result.json")
    assert "best score 2.4, trial" in said
    assert "rate=0.4" in said
    run = ws.open_run()
    assert run.study.counts["complete"] == 3
    assert json.loads(run["train"].result.read_text()) == {"score": pytest.approx(2.4)}
    assert set(run.steps["train"].action["files"]) == {"train.py", "helper.py"}
    done = CliRunner().invoke(app, ["logs", f"train[{run.study.best.number}]"])
    assert done.output.startswith("+ /usr/bin/env python train.py --rate=0.4 --size=3")
    assert "0 steps run" in ask("sweep.yaml", "--output", "result=result.json")


def test_the_trials_are_listed(files):
    """Best first, as a table, JSON or CSV; --trials of a grid are its first."""
    ask("sweep.yaml", "--trials", 2, "--output", "result=result.json")
    lines = ask("show").splitlines()
    assert lines[0].startswith("sweep train: 2 complete")
    assert lines[1].split()[:3] == ["number", "state", "score"]
    rows = json.loads(ask("show", "last", "--json"))
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    listed = list(csv.DictReader(io.StringIO(ask("show", "--csv"))))
    assert [float(row["rate"]) for row in listed] == [row["rate"] for row in rows]


def test_a_step_of_a_pipeline_is_searched(files):
    """The step that takes the file's parameters; the pipeline's own parameters are set as for a run."""
    files.write(loans=LOANS)
    said = ask("sweep.yaml", "--pipeline", "loans.py", "--set", "rows=5")
    assert "best score 6.2" in said
    assert ws.open_run()["fit"] == {"score": pytest.approx(6.2)}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nosuch.yaml"], "nosuch.yaml"),
        (["sweep.yaml", "--set", "rows=5"], "it needs a pipeline"),
        (["sweep.yaml", "--step", "fit"], "it needs a pipeline"),
        (["sweep.yaml", "--output", "result"], "expected NAME=PATH"),
        (["sweep.yaml", "--pipeline", "loans.py", "--step", "fitt"], "did you mean fit"),
        (["show", "last", "--step", "fit"], "no run"),
    ],
)
def test_bad_input(files, words, told):
    """One message says what to do."""
    files.write(loans=LOANS)
    with pytest.raises(WingspanError, match=told):
        ask(*words)


def test_a_program_that_is_not_there(files):
    """The near names are listed."""
    (files.path / "train.py").rename(files.path / "training.py")
    with pytest.raises(WingspanError, match=r"no file train\.py"):
        ask("sweep.yaml")


def test_a_sweep_is_ended(files):
    """The run is marked; what draws looks at the mark."""
    ask("sweep.yaml", "--output", "result=result.json")
    assert "its sweeps end" in ask("end")
    assert ws.open_run().folder.end_sweeps.exists()
