"""Places: what the scanner numbers is what each record says."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.places import place_of, places_of_starts
from wingspan.eventlog.read import read_events

ADDRESSES = (
    "<10.0.0.1:9618>",
    "<10.0.0.2:9618?addrs=10.0.0.2-9618&alias=one.example&sock=startd_1>",
    "<10.0.0.2:9618?alias=two.example>",
    "<[::1]:9618?addrs=x>",
    "10.0.0.1",
    "",
)
SLOTS = (
    None,
    "slot1_3@one.example",
    "slot1_4@one.example",
    "slot1@glide_7@two.example",
    '"slot1@two.example"',
    "slot1",
    "slot1@",
    'slot1@"',
    "",
)
LINES = (
    '\tGLIDEIN_Site = "Nord"',
    '\tGLIDEIN_Site = "Sud"',
    '\tGLIDEIN_ResourceName = "Ost"',
    '    Site = "Nord"',
    '\tPelicanSite = "West"',
    '\tSiteless = "x"',
    "\tCpus = 1",
    "\tSlotName: slot1@three.example",
    '\tGLIDEIN_Site = ""',
)


@st.composite
def starts(draw):
    """The text of a start: any address, slot and attributes, also such as HTCondor does not write."""
    lines = [f"Job executing on host: {draw(st.sampled_from(ADDRESSES))}"]
    slot = draw(st.sampled_from(SLOTS))
    lines += [] if slot is None else [f"\tSlotName: {slot}"]
    lines += draw(st.lists(st.sampled_from(LINES), max_size=3))
    return draw(st.sampled_from(["\n", "\r\n"])).join([*lines, "...", ""])


def named(names, number):
    return names[number] if number >= 0 else ""


@settings(max_examples=150, deadline=None)
@given(st.lists(starts(), min_size=1, max_size=30))
def test_each_start_has_the_place_that_its_record_names(tmp_path_factory, texts):
    """Starts share a record that is read only if both name the same host and site."""
    path = tmp_path_factory.mktemp("log") / "log"
    job = "001 ({}.000.000) 2025-11-04 10:00:00Z "
    path.write_bytes("".join(job.format(n) + text for n, text in enumerate(texts)).encode())
    events = read_events(path)
    assert len(events) == len(texts)
    found = places_of_starts(events, np.arange(len(events)))
    expected = [place_of(body) for body in read_bodies(events, range(len(events)))]
    assert [named(found.hosts, n) for n in found.host] == [one.host for one in expected]
    assert [named(found.sites, n) for n in found.site] == [one.site for one in expected]
    assert found.bare.tolist() == [not one.slot for one in expected]
    assert list(found.hosts) == list(dict.fromkeys(one.host for one in expected if one.host))


def test_starts_of_other_formats_have_places(tmp_path):
    """XML and JSON starts have no number of the scanner; each of them is read."""
    ad = '{{"EventTypeNumber": 1, "EventTime": "2025-11-04T10:00:00Z", "Cluster": {}, "ExecuteHost": "<10.0.0.1:9>", "SlotName": "slot1@{}"}}\n'
    (tmp_path / "log").write_text("".join(ad.format(n, "ab"[n % 2]) for n in range(5)))
    events = read_events(tmp_path / "log")
    found = places_of_starts(events, np.arange(len(events)))
    assert [found.hosts[n] for n in found.host] == ["a", "b", "a", "b", "a"]
