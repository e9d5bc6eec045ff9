"""Fourteen defects of an earlier advisor, each with the rule that ours keeps."""

import numpy as np
import pytest

from wingspan.advisor.holds.episodes import EXCLUSIONS, OUTCOMES, find_episodes
from wingspan.advisor.holds.moments import at_holds
from wingspan.advisor.samples.features import make_features
from wingspan.advisor.samples.tensors import (
    CHANNELS,
    Layout,
    make_tensors,
    tensor_chunks,
)

DAY = 86400


def tensors(timeline, **sizes):
    return make_tensors(timeline, at_holds(find_episodes(timeline)), Layout(**sizes))


def channel(code):
    return CHANNELS.index(code)


def test_01_times_have_dates(write):
    """Events of other days do not alias into the window: a frame is a stretch of time, not of time of day."""
    events = [(0, 1, 0), (DAY, 1, 12), (2 * DAY - 50, 1, 13), (3 * DAY - 50, 1, 5)]
    found = tensors(write(events), m=4, j=1, frame_s=100.0)
    assert found.counts.sum() == 1
    assert found.counts[0, -1, 0, channel(12)] == 1


def test_01_frames_cross_midnight(write):
    """A frame may begin the day before."""
    midnight = 14 * 3600
    found = tensors(write([(midnight - 50, 1, 1), (midnight + 20, 1, 12)]), m=2, j=1, frame_s=60.0)
    assert found.counts[0, 0, 0, channel(1)] == 1


def test_02_the_label_is_not_in_the_input(write):
    """Nothing behind the hold, the end above all, is in the tensor."""
    found = tensors(write([(0, 1, 1), (9, 1, 12), (9, 1, 13), (9, 1, 5)]), m=3, j=2)
    assert found.counts[..., [channel(5), channel(13)]].sum() == 0


def test_03_frames_run_from_old_to_new(write):
    """The last frame is the newest and holds the hold; an empty frame stays empty, nothing is carried back."""
    found = tensors(write([(0, 1, 1), (290, 1, 12)]), m=3, j=1, frame_s=100.0)
    assert found.counts[0, :, 0, channel(12)].tolist() == [0, 0, 1]
    assert found.counts[0, :, 0, channel(1)].tolist() == [1, 0, 0]


def test_04_axes_are_frames_then_jobs(write):
    """A sequence model's step t is frame t of all jobs, also when there are as many jobs as frames."""
    found = tensors(write([(0, 1, 1), (5, 2, 1), (190, 1, 12)]), m=2, j=2, e=4, frame_s=100.0)
    steps = found.counts.reshape(1, 2, 2 * 4)
    assert steps[0, 0, channel(1)] == 1
    assert steps[0, 0, 4 + channel(1)] == 1
    assert steps[0, 1].sum() == steps[0, 1, channel(12)] == 1


def test_05_an_event_on_a_border_counts_once(write):
    """Frames are half open."""
    found = tensors(write([(0, 1, 1), (100, 1, 6), (200, 1, 12)]), m=3, j=1, frame_s=100.0)
    assert found.counts[0].sum() == 3


def test_05_a_burst_is_kept_whole(write):
    """All events of a frame count, not the last one only."""
    found = tensors(write([(0, 1, 1), (1, 1, 22), (2, 1, 7), (3, 1, 12)]), m=1, j=1, frame_s=400.0)
    assert found.counts[0, 0, 0, [channel(code) for code in (1, 22, 7, 12)]].tolist() == [1] * 4


def test_06_every_hold_has_its_own_outcome(write):
    """Each cycle is an episode, labelled by what came next, not by how the job ended at last."""
    events = [(0, 1, 12), (10, 1, 13), (20, 1, 12), (25, 1, 33), (30, 1, 13), (40, 1, 5)]
    found = find_episodes(write(events))
    names = [OUTCOMES[outcome] for outcome in found.outcome]
    assert names == ["released_held_same", "edited_before_release"]


def test_07_another_exit_code_is_no_success(write):
    """A normal termination with another exit code than 0 has the label 0."""
    found = find_episodes(write([(0, 1, 12), (10, 1, 13), (20, 1, 5, 1)]))
    assert found.label.tolist() == [0]


