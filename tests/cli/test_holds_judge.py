"""``wingspan holds train`` and ``holds evaluate``."""

import json

import pytest
from typer.testing import CliRunner

from wingspan.advisor.saved import load_advisor
from wingspan.cli.main import app
from wingspan.errors import ConflictError, SettingError
from wingspan.simulator import pool
from wingspan.simulator.parameters import parameters_from


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Return a small simulated pool of one access point: its parameters, log and truth."""
    folder = tmp_path_factory.mktemp("pool")
    values = {
        "days": 2.0,
        "workload": {"jobs_per_day": 2000.0, "image_update_s": 40000.0},
        "habits": {"patience": 0.7, "release_s": 2000.0},
        "log": {"access_points": 1},
    }
    (folder / "pool.json").write_text(json.dumps(values))
    made = pool.simulate(parameters_from(values), 3, folder / "log", folder / "truth")
    return folder / "pool.json", made.logs[0], made.truth


def run(*words):
    """Run the command; return what it printed."""
    result = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_trained_advisors_open(simulated, tmp_path):
    """`holds train` writes a folder that opens, with a card that tells counts and slices."""
    _, log, _ = simulated
    found = json.loads(run("holds", "train", log, "--out", tmp_path / "one", "--json"))
    advisor = load_advisor(tmp_path / "one")
    assert advisor.name == found["winner"]
    assert advisor.card == found["card"]
    assert 0 < advisor.card["train"] < advisor.card["holds"]
    assert "winner" in run("holds", "train", log, "--out", tmp_path / "two")


def test_logs_are_judged_once(simulated, tmp_path):
    """A table is printed; with a marker, the second look at the same test is refused."""
    _, log, truth = simulated
    marker = tmp_path / "opened"
    words = ("holds", "evaluate", log, "--truth", truth, "--marker", marker)
    printed = run(*words)
    assert "released holds, as the log tells" in printed
    assert "all holds, by the truth" in printed
    assert "regret 1:5" in printed
    with pytest.raises(ConflictError, match="opened before"):
        run(*words)


def test_any_parameters_are_judged(simulated):
    """A file of parameters gives pools to judge on, trained on others if asked; JSON has no NaN."""
    parameters, _, _ = simulated
    words = ("holds", "evaluate", "--simulate", parameters, "--seeds", "5", "--days", "1")
    (report,) = json.loads(
        run(*words, "--train-on", parameters, "--json"), parse_constant=lambda _: 1 / 0
    )
    assert report["of"].endswith("seed 5")
    assert [table["title"][:8] for table in report["tables"]] == ["released", "all hold"]


def test_one_source_is_asked_for():
    """Neither logs nor parameters, or seeds that are no numbers, are told."""
    with pytest.raises(SettingError, match="give one of them"):
        run("holds", "evaluate")
    with pytest.raises(SettingError, match="whole numbers"):
        run("holds", "evaluate", "--simulate", "corpus", "--seeds", "x")
