r"""Write one event as text for a job event log, byte for byte as HTCondor does.

Every function takes the job's id as `job_id` gives it and the stamp as a `stamp_writer` gives it,
and returns the whole record, from the three digits to the line ``...``. Values are written as they
are given: nothing is checked, nothing is escaped. Free text must hold neither ``\n`` nor ``\t``.

Source: the `formatBody` functions of `src/condor_utils/condor_event.cpp`, and real logs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_HEADER_BYTES = (
    256  # the rotation header's body is padded, so that it can be written again in place
)


@dataclass(frozen=True, slots=True)
class StampFormat:
    """How a log writes its times: the options of ``EVENT_LOG_FORMAT_OPTIONS``.

    Attributes
    ----------
    iso
        ISO_DATE: ``2026-05-01 12:00:00``; without it ``05/01 12:00:00``, which has no year.
    utc
        UTC: a ``Z`` after it; without it the local time of `zone`.
    sub_second
        SUB_SECOND: three digits of the second, cut, not rounded.
    zone
        The access point's time zone.
    """

    iso: bool = True
    utc: bool = False
    sub_second: bool = False
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Usage:
    """A row of the table of resources; a text is blank where HTCondor knows nothing."""

    name: str
    usage: str = ""
    request: str = ""
    allocated: str = ""
    assigned: str = ""


@dataclass(frozen=True, slots=True)
class Transferred:
    """CPU seconds and bytes of a job: in this run, and in all runs so far."""

    user_s: int = 0
    system_s: int = 0
    sent: int = 0
    received: int = 0
    total_user_s: int = 0
    total_system_s: int = 0
    total_sent: int = 0
    total_received: int = 0


def job_id(cluster: int, proc: int, subproc: int = 0) -> str:
    """Return ``cluster.proc.subproc`` with at least three digits each.

    >>> job_id(7, 12), job_id(22, -1)
    ('007.012.000', '022.-01.000')
    """
    return f"{cluster:03d}.{proc:03d}.{subproc:03d}"


def stamp_writer(style: StampFormat) -> Callable[[float], str]:
    """Return the function from seconds since 1970 to the text of a stamp.

    It keeps the start of each hour it has seen: a new hour costs microseconds, a known one 0.3.
    """
    zone = UTC if style.utc else ZoneInfo(style.zone)
    pattern = "%Y-%m-%d %H:" if style.iso else "%m/%d %H:"
    minutes = [f"{second // 60:02d}:{second % 60:02d}" for second in range(3600)]
    zulu = "Z" if style.utc else ""
    hours: dict[int, str] = {}

    def start(hour: int) -> str:
        if len(hours) > 100_000:  # eleven years
            hours.clear()
        hours[hour] = datetime.fromtimestamp(hour * 3600, zone).strftime(pattern)
        return hours[hour]

    def to_seconds(time: float) -> str:
        hour, second = divmod(int(time), 3600)
        return (hours.get(hour) or start(hour)) + minutes[second] + zulu

    def to_milliseconds(time: float) -> str:
        hour, second = divmod(int(time), 3600)
        return (
            f"{hours.get(hour) or start(hour)}{minutes[second]}.{int(time * 1000) % 1000:03d}{zulu}"
        )

    return to_milliseconds if style.sub_second else to_seconds


def rotation_header(  # noqa: PLR0913 - the fields of the header
    when: str,
    *,
    ctime: int,
    log_id: str,
    sequence: int = 1,
    size: int = 0,
    events: int = 0,
    offset: int = 0,
    event_offset: int = 0,
    max_rotation: int = 1,
    creator: str = "",
) -> str:
    """008 at the head of a global event log.

    `offset` and `event_offset` count the files before this one.

    `size` and `events` are 0 in the live file; the writer fills them in when it rotates.
    """
    body = (
        f"Global JobLog: ctime={ctime} id={log_id} sequence={sequence} size={size} events={events} "
        f"offset={offset} event_off={event_offset} max_rotation={max_rotation} creator_name=<{creator}>"
    )
    return f"008 (-01.-01.-01) {when} {body:<{_HEADER_BYTES}}\n...\n"


def generic(job: str, when: str, text: str) -> str:
    """008: a line of free text."""
    return f"008 ({job}) {when} {text}\n...\n"


def submitted(job: str, when: str, host: str, *, notes: Sequence[str] = ()) -> str:
    """000; notes are lines as ``[ JobBatchName = "x" ]`` or ``DAG Node: x``."""
    lines = "".join(f"    {note}\n" for note in notes)
    return f"000 ({job}) {when} Job submitted from host: {host}\n{lines}...\n"


def cluster_submitted(job: str, when: str, host: str) -> str:
    """035: a job factory was submitted; the proc of its id is -1."""
    return f"035 ({job}) {when} Cluster submitted from host: {host}\n...\n"


def cluster_removed(job: str, when: str, jobs: int, items: int, state: str = "Complete") -> str:
    """036: a job factory is gone."""
    return f"036 ({job}) {when} Cluster removed\n\tMaterialized {jobs} jobs from {items} items.\t{state}\n...\n"


def executing(
    job: str, when: str, host: str, slot: str = "", attributes: Mapping[str, str] | None = None
) -> str:
    """001; the attributes are the slot's, values as ClassAd expressions."""
    lines = f"\tSlotName: {slot}\n" if slot else ""
    lines += "".join(f"\t{name} = {value}\n" for name, value in (attributes or {}).items())
    return f"001 ({job}) {when} Job executing on host: {host}\n{lines}...\n"


