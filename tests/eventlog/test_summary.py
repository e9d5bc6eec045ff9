"""Summaries: what is counted is exact, also where reasons are sampled."""

import pytest

from wingspan.eventlog import summary
from wingspan.eventlog.read import read_events
from wingspan.eventlog.summary import summarise


def held(cluster, code, subcode, reason):
    start = f"({cluster}.000.000) 2025-11-04 10:00:00Z"
    submit = f"000 {start} Job submitted from host: <10.0.0.1:9618?alias=ap>\n...\n"
    hold = f"012 {start} Job was held.\n\t{reason}\n\tCode {code} Subcode {subcode}\n...\n"
    return submit + hold


@pytest.fixture
def summarised(tmp_path):
    """Summarise a text."""

    def of(text):
        (tmp_path / "log").write_text(text)
        return summarise(read_events(tmp_path / "log"))

    return of


def held_by_code(found):
    totals = {}
    for group in found.holds:
        key = (group.code, group.subcode)
        totals[key] = totals.get(key, 0) + group.holds
    return totals


@pytest.mark.parametrize("sample", [5, 20, 10_000])
def test_holds_of_each_code_are_counted_exactly(summarised, monkeypatch, sample):
    """However few reasons are read, the holds of each code and sub-code add up, and none of them is forgotten."""
    monkeypatch.setattr(summary, "SAMPLE", sample)
    monkeypatch.setattr(summary, "RARE", 3)
    text = "".join(held(1 + n, 13, 2, f"no file /data/{n}.root") for n in range(500))
    text += "".join(held(1001 + n, 26, 0, "too long" if n % 3 else "too much") for n in range(97))
    text += held(2001, 1, 0, "via condor_hold (by user alice)")
    found = summarised(text)
    assert held_by_code(found) == {(13, 2): 500, (26, 0): 97, (1, 0): 1}
    assert [(group.holds, group.jobs) for group in found.holds if group.code == 13] == [(500, 500)]
    assert ("reasons" in found.sampled) == (sample < 598)


def test_templates_of_one_code_share_its_holds(summarised):
    """Holds of one code are told apart by the template of their reason."""
    text = "".join(
        held(1 + n, 26, 0, f"too long: {n} s" if n % 3 else "too much") for n in range(30)
    )
    found = summarised(text)
    assert sorted((group.template, group.holds) for group in found.holds) == [
        (found.holds[0].template, 20),
        ("too much", 10),
    ]


def test_nothing_is_held(summarised):
    """A log without holds has a summary without them."""
    found = summarised(held(1, 1, 0, "x").partition("012")[0])
    assert found.holds == ()
    assert found.jobs == 1
