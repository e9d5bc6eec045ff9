"""The loan-default workflow: read, prepare, split, fit two models side by side, evaluate, choose.

wingspan run examples/loan_default.py --set csv=loan_data.csv
wingspan plan examples/loan_default.py --set csv=loan_data.csv --set test_size=0.3
"""

from pathlib import Path

import wingspan as ws
from wingspan.recipes.table_training import LOANS, Training, table_training


def pipeline(
    csv: Path = Path("loan_data.csv"),
    target: str = "loan_status",
    test_size: float = 0.2,
    compatibility: bool = False,
    shards: int = 1,
) -> ws.Pipeline:
    """Declare the workflow; its results are ``evaluate[...]`` and ``choose_best``, a `Best`."""
    return table_training(
        Training(
            data=csv,
            target=target,
            estimators={name: name for name in LOANS},
            select=("precision", "f1"),
            validation=0.0,
            test_size=test_size,
            compatibility=compatibility,
            shards=shards,
        )
    )