def not_executable(job: str, when: str, kind: int = 0) -> str:
    """002: 0 not executable, 1 not linked for HTCondor."""
    text = "Job not properly linked for Condor." if kind else "Job file not executable."
    return f"002 ({job}) {when} ({kind}) {text}\n...\n"


def evicted(  # noqa: PLR0913 - the fields of the event
    job: str,
    when: str,
    *,
    code: int = 0,
    subcode: int = 0,
    reason: str = "",
    checkpointed: bool = False,
    moved: Transferred | None = None,
    usage: Sequence[Usage] = (),
) -> str:
    """004: back to the queue.

    With a hold's code it stands just before the hold (HTCondor 23.10 on).
    """
    moved = moved or Transferred()
    codes = f" Code {code} Subcode {subcode}" if code else ""
    first = "\t(1) Job was checkpointed.\n" if checkpointed else "\t(0) CPU times\n"
    why = f"\tReason: {reason}\n" if reason else ""
    return (
        f"004 ({job}) {when} Job was evicted.{codes}\n{first}"
        f"\t\t{_cpu(moved.user_s, moved.system_s)}  -  Run Remote Usage\n"
        f"\t\t{_cpu(0, 0)}  -  Run Local Usage\n"
        f"\t{moved.sent}  -  Run Bytes Sent By Job\n"
        f"\t{moved.received}  -  Run Bytes Received By Job\n"
        f"{why}{usage_table(usage)}...\n"
    )


def terminated(
    job: str,
    when: str,
    *,
    return_value: int | None = 0,
    signal: int = 0,
    moved: Transferred | None = None,
    usage: Sequence[Usage] = (),
) -> str:
    """005: ended by itself with `return_value`, or by `signal` if that is None."""
    moved = moved or Transferred()
    if return_value is None:
        end = f"\t(0) Abnormal termination (signal {signal})\n\t(0) No core file\n"
    else:
        end = f"\t(1) Normal termination (return value {return_value})\n"
    nothing = _cpu(0, 0)
    return (
        f"005 ({job}) {when} Job terminated.\n{end}"
        f"\t\t{_cpu(moved.user_s, moved.system_s)}  -  Run Remote Usage\n"
        f"\t\t{nothing}  -  Run Local Usage\n"
        f"\t\t{_cpu(moved.total_user_s, moved.total_system_s)}  -  Total Remote Usage\n"
        f"\t\t{nothing}  -  Total Local Usage\n"
        f"\t{moved.sent}  -  Run Bytes Sent By Job\n"
        f"\t{moved.received}  -  Run Bytes Received By Job\n"
        f"\t{moved.total_sent}  -  Total Bytes Sent By Job\n"
        f"\t{moved.total_received}  -  Total Bytes Received By Job\n"
        f"{usage_table(usage)}...\n"
    )


def image_size(job: str, when: str, image_kb: int, memory_mb: int, resident_kb: int) -> str:
    """006: what the job needs now."""
    return (
        f"006 ({job}) {when} Image size of job updated: {image_kb}\n\t{memory_mb}  -  MemoryUsage of job (MB)\n"
        f"\t{resident_kb}  -  ResidentSetSize of job (KB)\n...\n"
    )


def shadow_exception(job: str, when: str, message: str, sent: int = 0, received: int = 0) -> str:
    """007: the shadow gave up; the job goes back to the queue."""
    return (
        f"007 ({job}) {when} Shadow exception!\n\t{message}\n\t{sent}  -  Run Bytes Sent By Job\n"
        f"\t{received}  -  Run Bytes Received By Job\n...\n"
    )


def aborted(job: str, when: str, reason: str = "") -> str:
    """009: removed from the queue."""
    return f"009 ({job}) {when} Job was aborted.\n{_line(reason)}...\n"


def suspended(job: str, when: str, processes: int = 1) -> str:
    """010."""
    return (
        f"010 ({job}) {when} Job was suspended.\n"
        f"\tNumber of processes actually suspended: {processes}\n...\n"
    )


