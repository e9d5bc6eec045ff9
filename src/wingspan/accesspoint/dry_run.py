"""Let condor_submit read a submit description without submitting anything."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from wingspan.accesspoint.bindings import bindings
from wingspan.errors import PoolError

_LIMIT_S = 30.0


def refusal_of(description: str) -> str:
    """Return condor_submit's message about a description that it refuses.

    The text is empty if condor_submit accepts the description or is not installed.

    Parameters
    ----------
    description
        Lines of a submit description without a queue statement; files that it names need not exist.
    """
    program = _program()
    if program is None:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("results", "logs", "jobs"):
            (Path(folder) / name).mkdir()
        for name in ("job.sh", "jobs/job.json"):
            (Path(folder) / name).write_text("#!/bin/sh\n")
            (Path(folder) / name).chmod(0o755)
        (Path(folder) / "job.sub").write_text(f"JOB = job\n{description}queue\n")
        command = [program, "-dry-run", "answer", "job.sub"]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
    if done.returncode == 0:
        return ""
    lines = [line.removeprefix("ERROR:").strip() for line in done.stderr.splitlines()]
    return next((line for line in lines if line and "WARNING" not in line), "")


def _program() -> str | None:
    """Return the path of condor_submit, as the pool's configuration says it."""
    found = shutil.which("condor_submit")
    if found is not None:
        return found
    try:
        return shutil.which("condor_submit", path=str(bindings().param.get("BIN", "")))
    except PoolError:
        return None
