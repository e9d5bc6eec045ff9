"""A simulated pool: its logs are HTCondor's, its truth agrees with them and is nowhere in them."""

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime

import pytest

from wingspan.eventlog.read import read_events
from wingspan.eventlog.rules import explain
from wingspan.simulator.job import Slots
from wingspan.simulator.marginals import marginals
from wingspan.simulator.parameters import Outage, Outages, Parameters, load_parameters
from wingspan.simulator.pool import simulate
from wingspan.simulator.reasons import STAGES, WORDINGS
from wingspan.simulator.submissions import Submissions
from wingspan.simulator.truth import DELAYS_S, read_truth
from wingspan.simulator.world import keyed, make_world

CAUSES = {
    "user_bug", "memory", "disk", "cpus", "time", "evictions", "site_outage", "host_fault",
    "access_point_outage", "plugin_outage", "user",
}  # fmt: skip


def small(name="ospool", days=2.0, jobs_per_day=5000.0):
    parameters = load_parameters(name)
    workload = replace(parameters.workload, jobs_per_day=jobs_per_day)
    return replace(parameters, days=days, workload=workload)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give a simulation with all causes, made once."""
    folder = tmp_path_factory.mktemp("pool")
    return simulate(small(), 5, folder / "pool.log", folder / "pool.truth")


@pytest.fixture(scope="module")
def holds(made):
    """Give the holds of its truth."""
    return [record for record in read_truth(made.truth) if record["kind"] == "hold"]


@pytest.fixture(scope="module")
def histories(made):
    """Give, by access point and job, the records of its logs, in the order of the file."""
    found = defaultdict(list)
    for log in made.logs:
        point = log.name.split(".")[1] + ".example.org"
        for record in log.read_text().split("\n...\n"):
            if match := re.match(r"(\d{3}) \((\d+)\.(\d+)\.000\) (\S+ \S+)", record):
                number, cluster, proc, stamp = match.groups()
                time = datetime.fromisoformat(stamp + "+00:00").timestamp()
                found[point, int(cluster), int(proc)].append((int(number), time, record))
    return found


@pytest.mark.long
def test_htcondor_accepts_the_logs_whole(made):
    """HTCondor's own reader finds as many events as were written, of the same kinds."""
    htcondor2 = pytest.importorskip("htcondor2")
    found = Counter()
    for log in made.logs:
        found.update(int(event.type) for event in htcondor2.JobEventLog(str(log)).events(0))
    (totals,) = (record for record in read_truth(made.truth) if record["kind"] == "totals")
    assert {str(number): count for number, count in found.items()} == totals["events"]
    assert found.total() == made.events


def test_our_reader_joins_logs_and_truth(made, holds):
    """The columns of the logs have the truth's holds, under the same names of access points, and no damage."""
    events = read_events(made.logs, timezone="UTC")
    assert len(events) == made.events
    assert events.damage == ()
    rows = (events.code == 12).nonzero()[0]
    in_log = zip(
        [events.access_points[index] for index in events.access_point[rows]],
        events.cluster[rows].tolist(),
        events.proc[rows].tolist(),
        events.time[rows].tolist(),
        strict=True,
    )
    in_truth = [(h["access_point"], h["cluster"], h["proc"], float(int(h["time"]))) for h in holds]
    assert sorted(in_log) == sorted(in_truth)


def test_same_seed_same_bytes(tmp_path, made):
    """Another process with another hash seed writes the same bytes; another seed writes others."""
    command = (
        "import sys; from pathlib import Path; from dataclasses import replace\n"
        "from wingspan.simulator.parameters import load_parameters; from wingspan.simulator.pool import simulate\n"
        "p = replace(load_parameters('corpus'), days=0.4)\n"
        "simulate(p, int(sys.argv[1]), Path(sys.argv[2]) / 'a.log', Path(sys.argv[2]) / 'truth')\n"
    )
    texts = []
    for name, seed, hashing in (("one", "3", "1"), ("two", "3", "77"), ("three", "4", "1")):
        (tmp_path / name).mkdir()
        subprocess.run(
            [sys.executable, "-c", command, seed, str(tmp_path / name)],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hashing},
        )
        texts.append([path.read_bytes() for path in sorted((tmp_path / name).iterdir())])
    assert len(texts[0]) == 4
    assert texts[0] == texts[1]
    assert texts[0][0] != texts[2][0]


def test_every_cause_occurs(holds):
    """No cause of the documentation is missing from a pool of some days."""
    assert {hold["cause"] for hold in holds} == CAUSES


def test_truth_and_log_have_the_same_holds(holds, histories):
    """Each hold of the truth stands in the log with its code and its second, and none besides."""
    in_log = [
        (job, position + 1, time, *map(int, re.search(r"Code (\d+) Subcode (\d+)", text).groups()))
        for job, events in histories.items()
        for position, (_, time, text) in enumerate(e for e in events if e[0] == 12)
    ]
    in_truth = [
        (
            (h["access_point"], h["cluster"], h["proc"]),
            h["hold"],
            int(h["time"]),
            h["code"],
            h["subcode"],
        )
        for h in holds
    ]
    assert sorted(in_log) == sorted(in_truth)


