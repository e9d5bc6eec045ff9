"""Options of the commands that train an LSTM: its size and its controls."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.errors import SettingError

if TYPE_CHECKING:
    from wingspan.advisor.samples.samples import Samples
    from wingspan.advisor.samples.split import Split
    from wingspan.recipes.hold_judging import Entrants

Lstm = Annotated[
    bool, typer.Option("--lstm", help="Also train an LSTM; takes minutes of CPU and needs torch.")
]
Network = Annotated[
    str | None, typer.Option(help="Your own network class, as module:Class, in place of the LSTM.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Size of the LSTM: hidden=128, m=20, ..."),
]
Ablations = Annotated[
    bool,
    typer.Option(
        "--ablations",
        help="Also train the LSTM without context, with shuffled time, and with shuffled labels.",
    ),
]


@dataclass(frozen=True, slots=True)
class Choice:
    """The LSTM that the options request."""

    lstm: bool = False
    network: str | None = None
    settings: Sequence[str] = ()
    ablations: bool = False

    def __post_init__(self) -> None:
        if not self.lstm and (self.network or self.settings or self.ablations):
            problem = "--network, --set and --ablations need the LSTM"
            raise SettingError("wingspan holds", problem, "add --lstm")
        if self.lstm:
            self._check()

    def _check(self) -> None:
        """Refuse invalid options before minutes are spent on reading logs."""
        from wingspan.advisor.models.network import check_torch, find_network
        from wingspan.advisor.models.sequence import sized

        check_torch()
        sized(_pairs(self.settings), self.network)
        if self.network:
            import_from_here()
            find_network(self.network)

    def entrants(self, samples: "Samples", split: "Split") -> "Entrants":
        """Return the fits; none, with a note on stderr, if there is too little data to train on."""
        from wingspan.recipes.hold_judging import Entrants

        if not self.lstm:
            return Entrants({}, {})
        from wingspan.advisor.judging.contest import LEAST, enough_to_learn
        from wingspan.advisor.models.sequence import (
            LSTM,
            controls,
            lstm,
            sized,
        )

        config, layout = sized(_pairs(self.settings), self.network)
        if not enough_to_learn(samples, split.train):
            print(f"LSTM left out: fewer than {LEAST} incidents, or one outcome", file=sys.stderr)
            return Entrants({}, {})
        more = {LSTM: lstm(config, layout)}
        return Entrants(more, controls(config, layout) if self.ablations else {})


def import_from_here() -> None:
    """Add the current folder to the import path, so that ``module:Class`` is found there."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)


def _pairs(settings: Sequence[str]) -> dict[str, str]:
    for each in settings:
        if "=" not in each:
            problem = f"expected NAME=VALUE, found {each!r}"
            raise SettingError("--set", problem, "write it like --set hidden=128")
    return dict(each.split("=", 1) for each in settings)
