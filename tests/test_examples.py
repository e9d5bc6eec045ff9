"""The examples run as a new user runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.mark.usefixtures("unmeasured")
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
    assert "13 of 13 steps to run" in run(words, tmp_path).stdout
    assert "14 of 14 steps to run" in run([*words, "--set", "lstm=true"], tmp_path).stdout


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
    assert "9 of 9 steps to run" in done.stdout


@pytest.mark.usefixtures("unmeasured")
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
