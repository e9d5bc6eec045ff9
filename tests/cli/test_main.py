"""The command line answers at once and in words."""

import subprocess
import sys


def test_help_names_the_program():
    """``python -m wingspan --help`` works without any heavy library."""
    done = subprocess.run(
        [sys.executable, "-m", "wingspan", "--help"], capture_output=True, text=True, check=True
    )
    assert "Machine-learning workflows on HTCondor" in done.stdout
