"""The same events as `htcondor2.JobEventLog`, field by field, on real logs, a pool's and simulated ones.

Each deviation allowed here is listed with its reason in docs/eventlog.md.
"""

from dataclasses import replace

import classad2
import htcondor2
import numpy as np
import pytest

from wingspan.accesspoint import hold, query, release, remove, submit
from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.literals import Expression
from wingspan.eventlog.read import read_events
from wingspan.simulator.parameters import load_parameters
from wingspan.simulator.pool import simulate

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


def told(log, code, cluster):
    """Whether a log has an event of a cluster's first job."""
    return log.exists() and f"\n{code:03} ({cluster:03}.000.000) " in log.read_text()


@pytest.fixture
def pool_log(job_folder, wait_until):
    """Give the log of jobs of all fates on a real pool: ended, failed, killed, held, released, removed, local."""
    log = job_folder / "jobs.log"
    (job_folder / "input").write_text("some text")
    killed = job_folder / "killed.sh"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    shell = {"executable": "/bin/sh", "log": log, "should_transfer_files": "YES"}
    sleeper = submit({**shell, "executable": "/bin/sleep", "arguments": 600})
    moved = {"transfer_input_files": job_folder / "input", "transfer_output_files": "out"}
    ending = [
        submit({**shell, **moved, "arguments": "\"-c 'cp input out'\"", "initialdir": job_folder}),
        submit({**shell, "arguments": "\"-c 'exit 3'\""}),
        submit({**shell, "executable": killed}),
        submit({"executable": "/bin/true", "universe": "local", "log": log}),
    ]
    lost = submit({**shell, "transfer_output_files": "nothing", "arguments": '"-c true"'})
    wait_until(lambda: told(log, 1, sleeper))
    assert hold(f"{sleeper}.0", "wait: the disk\\tis full") == 1
    wait_until(lambda: told(log, 12, sleeper))
    assert release(f"{sleeper}.0", "the disk is back") == 1
    wait_until(lambda: told(log, 13, sleeper) and told(log, 12, lost))
    remove([str(sleeper), str(lost)], "enough")
    jobs = " || ".join(f"ClusterId == {cluster}" for cluster in (*ending, sleeper, lost))
    wait_until(lambda: not query(jobs, ["ClusterId"]), within_s=60)
    return log


@pytest.mark.htcondor
def test_log_of_a_pool(pool_log):
    """On a log that this machine's own pool wrote, all events are the same, and all fates are among them."""
    agreed, events = compare(pool_log)
    assert agreed == events
    found = read_events(pool_log)
    assert {0, 1, 5, 9, 12, 13, 40} <= set(found.code.tolist())
    assert {0, 3} <= set(found.return_value.tolist())
    assert 9 in found.signal.tolist()
    assert {1, 12} <= set(found.hold_code.tolist())


@pytest.mark.parametrize("name", ["ospool", "corpus"])
def test_simulated_logs(tmp_path, zone_utc, name):
    """On simulated logs all events are the same; none is damaged."""
    parameters = load_parameters(name)
    workload = replace(parameters.workload, jobs_per_day=2000.0)
    small = replace(parameters, days=0.25, workload=workload)
    made = simulate(small, 3, tmp_path / "pool.log", tmp_path / "truth")
    compared = [compare(log) for log in made.logs]
    assert all(agreed == events for agreed, events in compared)
    assert sum(events for _, events in compared) == made.events > 1000
