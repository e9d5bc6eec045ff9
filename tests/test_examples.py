"""The examples run as a new user runs them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.runner.htcondor.dag_folder import newest
from wingspan.runner.htcondor.follow.dag_logs import dag_over

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(command, folder):
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_demo_trains_deploys_and_predicts(tmp_path):
    """It ends with a deployed model and a prediction for each new row; a second time nothing is computed."""
    first = run([str(EXAMPLES / "demo.py")], tmp_path)
    assert "100 new rows" in first.stdout
    assert (tmp_path / "demo" / "models" / "credit" / "current").read_text() == "1\n"
    assert len((tmp_path / "demo" / "predictions.csv").read_text().splitlines()) == 101
    again = run([str(EXAMPLES / "demo.py")], tmp_path)
    assert ", 0 steps run" in again.stderr
    assert again.stdout.partition("run  ")[0] == first.stdout.partition("run  ")[0]


def test_the_advisors_example_plans(tmp_path):
    """The workflow is declared for a log or a folder of logs, with the LSTM where it is asked for."""
    (tmp_path / "logs").mkdir()
    for name in ("one", "two"):
        (tmp_path / "logs" / name).write_text("")
    words = ["-m", "wingspan", "plan", str(EXAMPLES / "hold_advisor.py"), "--set", "logs=logs"]
    assert "15 of 15 steps to run" in run(words, tmp_path).stdout
    assert "16 of 16 steps to run" in run([*words, "--set", "lstm=true"], tmp_path).stdout


def test_the_loan_example_plans(tmp_path):
    """The workflow is declared for any table of that shape."""
    (tmp_path / "loans.csv").write_text(
        "id,income,grade,loan_status\n"
        + "".join(f"{i},{i * 7 % 90},AB,{i % 2}\n" for i in range(50))
    )
    done = run(
        ["-m", "wingspan", "plan", str(EXAMPLES / "loan_default.py"), "--set", "csv=loans.csv"],
        tmp_path,
    )
    assert "8 of 8 steps to run" in done.stdout


@pytest.mark.long
def test_the_grid_is_a_table_of_30_rows(tmp_path):
    """Every combination once, best first, as CSV too."""
    rows = "\n".join(f"{i},{i % 7},{(i * 5) % 11},{int(i % 7 > 3)}" for i in range(120))
    (tmp_path / "loans.csv").write_text(f"id,income,amount,loan_status\n{rows}\n")
    words = ["-m", "wingspan", "run", str(EXAMPLES / "logistic_grid.py"), "--set", "csv=loans.csv"]
    assert "30 of 30 trials, best accuracy" in run(words, tmp_path).stderr
    shown = run(["-m", "wingspan", "sweep", "show", "--csv"], tmp_path).stdout
    header, *table = shown.strip().splitlines()
    assert header == "number,state,accuracy,C,max_iter,penalty,solver,reports,attempts,wall_s"
    settings = {tuple(line.split(",")[3:7]) for line in table}
    assert len(table) == len(settings) == 30
    values = [float(line.split(",")[2]) for line in table]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.9


def loans(folder):
    """Write a table to learn from, and new rows."""
    rows = [f"{i % 7},{(i * 5) % 11},{int(i % 7 > 3)}" for i in range(200)]
    (folder / "loans.csv").write_text("\n".join(["income,amount,default", *rows, ""]))
    (folder / "new.csv").write_text("income,amount\n6,1\n0,1\n")


@pytest.mark.long
def test_the_sweep_to_predictions(tmp_path):
    """The best model is judged on sealed rows, deployed, and used."""
    loans(tmp_path)
    example = str(EXAMPLES / "sweep_to_predictions.py")
    run(["-m", "wingspan", "run", example, "--set", "trials=3", "--set", "epochs=2"], tmp_path)
    check_predictions(tmp_path)


def check_predictions(folder):
    """Compare what the last run has made with what it should."""
    done = ws.open_run(home=folder / ".wingspan")
    assert done.state == "done"
    assert done["deploy"].card["trials"] == len(done.study.trials)
    assert done["deploy"].card["accuracy"] > done["deploy"].card["guess"]
    assert done["predict"]["prediction"].to_list() == [1, 0]


@pytest.mark.long
@pytest.mark.htcondor
def test_the_sweep_to_predictions_goes_on_while_the_terminal_is_closed(pool, wait_until):
    """Submitted, its process killed, and collected by `status` once DAGMan has left."""
    folder = pool.folder / "tests" / "sweep_to_predictions"
    folder.mkdir(parents=True)
    loans(folder)
    example = str(EXAMPLES / "sweep_to_predictions.py")
    words = ["--set", "trials=4", "--set", "epochs=3", "--on", "htcondor", "--background"]
    run(["-m", "wingspan", "run", example, *words], folder)
    submitted = ws.open_run(home=folder / ".wingspan")
    wait_until(lambda: newest(submitted.folder) is not None, 60)
    if submitted.folder.driven():
        os.kill(submitted.folder.driver()[0], signal.SIGKILL)
    wait_until(lambda: dag_over(newest(submitted.folder)), 200)
    said = run(["-m", "wingspan", "status"], folder).stdout
    assert "predict" in said
    check_predictions(folder)