def unsuspended(job: str, when: str) -> str:
    """011."""
    return f"011 ({job}) {when} Job was unsuspended.\n...\n"


def held(job: str, when: str, reason: str, code: int, subcode: int) -> str:
    """012; an empty reason is written as HTCondor writes it."""
    text = reason or "Reason unspecified"
    return f"012 ({job}) {when} Job was held.\n\t{text}\n\tCode {code} Subcode {subcode}\n...\n"


def released(job: str, when: str, reason: str = "") -> str:
    """013."""
    return f"013 ({job}) {when} Job was released.\n{_line(reason)}...\n"


def post_script_terminated(job: str, when: str, return_value: int, node: str) -> str:
    """016: a DAG node's POST script ended."""
    return (
        f"016 ({job}) {when} POST Script terminated.\n"
        f"\t(1) Normal termination (return value {return_value})\n    DAG Node: {node}\n...\n"
    )


def remote_error(job: str, when: str, slot: str, text: str, code: int, subcode: int) -> str:
    """021: what the starter on a slot says went wrong; it comes before the hold that it causes."""
    codes = f"\tCode {code} Subcode {subcode}\n" if code else ""
    return f"021 ({job}) {when} Error from starter on {slot}:\n\t{text}\n{codes}...\n"


def disconnected(job: str, when: str, reason: str, slot: str, host: str) -> str:
    """022: the access point lost the execution point."""
    return (
        f"022 ({job}) {when} Job disconnected, attempting to reconnect\n    {reason}\n"
        f"    Trying to reconnect to {slot} {host}\n...\n"
    )


def reconnected(job: str, when: str, slot: str, host: str, starter: str) -> str:
    """023: found again; the job went on running."""
    return (
        f"023 ({job}) {when} Job reconnected to {slot}\n    startd address: {host}\n"
        f"    starter address: {starter}\n...\n"
    )


def reconnect_failed(job: str, when: str, reason: str, slot: str) -> str:
    """024: lost; the job goes back to the queue."""
    return (
        f"024 ({job}) {when} Job reconnection failed\n    {reason}\n"
        f"    Can not reconnect to {slot}, rescheduling job\n...\n"
    )


def job_ad_information(job: str, when: str, attributes: Mapping[str, str]) -> str:
    """028: attributes of the job, values as ClassAd expressions, in the order given."""
    lines = "".join(f"{name} = {value}\n" for name, value in attributes.items())
    return f"028 ({job}) {when} Job ad information event triggered.\n{lines}...\n"


def attribute_changed(job: str, when: str, name: str, old: str, new: str) -> str:
    """033: condor_qedit or condor_prio."""
    change = f"Changing job attribute {name} from {old} to {new}"
    text = change if old else f"Setting job attribute {name} to {new}"
    return f"033 ({job}) {when} {text}\n...\n"


def transfer(job: str, when: str, what: str, *, queued_s: int | None = None, to: str = "") -> str:
    """040; `what` is as ``Started transferring input files``."""
    lines = "" if queued_s is None else f"\tSeconds spent in queue: {queued_s}\n"
    lines += f"\tTransferring to host: {to}\n" if to else ""
    return f"040 ({job}) {when} {what}\n{lines}...\n"


def usage_table(rows: Sequence[Usage]) -> str:
    """Return the table of resources that ends 004 and 005, empty without rows.

    Columns are as wide as their widest value; uses are aligned at the decimal point.
    """
    if not rows:
        return ""
    whole = fraction = 0
    request, allocated, assigned = 8, 9, ""
    for row in rows:
        digits, point, rest = row.usage.partition(".")
        whole = max(whole, len(digits))
        fraction = max(fraction, len(point) + len(rest))
        request = max(request, len(row.request))
        allocated = max(allocated, len(row.allocated))
        assigned = "Assigned" if row.assigned else assigned
    whole = max(whole, 8 - fraction)
    head = f"{'Usage':>{whole + fraction}} {'Request':>{request}} {'Allocated':>{allocated}}"
    lines = [f"\tPartitionable Resources : {head} {assigned}\n"]
    for row in rows:
        digits, point, rest = row.usage.partition(".")
        usage = digits.rjust(whole) + (point + rest).ljust(fraction)
        lines.append(
            f"\t   {row.name:<20} : {usage} {row.request.rjust(request)} {row.allocated.rjust(allocated)} {row.assigned}\n"
        )
    return "".join(lines)


def _cpu(user_s: int, system_s: int) -> str:
    return f"Usr {_days(user_s)}, Sys {_days(system_s)}"


def _days(seconds: int) -> str:
    if not seconds:
        return "0 00:00:00"
    return (
        f"{seconds // 86400} {seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    )


def _line(text: str) -> str:
    return f"\t{text}\n" if text else ""