def test_what_followed_is_what_the_log_shows(holds, histories):
    """Action and outcome of each hold agree with the events behind it."""
    outcomes = {5: {"ok", "bad exit"}, 12: {"held again"}, 9: {"removed"}, None: {"open at end"}}
    for hold in holds:
        events = histories[hold["access_point"], hold["cluster"], hold["proc"]]
        places = [index for index, event in enumerate(events) if event[0] == 12]
        behind = [e for e in events[places[hold["hold"] - 1] + 1 :] if e[0] in {5, 9, 12, 13}]
        if hold["action"] == "none":
            assert behind == []
        elif "remove" in hold["action"]:
            assert [event[0] for event in behind] == [9]
        else:
            assert behind[0][0] == 13
            assert abs(behind[0][1] - hold["action_time"]) <= 1
            last = behind[1] if len(behind) > 1 else (None, None, "")
            assert hold["outcome"] in outcomes[last[0]]
            if last[0] == 5:
                assert ("return value 0" in last[2]) == (hold["outcome"] == "ok")


def test_what_ifs_agree_with_what_happened(holds):
    """Where every delay has the same answer, a release without a fix at any time has it too."""
    plain = [
        hold
        for hold in holds
        if hold["action"] in {"release", "policy release"}
        and hold["outcome"] in {"ok", "held again", "bad exit"}
        and hold["action_time"] - hold["time"] < DELAYS_S[-1]
    ]
    always = [h["outcome"] == "ok" for h in plain if all(h["release_pays_after_s"].values())]
    never = [h["outcome"] == "ok" for h in plain if not any(h["release_pays_after_s"].values())]
    assert len(always) > 50
    assert len(never) > 50
    assert sum(always) / len(always) > 0.97  # the rest: an outage that none of the delays met
    assert sum(never) / len(never) < 0.05


def test_transient_holds_pass_and_hopeless_ones_do_not(holds):
    """No release alone helps a hopeless job; most others succeed once their outage is over."""
    hopeless = [hold for hold in holds if hold["hopeless"]]
    assert len(hopeless) > 100
    assert not any(any(hold["release_pays_after_s"].values()) for hold in hopeless)
    late = [
        hold["outcome"] == "ok"
        for hold in holds
        if hold["cause_ends"]
        and not hold["hopeless"]
        and hold["action"] in {"release", "policy release"}
        and hold["outcome"] in {"ok", "held again", "bad exit"}
        and hold["action_time"] > hold["cause_ends"]
    ]
    assert len(late) > 30
    assert sum(late) / len(late) > 0.8


def test_outages_explain_their_holds(made, holds):
    """A hold by an outage lies within it, and one outage hits several users."""
    outages = {r["outage"]: r for r in read_truth(made.truth) if r["kind"] == "outage"}
    users = defaultdict(set)
    for hold in holds:
        if hold["outage"] is not None:
            outage = outages[hold["outage"]]
            assert outage["cause"] == hold["cause"]
            assert outage["starts"] <= hold["time"] <= outage["ends"] + 1e-3
            users[hold["outage"]].add(hold["user"])
    assert max(map(len, users.values())) > 3


def test_fixes_help():
    """A job with a bug never succeeds; the same job with the same luck mostly does once its bug is corrected."""
    parameters = small()
    world = make_world(parameters, 1, 0.0)
    slots, submissions = Slots(parameters, world), Submissions(parameters, world, 1)
    before, after = [], []
    time = 0.0
    while len(before) < 200:
        cluster, jobs = submissions.batch(time := submissions.next_time(time))
        for job in (
            job for job in jobs[:5] if job.flaw == cluster.bug != "" and not cluster.exit_code
        ):
            cluster.fixed = False
            before.append(slots.run(job, time, keyed(1, job.number, 1)))
            cluster.fixed = True
            after.append(slots.run(job, time, keyed(1, job.number, 1)))
    assert all(run.hold for run in before)
    assert sum(run.outcome == "ok" for run in after) > 0.75 * len(after)


def test_truth_is_not_in_the_log(made):
    """No word of the truth stands in any log."""
    words = [*CAUSES - {"user", "memory", "disk", "cpus", "time", "evictions"}, *STAGES]
    words += ["hopeless", "release_pays", "latent", "outage"]
    for log in made.logs:
        text = log.read_text()
        assert [word for word in words if word in text] == []


def test_texts_do_not_give_the_cause_away(holds, histories):
    """The same words stand for a job's own fault and for an outage."""
    causes = defaultdict(set)
    for hold in holds:
        events = histories[hold["access_point"], hold["cluster"], hold["proc"]]
        text = [event[2] for event in events if event[0] == 12][hold["hold"] - 1]
        reason = re.sub(r"\S*[\d/]\S*", "*", text.split("\n")[1])
        causes[hold["code"], hold["subcode"], reason].add(hold["cause"])
    ambiguous = [found for found in causes.values() if len(found - {"user"}) > 1]
    assert any({"user_bug", "plugin_outage"} <= found for found in ambiguous)
    assert any(
        {"user_bug", "host_fault"} <= found or {"user_bug", "site_outage"} <= found
        for found in ambiguous
    )


