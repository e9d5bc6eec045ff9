"""Tensors: axes, frames, masks and company."""

import numpy as np
import pytest

from wingspan.advisor.holds.episodes import find_episodes
from wingspan.advisor.holds.moments import at_delay, at_holds
from wingspan.advisor.samples.shared_tensors import shared_tensors
from wingspan.advisor.samples.tensors import CHANNELS, Layout, make_tensors
from wingspan.errors import SettingError


def tensors(timeline, **sizes):
    return make_tensors(timeline, at_holds(find_episodes(timeline)), Layout(**sizes))


def channel(code):
    return CHANNELS.index(code)


def by_hand(timeline, hold, job, layout):
    """Count the events of one job by frame, from the definition."""
    counts, edges = np.zeros((layout.m, layout.e), int), layout.edges.tolist()
    for row in range(hold + 1):
        age = timeline.clock[hold] - timeline.clock[row]
        code = int(timeline.events.code[row])
        frames = [k for k in range(layout.m) if edges[k] <= age < edges[k + 1]]
        if timeline.job[row] == job and frames:
            number = channel(code) if code in CHANNELS[: layout.e - 1] else layout.e - 1
            counts[layout.m - 1 - frames[0], number] += 1
    return counts


@pytest.mark.parametrize("frame_s", [None, 60.0])
def test_counts_agree_with_counting(write, frame_s):
    """Every count is what counting by hand gives, for log-spaced and for fixed frames, whatever the seed."""
    draw = np.random.default_rng(5)
    codes = draw.choice([0, 1, 4, 5, 6, 12, 13, 40, 46], 300).tolist()
    times = np.sort(draw.integers(0, 3000, 300)).tolist()
    timeline = write(
        [
            (t, int(c), code)
            for t, c, code in zip(times, draw.integers(1, 9, 300), codes, strict=True)
        ]
    )
    layout = Layout(m=6, j=4, e=9, frame_s=frame_s)
    found = make_tensors(timeline, at_holds(find_episodes(timeline)), layout)
    for number, hold in enumerate(find_episodes(timeline).row.tolist()):
        for slot, job in enumerate(found.job[number].tolist()):
            expected = by_hand(timeline, hold, job, layout) if job >= 0 else 0
            assert (found.counts[number, :, slot] == expected).all()
    assert found.counts.sum() > 400


def test_trainings_of_one_layout_make_their_tensors_once(write, tmp_path):
    """The second one reads what the first one left; another layout, other moments or another log are other files."""
    rows = [(0, 1, 0), (5, 1, 1), (500, 1, 12), (600, 1, 13), (700, 1, 12)]
    timeline = write(rows)
    moments, layout = at_holds(find_episodes(timeline)), Layout(m=4, j=2)
    made = make_tensors(timeline, moments, layout)
    for _ in range(2):
        found = shared_tensors(timeline, moments, layout, tmp_path / "shared")
        for name in ("counts", "mask", "job"):
            assert np.array_equal(getattr(found, name), getattr(made, name))
    (place,) = (tmp_path / "shared").iterdir()
    kept = np.load(place / "counts.npy")
    kept[:] = 7
    np.save(place / "counts.npy", kept)
    assert (shared_tensors(timeline, moments, layout, place.parent).counts == 7).all()
    shared_tensors(timeline, moments, Layout(m=5, j=2), place.parent)
    shared_tensors(timeline, moments.take(slice(1, 2)), layout, place.parent)
    other = write([*rows[:-1], (701, 1, 12)])
    shared_tensors(other, at_holds(find_episodes(other)), layout, place.parent)
    assert len(list(place.parent.iterdir())) == 4
    assert np.array_equal(shared_tensors(timeline, moments, layout, None).mask, made.mask)


def test_masks_tell_not_yet_from_nothing(write):
    """A frame before the job's first event is masked, one without events after it is not."""
    found = tensors(write([(0, 1, 0), (500, 1, 12)]), m=10, j=2, frame_s=100.0)
    assert found.mask[0, :, 0].tolist() == [False] * 4 + [True] * 6
    assert not found.mask[0, :, 1].any()
    assert found.job[0].tolist() == [0, -1]


def test_company_is_of_cluster_host_and_access_point(write, event):
    """Context jobs are cluster-mates, host-mates and others of the access point; those that changed last come first."""
    text = event(0, 1, 1, "a", proc=1) + event(1, 1, 1, "b", proc=2) + event(2, 2, 1, "c")
    text += event(3, 3, 1, "d") + event(4, 1, 1, "c") + event(9, 1, 12) + event(10, 4, 1, "c")
    timeline = write(text)
    own = {name: int(timeline.job[row]) for row, name in enumerate(["1.1", "1.2", "2", "3", "1.0"])}
    found = tensors(timeline, j=6)
    expected = [own["1.0"], own["1.2"], own["2"], own["1.1"], own["3"], -1]
    assert found.job[0].tolist() == expected


def test_company_of_another_access_point_is_none(write):
    """A job with the same cluster id on another access point is no mate."""
    found = tensors(write([(0, 1, 0), (9, 1, 12)], [(0, 1, 0, "other"), (5, 1, 1)]), j=3)
    assert found.job[0].tolist()[1:] == [-1, -1]


def test_many_frequent_events_hide_nothing(write):
    """However often a job reports its size, its other events still count."""
    events = [(0, 1, 0), (1, 1, 1), *((2 + number, 1, 6) for number in range(500)), (600, 1, 12)]
    found = tensors(write(events), m=1, j=1)
    assert found.counts[0, 0, 0, [channel(0), channel(1), channel(12)]].tolist() == [1, 1, 1]
    assert found.counts[0, 0, 0, channel(6)] == Layout().reach


def test_nothing_held_makes_empty_tensors(write):
    """Without episodes the tensors are empty and have their shape."""
    assert tensors(write([(0, 1, 0)]), m=3, j=2, e=5).counts.shape == (0, 3, 2, 5)


@pytest.mark.parametrize(
    "sizes", [{"m": 0}, {"j": 0}, {"e": 0}, {"e": 999}, {"reach": 200}, {"frame_s": 0.0}]
)
def test_impossible_layouts_are_refused(sizes):
    """A size out of its range is refused by name."""
    with pytest.raises(SettingError, match=next(iter(sizes))):
        Layout(**sizes)


def test_questions_asked_later(write):
    """An hour after the hold what was told until then is known, and only holds that last are asked about."""
    timeline = write(
        [(0, 1, 0), (10, 1, 12), (20, 2, 12), (30, 2, 13), (3000, 3, 1), (9000, 1, 13)]
    )
    found = at_delay(timeline, find_episodes(timeline), 3600.0)
    assert found.episode.tolist() == [0]
    assert found.upto.tolist() == [5]
    made = make_tensors(timeline, found, Layout(m=1, j=3))
    assert made.counts[0, 0, 1:, channel(1)].sum() == 1
