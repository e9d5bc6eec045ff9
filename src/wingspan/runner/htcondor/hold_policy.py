"""What becomes of a job that is held, or that ends without a result: expressions that HTCondor's schedd evaluates.

They travel in the job's ad, so they work while nobody is logged in, and survive a restart of the access point. The
classes of hold codes are those of the rule table (`wingspan.eventlog.rules`).
"""

from collections.abc import Mapping

from wingspan.pipeline.resources import Resources

FAILED_EXIT = 1  # a step failed: the same again would fail again
MEMORY_EXIT = 4  # a step was ended for its memory: run again with more
CHECKPOINT_EXIT = 85  # HTCondor's custom: a checkpoint is complete, send it and start again
STARTS = 3  # how often a job is run that ends without a result

_OVER = (34, 21)  # HoldReasonCode: memory over the request, by the starter or by the pool's policy
_DISK = (104,)
_PASSING = (6, 7, 10, 11, 12, 13, 19, 20, 22, 23, 24, 35)
_FINAL = {6: (8,), 12: (2,), 13: (2,)}  # no such file, not executable: no machine will help
BACK_OFF_S = 60


def hold_policy(asked: Resources, back_off_s: int = BACK_OFF_S) -> Mapping[str, str]:
    """Return the submit commands; the user's own win.

    Parameters
    ----------
    back_off_s
        Wait before the first release of a job that was held for what passes; four times as long before each next.
    """
    passing = _any("HoldReasonCode", _PASSING)
    final = " || ".join(
        f"(HoldReasonCode == {code} && {_any('HoldReasonSubCode', subs)})"
        for code, subs in _FINAL.items()
    )
    over = _any("HoldReasonCode", (*_OVER, *_DISK))
    few = f"NumHolds <= {STARTS}"
    waited = f"time() - EnteredCurrentStatus >= {back_off_s} * pow(4, NumHolds - 1)"
    return {
        "request_memory": _grown(asked.memory_mb, "MemoryUsage", _OVER),
        "request_disk": str(asked.disk_mb * 1024),
        "periodic_release": f"{few} && (({over}) || (({passing}) && !({final}) && {waited}))",
        "periodic_remove": f"JobStatus == 5 && ({final} || "
        f"(!({few}) && HoldReasonCode =!= 1 && HoldReasonCode =!= 15))",
        "on_exit_remove": f"(ExitBySignal =?= false && (ExitCode == 0 || ExitCode == {FAILED_EXIT}))"
        f" || NumJobCompletions >= {STARTS}",
        "checkpoint_exit_code": str(CHECKPOINT_EXIT),
        "transfer_checkpoint_files": "home",
    }


def _any(attribute: str, codes: tuple[int, ...]) -> str:
    return "(" + " || ".join(f"{attribute} =?= {code}" for code in codes) + ")"


def _grown(asked_mb: int, used: str, codes: tuple[int, ...]) -> str:
    """Return a request that doubles each time the job has ended for lack of it, and covers what was seen used."""
    held = _any("LastHoldReasonCode", codes)
    doubled = f"{asked_mb} * pow(2, min({{NumJobCompletions ?: 0, {STARTS - 1}}}))"
    return f"int(max({{{doubled}, {held} ? 3 * ({used} ?: {asked_mb}) / 2 : 0}}))"
