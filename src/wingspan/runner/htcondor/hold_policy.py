"""Decide what happens to held jobs and to jobs that end without a result.

The decisions are expressions that HTCondor's schedd evaluates.

They travel in the job's ad, so they work while the user is logged out, and survive a restart of the access point. Which
sub-codes mean disk stands in the table of rules (`wingspan.eventlog.rules`). The codes below are what another machine or
another time may help. There the table, which is for people, is stricter: a job here gets another try or two before its
user is asked. Each idea is an attribute of the ad with a name of its own, so that ``condor_q -af:h WingspanOverUse``
answers for a job that waits.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from wingspan.pipeline.resources import Resources

FAILED_EXIT = 1  # a step failed: the same again would fail again
MEMORY_EXIT = 4  # a step was ended for its memory: run again with more
DISK_EXIT = 5  # the disk of the machine is full: run again with more, elsewhere
ELSEWHERE_EXIT = 7  # trials of a lane fail at once: run the same again on another machine
MORE_EXIT = 6  # a lane of a sweep ended for its time, and trials are left
SELECTED_EXIT = 10  # of the script before a sweep's node: its result is there, and no job is needed
MEANINGS: Mapping[str, str] = {
    f"exit {MEMORY_EXIT}": "lacked memory",
    f"exit {DISK_EXIT}": "lacked disk",
    f"exit {ELSEWHERE_EXIT}": "left a bad machine",
    f"exit {MORE_EXIT}": "more trials are left",
}  # how an attempt ended -> why
CHECKPOINT_EXIT = 85  # HTCondor's custom: a checkpoint is complete, send it and start again
STARTS = 3  # how often a job is run that ends without a result
STARTS_WITHOUT_WORK = 10  # starts of a job, each lost within a minute, until it is removed
SHORT_S = 60
HOSTS = 3  # the last machines of a requeued job, which it gets only if no other matches

_OVER_EXITS = (0, FAILED_EXIT, MORE_EXIT)
_OVER = (34, 21, 26)  # HoldReasonCode: over the request, by the starter or by the pool's policy
_PASSING = (6, 7, 10, 11, 12, 13, 19, 20, 22, 23, 24, 35)
_FINAL = ("6/8", "12/2", "13/2")  # no such file, not executable: no machine will help
_NO_ROOM = "13/28"  # for the job's inputs
_NOT_OURS = (1, 15)  # held by a person, or submitted so
BACK_OFF_S = 60


def hold_policy(
    back_off_s: int = BACK_OFF_S, most: Mapping[str, int] | None = None
) -> Mapping[str, str]:
    """Return the submit commands; the user's own win.

    ``$(memory_mb)`` and ``$(disk_kb)`` stand for what the step asks for: see `amounts`.

    Parameters
    ----------
    most
        ``memory`` and ``disk``, in MB, of the largest slots: what requests do not grow beyond, and a job that was
        held for its use of all that is not released again. Without one they grow, and may wait for ever.
    back_off_s
        Wait before the first release of a job that was held for what passes; four times as long before each next.
    """
    most = most or {}
    return {
        **_requests(most),
        "job_machine_attrs": "Machine",
        "job_machine_attrs_history_length": str(HOSTS),
        "rank": " + ".join(
            f"(TARGET.Machine =!= MachineAttrMachine{number})" for number in range(HOSTS)
        ),
        "My.WingspanDiskHold": _in_pairs("HoldReason", _of_disk()),
        "My.WingspanOverUse": _in("HoldReasonCode", _OVER),
        "My.WingspanHadMost": _had_most(most),
        "My.WingspanFinal": _in_pairs("HoldReason", _FINAL),
        "My.WingspanPasses": f"{_in('HoldReasonCode', _PASSING)} && !WingspanFinal",
        "My.WingspanWaited": f"time() - EnteredCurrentStatus >= {back_off_s} * pow(4, NumHolds - 1)",
        "My.WingspanNeverStarts": f"(NumShadowStarts ?: 0) >= {STARTS_WITHOUT_WORK} && "
        f"(RemoteWallClockTime ?: 0) < {SHORT_S} * NumShadowStarts",
        "periodic_release": f"NumHolds <= {STARTS} && "
        "(WingspanOverUse && !WingspanHadMost || WingspanPasses && WingspanWaited)",
        "periodic_remove": "JobStatus == 5 && (WingspanFinal || WingspanOverUse && WingspanHadMost || "
        f"NumHolds > {STARTS} && !{_in('HoldReasonCode', _NOT_OURS)}) || JobStatus == 1 && WingspanNeverStarts",
        "on_exit_remove": f"ExitBySignal =?= false && {_in('ExitCode', _OVER_EXITS)}"
        f" || NumJobCompletions >= {STARTS}",
        "checkpoint_exit_code": str(CHECKPOINT_EXIT),
        "transfer_checkpoint_files": "home",
    }  # fmt: skip


def amounts(asked: Resources) -> dict[str, str]:
    """Return the amounts that a request's expressions start from, by macro name."""
    return {"memory_mb": str(asked.memory_mb), "disk_kb": str(asked.disk_mb * 1024)}


