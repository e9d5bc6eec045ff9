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
    assert "7 of 7 steps to run" in done.stdout
