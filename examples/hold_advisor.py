"""The advisor on held jobs, from event logs: each model is a step of its own, here or on a pool.

wingspan run examples/hold_advisor.py --set logs=EventLog
wingspan run examples/hold_advisor.py --set logs=EventLog --set lstm=true --set hidden=128 --on htcondor
wingspan holds advise EventLog --model FOLDER      # the folder that the step "save" made
"""

from pathlib import Path

import wingspan as ws
from wingspan.recipes.hold_advisor import HoldAdvisor, hold_advisor


def pipeline(
    logs: Path = Path("EventLog"),
    truth: Path | None = None,
    lstm: bool = False,
    ablations: bool = False,
    hidden: int = 64,
    cpus: int = 1,
    gpus: int = 0,
) -> ws.Pipeline:
    """Declare the workflow; `logs` is one log or a folder of logs. Its results are ``evaluate`` and ``save``."""
    found = sorted(logs.iterdir()) if logs.is_dir() else [logs]
    return hold_advisor(
        HoldAdvisor(
            found,
            truth,
            lstm=lstm,
            ablations=ablations,
            settings={"hidden": str(hidden)},
            cpus=cpus,
            gpus=gpus,
        )
    )
