"""What a profile allows running jobs, and the words for it: values in, values out."""

import pytest

from wingspan.runner.htcondor.chirp_commands import (
    CHIRP,
    channel_commands,
    channel_words,
    ways_in_words,
)
from wingspan.runner.htcondor.write.search_service import service_lines

OUT, IN, STREAM = "My.WantRemoteUpdates", "want_io_proxy", "stream_error"


@pytest.mark.parametrize(
    ("chirp", "lane", "expected"),
    [
        ("io", True, {OUT, IN, STREAM}),
        ("io", False, {OUT}),
        ("updates", True, {OUT, STREAM}),
        ("updates", False, {OUT}),
        ("off", True, {STREAM}),
        ("off", False, {STREAM}),
    ],
)
def test_a_job_is_allowed_no_more_than_it_needs(chirp, lane, expected):
    """Files are read by lanes of sweeps alone; the fall-back is there where it may be needed."""
    found = channel_commands(chirp, lane=lane)
    assert set(found) == expected
    assert set(found.values()) == {"true"}


def test_the_profile_is_said_in_words():
    """With what it means for a sweep, if there is one."""
    assert {channel_words(chirp, sweeps=False) for chirp in CHIRP} == {
        "running jobs send their metrics by chirp",
        "running jobs send their metrics by standard error",
    }
    assert "SECURITY.md" in channel_words("io", sweeps=True)
    for chirp in ("updates", "off"):
        assert f"hear no search (chirp = {chirp})" in channel_words(chirp, sweeps=True)
        assert "hours, target and confirm are ignored" in channel_words(chirp, sweeps=True)


def test_containers_without_a_network_are_named():
    """What is lost there, and how other jobs than lanes send metrics all the same; with chirp off nothing is."""
    assert 'chirp = "off"' in channel_words("io", sweeps=False, images=True)
    swept = channel_words("io", sweeps=True, images=True)
    assert "lanes of sweeps send theirs by standard error and hear no search" in swept
    assert channel_words("off", sweeps=True, images=True) == channel_words("off", sweeps=True)


def test_the_ways_of_jobs_are_counted():
    """Others' words are passed over."""
    assert ways_in_words([]) == ways_in_words(["?"]) == ""
    assert ways_in_words(["io", "io, stream", "io"]) == (
        "jobs of sweeps: 2 with a search; 1 with a search, answering by standard error"
    )
    assert "nothing pruned" in ways_in_words(["stream"])


def test_the_search_is_started_with_the_submitters_modules():
    """Its environment is quoted as submit descriptions have it."""
    text = "\n".join(service_lines("scheduler", {"PYTHONPATH": '/a b/it\'s "x"'}))
    assert "  universe = scheduler\n" in text
    assert """PYTHONPATH='/a b/it''s ""x""'""" in text
    assert "PYTHONPATH" not in "\n".join(service_lines("local", {}))
