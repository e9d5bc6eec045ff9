"""Find out whether this user may submit here, without submitting anything."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from wingspan.accesspoint.bindings import explained
from wingspan.accesspoint.jobs import remove, submit
from wingspan.accesspoint.versions import Versions, check_versions
from wingspan.errors import PoolError

_ENDED = re.compile(
    r"^(005|009|012) \(", re.MULTILINE
)  # terminated, aborted, held: in a job event log
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Access:
    """Identity of this user at the access point, versions of both sides, and the input limit.

    A limit of None means that a job may have any amount of input.
    """

    access_point: str
    user: str
    versions: Versions
    input_limit_mb: int | None


def check_access() -> Access:
    """Ask the access point whether this user may submit.

    Raises
    ------
    PoolError
        No pool can be reached, the versions do not go together, or the access point refuses this user.
    """
    found = check_versions()
    with explained("asking the access point for permission") as htcondor2:
        ad = htcondor2.Collector().locate(htcondor2.DaemonType.Schedd)
        answer = _ping(htcondor2, ad)
        limit = int(htcondor2.param.get("MAX_TRANSFER_INPUT_MB", -1))
    user, name = str(answer.get("MyRemoteUserName")), str(ad["Name"])
    if answer.get("AuthorizationSucceeded") is not True:
        problem = f"it knows you as {user}, who may not submit"
        fix = "ask its administrator for ALLOW_WRITE, or take another access point"
        raise PoolError(f"access point {name}", problem, fix)
    return Access(name, user, found, limit if limit >= 0 else None)


def _ping(htcondor2: ModuleType, schedd: object) -> Mapping[str, object]:
    """Ask for the right to write; where the answer has no reason, a query's has one."""
    try:
        return htcondor2.ping(schedd, "WRITE")  # type: ignore[no-any-return]  # an ad
    except htcondor2.HTCondorException:
        htcondor2.Schedd().query("false", ["ClusterId"])
        raise


def run_to_end(commands: Mapping[str, str], log: Path, within_s: float) -> tuple[str, bool]:
    """Submit one job and wait until it ends, is held or runs out of time.

    The job leaves the queue in any case.

    Returns
    -------
    tuple
        The job's id, and whether it ended by itself.
    """
    job = f"{submit({**commands, 'log': str(log)})}.0"
    end = time.monotonic() + within_s
    ended: re.Match[str] | None = None
    try:
        while ended is None and time.monotonic() < end:
            time.sleep(_POLL_S)
            ended = _ENDED.search(log.read_text(errors="replace")) if log.exists() else None
    finally:
        if ended is None or ended[1] != "005":
            remove(job, "wingspan check is over")
    return job, ended is not None and ended[1] == "005"
