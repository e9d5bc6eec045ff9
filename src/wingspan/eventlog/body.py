"""Parse the text of one event into attributes, under the names of HTCondor's own reader."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from wingspan.eventlog.ads import parse_ad
from wingspan.eventlog.literals import Expression, parse_line, parse_new, parse_value

Body: TypeAlias = dict[str, Any]
Lines: TypeAlias = list[str]
_HEADER: Final = re.compile(
    r"\d{3} \(-?\d+\.-?\d+\.-?\d+\) (?:\d\d/\d\d |\d{4}-\d\d-\d\d[ T])\S+ ?"
)
_IN_COLUMNS: Final = {"MyType", "EventTypeNumber", "EventTime", "Cluster", "Proc", "Subproc"}
_CODES: Final = re.compile(r"\s*Code (-?\d+) Subcode (-?\d+)")
_BYTES: Final = re.compile(
    r"\s*(-?\d+(?:\.\d+)?)  -  (Run|Total) Bytes (Sent|Received) By (?:Job|Node)"
)
_RUSAGE: Final = re.compile(r"\s*(Usr .*?)  -  (Run|Total) (Remote|Local) Usage")
_TERMINATION: Final = re.compile(r"\s*\((\d)\) \w+ termination \((?:return value|signal) (-?\d+)\)")
_CORE: Final = re.compile(r"\s*\(1\) Corefile in: (.*)")
_SIZE: Final = re.compile(r"\s*(-?\d+)\s+-\s+(MemoryUsage|ResidentSetSize|ProportionalSetSize)\b")
_TRANSFER_TYPES: Final = re.compile(r"(Entered|Started|Finished).*(input|output) files")
_TABLE: Final = re.compile(r"\t(?:Partitionable |Resources)")


def parse_body(code: int, record: bytes) -> Body:
    """Return the attributes of one record, in any of the three formats."""
    text = record.decode(errors="replace")
    if text[:1] in {"<", "{"}:
        ad = parse_ad("xml" if text[0] == "<" else "json", record)
        return {name: value for name, value in ad.items() if name not in _IN_COLUMNS}
    lines = [line.rstrip("\r") for line in text.split("\n")]
    while lines and lines.pop() != "...":
        pass
    header = _HEADER.match(lines[0]) if lines else None
    lines[:1] = [lines[0][header.end() :]] if header else lines[:1]
    return _PARSERS.get(code, _future)(lines) if lines else {}


def _after(lines: Lines, prefix: str) -> str:
    """Return the rest of the first line with the prefix, else ""."""
    return next((line.split(prefix, 1)[1] for line in lines if prefix in line), "")


def _some(**attributes: Any) -> Body:  # noqa: ANN401 - any ClassAd value
    return {name: value for name, value in attributes.items() if value not in ("", None)}


def _set_only(**numbers: int) -> Body:
    """Leave out numbers below 0, which mean "not set" in HTCondor."""
    return {name: number for name, number in numbers.items() if number >= 0}


def _integer(text: str) -> int:
    """Return the number at the start of a text, else -1."""
    found = re.match(r"\s*(-?[0-9]+)", text)
    return int(found[1]) if found else -1


def _attributes(lines: Iterable[str]) -> Body:
    return dict(filter(None, map(parse_line, lines)))


def _submit(lines: Lines) -> Body:
    body = _some(SubmitHost=_after(lines[:1], "from host: "))
    for number, line in enumerate(map(str.strip, lines[1:])):
        if line.startswith("["):
            if "StructuredNotes" not in body:
                body.update(LogNotes=line, StructuredNotes=parse_new(line))
        elif line.startswith("DAG Node: "):
            body["LogNotes"] = line
            body.setdefault("StructuredNotes", {})["DAGNodeName"] = line[10:].strip()
        elif line.startswith("WARNING: "):
            body["Warnings"] = line
        elif number < 2 and line:
            body["UserNotes" if number else "LogNotes"] = line
    return body


def _cluster_submit(lines: Lines) -> Body:
    body = _submit(lines)
    return {name: body[name] for name in ("SubmitHost", "StructuredNotes") if name in body}


def _execute(lines: Lines) -> Body:
    slot = ""
    if lines[1:] and lines[1].startswith("\tSlotName:"):
        slot = lines.pop(1).split(":", 1)[1].strip().strip('"')
    node = re.match(r"Node (-?\d+) ", lines[0])
    body = _some(ExecuteHost=_after(lines[:1], "on host:").strip(), SlotName=slot)
    if node:
        body["Node"] = int(node[1])
    return {**body, **_some(ExecuteProps=_attributes(lines[1:]) or None)}


def _usage(lines: Lines) -> Body:
    """Return CPU times and bytes, from any line."""
    body: Body = {}
    for line in lines:
        if found := _RUSAGE.match(line):
            body[f"{found[2]}{found[3]}Usage"] = found[1]
        elif found := _BYTES.match(line):
            name = f"{found[3]}Bytes"
            body[name if found[2] == "Run" else f"Total{name}"] = float(found[1])
    return body


def _termination(lines: Lines) -> Body:
    for line in lines:
        if found := _TERMINATION.match(line):
            normal = found[1] == "1"
            name, number = "ReturnValue" if normal else "TerminatedBySignal", int(found[2])
            return {"TerminatedNormally": normal, **_set_only(**{name: number})}
    return {"TerminatedNormally": False}


def _table(lines: Lines) -> Body:
    """Parse the table of resources by the positions of its headings, since cells may be blank."""
    start = next((number for number, line in enumerate(lines) if _TABLE.match(line)), None)
    if start is None:
        return {}
    heads = lines[start].split(":", 1)[-1]
    ends = [found.end() for found in re.finditer(r"\S+", heads)][:3]
    ends[:2] = [end + 1 for end in ends[:2]]  # as HTCondor cuts them
    assigned = heads.find("Assigned")
    body: Body = {}
    for line in lines[start + 1 :]:
        label, colon, cells = line.partition(":")
        if not colon or not label.strip():
            break
        tag = label.split()[0]
        names = (f"{tag}Usage", f"Request{tag}", tag)
        texts = [cells[a:b] for a, b in zip([0, *ends], ends, strict=False)]
        rest = [(f"Assigned{tag}", cells[assigned:])] if assigned >= 0 else []
        found = [*zip(names, texts, strict=False), *rest]
        values = ((name, parse_value(text)) for name, text in found if text.strip())
        body.update(
            {
                name: value
                for name, value in values
                if not isinstance(value, Expression) or value.isidentifier()
            }
        )
    return body


def _terminated(lines: Lines) -> Body:
    zeros = dict.fromkeys(
        ("SentBytes", "ReceivedBytes", "TotalSentBytes", "TotalReceivedBytes"), 0.0
    )
    core = next((found[1] for found in map(_CORE.match, lines[1:3]) if found), "")
    return {
        **zeros,
        **_termination(lines[1:2]),
        **_some(CoreFile=core),
        **_usage(lines),
        **_table(lines),
    }


def _node_terminated(lines: Lines) -> Body:
    node = re.match(r"Node (-?\d+)", lines[0])
    unset = {"ReturnValue": -1, "TerminatedBySignal": -1}
    return {**unset, **_terminated(lines), **(_set_only(Node=int(node[1])) if node else {})}


def _evicted(lines: Lines) -> Body:
    body = {"SentBytes": 0.0, "ReceivedBytes": 0.0, **_usage(lines), **_termination(lines[2:])}
    kind = lines[1].strip() if lines[1:] else ""
    requeued = "Job terminated and was requeued" in kind
    body["Checkpointed"] = not requeued and kind.startswith("(1)")
    body["TerminatedAndRequeued"] = requeued
    if found := _CODES.match(lines[0].removeprefix("Job was evicted.")):
        codes = {"ReasonCode": int(found[1]), "ReasonSubCode": int(found[2])}
        body.update({name: number for name, number in codes.items() if number})
    core = next((found[1] for found in map(_CORE.match, lines) if found), "")
    return {**body, **_some(CoreFile=core, Reason=_eviction_reason(lines)), **_table(lines)}


def _eviction_reason(lines: Lines) -> str:
    known = (_RUSAGE, _BYTES, _TERMINATION, _CORE, re.compile(r"\s*\(0\) No core file"))
    rest = [line for line in lines[2:] if not any(each.match(line) for each in known)]
    if not rest or _TABLE.match(rest[0]):
        return ""
    return rest[0].strip().removeprefix("Reason: ")


def _held(lines: Lines) -> Body:
    body: Body = {"HoldReasonCode": 0, "HoldReasonSubCode": 0}
    reason: Lines = []
    for line in lines[1:]:
        if found := _CODES.match(line):
            body.update(HoldReasonCode=int(found[1]), HoldReasonSubCode=int(found[2]))
            break
        reason.append(line.strip())
    text = "\n".join(reason).strip()
    return {**body, **_some(HoldReason=text if text != "Reason unspecified" else "")}


def _remote_error(lines: Lines) -> Body:
    kind, _, rest = lines[0].partition(" from ")
    daemon, on, host = rest.strip().removesuffix(":").partition(" on ")
    body = _some(Daemon=daemon.strip() if on else "", ExecuteHost=(host if on else daemon).strip())
    message: Lines = []
    for line in lines[1:]:
        if found := _CODES.match(line):
            if int(found[1]):
                body.update(HoldReasonCode=int(found[1]), HoldReasonSubCode=int(found[2]))
            break
        message.append(line.removeprefix("\t"))
    return {
        **body,
        **_some(ErrorMsg="\n".join(message)),
        **({} if kind.strip() == "Error" else {"CriticalError": 0}),
    }


def _image_size(lines: Lines) -> Body:
    size = _integer(lines[0].partition(":")[2])
    found = filter(None, map(_SIZE.match, lines[1:]))
    return {
        **_set_only(Size=size),
        "ResidentSetSize": 0,
        **{each[2]: int(each[1]) for each in found},
    }


def _shadow_exception(lines: Lines) -> Body:
    message = lines[1].strip() if lines[1:] else ""
    return {"Message": message, "SentBytes": 0.0, "ReceivedBytes": 0.0, **_usage(lines[2:])}


def _post_script(lines: Lines) -> Body:
    return {
        **_termination(lines[1:2]),
        **_some(DAGNodeName=_after(lines[2:], "DAG Node: ").rstrip()),
    }


def _disconnected(lines: Lines) -> Body:
    name, _, address = _after(lines[2:], "Trying to reconnect to ").partition(" ")
    return {
        "EventDescription": "Job disconnected, attempting to reconnect",
        **_some(DisconnectReason=lines[1][4:], StartdName=name, StartdAddr=address),
    }


def _reconnected(lines: Lines) -> Body:
    return {
        "EventDescription": "Job reconnected",
        **_some(
            StartdName=_after(lines[:1], "Job reconnected to "),
            StartdAddr=_after(lines, "startd address: "),
            StarterAddr=_after(lines, "starter address: "),
        ),
    }


def _reconnect_failed(lines: Lines) -> Body:
    name = _after(lines[2:], "Can not reconnect to ").partition(",")[0]
    return {
        "EventDescription": "Job reconnect impossible: rescheduling job",
        **_some(Reason=lines[1][4:], StartdName=name),
    }


def _update(lines: Lines) -> Body:
    if found := re.match(r"Changing job attribute (\S+) from (.*) to (.*)", lines[0]):
        return {"Attribute": found[1], "OldValue": found[2], "Value": found[3]}
    found = re.match(r"Setting job attribute (\S+) to (.*)", lines[0])
    return {"Attribute": found[1], "Value": found[2]} if found else {}


def _cluster_remove(lines: Lines) -> Body:
    text = " ".join(lines[1:2])
    made = re.search(r"Materialized (-?\d+) jobs from (-?\d+) items\.\s*(.*)", text)
    word = (made[3] if made else text.strip()).lower()
    error = re.match(r"error\s+(-?\d+)", word)
    completion = {"complete": 1, "paused": 2}.get(word.split(" ")[0], 0)
    if word.startswith("error"):
        completion = min(int(error[1]), -1) if error else -1
    numbers = {"NextProcId": int(made[1]) if made else 0, "NextRow": int(made[2]) if made else 0}
    return {**numbers, "Completion": completion, **_some(Notes=" ".join(lines[2:3]).strip())}


def _paused(lines: Lines) -> Body:
    def number(name: str) -> int:
        found = re.search(rf"{name} (-?\d+)", "\n".join(lines[2:]))
        return int(found[1]) if found else 0

    codes = {"PauseCode": number("PauseCode"), "HoldCode": number("HoldCode")}
    return {**codes, **_some(Reason=" ".join(lines[1:2]).strip())}


def _transfer(lines: Lines) -> Body:
    words = _TRANSFER_TYPES.match(lines[0])
    stage = ("Entered", "Started", "Finished").index(words[1]) + 1 if words else 0
    delay = _after(lines[1:], "Seconds spent in queue: ")
    return {
        "Type": stage + (3 if words and words[2] == "output" else 0),
        **_some(
            QueueingDelay=_integer(delay) if delay else None,
            Host=_after(lines[1:], "Transferring to host: "),
        ),
    }


_SPACE: Final = {
    "Bytes reserved": "ReservedSpace",
    "Reservation Expiration": "ExpirationTime",
    "Reservation UUID": "UUID",
    "UUID": "UUID",
    "Tag": "Tag",
    "Bytes": "Size",
    "Checksum Value": "Checksum",
    "Checksum Type": "ChecksumType",
}


def _space(lines: Lines) -> Body:
    pairs = (line.strip().partition(": ") for line in lines)
    return {
        _SPACE[name]: _integer(value) if value.isdecimal() and name.split()[-1] != "UUID" else value
        for name, _, value in pairs
        if name in _SPACE
    }


def _future(lines: Lines) -> Body:
    return {"EventHead": lines[0], **_attributes(lines[1:])}


def _reason(lines: Lines) -> Body:
    return _some(Reason=" ".join(lines[1:2]).strip())


def _nothing(_: Lines) -> Body:
    return {}


_PARSERS: Final[dict[int, Callable[[Lines], Body]]] = {
    0: _submit,
    1: _execute,
    2: lambda lines: _set_only(ExecuteErrorType=_integer(lines[0][1:])),
    3: lambda lines: {"SentBytes": 0.0, **_usage(lines)},
    4: _evicted,
    5: _terminated,
    6: _image_size,
    7: _shadow_exception,
    8: lambda lines: _some(Info=lines[0]),
    9: _reason,
    10: lambda lines: {"NumberOfPIDs": _integer(lines[1].partition(":")[2])},
    11: _nothing,
    12: _held,
    13: _reason,
    14: _execute,
    15: _node_terminated,
    16: _post_script,
    21: _remote_error,
    22: _disconnected,
    23: _reconnected,
    24: _reconnect_failed,
    25: lambda lines: _some(GridResource=_after(lines, "GridResource: ")),
    26: lambda lines: _some(GridResource=_after(lines, "GridResource: ")),
    27: lambda lines: _some(
        GridResource=_after(lines, "GridResource: "), GridJobId=_after(lines, "GridJobId: ")
    ),
    28: lambda lines: {
        name: value for name, value in _attributes(lines[1:]).items() if name not in _IN_COLUMNS
    },
    29: _nothing,
    30: _nothing,
    31: _nothing,
    32: _nothing,
    33: _update,
    34: lambda lines: _some(SkipEventLogNotes=" ".join(lines[1:2]).strip()),
    35: _cluster_submit,
    36: _cluster_remove,
    37: _paused,
    38: _reason,
    40: _transfer,
    41: _space,
    42: _space,
    43: _space,
    44: _space,
    45: _space,
    46: _reason,
    47: lambda lines: _some(Type=_after(lines[:1], "Common files event: ")),
}