WHY: Mapping[str, str] = {
    "My.WingspanTries": f"A job that ends with {MEMORY_EXIT} lacked memory, with {DISK_EXIT} disk: the request doubles, twice.",
    "My.WingspanHeldForDisk": f"The last hold: for use of more disk, or of more memory. {_NO_ROOM}: inputs found no room.",
    "My.WingspanMostMemory": "No more than the pool's largest slot had when this was written; of a disk, nine tenths.",
    "request_memory": "In MB, and in KB.",
    "job_machine_attrs": f"A job that comes back goes to another machine than its last {HOSTS}, if there is one.",
    "My.WingspanDiskHold": "The hold that the job is in: over its request, what no machine can help, and what passes by itself.",
    "My.WingspanWaited": "Wait before a release; four times as long before each next one.",
    "My.WingspanNeverStarts": "Started again and again, and lost each time before it could work.",
    "periodic_release": "Released: a job held for what passes, or for its use, now with a larger request.",
    "periodic_remove": "Removed, and the step fails: final holds, too many holds that no person made, or it never starts.",
    "on_exit_remove": f"A job ends when it is done (0), a step failed ({FAILED_EXIT}), or its lane goes on in another job ({MORE_EXIT}); "
    f"else it starts again, {STARTS} times at most.",
    "checkpoint_exit_code": "A checkpoint is complete: send it, and start again.",
}  # command -> why it is there, for readers of the file


def lacked(code: int, subcode: int) -> str:
    """Return what a job held for its use lacked, ``memory`` or ``disk``; else empty."""
    if code not in _OVER:
        return ""
    return "disk" if f"{code}/{subcode}" in _of_disk() else "memory"


@cache
def _of_disk() -> tuple[str, ...]:
    """Return the hold codes and sub-codes that mean too much disk use.

    Other sub-codes of these codes mean memory.
    """
    from wingspan.eventlog.rules import rules  # jobs need only the exit codes of this module

    pairs = (
        pair for rule in rules() if rule.kind == "disk" and not rule.words for pair in rule.codes
    )
    return tuple(f"{code}/{subcode}" for code, subcode in pairs if code in _OVER and subcode)


def _in_pairs(prefix: str, codes: Iterable[str]) -> str:
    """Return whether a hold's code and sub-code are among some."""
    listed = ", ".join(f'"{each}"' for each in codes)
    return f'member(strcat({prefix}Code ?: 0, "/", {prefix}SubCode ?: 0), {{{listed}}})'


def _in(attribute: str, codes: tuple[int, ...]) -> str:
    return f"member({attribute} ?: 0, {{{', '.join(map(str, codes))}}})"


def _had_most(most: Mapping[str, int]) -> str:
    """Return whether a job had as much as there is of what it was held for."""
    memory = "(MemoryProvisioned ?: 0) >= WingspanMostMemory" if "memory" in most else "false"
    disk = "(DiskProvisioned ?: 0) >= WingspanMostDisk" if "disk" in most else "false"
    return memory if memory == disk else f"WingspanDiskHold ? {disk} : {memory}"


def _requests(most: Mapping[str, int]) -> dict[str, str]:
    """Return requests that double each time the job ended or was held for lack of them.

    The job's ad counts.

    A job that ended without saying why is taken for one that lacked memory.
    """
    tops = {}
    if "memory" in most:
        tops["My.WingspanMostMemory"] = f"max({{WingspanMemory, {most['memory']}}})"
    if "disk" in most:
        tops["My.WingspanMostDisk"] = f"max({{WingspanDisk, {most['disk'] * 9 // 10 * 1024}}})"
    doubled = {kind: f"Wingspan{kind} * pow(2, WingspanTries)" for kind in ("Memory", "Disk")}
    had = {kind: f"{kind}Provisioned ?: Wingspan{kind}" for kind in doubled}
    requests = {
        f"request_{kind.lower()}": f"int(min({{{grown}, WingspanMost{kind}}}))"
        if f"My.WingspanMost{kind}" in tops
        else f"int({grown})"
        for kind in doubled
        for grown in [f"max({{WingspanGrown{kind}, WingspanHeld{kind}}})"]
    }
    return {
        "My.WingspanMemory": "$(memory_mb)",
        "My.WingspanDisk": "$(disk_kb)",
        "My.WingspanTries": f"min({{NumJobCompletions ?: 0, {STARTS - 1}}})",
        "My.WingspanLackedDisk": f"ExitCode =?= {DISK_EXIT}",
        "My.WingspanGrownMemory": f"WingspanLackedDisk ? min({{{doubled['Memory']}, {had['Memory']}}}) : {doubled['Memory']}",
        "My.WingspanGrownDisk": f"WingspanLackedDisk ? {doubled['Disk']} : min({{{doubled['Disk']}, {had['Disk']}}})",
        "My.WingspanHeldForDisk": _in_pairs("LastHoldReason", (*_of_disk(), _NO_ROOM)),
        "My.WingspanHeldForMemory": f"{_in('LastHoldReasonCode', _OVER)} && !WingspanHeldForDisk",
        "My.WingspanHeldMemory": "WingspanHeldForMemory ? 3 * (MemoryUsage ?: WingspanMemory) / 2 : 0",
        "My.WingspanHeldDisk": f"WingspanHeldForDisk ? max({{WingspanDisk * pow(2, min({{NumHolds ?: 0, {STARTS - 1}}})), "
        "3 * (DiskUsage ?: 0) / 2}) : 0",
        **tops,
        **requests,
    }
