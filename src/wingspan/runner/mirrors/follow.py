"""Bring the mirrors of a run up to date: once, or in a process as long as the run goes on.

A run never waits for a mirror, and no mirror fails a run. The next `sync` sends what could not be sent.
"""

import fcntl
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from wingspan.errors import ConflictError, NotFoundError
from wingspan.runner.mirrors.gather import Gathering
from wingspan.runner.mirrors.wanted import WANDB, Mirrors, wanted
from wingspan.runner.run import Run
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.tracking import tensorboard
from wingspan.tracking.tracked import Compared, Tracked
from wingspan.tracking.wandb_client import NotSentError, WandbMirror, entity_of

_LOOK_S = 1.0  # between looks at a run
_AGAIN_S = 60.0  # until the next try of a server that was not reached
_FAILURES = 3  # in a row, which means that the server is gone


class _EventFiles:
    """TensorBoard's files of a run."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder.tensorboard
        self._known: dict[str, str] = {}

    def update(self, one: Tracked) -> None:
        if self._known.get(one.id) != one.digest:
            tensorboard.update(self._folder, one)
            self._known[one.id] = one.digest

    def compared(self, one: Tracked) -> Compared:
        return tensorboard.compared(self._folder, one)

    def close(self) -> None:
        """Do nothing: files are closed after each update."""


def sync(run: Run) -> list[str]:
    """Bring the mirrors of a run up to date; return what could not be sent, and why.

    Raises
    ------
    NotFoundError
        The run has no mirrors.
    ConflictError
        Another process brings them up to date now.
    """
    chosen = _chosen(run)
    with _alone(run.folder):
        return _bring(run, chosen, live=False)


class Checked(NamedTuple):
    """What a run's mirrors lack, and what they do not show and so could not be compared."""

    problems: list[str]
    unseen: list[str]


def check(run: Run) -> Checked:
    """Compare the mirrors of a run with its record: every point once, in order, with its value.

    Raises
    ------
    NotFoundError
        The run has no mirrors.
    """
    chosen, looked = _chosen(run), Gathering(run).look()
    found: list[str] = []
    unseen: list[str] = []
    for name in chosen.names:
        try:
            mirror = _mirror(name, run.folder, chosen)
        except NotSentError as error:
            found.append(f"{name}: {error.problem}\n  -> {error.fix}")
            continue
        said = [(one.name, mirror.compared(one)) for one in looked]
        found += [f"{name}: {step}: {each.problem}" for step, each in said if each.problem]
        hidden = Counter(part for _, each in said for part in each.unseen)
        unseen += [f"{name}: the server does not show {part} ({count} {'run' if count == 1 else 'runs'})" for part, count in hidden.items()]  # fmt: skip
        mirror.close()
    return Checked(found, unseen)


def places(run: Run) -> list[str]:
    """Return where a run is shown, one line per mirror; for W&B also the page of each sweep."""
    chosen, found = _chosen(run), []
    for name in chosen.names:
        if name == WANDB:
            found += _pages(run, chosen)
        else:
            found.append(f"tensorboard --logdir {shlex.quote(str(run.folder.tensorboard))}")
    return found


def _pages(run: Run, chosen: Mirrors) -> list[str]:
    """Return the addresses of W&B's pages: of the project, and of each group of trials."""
    site = chosen.place.base_url.rstrip("/") or "https://wandb.ai"
    entity = chosen.place.entity or entity_of(run.folder.tracking)
    project = f"{site}/{quote(entity)}/{quote(chosen.place.project)}" if entity else site
    groups = {one.group for one in Gathering(run).look() if one.kind == "sweep"}
    pages = [f"{project}/groups/{quote(group)}/workspace" for group in sorted(groups) if entity]
    return [f"wandb: project {chosen.place.project} at {project}", *(f"wandb: sweep at {page}" for page in pages)]  # fmt: skip


def follow(run: Run) -> None:
    """Keep the mirrors of a run up to date until it is over."""
    with _alone(run.folder):
        for problem in _bring(run, _chosen(run), live=True):
            print(problem, flush=True)  # noqa: T201 - into the log of the mirrors


class _Keeper:
    """One mirror; if its server is not reached, it is opened again later."""

    def __init__(self, name: str, folder: RunFolder, chosen: Mirrors) -> None:
        self._name = name
        self._open = partial(_mirror, name, folder, chosen)
        self._mirror: WandbMirror | _EventFiles | None = None
        self._again_at = 0.0

    def update(self, looked: list[Tracked], *, last: bool) -> list[str]:
        """Show the run as it is now; return what could not be shown, and why."""
        if time.monotonic() < self._again_at and not last:
            return []
        problems: list[str] = []
        failures = 0
        try:
            self._mirror = self._mirror or self._open()
        except NotSentError as error:
            self._again_at = time.monotonic() + _AGAIN_S
            return [f"{self._name}: {error}"]
        for one in looked:
            try:
                self._mirror.update(one)
                failures = 0
            except NotSentError as error:
                problems.append(f"{self._name}: {error}")
                failures += 1
            if failures == _FAILURES:
                self._again_at = time.monotonic() + _AGAIN_S
                break
        return problems

    def close(self) -> None:
        if self._mirror is not None:
            self._mirror.close()


def _bring(run: Run, chosen: Mirrors, *, live: bool) -> list[str]:
    """Bring mirrors up to date, until the run ends if `live`; return what the last look missed."""
    gathering = Gathering(run)
    keepers = [_Keeper(name, run.folder, chosen) for name in chosen.names]
    try:
        while True:
            over = not live or run.state != "running"
            looked = gathering.look()
            problems = [each for one in keepers for each in one.update(looked, last=over)]
            if over:
                return problems
            time.sleep(_LOOK_S)
    finally:
        for keeper in keepers:
            keeper.close()


def _chosen(run: Run) -> Mirrors:
    found = wanted(run.folder)
    if found is None:
        fix = f"name one: wingspan track sync {run.run_id} --track tensorboard"
        raise NotFoundError(f"run {run.run_id}", "it has no mirrors", fix)
    return found


def _mirror(name: str, folder: RunFolder, chosen: Mirrors) -> WandbMirror | _EventFiles:
    return WandbMirror(chosen.place, folder.tracking) if name == WANDB else _EventFiles(folder)


@contextmanager
def _alone(folder: RunFolder) -> Iterator[None]:
    """Let one process at a time bring the mirrors of a run up to date."""
    folder.tracking.mkdir(exist_ok=True)
    handle = os.open(folder.tracking / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = os.pread(handle, 20, 0).decode()
            problem = f"process {pid} brings its mirrors up to date"
            raise ConflictError(
                f"run {folder.run_id}", problem, "wait for it, then run again"
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


if __name__ == "__main__":
    follow(Run(RunFolder(Path(sys.argv[1])), Home(Path(sys.argv[2]))))
