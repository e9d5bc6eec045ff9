"""Show a study to its user: trials, the best one, a table.

Reading needs no lock and changes nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import NotFoundError
from wingspan.files import json_text
from wingspan.shown import brief, counted, in_markup, shown_name
from wingspan.sweep.importance import Importance, importance
from wingspan.sweep.journal import keys_in, read_journal, readable
from wingspan.sweep.records import COMPLETE, PRUNED, RUNNING, STATES, Ledger, Trial, is_closed
from wingspan.sweep.spec import Spec

if TYPE_CHECKING:
    import polars as pl

_LISTED = 10  # trials that the text of a study has
_WIDEST = 200  # characters of a trial's line


@dataclass(frozen=True, slots=True)
class Study:
    """All trials of a sweep, by number."""

    spec: Spec = field(repr=False)
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial | None:
        """The complete trial with the best value, or None.

        Of two equal trials it is the earlier one.
        """
        return self.chosen()

    def chosen(self, confirm: int = 0) -> Trial | None:
        """Return the best complete trial; with `confirm`, the best of the confirmed ones."""
        ranked = best_first(self.trials, self.spec)
        calls = self.spec.repeats
        confirmed = [each for each in ranked[:confirm] if len(each.values) > calls]
        means = sorted(confirmed, key=lambda each: self._sign * (each.value or 0.0))
        return means[0] if means else ranked[0] if ranked else None

    def begun(self) -> "Study":
        """Return the study without the trials that were only drawn."""
        begun = (each for each in self.trials if each.attempts or each.state != RUNNING)
        return Study(self.spec, tuple(begun))

    @property
    def counts(self) -> dict[str, int]:
        """The number of trials in each state."""
        found = Counter(each.state for each in self.trials)
        return {state: found[state] for state in STATES}

    @property
    def used_s(self) -> float:
        """Slot time of all calls that have ended."""
        return sum(each.wall_s for each in self.trials)

    @property
    def saved_s(self) -> float:
        """Slot time that pruning saved, estimated.

        A pruned trial saved what it lacks to the median complete one.
        """
        usual = sorted(each.wall_s for each in self.trials if each.state == COMPLETE)
        pruned = [each.wall_s for each in self.trials if each.state == PRUNED]
        return sum(max(usual[len(usual) // 2] - each, 0.0) for each in pruned) if usual else 0.0

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict a trial, with parameters by dotted name.

        The best trial is first; trials without a value are last.
        """
        return [self._row(each) for each in self._ordered]

    def table(self) -> "pl.DataFrame":
        """Return `rows` as a polars table; values other than numbers and text are JSON."""
        import polars as pl

        rows = self.rows()
        plain = str | int | float | bool | None
        columns: dict[str, list[Any]] = {name: [] for row in rows[:1] for name in row}
        for row in rows:
            for name, value in row.items():
                columns[name].append(value if isinstance(value, plain) else json_text(value))
        mixed = {
            name: values
            for name, values in columns.items()
            if len({_kind(value) for value in values} - {None}) > 1
        }
        texts = {
            name: [
                None if each is None else each if isinstance(each, str) else json_text(each)
                for each in values
            ]
            for name, values in mixed.items()
        }
        return pl.DataFrame(columns | texts, strict=False)

    def importance(self) -> Importance | None:
        """Return how much each parameter matters, or None below 30 complete trials."""
        return importance(self.spec, self.trials)

    def pictures(self) -> dict[str, str]:
        """Return pictures as SVG by name.

        The names are curves, parallel, importance and slices; a picture with nothing to show is left out.
        """
        from wingspan.sweep.pictures import pictures

        best = None if self.best is None else self.best.number
        return pictures(self.spec, self.trials, best, self.importance())

    def summary(self) -> str:
        """Return one line with trials by state, and the best trial with its parameters."""
        states = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        best = self.best
        if best is None:
            return f"{counted(len(self.trials), 'trial')}: {states or 'none yet'}"
        flat = self.spec.space.flat(best.parameters)
        given = brief(", ".join(f"{name}={_short(value)}" for name, value in flat.items()), _WIDEST)
        return f"{counted(len(self.trials), 'trial')}: {states}; best {self.spec.metric} {best.value:g} (trial {best.number}: {given})"

    def __repr__(self) -> str:
        lines = [self._line(each) for each in self._ordered[:_LISTED]]
        left = len(self.trials) - len(lines)
        more = [f"  and {left:,} more: study.table() has all"] if left else []
        return "\n".join([f"Study: {self.summary()}", *lines, *more])

    def _line(self, trial: Trial) -> str:
        flat = self.spec.space.flat(trial.parameters)
        given = ", ".join(f"{name}={_short(value)}" for name, value in flat.items())
        complete = trial.state == COMPLETE and trial.value is not None
        value = f"{trial.value:g}" if complete else trial.state
        return brief(shown_name(f"  trial {trial.number}: {value}  {given}"), _WIDEST)

    def _repr_html_(self) -> str:
        return "".join([f"<p>{in_markup(self.summary())}</p>", *self.pictures().values()])

    @property
    def _ordered(self) -> list[Trial]:
        """The complete trials, best first, then the others."""
        others = [each for each in self.trials if each.state != COMPLETE]
        return [*best_first(self.trials, self.spec), *others]

    @property
    def _sign(self) -> int:
        return 1 if self.spec.least_first else -1

    def _row(self, trial: Trial) -> dict[str, Any]:
        known = {"number": trial.number, "state": trial.state, self.spec.metric: trial.value}
        flat = self.spec.space.flat(trial.parameters)
        return {
            **known,
            **{name: value for name, value in flat.items() if name not in known},
            **{f"parameters.{name}": value for name, value in flat.items() if name in known},
            "reports": len(trial.curve),
            "attempts": trial.attempts,
            "wall_s": trial.wall_s,
        }