def test_08_holds_without_release_are_kept(write):
    """A hold that was never released is an episode without a label."""
    found = find_episodes(write([(0, 1, 12), (10, 1, 9), (20, 2, 12)]))
    assert len(found) == 2
    assert np.isnan(found.label).all()


@pytest.mark.timeout(20)
def test_09_company_is_near_and_never_endless(write):
    """Context jobs are others that were near before the hold; too few of them end nothing but the mask."""
    timeline = write([(0, 1, 1), (DAY, 1, 12), (DAY + 5, 2, 1), (2 * DAY, 3, 1)])
    found = tensors(timeline, m=2, j=5)
    assert found.job[0].tolist() == [0, -1, -1, -1, -1]
    assert not found.mask[0, :, 1:].any()


def test_10_company_is_the_same_every_time(write, event):
    """No draw is involved: the same log gives the same tensors."""
    text = "".join(event(number, 1, 1, proc=number) for number in range(30)) + event(50, 1, 12)
    one, two = tensors(write(text), j=4), tensors(write(text), j=4)
    assert one.job.tobytes() == two.job.tobytes()
    assert one.counts.tobytes() == two.counts.tobytes()


def test_11_one_episode_is_a_batch_too(write):
    """Axes stay where one episode, one job or one frame is all there is."""
    found = tensors(write([(0, 1, 12)]), m=1, j=1, e=3)
    assert found.counts.shape == (1, 1, 1, 3)
    assert found.mask.shape == (1, 1, 1)


def test_11_chunks_are_all_counted(write, event, monkeypatch):
    """What is made in parts is what is made at once, the last part included."""
    text = "".join(event(number, 1, 12, proc=number) for number in range(25))
    timeline = write(text)
    moments = at_holds(find_episodes(timeline))
    whole = make_tensors(timeline, moments, Layout(m=3, j=3)).counts
    monkeypatch.setattr("wingspan.advisor.samples.tensors._BYTES_A_CHUNK", 3 * 3 * 18 * 10)
    parts = [part.counts for part in tensor_chunks(timeline, moments, Layout(m=3, j=3))]
    assert [len(part) for part in parts] == [10, 10, 5]
    assert (np.concatenate(parts) == whole).all()


@pytest.mark.parametrize("code", [46, 47, 99])
def test_12_new_events_have_a_place(write, event, code):
    """Events that a layout does not name count in its last channel, also ones that no list knows yet."""
    text = event(0, 1, 47).replace("047", f"{code:03}") + event(9, 1, 12)
    found = tensors(write(text), m=1, j=1, e=5)
    assert found.counts[0, 0, 0].tolist() == [1, 0, 0, 0, 1]


def test_13_access_points_keep_their_jobs_apart(write):
    """The same id on two access points is two jobs; so is an id that a restarted queue gives again."""
    two = write([(0, 1, 0, "x"), (9, 1, 12)], [(1, 1, 0, "y"), (20, 1, 13), (30, 1, 5)])
    assert OUTCOMES[find_episodes(two).outcome[0]] == "censored"
    again = write([(0, 1, 0), (9, 1, 12), (99, 1, 0), (120, 1, 13), (130, 1, 5)])
    assert OUTCOMES[find_episodes(again).outcome[0]] == "censored"


def test_14_the_hold_says_why(write):
    """Code, sub-code, reason, host, memory and exit codes are all used."""
    timeline = write([(0, 1, 1, "a"), (5, 1, 6, 50), (9, 2, 1, "a"), (9, 2, 5, 1), (10, 1, 12)])
    episodes = find_episodes(timeline)
    found = make_features(timeline, episodes, at_holds(episodes))
    names = ("code", "subcode", "memory_max_mb", "host_jobs", "host_failed")
    assert [float(found.column(name)[0]) for name in names] == [12, 28, 50, 2, 1]
    assert timeline.templates[episodes.template[0]] == "no disk on <HOST>"
    assert EXCLUSIONS[episodes.excluded[0]] == ""
