"""Remove what is no longer needed in a shared folder.

That is: places of runs that are over, and environments that no run refers to.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from wingspan.errors import SettingError, WingspanError
from wingspan.files import remove, size_of
from wingspan.runner.htcondor.dag_folder import DagFolder, newest
from wingspan.runner.htcondor.follow.dag_logs import dag_over
from wingspan.runner.htcondor.follow.follower import catch_up
from wingspan.runner.htcondor.shared import ENVIRONMENT, ENVIRONMENTS, RUNS, STORE, Owner, owner_of
from wingspan.runner.run_folder import Home, RunFolder

_LEFT_S = 86_400.0  # without a write for so long, a half-made folder is abandoned


class Left(NamedTuple):
    """A folder that was looked at; `kept` says why it stays, empty if it is not needed."""

    path: Path
    kept: str
    size: int


def clean_shared(shared: Path, older_than_s: float, *, dry: bool = False) -> list[Left]:
    """Remove from a shared folder what no run needs; say of each folder what became of it.

    What runs of this machine have finished is brought in first. Runs of other machines are left alone.

    Parameters
    ----------
    older_than_s
        Environments that were used since stay.
    dry
        Only look.

    Raises
    ------
    SettingError
        Nothing of Wingspan is there.
    """
    if not any((shared / name).is_dir() for name in (RUNS, ENVIRONMENTS)):
        problem = (
            f"it has neither {RUNS}/ nor {ENVIRONMENTS}/, so it was not used as a shared folder"
        )
        raise SettingError(f"shared folder {shared}", problem, "correct the path")
    found = [
        _cleaned(path, _why_kept(path, older_than_s, dry=dry), dry=dry)
        for path in _folders(shared / RUNS)
    ]
    return found + list(_environments(shared, time.time() - older_than_s, dry=dry))


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_dir() and path.name[0] != ".")


def _why_kept(place: Path, older_than_s: float, *, dry: bool) -> str:
    """Return why the place of a DAG is still needed."""
    owner = owner_of(place)
    if owner is None:
        return "owner unknown: delete it by hand once its run has finished"
    if owner.host != os.uname().nodename:
        return f"a run of {owner.host}: run this command there"
    dag = Path(owner.dag)
    if not dag.is_dir():
        return _why_kept_without_folder(place, older_than_s)
    if dag_over(DagFolder(dag)):
        return _brought_in(dag, owner, dry=dry)
    old = place.stat().st_mtime < time.time() - _LEFT_S
    folder = RunFolder(dag.parents[1])
    if old and dag.parent == folder.dags and newest(folder) is None and not folder.driven():
        return ""  # its submission failed
    return "its run goes on, or waits to be submitted"


def _why_kept_without_folder(place: Path, older_than_s: float) -> str:
    """Return why the place of a DAG is still needed though its folder is gone.

    Its run may have been moved.
    """
    newest = max(path.stat().st_mtime for path in (place, place / STORE) if path.exists())
    if newest >= time.time() - older_than_s:
        return "its run's folder is gone, or was moved, and it was used lately"
    return ""


def _brought_in(dag: Path, owner: Owner, *, dry: bool) -> str:
    """Bring in the results of a DAG that is over.

    The return value says why they are still needed where they are.
    """
    folder = RunFolder(dag.parents[1])
    if dag.parent != folder.dags:
        return f"its results may not have been brought in: wingspan collect {owner.dag}"
    if dry or folder.complete.exists():
        return ""
    try:
        catch_up(folder, Home(folder.root.parents[1]))
    except (WingspanError, OSError) as error:
        return f"its results cannot be brought in: {error}"
    return ""


def _cleaned(path: Path, kept: str, *, dry: bool) -> Left:
    if not path.exists():  # brought in, and removed with that
        return Left(path, "", 0)
    try:
        size = 0 if kept else size_of(path)
        if not kept and not dry:
            remove(path)
    except OSError as error:
        return Left(path, f"cannot be removed: {error.strerror}", 0)
    return Left(path, kept, size)


def _environments(shared: Path, limit: float, *, dry: bool) -> Iterator[Left]:
    for path in _folders(shared / ENVIRONMENTS):
        if _referred(shared, path.name):
            kept = "a run needs it"
        else:
            kept = "" if path.stat().st_mtime < limit else "was used lately"
        yield Left(path, kept, 0) if kept else _taken_away(shared, path, dry=dry)
    if not dry:
        for left in (shared / ENVIRONMENTS).glob(".*.part"):
            if left.stat().st_mtime < time.time() - _LEFT_S:
                remove(left)


def _taken_away(shared: Path, path: Path, *, dry: bool) -> Left:
    """Remove an environment, unless a run has just started to need it."""
    size = size_of(path)
    if dry:
        return Left(path, "", size)
    aside = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        path.rename(aside)
        if _referred(shared, path.name) and not path.exists():
            aside.rename(path)
            return Left(path, "a run needs it", 0)
        remove(aside)
    except OSError as error:
        return Left(path, f"cannot be removed: {error.strerror}", 0)
    return Left(path, "", size)


def _referred(shared: Path, name: str) -> bool:
    """Say whether a place of a run names an environment, or does not say which one it needs."""
    named = ((place / ENVIRONMENT) for place in _folders(shared / RUNS))
    return any(not file.exists() or file.read_text() == name for file in named)
