"""Which mirrors a run has.

They are kept in its folder, so that a process that continues the run continues them. No API key is kept.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, TypeAlias

from wingspan.errors import SettingError, near
from wingspan.files import json_text, writing
from wingspan.runner.run_folder import RunFolder
from wingspan.tracking.wandb_client import Place, place_of, require_wandb

TENSORBOARD: Final = "tensorboard"
WANDB: Final = "wandb"
KNOWN: Final = (TENSORBOARD, WANDB)
Names: TypeAlias = str | list[str] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mirrors:
    """The mirrors of a run, and where W&B shows it."""

    names: tuple[str, ...]
    place: Place


def check(names: Names) -> tuple[str, ...]:
    """Return the names of mirrors, each once, in order.

    Raises
    ------
    SettingError
        There is no such mirror, or a package that it needs is missing.
    """
    given = [names] if isinstance(names, str) else list(names)
    for name in given:
        if name not in KNOWN:
            raise SettingError(f"--track {name}", "unknown mirror", near(name, KNOWN))
    if WANDB in given:
        require_wandb()
    return tuple(dict.fromkeys(given))


def want(
    folder: RunFolder, names: tuple[str, ...], environment: Mapping[str, str] = os.environ
) -> None:
    """Add mirrors to a run; that of W&B is where W&B's variables say now."""
    known = wanted(folder)
    place = place_of(str(folder.header["pipeline"]), environment)
    if known is not None and WANDB in known.names:
        place = known.place
    both = tuple(dict.fromkeys([*(known.names if known else ()), *names]))
    with writing(folder.mirrors):
        folder.tracking.mkdir(exist_ok=True)
        folder.mirrors.write_text(json_text({"names": both, "wandb": asdict(place)}))


def wanted(folder: RunFolder) -> Mirrors | None:
    """Return the mirrors of a run; None if it has none."""
    try:
        found = json.loads(folder.mirrors.read_text())
    except FileNotFoundError:
        return None
    return Mirrors(tuple(found["names"]), Place(**found["wandb"]))
