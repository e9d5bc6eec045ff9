"""Features: each number against a log where it can be counted by hand."""

import numpy as np

from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.holds.moments import at_holds
from wingspan.advisor.samples.features import make_features


def features(timeline):
    episodes = find_episodes(timeline)
    return make_features(timeline, episodes, at_holds(episodes))


def last(timeline, *names):
    """Return these features of the last hold."""
    found = features(timeline)
    return [float(found.column(name)[-1]) for name in names]


def test_the_jobs_own_past(write):
    """Holds, releases, starts and evictions before the hold are counted; later ones are not."""
    timeline = write(
        [
            (0, 1, 0),
            (10, 1, 1),
            (20, 1, 12, 13),
            (30, 1, 13),
            (40, 1, 1),
            (50, 1, 4),
            (60, 1, 1),
            (70, 1, 7),
            (100, 1, 12),
            (110, 1, 13),
            (120, 1, 1),
        ]
    )
    names = ("holds", "holds_same_code", "releases_by_user", "releases_by_policy", "starts")
    assert last(timeline, *names) == [1, 0, 1, 0, 3]
    assert last(timeline, "evictions", "shadow_exceptions") == [1, 1]
    times = ("since_first_event_s", "since_first_start_s", "since_last_start_s")
    assert last(timeline, *times) == [100, 90, 40]


def test_memory_of_the_last_run(write):
    """The peak is over all runs, the slope over the last."""
    timeline = write(
        [
            (0, 1, 0),
            (1, 1, 1),
            (5, 1, 6, 900),
            (9, 1, 4),
            (10, 1, 1),
            (20, 1, 6, 100),
            (20 + 1800, 1, 6, 200),
            (2000, 1, 12),
            (2001, 1, 6, 9999),
        ]
    )
    assert last(timeline, "memory_max_mb", "memory_mb_per_h") == [900, 200]


def test_mates(write, event):
    """Cluster-mates that run, ended well, are held alike, and on how many hosts."""
    text = "".join(event(number, 7, 1, f"h{number % 2}", proc=number) for number in range(5))
    text += event(10, 7, 5, proc=0) + event(11, 7, 12, proc=1) + event(12, 7, 12, proc=2)
    text += event(13, 7, 12, 13, proc=4)
    timeline = write(text)
    names = ("cluster_jobs", "cluster_ok", "cluster_running", "cluster_held", "cluster_holds")
    assert last(timeline, *names) == [5, 1, 1, 3, 3]
    names = ("cluster_jobs_held_same_code", "cluster_hosts_held_same_code")
    assert features(timeline).column(names[0]).tolist() == [1, 2, 1]
    assert features(timeline).column(names[1]).tolist() == [1, 2, 1]


def test_outcomes_count_once_they_are_known(write):
    """A mate's release counts from the moment its outcome was logged."""
    past = [(0, 1, 12), (10, 1, 13), (20, 2, 12), (30, 1, 5), (40, 3, 12)]
    found = features(write(past))
    assert found.column("template_releases_paid").tolist() == [0, 0, 1]
    assert found.column("template_releases_vain").tolist() == [0, 0, 0]


def test_rates_fade(write):
    """A hold at the access point counts half after one half-life."""
    timeline = write([(0, 1, 12), (600, 2, 12)])
    assert last(timeline, "access_point_holds_10min") == [1.5]


def test_other_clusters_held_alike(write, event):
    """Other clusters count by their latest such hold, the nodes of DAGs as one; other holds and one's own do not count."""
    node = event(0, 1, 0).replace("alias=ap>", "alias=ap>\n    DAG Node: {}")
    text = node.format("a") + node.format("b").replace("(001.", "(002.") + event(0, 3, 0)
    text += "".join(event(600, cluster, 1) for cluster in (1, 2, 3, 4))
    text += event(600, 1, 12) + event(600, 2, 12) + event(600, 3, 12) + event(600, 9, 12, 13)
    text += event(1200, 3, 12, proc=1) + event(1200, 4, 12)
    timeline = write(text)
    assert timeline.dag_node[timeline.events.code == 12].tolist() == [True, True] + [False] * 4
    found = features(timeline)
    counts = found.column("access_point_clusters_alike_10min").tolist()
    assert counts == [0, 0, 1, 0, 0.5, 1.5]
    assert found.column("anywhere_clusters_alike_10min").tolist() == counts
    assert found.column("site_clusters_alike_10min")[-1] == 1
    assert found.column("site_clusters_alike_10min")[3] == 0  # no site is known


def test_what_the_rules_say(write):
    """The table of rules and the reason's words are features."""
    reason = "Transfer input files failure at execution point using protocol https: STARTER"
    timeline = write([(0, 1, 12, 13, reason, 1)])
    assert last(timeline, "at_starter", "at_shadow", "plugin", "code") == [1, 0, 1, 13]
    assert 0 <= last(timeline, "hour_of_week")[0] < 168


def test_hour_of_week(write):
    """Monday's first hour is 0; 2025-11-04 10:00 UTC was a Tuesday."""
    assert last(write([(0, 1, 12)]), "hour_of_week", "hour_of_day") == [34, 10]


def test_no_weekday_without_a_year(write, event):
    """Where the log does not tell the year, the day of the week would come from what was written later."""
    found = last(write(event(0, 1, 12).replace("2025-11-04", "11/04")), "hour_of_week")
    assert np.isnan(found).all()


def test_real_logs(real_timeline):
    """On the real logs all features are finite or nan, none is constant nan, and counts are not negative."""
    found = features(real_timeline)
    assert found.values.shape[0] == len(find_episodes(real_timeline))
    assert not np.isinf(found.values).any()
    assert not np.isnan(found.values).all(axis=0).any()
    counts = [name for name in found.names if not name.endswith(("_per_h", "_mb"))]
    assert all((np.nan_to_num(found.column(name)) >= 0).all() for name in counts)
