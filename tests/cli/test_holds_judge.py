"""``wingspan holds train`` and ``holds evaluate``."""

import json
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits
from typer.testing import CliRunner

from wingspan.advisor.models.saved import load_advisor
from wingspan.cli.main import app
from wingspan.errors import NotFoundError, SettingError
from wingspan.simulator import pool
from wingspan.simulator.parameters import parameters_from

USAGE = "\n\t\tUsr 0 00:00:01, Sys 0 00:00:00  -  Run Remote Usage" * 4


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


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """Keep the user's journal of judged holds in the test's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def run(*words):
    """Run the command; return what it printed."""
    result = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def held_and_released(count):
    """Return a log of so many jobs, nine hours apart, each held and released; every second release pays."""
    events = []
    for number in range(count):
        pays = number % 2
        for minute, code, body in (
            (0, 0, "Job submitted from host: <10.0.0.1:9618?addrs=10.0.0.1-9618&alias=ap>"),
            (10, 12, f"Job was held.\n\tlost {'a' * pays}\n\tCode 12 Subcode {pays}"),
            (20, 13, "Job was released.\n\tvia condor_release (by user ada)"),
            (30, 5, f"Job terminated.\n\t(1) Normal termination (return value {1 - pays}){USAGE}"),
        ):
            stamp = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=9 * number, minutes=minute)
            head = f"{code:03} ({number:03}.000.000) {stamp:%Y-%m-%d %H:%M:%SZ}"
            events.append(f"{head} {body}\n...\n")
    return "".join(events)


@pytest.mark.long
def test_trained_advisors_open(tmp_path):
    """`holds train` writes a folder that opens, with a card that tells counts and slices."""
    log = tmp_path / "log"
    log.write_text(held_and_released(160))
    found = json.loads(run("holds", "train", log, "--out", tmp_path / "one", "--json"))
    advisor = load_advisor(tmp_path / "one")
    assert advisor.name == found["winner"]
    assert advisor.card == found["card"]
    assert 0 < advisor.card["train"] < advisor.card["holds"]
    assert "winner" in run("holds", "train", log, "--out", tmp_path / "two")


def test_too_little_has_no_winner(tmp_path):
    """From few holds nothing is stored, and no model is called the winner; what is lacking is told."""
    (tmp_path / "log").write_text(held_and_released(30))
    with pytest.raises(
        NotFoundError, match=r"6 labelled holds of 6 incidents .* 30 of 20 are need"
    ):
        run("holds", "train", tmp_path / "log", "--out", tmp_path / "one")
    assert not (tmp_path / "one").exists()
    printed = run("holds", "evaluate", tmp_path / "log", "--svg", tmp_path / "picture.svg")
    assert "no winner: 6 labelled holds" in printed
    assert "too few clusters for intervals: 10 are needed" in printed
    assert "12: 6 too few clusters" in printed
    assert "nan" not in printed
    (report,) = json.loads(run("holds", "evaluate", tmp_path / "log", "--json"))
    assert report["winner"] is None
    assert report["tables"][0]["lines"][0]["figures"]["brier"]["low"] is None


def test_excluded_jobs_are_in_no_slice(tmp_path):
    """Training and judging leave out users and clusters; a name without jobs is reported."""
    events = held_and_released(40).split("...\n")
    for number in range(0, 40, 4):  # bob's jobs are 0, 4, ...; a quarter of them
        head = f"028 ({number:03}.000.000) 2026-01-01 00:00:00Z"
        events[4 * number] += (
            f'...\n{head} Job ad information event triggered.\nOwner = "bob"\nCluster = {number}\n'
        )
    log = tmp_path / "log"
    log.write_text("...\n".join(events))
    out = ("--exclude-user", "bob", "--exclude-cluster", 1)
    (everything,) = json.loads(run("holds", "evaluate", log, "--json"))
    (report,) = json.loads(run("holds", "evaluate", log, "--json", *out))
    assert (everything["holds"], report["holds"]) == (40, 29)
    assert report["tables"][0]["episodes"] == 6
    assert everything["tables"][0]["episodes"] == 8
    for more, lacking in (((), "8 labelled holds"), (out, "6 labelled holds")):
        with pytest.raises(NotFoundError, match=f"{lacking} of"):
            run("holds", "train", log, "--out", tmp_path / "one", *more)
    printed = run("holds", "evaluate", log, "--exclude-user", "bib", "--exclude-cluster", 99)
    assert "--exclude-user bib: no job in these logs" in printed
    assert "--exclude-cluster 99: no job in these logs" in printed


@pytest.mark.parametrize("width", [80, 200])
def test_tables_fit_the_terminal(tmp_path, monkeypatch, width):
    """No line is wider than the terminal, whatever the number of models; intervals are there."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(tmp_path)
    Path("log").write_text(held_and_released(160))
    lines = run("holds", "evaluate", "log").splitlines()
    assert max(map(len, lines)) <= width
    assert "winner: average" in "".join(lines)
    assert sum(line.startswith("brier") for line in lines) == (6 if width == 80 else 2)


