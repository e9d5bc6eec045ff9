"""Requests are in HTCondor's units and refuse what they cannot mean."""

import pytest

from wingspan.errors import DeclarationError
from wingspan.pipeline.resources import Resources


@pytest.mark.parametrize(
    ("given", "mb"),
    [("2GB", 2048), ("512MB", 512), ("1.5 gb", 1536), (300, 300), ("1TB", 1024**2), ("1KB", 1)],
)
def test_memory_is_counted_in_mb_of_1024_kb(given, mb):
    """Amounts are read in any unit, as HTCondor counts, and rounded up."""
    assert Resources(memory=given).memory_mb == mb


@pytest.mark.parametrize(
    ("given", "seconds"), [("2h", 7200), ("30min", 1800), (12.5, 12.5), ("1d", 86400)]
)
def test_runtime_is_in_seconds(given, seconds):
    """A run time is read in any unit."""
    assert Resources(runtime=given).runtime_s == seconds


def test_all_faults_are_told_at_once():
    """One message names every wrong field and what is accepted."""
    with pytest.raises(DeclarationError) as told:
        Resources(
            cpus=0, memory="lots", gpus=-1, runtime="soon", submit={"Queue": "3", "rank": "Mips"}
        )
    message = str(told.value)
    for part in ("cpus=0", "memory='lots'", '"2GB"', "gpus=-1", "runtime='soon'", "queue"):
        assert part in message
    assert "rank" not in message


def test_json_holds_what_differs_from_the_defaults():
    """Two requests that ask for the same are the same JSON."""
    assert Resources().to_json() == {}
    asked = Resources(cpus=4, submit={"rank": "Mips"})
    assert asked.to_json() == {"cpus": 4, "submit": {"rank": "Mips"}}
    assert Resources(**asked.to_json()).to_json() == asked.to_json()


def test_a_request_cannot_be_changed():
    """Records between stages are frozen, what they hold too."""
    with pytest.raises(TypeError):
        Resources(submit={"rank": "Mips"}).submit["rank"] = "0"
