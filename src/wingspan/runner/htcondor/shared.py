"""Use a folder that access point and execution points share.

Jobs read and write there by path.

::

    SHARED/
      environments/HASH/     interpreter and libraries, for every run that needs the same
      runs/RUN-XXXXXXXX/     one DAG; removed when its results have been brought in
        owner.json           the access point and the DAG's folder there
        environment          name of the environment that its jobs need; empty: none
        code-DIGEST.zip      the user's modules
        files/DIGEST/NAME    input files; links to those that lie below SHARED anyhow
        constants/DIGEST     argument values that JSON cannot hold
        store/               results: those made before, and what the jobs make
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import NotFoundError, SettingError, WingspanError
from wingspan.files import aside, copy, disk_errors, json_text
from wingspan.pipeline.names import file_part
from wingspan.planning.plan import PlannedStep
from wingspan.runner.prepare import constants_of
from wingspan.runner.run_folder import OUTPUTS, RunFolder
from wingspan.store.store import Store

ENVIRONMENTS = "environments"
RUNS = "runs"
ENVIRONMENT = "environment"
STORE = "store"
_OWNER = "owner.json"
_LINK = "shared"  # in the folder of a DAG: leads to what lies in the shared folder for it


class Owner(NamedTuple):
    """The owner of a DAG's place: the access point's host name, and the DAG's folder there."""

    host: str
    dag: str


def problem_of(shared: Path) -> str:
    """Write, read and remove a file in a folder; return what is wrong, or an empty text.

    It is done as this user on this machine.
    """
    import tempfile

    try:
        with tempfile.NamedTemporaryFile("w+", dir=shared, prefix=".wingspan-check-") as file:
            file.write("here")
            file.flush()
            same = Path(file.name).read_text() == "here"
    except OSError as error:
        return error.strerror or str(error)
    return "" if same else "reads other bytes than written"


def require(shared: Path) -> None:
    """Refuse a shared folder that this user cannot use from here.

    Raises
    ------
    SettingError
        It is not there, or cannot be written.
    """
    problem = problem_of(shared)
    if problem:
        fix = "make it a folder that you may write to, on every machine of the pool; nothing was submitted"
        raise SettingError(f"shared folder {shared}", problem, fix)


def unusable(place: Path, problem: str) -> WingspanError:
    """Return the error of a job that cannot use its DAG's place in the shared folder."""
    found = f"a job on {os.uname().nodename}, as user {os.getuid()}, cannot use it: {problem}"
    fix = "mount it on all machines that run jobs, writable for you; or leave out the key shared, or --shared"
    return SettingError(f"shared folder {place}", found, fix)


def below(path: Path, shared: Path) -> bool:
    """Return whether jobs can read a file where it is; else it has to be copied."""
    return path.resolve().is_relative_to(shared.resolve())


def file_in(place: Path, file: Mapping[str, Any]) -> Path:
    """Return where jobs find an input file."""
    digest, name = str(file["digest"]), str(file["name"])
    return place / "files" / digest.partition(":")[2][:16] / name


def constant_in(place: Path, name: str) -> Path:
    """Return where jobs find an argument value, by its digest's digits."""
    return place / "constants" / name


def make_place(shared: Path, dag: Path, name: str) -> Path:
    """Make and return the place of a DAG in the shared folder.

    The DAG's own folder gets a link to it.
    """
    from secrets import token_hex  # no job makes a place

    place = shared / RUNS / f"{file_part(name)}-{token_hex(4)}"
    owner = Owner(os.uname().nodename, str(dag.absolute()))
    with aside(place) as made:
        (made / STORE).mkdir(parents=True)
        (made / "constants").mkdir()
        (made / _OWNER).write_text(json_text(owner._asdict()))
        (made / ENVIRONMENT).touch()
    (dag / _LINK).symlink_to(place)
    return place


def owner_of(place: Path) -> Owner | None:
    """Return the owner of a DAG's place; None where that cannot be read."""
    try:
        return Owner(**json.loads((place / _OWNER).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def place_of(dag: Path) -> Path | None:
    """Return the place of a DAG in the shared folder; None if its jobs were sent all they need."""
    link = dag / _LINK
    return link.readlink() if link.is_symlink() else None


def give(
    step: PlannedStep,
    files: Iterable[Mapping[str, Any]],
    where: tuple[Path, Path],
    folder: RunFolder,
) -> None:
    """Put some of the user's files and the constants of a step where its job finds them.

    Parameters
    ----------
    where
        The DAG's place in the shared folder, and that folder.
    """
    place, shared = where
    for digest in constants_of(step):
        constant = folder.constant(digest)
        _put(constant, constant_in(place, constant.name), shared)
    for file in files:
        _put(Path(file["path"]), file_in(place, file), shared)


def give_done(key: str, place: Path, store: Store, shared: Path) -> None:
    """Put a result that was made before where jobs find it."""
    _put(store.folder(key), Store(place / STORE).folder(key), shared)


def _put(source: Path, target: Path, shared: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if below(source, shared):
        target.symlink_to(source.resolve())
        return
    with disk_errors(target):
        copy(source, target)


def take_result(key: str, outputs: Mapping[str, Any], place: Path, attempt: Path) -> None:
    """Bring the outputs of a step into an attempt's folder.

    Raises
    ------
    NotFoundError
        One is not there.
    SpaceError
        The disk is full.
    """
    (attempt / OUTPUTS).mkdir()
    for output in outputs:
        source = Store(place / STORE).output_path(key, output)
        if not source.exists():
            problem = f"output {output} is not in the shared folder: {source}"
            raise NotFoundError(f"result {key[:12]}", problem, "run the command again")
        with disk_errors(attempt):
            copy(source, attempt / OUTPUTS / output, link)


def link(source: Path, target: Path) -> None:
    """Give a file a second name; the bytes are copied only between file systems."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy2(source, target)


def clean(dag: Path) -> None:
    """Remove the place of a DAG that is over from the shared folder.

    What cannot be removed stays.
    """
    place = place_of(dag)
    if place is not None:
        shutil.rmtree(place, ignore_errors=True)