@pytest.mark.long
def test_the_lstm_takes_part(tmp_path):
    """With `--lstm` its score is on the advisor's card; from too few incidents it is left out, and that is told."""
    pytest.importorskip("torch")
    small = ("--lstm", "--set", "hidden=4", "--set", "epochs=2", "--set", "m=3", "--set", "j=2")
    (tmp_path / "log").write_text(held_and_released(160))
    (tmp_path / "few").write_text(held_and_released(30))
    with threadpool_limits(1):
        words = ("holds", "train", tmp_path / "log", "--out", tmp_path / "one", "--json", *small)
        found = json.loads(run(*words))
    assert 0 < found["card"]["brier"]["LSTM"] < 1
    words = ["holds", "evaluate", str(tmp_path / "few"), "--lstm", "--ablations"]
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert "LSTM left out" in result.stderr
    assert "shuffled" not in result.stdout


NETWORK = """
import torch


class Net(torch.nn.Linear):
    def __init__(self, config, width, facts):
        super().__init__(facts, 1)

    def forward(self, frames, facts):
        return super().forward(facts).squeeze(1)
"""


def test_a_network_of_the_current_folder(tmp_path, monkeypatch):
    """A class in a file of the folder where the command is given takes the LSTM's place; one that is not there is told."""
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("network_of_a_user.py").write_text(NETWORK)
    Path("log").write_text(held_and_released(160))
    words = ("holds", "train", "log", "--json", "--lstm", "--set", "epochs=2", "--network")
    with threadpool_limits(1):
        found = json.loads(run(*words, "network_of_a_user:Net", "--out", "one"))
    assert 0 < found["card"]["brier"]["LSTM"] < 1
    with pytest.raises(SettingError, match="did you mean Net"):
        run(*words, "network_of_a_user:Nett", "--out", "two")


def test_options_of_the_lstm(monkeypatch, tmp_path):
    """Without `--lstm`, or without torch, they are refused; so is a size without a value."""
    (tmp_path / "log").write_text("")
    words = ("holds", "evaluate", tmp_path / "log")
    for more in (["--ablations"], ["--network", "a:B"], ["--set", "hidden=3"]):
        with pytest.raises(SettingError, match="add --lstm"):
            run(*words, *more)
    if find_spec("torch"):
        with pytest.raises(SettingError, match="write it like"):
            run(*words, "--lstm", "--set", "hidden")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SettingError, match="needs torch"):
        run(*words, "--lstm")


def test_how_often_holds_were_judged_on_is_counted(simulated, tmp_path):
    """A table is printed, and nothing is refused; the next look at the same holds says so, of other holds it does not."""
    _, log, truth = simulated
    journal, svg = tmp_path / "judged", tmp_path / "picture.svg"
    words = ("holds", "evaluate", log, "--truth", truth, "--journal", journal, "--svg", svg)
    printed = run(*words)
    assert "released holds, by the log" in printed
    assert "all holds, by the truth" in printed
    assert "what advise prints" in printed
    assert "judged on before: never" in printed
    assert svg.read_text().count("share that paid") == 2
    assert "judged on before: 1 time\n" in run(*words)
    (tmp_path / "log").write_text(held_and_released(80))
    words = ("holds", "evaluate", tmp_path / "log", "--journal", journal)
    assert "judged on before: never" in run(*words)


def test_a_stored_advisor_is_judged_on_what_it_did_not_learn_from(tmp_path):
    """On its own log the later holds alone count, on another access point's all; its answers are those of `advise`."""
    log, other = tmp_path / "log", tmp_path / "other"
    log.write_text(held_and_released(160))
    other.write_text(held_and_released(160).replace("alias=ap>", "alias=ap2>"))
    run("holds", "train", log, "--out", tmp_path / "one")
    words = ("--model", tmp_path / "one", "--journal", tmp_path / "journal", "--json")
    (own,) = json.loads(run("holds", "evaluate", log, *words))
    (foreign,) = json.loads(run("holds", "evaluate", other, *words))
    assert [each["name"] for each in own["slices"]] == ["test"]
    assert own["slices"][0]["holds"] == 32
    assert foreign["slices"][0]["holds"] == 160
    assert (own["winner"], own["opened"], foreign["opened"]) == ("average", 0, 0)
    assert {line["model"] for line in own["tables"][0]["lines"]} >= {"average", "rate per template"}
    assert own["answers"]["fix first"] == pytest.approx(0.5)
    with pytest.raises(SettingError, match="judges a trained advisor"):
        run("holds", "evaluate", log, "--model", tmp_path / "one", "--lstm")


def test_any_parameters_are_judged(simulated):
    """A file of parameters gives pools to judge on, trained on others if asked; JSON has no NaN."""
    parameters, _, _ = simulated
    cache = parameters.parent / "cache"
    words = ("holds", "evaluate", "--simulate", parameters, "--seeds", "5", "--days", "1")
    words += ("--cache", cache)
    (report,) = json.loads(
        run(*words, "--train-on", parameters, "--json"), parse_constant=lambda _: 1 / 0
    )
    assert report["of"].endswith("seed 5")
    assert [table["title"][:8] for table in report["tables"]] == ["released", "all hold"]
    assert len(list(cache.iterdir())) == 2
    logs = {path: path.stat().st_mtime_ns for path in cache.rglob("*.log")}
    run(*words, "--json")
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*.log")} == logs


def test_one_source_is_asked_for():
    """Neither logs nor parameters, or seeds that are no numbers, are told."""
    with pytest.raises(SettingError, match="give one of them"):
        run("holds", "evaluate")
    with pytest.raises(SettingError, match="whole numbers"):
        run("holds", "evaluate", "--simulate", "corpus", "--seeds", "x")
