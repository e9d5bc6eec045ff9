"""Parameters are read from names and files, and what is wrong with them is said all at once."""

import json

import pytest

from wingspan.errors import FormatError, NotFoundError, SettingError
from wingspan.simulator.parameters import (
    SHIPPED,
    Outage,
    Parameters,
    load_parameters,
    parameters_from,
)
from wingspan.simulator.truth import read_truth


def test_shipped_sets_are_read_and_differ():
    """The named sets exist, carry their names and are not the same."""
    sets = [load_parameters(name) for name in SHIPPED]
    assert [one.name for one in sets] == list(SHIPPED)
    assert sets[0] != sets[1]


def test_files_change_what_they_name(tmp_path):
    """TOML and JSON give the same; what they leave out stays as it is."""
    (tmp_path / "a.toml").write_text(
        'days = 3\n[log]\nstamps = { iso = false, zone = "Europe/Berlin" }\n'
    )
    stamps = {"iso": False, "zone": "Europe/Berlin"}
    (tmp_path / "a.json").write_text(json.dumps({"days": 3, "log": {"stamps": stamps}}))
    read = load_parameters(tmp_path / "a.toml")
    assert read == load_parameters(tmp_path / "a.json")
    assert read.days == 3.0
    assert not read.log.stamps.iso
    assert read.workload == Parameters().workload


def test_outages_are_given_whole():
    """An outage has no defaults: naming one means naming all its numbers."""
    whole = {"per_day": 1, "minutes": 2, "spread": 0, "severity": 0.5}
    read = parameters_from({"outages": {"site": whole}})
    assert read.outages.site == Outage(1.0, 2.0, 0.0, 0.5)
    with pytest.raises(SettingError, match=r"outages\.site\.minutes is missing"):
        parameters_from({"outages": {"site": {"per_day": 1}}})


def test_all_faults_are_told_together():
    """Unknown names with close ones, wrong types and values out of range come in one message."""
    wrong = {
        "dayz": 3,
        "workload": {"users": 2.5, "bad_exit": 1.5, "run_s": -1},
        "sites": 7,
        "start": "2026-03-02",
        "log": {"header": 1},
    }
    with pytest.raises(SettingError) as caught:
        parameters_from(wrong, "a.toml")
    problem = caught.value.problem
    for part in (
        "dayz is not known; close: days",
        "workload.users",
        "0 to 1",
        "more than 0",
        "sites is 7",
    ):
        assert part in problem
    assert "expected a time with zone" in problem
    assert "log.header is 1" in problem
    assert caught.value.where == "a.toml"


def test_unknown_set_names_the_known(tmp_path):
    """A name that is neither set nor file lists the sets."""
    with pytest.raises(NotFoundError, match="corpus, ospool"):
        load_parameters("corpse")
    (tmp_path / "broken.toml").write_text("days = ")
    with pytest.raises(SettingError, match="not readable"):
        load_parameters(tmp_path / "broken.toml")


def test_a_file_that_is_no_truth_is_refused(tmp_path):
    """Reading something else says what was found."""
    path = tmp_path / "x"
    path.write_text('{"kind": "hold"}\n')
    with pytest.raises(FormatError, match="wingspan simulate"):
        list(read_truth(path))
