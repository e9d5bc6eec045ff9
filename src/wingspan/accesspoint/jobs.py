"""Submit, query, hold, release, remove, edit: each one call to the access point's schedd.

Job ids are texts as condor_q prints them: ``"12.0"`` is a job, ``"12"`` all jobs of a cluster.
"""

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from wingspan.accesspoint.bindings import explained, plain
from wingspan.accesspoint.versions import check_versions
from wingspan.errors import SettingError

_NOT_OWNER = "of another user"
_LEFT = {
    "TotalPermissionDenied": _NOT_OWNER,
    "TotalNotFound": "not in the queue any more",
    "TotalBadStatus": "in another state",
    "TotalAlreadyDone": "already in that state",
    "TotalError": "refused with an error",
}
_JOB_ID = re.compile(r"[0-9]+(\.[0-9]+)?")


class Acted(int):
    """Number of jobs on which HTCondor acted; `others` has the number of the others by reason."""

    others: Mapping[str, int]

    def __new__(cls, done: int, others: Mapping[str, int]) -> Self:
        """Return the number, with the reasons."""
        acted = super().__new__(cls, done)
        acted.others = {why: count for why, count in others.items() if count}
        return acted


def submit(
    description: Mapping[str, object] | str,
    count: int = 1,
    itemdata: Iterable[Mapping[str, str]] | None = None,
) -> int:
    """Submit jobs as one cluster and return its id.

    Parameters
    ----------
    description
        Submit commands by name, or as text; without a queue statement.
    count
        Jobs to queue, for each item if there are items.
    itemdata
        One mapping of submit variables for each item; all have the same keys.
    """
    check_versions()
    text = description if isinstance(description, str) else _submit_text(description)
    items = None if itemdata is None else [dict(item) for item in itemdata]
    if items == []:
        raise SettingError("itemdata", "at least one item expected, found none", "submit nothing")
    with explained("submitting a job") as htcondor2:
        job, rows = htcondor2.Submit(text), None if items is None else iter(items)
        return int(htcondor2.Schedd().submit(job, count=count, itemdata=rows).cluster())


def _submit_text(commands: Mapping[str, object]) -> str:
    broken = [name for name, value in commands.items() if "\n" in f"{name}{value}"]
    if broken:
        problem = f"a submit command is one line, found a line break in {', '.join(broken)}"
        raise SettingError("submit description", problem, "take it out")
    return "".join(f"{name} = {value}\n" for name, value in commands.items())


def submit_dag(
    dag_file: Path,
    options: Mapping[str, int | bool | str] | None = None,
    commands: Mapping[str, str] | None = None,
) -> int:
    """Submit a DAG file to DAGMan and return the id of DAGMan's own job.

    DAGMan works in the file's folder.

    Parameters
    ----------
    dag_file
        Its folder receives ``*.dagman.out`` and the node jobs' log; DAGMan refuses /tmp.
    options
        Of condor_submit_dag, such as ``{"MaxJobs": 100}``.
    commands
        Submit commands for DAGMan's own job.
    """
    check_versions()
    dag_file = dag_file.resolve()
    with explained(f"submitting {dag_file}") as htcondor2:
        if shutil.which("condor_dagman") is None:  # the bindings look for it in PATH alone
            os.environ["PATH"] += os.pathsep + str(htcondor2.param.get("BIN", ""))
        job = htcondor2.Submit.from_dag(str(dag_file), dict(options or {}))
        for name, value in {**(commands or {}), "initialdir": str(dag_file.parent)}.items():
            job[name] = value
        return int(htcondor2.Schedd().submit(job).cluster())


def query(constraint: str = "true", attributes: Sequence[str] = ()) -> list[dict[str, object]]:
    """Return the attributes (default: all) of the queued jobs that fulfil a ClassAd expression."""
    with explained("querying jobs") as htcondor2:
        ads = htcondor2.Schedd().query(constraint, list(attributes))
        return [plain(ad, tuple(attributes)) for ad in ads]


def access_point() -> str:
    """Return the name of the access point that jobs are submitted to now."""
    with explained("asking for the access point") as htcondor2:
        return str(htcondor2.Collector().locate(htcondor2.DaemonType.Schedd)["Name"])


def hold(jobs: str | Sequence[str], reason: str) -> Acted:
    """Hold jobs; return how many were not held before and are now."""
    return _act("Hold", jobs, reason)


def release(jobs: str | Sequence[str], reason: str) -> Acted:
    """Release held jobs; return how many."""
    return _act("Release", jobs, reason)


def remove(jobs: str | Sequence[str], reason: str) -> Acted:
    """Remove jobs; return how many."""
    return _act("Remove", jobs, reason)


def edit(jobs: str | Sequence[str], attribute: str, expression: str) -> Acted:
    """Set an attribute of queued jobs to a ClassAd expression; return the number of jobs.

    A string in the expression needs its quotes. If one of the jobs belongs to another user, none is edited.
    """
    done = 0
    with explained(f"editing {attribute}") as htcondor2:
        schedd = htcondor2.Schedd()
        for part in _parts(jobs):
            try:
                done += int(schedd.edit(part, attribute, expression))
            except htcondor2.HTCondorException as error:
                if "do not own" not in str(error):
                    raise
                return Acted(done, {_NOT_OWNER: 1 if isinstance(part, str) else len(part)})
    return Acted(done, {})


def _act(action: str, jobs: str | Sequence[str], reason: str) -> Acted:
    with explained(f"{action.lower()} of jobs") as htcondor2:
        schedd = htcondor2.Schedd()
        chosen = getattr(htcondor2.JobAction, action)
        # the reason must come with a sub-code: alone it is lost ("Reason unspecified", 25.14)
        results = [schedd.act(chosen, part, (reason, 0)) for part in _parts(jobs)]
    totals = {why: sum(int(one.get(name, 0)) for one in results) for name, why in _LEFT.items()}
    return Acted(sum(int(result["TotalSuccess"]) for result in results), totals)


def _parts(jobs: str | Sequence[str]) -> list[str | list[str]]:
    """Return one constraint for all clusters and one list of all single jobs.

    The bindings misread a mixture of both.
    """
    ids = [jobs] if isinstance(jobs, str) else list(jobs)
    wrong = [text for text in ids if not _JOB_ID.fullmatch(text)]
    if wrong:
        problem = f"expected ids such as 12 or 12.0, found {', '.join(map(repr, wrong))}"
        raise SettingError("job ids", problem, "take them from condor_q or wingspan status")
    clusters = [f"ClusterId == {text}" for text in ids if "." not in text]
    singles = [text for text in ids if "." in text]
    return [part for part in (" || ".join(clusters), singles) if part]
