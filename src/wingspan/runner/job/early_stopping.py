"""End a training early and keep the weights of its best epoch, also across restarts."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from wingspan.errors import SettingError
from wingspan.files import json_text
from wingspan.runner.job.inside import check_file_name, checkpoint_file, in_job
from wingspan.tracking.patience import Patience, Progress


class EarlyStopping:
    """Say when a training should end, by a metric of each epoch.

    ::

        stop = ws.EarlyStopping(patience=5, file="best.pt")
        for epoch in range(stop.epochs, 100):
            loss = train_one_epoch(model)
            if stop(loss, save=lambda file: torch.save(model.state_dict(), file)):
                break
        model.load_state_dict(torch.load(stop.file))

    In a run its state and the best weights are part of the step's checkpoint: `ws.checkpoint` keeps them together with
    what the step has written itself.

    Parameters
    ----------
    patience
        The training ends after this number of epochs in a row that are not better than the best one.
    min_delta
        A value is better only if it is better by more than this.
    goal
        ``"minimize"``, as for a loss, or ``"maximize"``, as for an accuracy.
    file
        Name of the file for the best weights, with the suffix that its writer expects. Two stoppers of one step need
        two names.

    Raises
    ------
    SettingError
        An option is out of its range.
    """

    def __init__(
        self,
        patience: int = 3,
        min_delta: float = 0.0,
        goal: str = "minimize",
        *,
        file: str = "best",
    ) -> None:
        self._progress = Progress(Patience(patience, min_delta, goal))
        check_file_name("ws.EarlyStopping", file)
        self._name = file
        self._file: Path | None = None
        if in_job():
            self._file = checkpoint_file(file)
            state = self._state()
            if state.exists():
                self._progress = replace(self._progress, **json.loads(state.read_text()))

    def __repr__(self) -> str:
        known = "no epoch yet" if self.best is None else f"best {self.best:g}"
        return f"<EarlyStopping: {known}, epoch {self.best_epoch} of {self.epochs}>"

    def __call__(self, value: float, save: Callable[[Path], object] | None = None) -> bool:
        """Record the metric of one epoch; return whether the training should end.

        Parameters
        ----------
        save
            Called with a file if this epoch is the best one so far: write the weights there.

        Raises
        ------
        SettingError
            The value is not a number.
        """
        given: object = save
        if given is not None and not callable(given):
            problem = f"expected a function as save, found {given!r}"
            fix = "write save=lambda file: torch.save(model.state_dict(), file)"
            raise SettingError("ws.EarlyStopping", problem, fix)
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            problem = f"expected a number, found {value!r}"
            raise SettingError(
                "ws.EarlyStopping", problem, "give the metric of the epoch"
            ) from error
        self._progress = self._progress.after(number)
        if self.improved and save is not None:
            save(self.file)
        if in_job():
            now = self._progress
            kept = {"epochs": now.epochs, "best": now.best, "best_epoch": now.best_epoch}
            kept |= {"wait": now.wait, "finite": now.finite}
            self._state().write_text(json_text(kept))
        return self.stopped

    def _state(self) -> Path:
        return checkpoint_file(f"{self._name}.early-stopping.json")

    @property
    def epochs(self) -> int:
        """Number of epochs, including those before a checkpoint that the step continues from."""
        return self._progress.epochs

    @property
    def best(self) -> float | None:
        """The best value; None before the first one."""
        return self._progress.best

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the best value, counted from 0; None before the first one."""
        return self._progress.best_epoch

    @property
    def wait(self) -> int:
        """Epochs since the best one."""
        return self._progress.wait

    @property
    def improved(self) -> bool:
        """Whether the last epoch is the best one so far."""
        return self._progress.improved

    @property
    def stopped(self) -> bool:
        """Whether the training should end."""
        return self._progress.ended

    @property
    def file(self) -> Path:
        """The file that `save` was called with: the weights of the best epoch."""
        if self._file is None:
            self._file = Path(tempfile.mkdtemp(prefix="wingspan-")) / self._name
        return self._file
