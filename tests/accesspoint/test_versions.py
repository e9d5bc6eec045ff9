"""Versions of bindings and access points that do not go together."""

import pytest

from wingspan.accesspoint.versions import Versions, can_submit, check_versions, versions


@pytest.mark.parametrize(
    ("bindings", "access_point", "works"),
    [
        ("23.10.29", "23.9.6", True),
        ("24.12.24", "23.9.6", False),
        ("25.14.1", "23.9.6", False),
        ("23.10.29", "25.14.1", True),
        ("25.0.14", "25.14.1", True),
    ],
)
def test_the_pairs_that_were_tried(bindings, access_point, works):
    """The rule gives for each pair what was found by trying it with real daemons."""
    assert can_submit(Versions(bindings, access_point)) is works


@pytest.mark.htcondor
def test_both_versions_are_asked_for(pool):
    """The access point's version is that of its daemons."""
    assert check_versions() == versions()
    assert versions().access_point == pool.daemons.version
