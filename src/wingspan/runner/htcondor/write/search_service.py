"""Write the lines of a DAG that start its search. Pure.

HTCondor keeps that job alive while DAGMan runs.
"""

import os
import sys
from collections.abc import Mapping
from typing import Final

from wingspan.runner.job.process import FIXED_HASHES

LOCAL, SCHEDULER = "local", "scheduler"  # universes of jobs that run on the access point
_STARTS: Final = 20  # of a search that crashes each time
_MODULE: Final = "wingspan.runner.htcondor.serve.service"
_NAME: Final = "search"


def service_lines(universe: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the lines; `environment` is that of the process that submits."""
    given = dict(FIXED_HASHES)
    if "PYTHONPATH" in environment:
        given["PYTHONPATH"] = environment["PYTHONPATH"]
    variables = " ".join(f"{name}={_quoted(value)}" for name, value in given.items())
    commands = {
        "universe": universe,
        "executable": sys.executable,
        "arguments": f"-P -m {_MODULE}",
        "transfer_executable": "false",
        "environment": f'"{variables}"',
        "output": "logs/search.out",
        "error": "logs/search.err",
        "on_exit_remove": f"(ExitBySignal =?= false && ExitCode =?= 0) || NumJobStarts >= {_STARTS}",
    }
    return [
        "# The search gives the lanes of sweeps their trials, and stops those that others beat; it runs on the access point.",
        f"SERVICE {_NAME} {{",
        *(f"  {name} = {value}" for name, value in commands.items()),
        "}",
    ]


def _quoted(value: str) -> str:
    """Return a value as submit descriptions have it within the environment's quotes."""
    inside = value.replace('"', '""').replace("'", "''")
    return f"'{inside}'"
