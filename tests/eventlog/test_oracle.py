"""The same events as `htcondor2.JobEventLog`, field by field, on every real log; deviations are named and few.

Each deviation allowed here is listed with its reason in docs/eventlog.md.
"""

import classad2
import htcondor2
import numpy as np
import pytest

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.literals import Expression
from wingspan.eventlog.read import read_events

IN_COLUMNS = {"MyType", "EventTypeNumber", "EventTime", "Cluster", "Proc", "Subproc"}
A_YEAR = (365 * 86400, 366 * 86400)


def theirs_of(path):
    """Every event HTCondor's reader gives; it stops or skips where it meets damage."""
    reader = htcondor2.JobEventLog(str(path)).events(0)
    found = []
    while True:
        try:
            found.append(next(reader))
        except StopIteration:
            return found
        except htcondor2.HTCondorException:
            continue


def plain(value):
    """Bring a value of either reader to one form; expressions compare without blanks."""
    if isinstance(value, classad2.ClassAd | dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, classad2.ExprTree | Expression):
        return ("expression", "".join(str(value).split()))
    return None if isinstance(value, classad2.Value) else value


def row(event):
    """The columns of one of their events."""
    return (
        event["EventTypeNumber"],
        event.get("Cluster", event.get("SlotId", -1)),
        event.get("Proc", event.get("DSlotId", -1)),
        event.get("Subproc", -1),
    )


def body_differences(code, ours, theirs):
    """Attributes that differ, but for the allowed deviations."""
    for name in ours.keys() | theirs.keys():
        mine, other = plain(ours.get(name)), plain(theirs.get(name))
        if mine == other:
            continue
        if code in {5, 15} and "Bytes" in name and np.float32(mine) == np.float32(other):
            continue  # it keeps these as 32-bit numbers
        if code in {4, 5} and name not in theirs:
            continue  # it leaves out the table of evictions, and rows of it without a request
        if name == "CriticalError" and code == 21:
            continue  # it forgets that "Message from" is none
        yield name, mine, other


def compare(path):
    """Compare one log; return how many events agreed, of how many."""
    events = read_events(path)
    bodies = read_bodies(events, range(len(events)))
    whole = events.files[0].tail is None and not events.damage
    theirs = theirs_of(path)
    ours = list(
        zip(
            *(getattr(events, name).tolist() for name in ("code", "cluster", "proc", "subproc")),
            strict=True,
        )
    )
    position = agreed = 0
    for event in theirs:
        # a torn record is an event to it, and swallows the one behind it
        near = ours[position : position + 3] if not whole else ours[position : position + 1]
        if row(event) not in near:
            assert not whole, (path, position, "an event that we do not have")
            continue
        position += near.index(row(event))
        late = event.timestamp - int(events.time[position])
        assert late in {0, *A_YEAR}, (path, position, late)  # it takes this year, be it the future
        found = {name: event[name] for name in event if name not in IN_COLUMNS}
        wrong = list(body_differences(ours[position][0], bodies[position], found))
        assert not wrong, (path, position, wrong)
        position += 1
        agreed += 1
    stopped = position < len(ours) and whole
    if stopped:
        end = int(events.offset[position])
        before = path.read_bytes()[end - 40 : end + 1]
        # it ends at a blank line between records, and at an ad in a classic log
        assert before.endswith((b"{", b"<")) or b"\n\n" in before, (path, position)
    return agreed, len(events)


@pytest.fixture
def zone_utc(zone):
    zone("UTC")


def test_every_real_log(logs, zone_utc):
    """On every real log, each of its events is one of ours, with the same fields."""
    agreed, events = np.sum([compare(path) for path in logs], axis=0)
    assert agreed > 0.99 * events
