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


STAMP = "2025-11-04 {:02}:{:02}:00Z"


def run(cluster, host, minutes, end, owner="", site="Nord", slot=True):
    """A job that runs on a host and then ends as an event says."""
    job = f"({cluster}.000.000)"
    begin, stop = STAMP.format(10, 0), STAMP.format(10 + minutes // 60, minutes % 60)
    text = (
        f"000 {job} {begin} Job submitted from host: <10.0.0.1:9618?alias=ap&sock=schedd_1>\n...\n"
    )
    where = f'\n\tSlotName: slot1_{cluster}@{host}\n\tGLIDEIN_Site = "{site}"' if slot else ""
    address = "<10.0.0.2:9618>" if slot else "<10.0.0.1:9618?alias=ap&sock=schedd_1>"
    text += f"001 {job} {begin} Job executing on host: {address}{where}\n...\n"
    if owner:
        text += f'028 {job} {begin} Job ad information event triggered.\nOwner = "{owner}"\n...\n'
    return text + f"{end[:3]} {job} {stop} {end[4:]}\n...\n"


USAGE = "\n\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  Run Remote Usage"
BYTES = "\n\t0  -  Run Bytes Sent By Job"
GOOD = "005 Job terminated.\n\t(1) Normal termination (return value 0)" + 4 * USAGE + BYTES
BAD = "005 Job terminated.\n\t(1) Normal termination (return value 3)" + 4 * USAGE + BYTES
HELD = "012 Job was held.\n\tx\n\tCode 26 Subcode 0"
EVICTED = "004 Job was evicted. Code 1007 Subcode 0\n\t(0) CPU times" + 2 * USAGE + BYTES


@pytest.fixture
def busy(summarised, monkeypatch):
    """More runs than bodies are sampled: a busy good host, a bad one, one unlucky run elsewhere, and DAGMan."""
    monkeypatch.setattr(summary, "SAMPLE", 5)
    text = "".join(run(1 + n, "good", 60, GOOD, "ann") for n in range(200))
    text += "".join(
        run(301 + n, "bad", 30, HELD if n % 2 else EVICTED, "bob", "Sud") for n in range(40)
    )
    text += run(401, "unlucky", 10, BAD, "bob", "Sud")
    return summarised(text + run(501, "", 90, GOOD, slot=False))


def test_hosts_sites_and_users_are_exact(busy):
    """Every run counts, however few bodies are read; what HTCondor names decides, not a sample."""
    hosts = {each.name: each for each in busy.hosts}
    assert {name: each.runs for name, each in hosts.items()} == {
        "good": 200,
        "bad": 40,
        "unlucky": 1,
    }
    assert (hosts["bad"].holds, hosts["bad"].evictions, hosts["bad"].bad_s) == (20, 20, 40 * 1800)
    assert {each.name: each.runs for each in busy.sites} == {"Nord": 200, "Sud": 41}
    assert {each.name: (each.runs, each.failures) for each in busy.users} == {
        "ann": (200, 0),
        "bob": (41, 1),
    }


def test_the_worst_comes_first_and_one_run_makes_nobody_the_worst(busy):
    """Hosts are sorted by the share of bad runs, shrunk towards the usual one."""
    assert [each.name for each in busy.hosts] == ["bad", "unlucky", "good"]
    assert busy.hosts[0].rate > 0.7
    assert busy.hosts[1].rate < 0.3


def test_dagmans_own_runs_are_found_whatever_their_length(busy):
    """A run without a slot at the submitting daemon is no run on a machine."""
    assert (busy.own_runs, busy.own_s) == (1, 5400)
    assert busy.good_s == 200 * 3600


def test_a_run_whose_submission_the_log_lacks_is_no_run_of_the_access_point(summarised):
    """A log that was rotated, or begins late, may begin with a start that names no slot."""
    text = run(1, "", 90, GOOD, slot=False)
    assert summarised(text).own_runs == 1
    found = summarised(text[text.index("001 (") :])
    assert (found.own_runs, found.good_s) == (0, 5400)


def test_lost_hours_are_said_by_how_runs_ended(busy):
    """Evictions, holds and bad exits, each with its wall time."""
    lost = {each.how: (each.runs, each.seconds) for each in busy.losses}
    assert lost == {"held": (20, 36000), "evicted": (20, 36000), "ended badly": (1, 600)}


@pytest.mark.parametrize(("minutes", "how"), [(30, "held"), (47, "evicted")])
def test_a_hold_ends_the_run_that_it_follows_at_once(summarised, minutes, how):
    """HTCondor writes an eviction before a hold; a job that is held later, in the queue, was not held by its machine."""
    hold = f"012 (001.000.000) {STAMP.format(10, minutes)} Job was held.\n\tx\n\tCode 26 Subcode 0\n...\n"
    found = summarised(run(1, "a", 30, EVICTED) + hold + run(2, "b", 30, GOOD))
    assert [(loss.how, loss.runs, loss.seconds) for loss in found.losses] == [(how, 1, 1800)]
    worst, best = found.hosts
    assert (worst.name, worst.holds, worst.evictions) == ("a", how == "held", how == "evicted")
    assert (worst.bad, best.bad) == (1, 0)  # the share itself, not the one that sorts the hosts


def test_guessed_years_and_damage_are_said(summarised):
    """Stamps without a year are inferred, which is said; damage has its file and byte."""
    text = "000 (1.000.000) 11/04 10:00:00 Job submitted from host: <10.0.0.1:9618>\n...\nrubbish\n...\n"
    found = summarised(text)
    assert found.yearless == 1
    assert found.damage[0].path.endswith("log")
    assert found.damage[0].offset == text.index("rubbish")
    assert summarised(held(1, 1, 0, "x")).yearless == 0


def test_suspensions_and_odd_ends(summarised):
    """A run goes on after a suspension; one that could not start has failed; unknown events are counted."""
    job, stamp = "(1.000.000)", STAMP.format(10, 1)
    pause = (
        f"010 {job} {stamp} Job was suspended.\n\tNumber of processes actually suspended: 1\n...\n"
    )
    pause += f"011 {job} {stamp} Job was unsuspended.\n...\n"
    start, _, end = run(1, "a", 30, GOOD).rpartition("005 ")
    text = start + pause + "005 " + end + run(2, "a", 6, "002 (0) Job file not executable.")
    text += "".join(f"{number:03} {job} {stamp} Later words.\n...\n" for number in (57, 57, 58))
    found = summarised(text)
    assert found.good_s == 1800
    assert [(loss.how, loss.runs, loss.seconds) for loss in found.losses] == [
        ("not executable", 1, 360)
    ]
    assert (found.hosts[0].failures, found.unknown) == (1, (57, 58))
    assert (found.by_event["EVENT_057"], found.by_event["EVENT_058"]) == (2, 1)
    assert found.events == sum(found.by_event.values())
