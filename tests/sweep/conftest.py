"""An environment of its own with W&B's package for sweeps, which needs an older NumPy."""

import subprocess
import sys

import pytest


@pytest.fixture(scope="session")
def wandb_python(tmp_path_factory):
    """Return the Python of that environment; without a package index the test is skipped, and says so."""
    folder = tmp_path_factory.mktemp("wandb")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin/python"
    call = [python, "-m", "pip", "install", "-q", "sweeps==0.3.0", "numpy<2"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(
            f"no package index, so nothing is compared with W&B's own: {done.stderr[-300:]}"
        )
    return python
