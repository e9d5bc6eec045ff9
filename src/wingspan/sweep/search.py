"""Choose the next parameters and the trials to stop.

Both are a function of the spec and of the journal's entries so far.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from wingspan.sweep.distributions import Json
from wingspan.sweep.draws import flat_values, grid_values, quasi_random_shares, random_shares
from wingspan.sweep.prune import wandb_stops
from wingspan.sweep.records import COMPLETE, RUNNING, Entry, Ledger
from wingspan.sweep.space import Space
from wingspan.sweep.spec import Spec

if TYPE_CHECKING:
    from wingspan.sweep.model import Model

LEARNING: Final = {"tpe", "cma-es"}
_OWN_RULES: Final = {"none", "wandb"}
DRAWS: Final[Mapping[str, Callable[[Space, int, int, int], dict[str, Json]]]] = {
    # searches that learn nothing: values by space, seed, trial number, and place after the start points
    "grid": lambda space, _seed, _number, place: grid_values(space, place),
    "random": lambda space, seed, number, _: flat_values(space, random_shares(space, seed, number)),
    "quasi-random": lambda space, seed, _, place: flat_values(
        space, quasi_random_shares(space, seed, place)
    ),
}


def blind_values(spec: Spec, number: int) -> dict[str, Json]:
    """Return random values by dotted name, from the study's seed and the trial's number."""
    return flat_values(spec.space, random_shares(spec.space, spec.seed, number))


class Search:
    """Draws for one study; it takes each entry after the ledger has taken it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._spec = ledger.spec
        self._learns = self._spec.search in LEARNING
        self._prunes = self._spec.prune.rule not in _OWN_RULES
        self._made: Model | None = None
        self._waits = self._spec.prune.options.get("first", 1) is None  # for a complete trial
        self._reported: dict[int, int] = {}
        self._stopped: set[int] = set()

    def draw(self, number: int) -> tuple[dict[str, Json], Mapping[str, Any]]:
        """Return a new trial's values by dotted name, and its point if the search has one."""
        space, spec = self._spec.space, self._spec
        place = number - len(spec.start)
        if place < 0:
            drawn = flat_values(space, random_shares(space, spec.seed, number))
            return drawn | dict(spec.start[number]), {}
        if self._learns:
            return self._model().draw(number)
        return DRAWS[spec.search](space, spec.seed, number, place), {}

    def draw_blindly(self, number: int) -> dict[str, Json]:
        """Return a new trial's values by dotted name, without learning from other trials."""
        if self._learns and number >= len(self._spec.start):
            return blind_values(self._spec, number)
        return self.draw(number)[0]

    def follow(self, entry: Entry) -> None:
        """Take an entry that was new to the ledger."""
        if not (self._learns or self._prunes) or entry.get("repeat"):
            self._settle(entry)
            return
        event = entry["event"]
        if event == "draw":
            record = self._ledger.records[entry["number"]]
            self._model().add(record)
            if record.same_as is not None:  # the earlier trial may have ended already
                self._finish(record.number)
        elif event == "report":
            self._judge(entry["number"])
        elif event == "ended":
            self._judge(entry["number"])
            self._stopped.discard(entry["number"])
            self._settle(entry)
            self._measure(entry["number"])

    def stops(self) -> set[int]:
        """Return the running trials that must stop; a decision to stop is final."""
        if self._spec.prune.rule == "wandb":
            self._judge_all()
        records = self._ledger.records
        return {number for number in self._stopped if records[number].call(0).state == RUNNING}

    def _judge_all(self) -> None:
        """Apply W&B's rule, which judges every running trial again."""
        records = [each for each in self._ledger.records if each.same_as is None]
        running = [each.number for each in records if each.call(0).state == RUNNING]
        sign = 1 if self._spec.least_first else -1
        curves = {
            each.number: [sign * value for value in each.call(0).curve.values()] for each in records
        }
        self._stopped.update(wandb_stops(self._spec.prune, curves, running))

    def _model(self) -> "Model":
        if self._made is None:
            from wingspan.sweep.model import Model

            self._made = Model(self._spec)
        return self._made

    def _judge(self, number: int) -> None:
        """Give a trial's new reports to the rule, one by one."""
        if not self._prunes:
            return
        curve = list(self._ledger.records[number].call(0).curve.values())
        for count in range(self._reported.get(number, 0), len(curve)):
            if self._model().stops(number, count + 1, curve[count]):
                self._stopped.add(number)
        self._reported[number] = len(curve)

    def _measure(self, number: int) -> None:
        """Make the model again once a complete trial gives the rule the length of a curve."""
        call = self._ledger.records[number].call(0)
        if not self._waits or not call.curve or call.state != COMPLETE:
            return
        from wingspan.sweep.model import Model

        self._waits, self._made = False, Model(self._spec, len(call.curve))
        self._reported.clear()
        for record in self._ledger.records:
            self._made.add(record)
        for record in self._ledger.records:
            if record.same_as is None:
                self._judge(record.number)
            self._finish(record.number)

    def _settle(self, entry: Entry) -> None:
        """Record how a trial ended, and with it the trials that equal it."""
        if self._made is None or entry["event"] != "ended":
            return
        for record in self._ledger.records[entry["number"] :]:
            if entry["number"] in (record.number, record.same_as):
                self._finish(record.number)

    def _finish(self, number: int) -> None:
        trial = self._ledger.trial(number)
        if trial.state != RUNNING:
            self._model().finish(number, trial)
