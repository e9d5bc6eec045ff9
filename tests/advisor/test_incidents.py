"""Incidents: bursts of holds count once."""

from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.holds.incidents import find_incidents


def incidents(write, *events):
    return find_incidents(find_episodes(write(events)))


def test_a_burst_of_a_cluster_is_one_incident(write, event):
    """Holds of one cause and cluster that follow each other closely are one incident, its jobs sharing one vote."""
    text = "".join(event(20 + number, 1, 12, proc=number) for number in range(5))
    found = find_incidents(find_episodes(write(text + event(500, 1, 12, proc=9))))
    assert found.number.tolist() == [0] * 5 + [1]
    assert found.size.tolist() == [5, 1]
    assert found.weights.tolist() == [0.2] * 5 + [1.0]


def test_hosts_join_clusters(write):
    """Holds of different clusters on one host are one incident; on different hosts they are not."""
    starts = [(0, 1, 1, "a"), (0, 2, 1, "a"), (0, 3, 1, "b")]
    found = incidents(write, *starts, (10, 1, 12), (20, 2, 12), (30, 3, 12))
    assert found.number.tolist() == [0, 0, 1]


def test_chains_join(write, event):
    """Two bursts are one incident when any of their holds share cluster or host."""
    starts = [(0, 1, 1, "a"), (0, 2, 1, "b"), (0, 3, 1, "b"), (0, 4, 1, "c")]
    text = "".join(event(*each) for each in starts) + event(0, 1, 1, "b", proc=1)
    text += "".join(event(10 + number, number, 12) for number in (3, 1, 2, 4))
    found = find_incidents(find_episodes(write(text + event(20, 1, 12, proc=1))))
    assert found.number.tolist() == [0, 0, 0, 1, 0]


def test_other_causes_are_other_incidents(write):
    """Another code, or another reason, is another incident."""
    same = [(0, cluster, 1, "a") for cluster in (1, 2, 3)]
    found = incidents(write, *same, (9, 1, 12), (9, 2, 12, 13), (9, 3, 12, 12, "other"))
    assert len(found) == 3


def test_no_episodes_no_incidents(write):
    """Nothing held, nothing found."""
    assert len(incidents(write)) == 0
