"""The long benchmark that is a promise about memory, as a test; the others are run by hand on a quiet machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_thirty_million_rows_need_no_more_memory_than_ten(tmp_path):
    """Preparation, evaluation and prediction of 30 M rows stay under 1 GB and within 1.2 times those of 10 M."""
    command = [sys.executable, str(ROOT / "benchmarks" / "loan_scale.py"), "--millions", "10,30"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks")}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stdout.splitlines() if ": memory " in line]
    assert len(lines) == 3, done.stdout + done.stderr
    for line in lines:
        growth, peak = (
            float(line.split("memory ")[1].split("x")[0]),
            float(line.split("1.2), ")[1].split(" MB")[0]),
        )
        assert growth <= 1.2, line
        assert peak <= 1024, line