def _short(value: object) -> str:
    """Return a value for a line that is looked at: a float with the digits that matter."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _kind(value: object) -> str | None:
    if value is None:
        return None
    return (
        "number"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else type(value).__name__
    )


def best_first(trials: Iterable[Trial], spec: Spec) -> list[Trial]:
    """Return the complete trials, best first, compared by the calls that all of them have."""
    sign = 1 if spec.least_first else -1

    def rank(trial: Trial) -> tuple[float, int]:
        values = trial.values[: spec.repeats]
        return sign * sum(values) / len(values), trial.number

    return sorted((each for each in trials if each.state == COMPLETE), key=rank)


def keys_of(folder: Path) -> frozenset[str]:
    """Return the keys of all calls of a study's trials; none if the study does not exist."""
    try:
        return frozenset(keys_in(read_journal(folder)[1]))
    except NotFoundError:
        return frozenset()


def numbers_given(folder: Path) -> dict[str, int]:
    """Return the numbers of trials that were drawn elsewhere, by origin.

    See `OpenStudy.draw_given`.
    """
    try:
        entries = read_journal(folder)[1]
    except NotFoundError:
        return {}
    return {each["origin"]: each["number"] for each in entries if "origin" in each}


def read_study(folder: Path, limit: int | None = None, sweep: str = "") -> Study:
    """Return the study of a folder as it is now, of its first `limit` trials.

    Parameters
    ----------
    sweep
        Key of the sweep that looks: once it draws no more, trials that were drawn and not begun are left out.

    Raises
    ------
    NotFoundError
        The study does not exist.
    """
    written, entries = read_journal(folder)
    with readable(folder):
        spec = Spec.from_json(written)
        ledger = Ledger(spec, entries)
        seen = Study(spec, tuple(ledger.trials(limit)))
    return seen.begun() if sweep and is_closed(ledger.marks, sweep) else seen