def test_events_of_a_log_are_in_the_order_of_time(histories, made):
    """Stamps never go back, in a job and in the whole log."""
    for log in made.logs:
        stamps = re.findall(r"^\d{3} \(\S+\) (\d{4}-\S+ \S+)", log.read_text(), re.MULTILINE)
        assert stamps == sorted(stamps)
    for events in histories.values():
        assert events[0][0] == 0
        assert [number for number, _, _ in events].count(0) == 1
        assert all(number not in {5, 9} for number, _, _ in events[:-1])


@pytest.mark.long
def test_marginals_of_corpus_are_in_their_bands(tmp_path):
    """The set that imitates public logs has their shape, within the bands that are printed."""
    parameters = replace(load_parameters("corpus"), days=6.0)
    made = simulate(parameters, 2, tmp_path / "pool.log", tmp_path / "truth")
    rows = marginals(made.truth)
    outside = {row.name: (row.prior, row.simulated) for row in rows if not row.fits}
    assert len(rows) > 50
    assert outside == {}


def test_every_text_has_a_first_day_answer():
    """The rule table knows every text of the simulator; only people's own and sites' own are left open."""
    open_kinds = {
        kind
        for kind, wordings in WORDINGS.items()
        for words in wordings
        if explain(words.code, words.subcode, words.reason).answer == "no evidence"
    }
    assert open_kinds <= {"by_user", "submitted_held", "spooling", "memory"}


def test_extremes_run(tmp_path):
    """A pool without outages, evictions and patience runs too, and so does one where all is broken."""
    never, always = Outage(0, 1, 0, 0), Outage(500.0, 500.0, 1.0, 1.0)
    for name, outage, evictions, patience in (
        ("calm", never, 0.0, 0.0),
        ("storm", always, 60.0, 1.0),
    ):
        parameters = Parameters(days=0.2, outages=Outages(outage, outage, outage, outage))
        parameters = replace(
            parameters,
            sites=replace(
                parameters.sites, evictions_per_hour=evictions, sites=2, hosts_per_site=1
            ),
            habits=replace(parameters.habits, patience=patience),
            log=replace(parameters.log, access_points=1, job_ad_information=True),
        )
        made = simulate(parameters, 1, tmp_path / f"{name}.log", tmp_path / f"{name}.truth")
        assert made.logs == (tmp_path / f"{name}.log",)
        causes = Counter(r["cause"] for r in read_truth(made.truth) if r["kind"] == "hold")
        assert ({"host_fault", "plugin_outage"} <= set(causes)) == (name == "storm")


def test_job_ads_follow_events(tmp_path):
    """Where the access point is so configured, each event is followed by its job's attributes."""
    htcondor2 = pytest.importorskip("htcondor2")
    parameters = small("corpus", days=0.1)
    log = replace(parameters.log, access_points=1, job_ad_information=True)
    workload = replace(parameters.workload, image_update_s=1e9)
    made = simulate(
        replace(parameters, log=log, workload=workload), 2, tmp_path / "a.log", tmp_path / "t"
    )
    events = list(htcondor2.JobEventLog(str(made.logs[0])).events(0))
    assert len(events) == made.events
    last = None
    for event in events[1:]:
        if int(event.type) == 28:
            assert event["TriggerEventTypeNumber"] == last
            assert event["Owner"].startswith("user")
        last = int(event.type)


def test_what_fails_leaves_no_file(tmp_path, monkeypatch):
    """A simulation that breaks off leaves neither log nor truth behind."""
    monkeypatch.setattr("wingspan.simulator.pool.record_end", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        simulate(small(days=0.1), 1, tmp_path / "a.log", tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_fifty_thousand_holds(tmp_path):
    """A run of 50,000 holds takes minutes and bounded memory."""
    script = (
        "import re; from pathlib import Path; from dataclasses import replace\n"
        "from wingspan.simulator.parameters import load_parameters; from wingspan.simulator.pool import simulate\n"
        f"made = simulate(replace(load_parameters('ospool'), days=42.0), 1, Path({str(tmp_path / 'a.log')!r}), Path({str(tmp_path / 't')!r}))\n"
        "print(made.holds, re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    found, memory_kb = map(int, result.stdout.split())
    assert found > 50_000
    assert memory_kb < 600_000


def test_truth_starts_with_its_parameters(made):
    """The first line names format, seed and parameters, so that a truth can be made again."""
    first = json.loads(made.truth.read_text().split("\n", 1)[0])
    assert first["seed"] == 5
    assert first["parameters"]["workload"]["jobs_per_day"] == 5000.0
