"""Decide what jobs know of W&B.

They get no key, and W&B's client works offline in the job's own folder.
"""

from collections.abc import Mapping
from typing import Final

_KEPT_BACK: Final = frozenset({
    "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE",  # secrets
    "WANDB_DIR", "WANDB_RUN_ID", "WANDB_NAME", "WANDB_RESUME", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH",
})  # fmt: skip
_OFF: Final = "disabled"


def for_jobs(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of jobs.

    Each point that a script logs with W&B's client is in the client's file within a second.

    >>> for_jobs({"WANDB_API_KEY": "secret", "A": "1"})["A"]
    '1'
    """
    kept = {name: value for name, value in environment.items() if name not in _KEPT_BACK}
    if kept.get("WANDB_MODE") != _OFF:
        kept["WANDB_MODE"] = "offline"
    return {**kept, "WANDB_SILENT": "true", "WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL": "1"}
