"""What becomes of a job that is held, or that ends without a result: expressions that HTCondor's schedd evaluates.

They travel in the job's ad, so they work while nobody is logged in, and survive a restart of the access point. The
classes of hold codes are those of the rule table (`wingspan.eventlog.rules`).
"""

from collections.abc import Mapping

from wingspan.pipeline.resources import Resources

FAILED_EXIT = 1  # a step failed: the same again would fail again
MEMORY_EXIT = 4  # a step was ended for its memory: run again with more
DISK_EXIT = 5  # the disk of the machine is full: run again with more, elsewhere
CHECKPOINT_EXIT = 85  # HTCondor's custom: a checkpoint is complete, send it and start again
STARTS = 3  # how often a job is run that ends without a result
STARTS_WITHOUT_WORK = 10  # how often a job is begun whose runs are all lost within a minute
SHORT_S = 60
HOSTS = 3  # the last ones, which a job that comes back is sent to only if there is no other

_OVER = (34, 21, 26)  # HoldReasonCode: over the request, by the starter or by the pool's policy
_OF_DISK = (103, 104)  # its sub-codes that are a matter of disk; the others are taken for memory
_PASSING = (6, 7, 10, 11, 12, 13, 19, 20, 22, 23, 24, 35)
_FINAL = {6: (8,), 12: (2,), 13: (2,)}  # no such file, not executable: no machine will help
BACK_OFF_S = 60


def hold_policy(
    asked: Resources, back_off_s: int = BACK_OFF_S, most: Mapping[str, int] | None = None
) -> Mapping[str, str]:
    """Return the submit commands; the user's own win.

    Parameters
    ----------
    most
        ``memory`` and ``disk``, in MB, of the largest slots: what requests do not grow beyond, and a job that was
        held for its use of all that is not released again. Without one they grow, and may wait for ever.
    back_off_s
        Wait before the first release of a job that was held for what passes; four times as long before each next.
    """
    passing = _any("HoldReasonCode", _PASSING)
    final = " || ".join(
        f"(HoldReasonCode == {code} && {_any('HoldReasonSubCode', subs)})"
        for code, subs in _FINAL.items()
    )
    over = _any("HoldReasonCode", _OVER)
    tops = _tops(asked, most or {})
    had_all = " || ".join(_had_all(tops)) or "false"
    few = f"NumHolds <= {STARTS}"
    waited = f"time() - EnteredCurrentStatus >= {back_off_s} * pow(4, NumHolds - 1)"
    idle_again = (
        f"JobStatus == 1 && (NumShadowStarts ?: 0) >= {STARTS_WITHOUT_WORK} && "
        f"(RemoteWallClockTime ?: 0) < {SHORT_S} * NumShadowStarts"
    )
    return {
        **_requests(asked, tops),
        "job_machine_attrs": "Machine",
        "job_machine_attrs_history_length": str(HOSTS),
        "rank": " + ".join(
            f"(TARGET.Machine =!= MachineAttrMachine{number})" for number in range(HOSTS)
        ),
        "periodic_release": f"{few} && (({over} && !({had_all})) || (({passing}) && !({final}) && {waited}))",
        "periodic_remove": f"(JobStatus == 5 && ({final} || ({over} && ({had_all})) || "
        f"(!({few}) && HoldReasonCode =!= 1 && HoldReasonCode =!= 15))) || ({idle_again})",
        "on_exit_remove": f"(ExitBySignal =?= false && (ExitCode == 0 || ExitCode == {FAILED_EXIT}))"
        f" || NumJobCompletions >= {STARTS}",
        "checkpoint_exit_code": str(CHECKPOINT_EXIT),
        "transfer_checkpoint_files": "home",
    }


def lacked(code: int, subcode: int) -> str:
    """Return what a job that is held for its use had too little of, ``memory`` or ``disk``; else nothing."""
    if code not in _OVER:
        return ""
    return "disk" if subcode in _OF_DISK else "memory"


def _any(attribute: str, codes: tuple[int, ...]) -> str:
    return "(" + " || ".join(f"{attribute} =?= {code}" for code in codes) + ")"


def _tops(asked: Resources, most: Mapping[str, int]) -> dict[str, int]:
    """Return up to where requests grow, memory in MB and disk in KB; a disk's free part changes, so not to its end."""
    tops = {}
    if "memory" in most:
        tops["memory"] = max(asked.memory_mb, most["memory"])
    if "disk" in most:
        tops["disk"] = max(asked.disk_mb, most["disk"] * 9 // 10) * 1024
    return tops


def _had_all(tops: Mapping[str, int]) -> list[str]:
    """Return, of a held job, the conditions that it had the most there is of what it was held for."""
    of_disk = _any("HoldReasonSubCode", _OF_DISK)
    parts = []
    if "memory" in tops:
        parts.append(f"(!{of_disk} && (MemoryProvisioned ?: 0) >= {tops['memory']})")
    if "disk" in tops:
        parts.append(f"({of_disk} && (DiskProvisioned ?: 0) >= {tops['disk']})")
    return parts


def _requests(asked: Resources, tops: Mapping[str, int]) -> dict[str, str]:
    """Return requests that double each time the job has ended, or was held, for lack of it; the ad remembers.

    A job that ended without saying why is taken for one that lacked memory.
    """
    disk_kb = asked.disk_mb * 1024
    held_over = _any("LastHoldReasonCode", _OVER)
    held_of_disk = (
        f"(LastHoldReasonCode =!= undefined && {_any('LastHoldReasonSubCode', _OF_DISK)})"
    )
    no_room_for_inputs = "(LastHoldReasonCode =?= 13 && LastHoldReasonSubCode =?= 28)"
    ended_of_disk = f"ExitCode =?= {DISK_EXIT}"
    memory = _doubled(asked.memory_mb, "NumJobCompletions")
    disk = _doubled(disk_kb, "NumJobCompletions")
    had_memory = f"min({{{memory}, MemoryProvisioned ?: {asked.memory_mb}}})"
    had_disk = f"min({{{disk}, DiskProvisioned ?: {disk_kb}}})"
    over_memory = f"{held_over} && !{held_of_disk}"
    grown = {
        "memory": f"max({{{ended_of_disk} ? {had_memory} : {memory}, "
        f"{over_memory} ? 3 * (MemoryUsage ?: {asked.memory_mb}) / 2 : 0}})",
        "disk": f"max({{{ended_of_disk} ? {disk} : {had_disk}, "
        f"({held_over} && {held_of_disk}) || {no_room_for_inputs} ? "
        f"max({{{_doubled(disk_kb, 'NumHolds')}, 3 * (DiskUsage ?: 0) / 2}}) : 0}})",
    }
    return {
        f"request_{kind}": f"int(min({{{text}, {tops[kind]}}}))" if kind in tops else f"int({text})"
        for kind, text in grown.items()
    }


def _doubled(amount: int, count: str) -> str:
    return f"{amount} * pow(2, min({{{count} ?: 0, {STARTS - 1}}}))"
