"""Any events that are written are read back: ids, times, codes, texts, in every form of stamp."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.read import read_events
from wingspan.simulator import write

numbers = st.integers(0, 2**31 - 1)
codes = st.integers(-(2**31) + 1, 2**31 - 1)
# texts of reasons: HTCondor writes none with line breaks, and cuts blanks at their ends
texts = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="."), min_size=1)
seconds = st.integers(
    int(datetime(1995, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2090, 1, 1, tzinfo=UTC).timestamp()),
)
styles = st.sampled_from(
    [
        write.StampFormat(utc=True),
        write.StampFormat(utc=True, sub_second=True),
        write.StampFormat(zone="UTC"),
        write.StampFormat(sub_second=True, zone="UTC"),
    ]
)


@st.composite
def written(draw):
    """One event: its text's maker, its number, and what its columns and body must say."""
    kind = draw(
        st.sampled_from(["held", "released", "aborted", "image", "ended", "error", "moved"])
    )
    reason = draw(texts)
    if kind == "held":
        code, subcode = draw(codes), draw(codes)
        body = {"HoldReason": reason, "HoldReasonCode": code, "HoldReasonSubCode": subcode}
        return lambda job, when: write.held(job, when, reason, code, subcode), 12, body
    if kind == "error":
        code, subcode = draw(st.integers(1, 2**31 - 1)), draw(codes)
        body = {"HoldReasonCode": code, "HoldReasonSubCode": subcode, "ErrorMsg": reason}
        return (
            lambda job, when: write.remote_error(job, when, "slot1@h", reason, code, subcode),
            21,
            body,
        )
    if kind == "image":
        size, memory, resident = draw(numbers), draw(numbers), draw(numbers)
        body = {"Size": size, "MemoryUsage": memory, "ResidentSetSize": resident}
        return lambda job, when: write.image_size(job, when, size, memory, resident), 6, body
    if kind == "moved":
        host = "<10.0.0.1:9618>"
        what = "Started transferring output files"
        return (
            lambda job, when: write.transfer(job, when, what, to=host),
            40,
            {"Type": 5, "Host": host},
        )
    if kind == "ended":
        value = draw(st.integers(0, 255))
        body = {"ReturnValue": value, "TerminatedNormally": True}
        return lambda job, when: write.post_script_terminated(job, when, value, "a"), 16, body
    make, code = {"released": (write.released, 13), "aborted": (write.aborted, 9)}[kind]
    return lambda job, when: make(job, when, reason), code, {"Reason": reason}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(written(), numbers, numbers, seconds), max_size=20), styles)
def test_what_is_written_is_read(tmp_path_factory, events, style):
    """write(events), then read, gives the events: ids, number, time, and every attribute of the body."""
    path = tmp_path_factory.mktemp("log") / "log"
    stamp = write.stamp_writer(style)
    path.write_text(
        "".join(
            make(write.job_id(cluster, proc), stamp(time))
            for (make, *_), cluster, proc, time in events
        )
    )
    found = read_events(path, timezone="UTC")
    assert found.damage == ()
    assert found.files[0].tail is None
    assert found.code.tolist() == [code for (_, code, _), *_ in events]
    assert found.cluster.tolist() == [cluster for _, cluster, _, _ in events]
    assert found.proc.tolist() == [proc for _, _, proc, _ in events]
    assert np.array_equal(found.time, [time for *_, time in events])
    for body, ((_, _, expected), *_) in zip(
        read_bodies(found, range(len(found))), events, strict=True
    ):
        assert expected.items() <= body.items()
