"""The studies of a run's sweeps, by the name of the sweep's step, read on demand."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from wingspan.errors import NotFoundError, near
from wingspan.planning.plan import PlannedStep, is_sweep
from wingspan.runner.trials.result import study_of
from wingspan.sweep.records import Trial
from wingspan.sweep.study import Study

_CALL = re.compile(r"(.+)\[(\d+)(?:\.(\d+))?\]")  # a trial, and which of its repeats
_REPEAT = re.compile(r"\.(\d+)\]$")


class Studies(Mapping[str, Study]):
    """A mapping from the names of a run's sweeps to their present trials."""

    def __init__(self, run_id: str, steps: Mapping[str, PlannedStep], folder: Path) -> None:
        self._run_id = run_id
        self._sweeps = {name: step for name, step in steps.items() if is_sweep(step)}
        self._folder = folder

    def __getitem__(self, name: str) -> Study:
        """Return the trials of a sweep.

        Raises
        ------
        NotFoundError
            The run has no such sweep, or the sweep has not begun.
        """
        if name not in self:
            problem = f"it has no sweep {name!r}"
            raise NotFoundError(f"run {self._run_id}", problem, near(name, self._sweeps))
        return study_of(self._sweeps[name], self._folder)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._sweeps

    def __iter__(self) -> Iterator[str]:
        return iter(self._sweeps)

    def __len__(self) -> int:
        return len(self._sweeps)

    def trial(self, call: str) -> Trial | None:
        """Return the trial of a call by a name such as ``fit[3]``, or None."""
        named = _CALL.fullmatch(call)
        if named is None or named[1] not in self._sweeps:
            return None
        trials, number = self[named[1]].trials, int(named[2])
        return next((trial for trial in trials if trial.number == number), None)

    def key_of(self, call: str) -> str:
        """Return the key of a trial's call by a name such as ``fit[3]``; empty without such a trial."""
        trial = self.trial(call)
        repeated = _REPEAT.search(call)
        repeat = int(repeated[1]) if repeated else 0
        return trial.keys[repeat] if trial is not None and repeat < len(trial.keys) else ""

    @property
    def only(self) -> str:
        """The name of the run's only sweep.

        Raises
        ------
        NotFoundError
            The run has no sweep, or several.
        """
        names = list(self._sweeps)
        if len(names) != 1:
            problem = f"it has {len(names) or 'no'} sweeps{': ' if names else ''}{', '.join(names)}"
            fix = f"choose one: run.studies[{names[0]!r}]" if names else "declare one: p.sweep(...)"
            raise NotFoundError(f"run {self._run_id}", problem, fix)
        return names[0]
