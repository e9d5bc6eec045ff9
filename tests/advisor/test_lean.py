"""A timeline without the events that no answer uses gives the same answers, number by number."""

from dataclasses import replace

import pytest

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.answers.blame import OTHERS
from wingspan.advisor.answers.evidence import History
from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.holds.timeline import make_timeline
from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.logs import read_logs
from wingspan.eventlog.places import place_of
from wingspan.simulator import pool
from wingspan.simulator.parameters import load_parameters


@pytest.fixture(scope="module")
def pool_events(tmp_path_factory):
    """The logs of a pool of three access points over some hours."""
    folder = tmp_path_factory.mktemp("pool")
    parameters = replace(load_parameters("ospool"), days=0.4)
    return read_logs(pool.simulate(parameters, 11, folder / "log", folder / "truth").logs)


@pytest.mark.parametrize("every", [False, True])
def test_answers_are_the_same(pool_events, every):
    """Whatever is left out, each answer and its evidence stay as they are, to the last digit."""
    whole, lean = make_timeline(pool_events), make_timeline(pool_events, lean=True)
    assert len(lean) < 0.75 * len(whole)
    assert lean.clock[-1] == whole.clock[-1]
    found = advise(whole, every=every)
    assert sum(len(each.jobs) for each in found) > 20
    assert repr([each.jobs for each in advise(lean, every=every)]) == repr(
        [each.jobs for each in found]
    )


def test_hosts_of_a_whole_log_are_those_of_its_records(pool_events):
    """The place of every start of a simulated pool is what its own record says."""
    timeline = make_timeline(pool_events, lean=True)
    rows = timeline.where(1)
    bodies = read_bodies(timeline.events, rows)
    expected = [place_of(body) for body in bodies]
    assert [timeline.hosts[n] for n in timeline.host[rows]] == [one.host for one in expected]
    assert len(set(timeline.host.tolist())) > 20


@pytest.mark.parametrize("second", [100, 5])
def test_out_of_order_stamps_and_last_events_count(write, event, second):
    """An event that is left out still moves the clock: before a hold, and at the end of the log."""
    text = event(0, 1, 0) + event(1, 1, 1) + event(second, 1, 40) + event(9, 1, 12)
    text += event(2000, 2, 40)
    whole = write(text)
    lean = make_timeline(whole.events, lean=True)
    assert len(lean) == len(whole) - 1
    assert repr(advise(lean)) == repr(advise(whole))
    held = advise(lean)[0].jobs[0]
    assert held.held_at - whole.clock[0] == 9
    assert held.ran_s == max(second, 9) - 1
    assert lean.clock[-1] - lean.clock[0] == 2000


def test_jobs_that_two_logs_tell_of_keep_all_events(write, event):
    """What two logs say of one job is put together first, so nothing is left out."""
    own = event(0, 1, 0) + event(1, 1, 40) + event(9, 1, 12)
    timeline = write(own, own + event(20, 1, 13))
    lean = make_timeline(timeline.events, lean=True)
    assert lean.events.code.tolist() == timeline.events.code.tolist()


def test_tries_of_many_clusters_are_counted_by_cluster(write, event):
    """However many clusters tried a machine, each of them counts once."""
    text = "".join(event(n, n % 150 + 1, 1, "host1", proc=n) for n in range(300))
    timeline = write(text + event(400, 999, 1, "host1") + event(410, 999, 12))
    history = History(timeline, find_episodes(timeline))
    seen = history.at(0, len(timeline), "environment").blame.seen[OTHERS, "host"]
    assert (seen.tries, seen.clusters, seen.held) == (300, 150, 0)
