"""Read XML and JSON logs, where each event is a ClassAd.

This runs in plain Python and is slower than the scanner for the classic format.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from wingspan.eventlog.access_points import identity, number
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.kernel import ABSENT, BAD_BODY, HAS_ZONE, NO_HEADER, TORN, Columns
from wingspan.eventlog.literals import Expression
from wingspan.eventlog.sources import Reader

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Ad: TypeAlias = dict[str, Any]

_RECORD: Final = 0
_TAIL: Final = -1
_BLOCK: Final = 1 << 16
_NOISE: Final = re.compile(rb"\s*(?:</?classads>|<\?xml.*\?>|<!DOCTYPE.*>|[\[\],])?\s*")
_EXPRESSION: Final = re.compile(r"/Expr\((.*)\)/", re.DOTALL)


def scan_ads(form: str, file: Reader, columns: Columns, base: int = 0) -> tuple[int, int]:
    """Append each event of an XML or JSON log; return where its bytes and last whole record end.

    `base` is the offset of the first byte.
    """
    end = whole = base
    for kind, offset, content in _stretches(form, file, base):
        end = offset + len(content)
        if kind == _RECORD:
            _append(form, content, offset, columns)
        elif kind != _TAIL:
            columns.append_damage(offset, len(content), kind)
        whole = offset if kind == _TAIL else end
    return end, whole


def _stretches(form: str, file: Reader, base: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield (kind, offset, bytes) of records, of other text, and of the tail, even if empty."""
    opening, closing = (b"<c>", b"</c>") if form == "xml" else (b"{", b"}")
    held, begun, position = bytearray(), False, base
    for line in _lines(file):
        begins = line.startswith(opening)
        noise = not begun and _NOISE.fullmatch(line)
        if held and (begins or noise):
            yield TORN if begun else NO_HEADER, position - len(held), bytes(held)
            held.clear()
        begun = begun or begins
        position += len(line)
        held += b"" if noise else line
        text = line.rstrip(b" \t\r\n,")
        if begun and (text == closing or (begins and text.endswith(closing))):
            yield _RECORD, position - len(held), bytes(held)
            held.clear()
            begun = False
    if held and not begun:
        yield NO_HEADER, position - len(held), bytes(held)
        held.clear()
    yield _TAIL, position - len(held), bytes(held)


def parse_ad(form: str, record: bytes) -> Ad:
    """Return the ad of one record; raise `ValueError` if it is not an ad."""
    text = record.decode(errors="replace").strip().rstrip(",")
    if form == "json":
        return dict(json.loads(text, object_hook=_json_object))
    from xml.etree import ElementTree as ET

    try:
        return dict(_xml_value(ET.fromstring(text)))
    except ET.ParseError as error:
        raise ValueError("not XML") from error


def _lines(file: Reader) -> Iterator[bytes]:
    buffer, rest = bytearray(_BLOCK), b""
    with memoryview(buffer) as view:
        while got := file.readinto(view) or 0:
            *whole, rest = (rest + bytes(view[:got])).split(b"\n")
            for line in whole:
                yield line + b"\n"
    if rest:
        yield rest


def _json_object(pairs: Ad) -> Ad:
    for name, value in pairs.items():
        if isinstance(value, str) and (found := _EXPRESSION.fullmatch(value.strip("\\"))):
            pairs[name] = Expression(found[1].strip())
    return pairs


_XML: Final[dict[str, Callable[["Element"], Any]]] = {
    "c": lambda node: {each.get("n", ""): _xml_value(each[0]) for each in node if len(each)},
    "l": lambda node: [_xml_value(each) for each in node],
    "i": lambda node: int(node.text or ""),
    "r": lambda node: float(node.text or ""),
    "b": lambda node: node.get("v") == "t",
    "un": lambda _: None,
    "er": lambda _: None,
    "e": lambda node: Expression(node.text or ""),
}


def _xml_value(node: "Element") -> Any:  # noqa: ANN401 - any ClassAd value
    return _XML[node.tag](node) if node.tag in _XML else node.text or ""


def _append(form: str, record: bytes, start: int, columns: Columns) -> None:
    try:
        row = _row(parse_ad(form, record))
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        columns.append_damage(start, len(record), BAD_BODY)
        return
    columns.append({**row, "offset": start, "length": len(record)})


def _row(ad: Ad) -> dict[str, float]:
    code = int(ad["EventTypeNumber"])
    stamp = datetime.fromisoformat(ad["EventTime"])
    ids = ("SlotId", "DSlotId", "") if code >= 100 else ("Cluster", "Proc", "Subproc")  # EP events
    cluster, proc, subproc = (int(ad.get(name, -1)) for name in ids)
    value, detail = _numbers(code, ad)
    return {
        "code": code,
        "time": (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp(),
        "stamp": HAS_ZONE if stamp.tzinfo else 0,
        "cluster": cluster,
        "proc": proc,
        "subproc": subproc,
        "value": value,
        "detail": detail,
    }


def _numbers(code: int, ad: Ad) -> tuple[int, int]:
    """Return `value` and `detail` as the scanner sets them for a classic record."""
    if code in {Event.SUBMIT, Event.CLUSTER_SUBMIT}:
        return number(identity(str(ad.get("SubmitHost", "")))), ABSENT
    if code in {Event.JOB_TERMINATED, Event.NODE_TERMINATED, Event.POST_SCRIPT_TERMINATED}:
        normal = bool(ad.get("TerminatedNormally"))
        return int(ad["ReturnValue" if normal else "TerminatedBySignal"]), int(not normal)
    if code == Event.IMAGE_SIZE:
        return int(ad["Size"]), int(ad.get("MemoryUsage", ABSENT))
    if code == Event.FILE_TRANSFER:
        return int(ad["Type"]), ABSENT
    reasons: dict[int, str] = {
        Event.JOB_HELD: "HoldReason",
        Event.REMOTE_ERROR: "HoldReason",
        Event.JOB_EVICTED: "Reason",
    }
    if code not in reasons:
        return ABSENT, ABSENT
    return int(ad.get(f"{reasons[code]}Code", 0)), int(ad.get(f"{reasons[code]}SubCode", 0))
