"""The advisor as a pipeline: each model is a step, and the result is that of the library called by hand."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from wingspan.advisor.holds.timeline import make_timeline
from wingspan.advisor.judging.contest import AVERAGE, hold_contest
from wingspan.advisor.judging.evaluate import evaluate
from wingspan.advisor.models.saved import load_advisor
from wingspan.advisor.models.sequence import (
    CONTROLS,
    control_name,
    lstm,
    sized,
)
from wingspan.advisor.samples.samples import make_samples
from wingspan.advisor.samples.split import split_samples
from wingspan.advisor.samples.truth import join_truth
from wingspan.eventlog.read import read_events
from wingspan.eventlog.records import Records
from wingspan.eventlog.sources import Copy
from wingspan.recipes.hold_advisor import (
    HoldAdvisor,
    contest,
    fit,
    fit_lstm,
    hold_advisor,
    read,
    save,
    weigh,
)
from wingspan.recipes.hold_advisor import evaluate as evaluate_step
from wingspan.simulator import pool
from wingspan.simulator.parameters import load_parameters
from wingspan.simulator.truth import read_truth

SMALL = {"hidden": "4", "epochs": "2", "m": "3", "j": "2"}
WITH_LSTM = find_spec("torch") is not None


def compare(what, folder, on="local"):
    """Run the pipeline, compare it with the library called by hand, on one thread as a step of one core has; return the report."""
    run = hold_advisor(what).run(on, home=folder)
    logs = what.logs if isinstance(what.logs, list) else [what.logs]
    with threadpool_limits(1):
        samples = make_samples(make_timeline(read_events(logs)))
        split = split_samples(samples)
        more = {"LSTM": lstm(*sized(SMALL))} if what.lstm else {}
        found = hold_contest(samples, split, more)
        truth = join_truth(samples, read_truth(what.truth)) if what.truth else None
        report = evaluate(samples, split, found, truth)
    made = run["contest"]
    names = [each.name for each in found.contestants]
    assert [each.name for each in made.contestants] == names
    assert made.winner == found.winner
    for mine, theirs in zip(made.contestants, found.contestants, strict=True):
        assert mine.brier == pytest.approx(theirs.brier, abs=1e-6, nan_ok=True)
    for mine, theirs in zip(run["evaluate"].tables, report.tables, strict=True):
        for name in names:
            assert mine.of(name, "skill") == pytest.approx(theirs.of(name, "skill"), abs=1e-4)
    saved = load_advisor(run["save"])
    by_hand = found.advisor(samples, split, saved.card["logs"])
    assert saved.card | {"brier": {}, "slices_start": []} == by_hand.card | {
        "brier": {},
        "slices_start": [],
    }
    np.testing.assert_allclose(saved.counsel(samples).p, by_hand.counsel(samples).p, atol=1e-5)
    assert saved.card["logs"] == [{"path": p.name, "bytes": p.stat().st_size} for p in logs]
    return report


@pytest.mark.long
def test_the_pipeline_says_what_the_library_says(planted, tmp_path):
    """Scores, winner, tables and the saved advisor's probabilities equal those of one call after another."""
    report = compare(HoldAdvisor(planted), tmp_path)
    assert report.winner == AVERAGE


def test_the_steps_by_hand(planted, tmp_path, monkeypatch):
    """One after another, without a run, they end with a table and a folder that opens."""
    monkeypatch.chdir(tmp_path)
    with threadpool_limits(1):
        known = read([planted])
        weights = weigh(known.samples)
        names = ("always release", "rate per code", "logistic regression")
        models = {name: fit(known.samples, weights, name) for name in names}
        found = contest(models, known.samples, weights)
        report = evaluate_step(found, known.samples, None, [planted])
    assert found.winner == report.winner == "logistic regression"
    assert report.tables[0].of(found.winner, "skill").low > 0
    saved = load_advisor(save(found, known.samples, known.logs))
    assert saved.card["logs"] == [{"path": "log", "bytes": planted.stat().st_size}]


def test_the_steps_of_the_lstm(planted):
    """Each is trained by hand as in a run, a control under its own name; none where there is too little."""
    pytest.importorskip("torch")
    with threadpool_limits(1):
        samples = read([planted]).samples
        weights = weigh(samples)
        entered = [fit_lstm(samples, weights, control, SMALL) for control in ("", "shuffled time")]
    assert [each.name for each in entered] == ["LSTM", "LSTM, shuffled time"]
    found = contest({each.name: each for each in entered}, samples, weights)
    assert found.winner == "LSTM"
    few = planted.with_name("few")
    few.write_text(planted.read_text().partition("000 (020.")[0])
    samples = read([few]).samples
    weights = weigh(samples)
    assert fit_lstm(samples, weights, "", SMALL) is None
    assert fit(samples, weights, "gradient boosting") is None
    assert fit(samples, weights, "always release").name == "always release"


@pytest.mark.long
def test_with_a_simulators_truth(tmp_path):
    """The second table, of all holds by the truth, is the library's too; a second run computes nothing."""
    parameters = replace(load_parameters("ospool"), days=2.0)
    made = pool.simulate(parameters, 3, tmp_path / "log", tmp_path / "truth")
    what = HoldAdvisor(list(made.logs), made.truth, lstm=WITH_LSTM, settings=SMALL)
    report = compare(what, tmp_path)
    assert len(report.tables) == 2
    assert not hold_advisor(what).plan(home=tmp_path).to_run()


@pytest.mark.long
@pytest.mark.htcondor
def test_on_a_pool(planted, pool, job_folder):
    """Jobs of a pool, the LSTM's among them, say what the library says here."""
    compare(HoldAdvisor(planted, lstm=WITH_LSTM, settings=SMALL), job_folder, "htcondor")


def test_what_steps_return_can_be_stored(tmp_path):
    """Types are judged once they are imported, so that of records that are kept and of decompressed logs too."""
    (tmp_path / "log").write_bytes(b"000 (1.0.0)")
    (tmp_path / "stored").mkdir()
    for value in (Copy(tmp_path / "log"), Records(10)):
        value.save(tmp_path / "stored")
        assert isinstance(type(value).load(tmp_path / "stored"), type(value))
    assert Copy.load(tmp_path / "stored").path.read_bytes() == b"000 (1.0.0)"
    assert "read" in hold_advisor(HoldAdvisor([])).steps


def test_what_takes_part():
    """The LSTM and its controls are steps only where they are asked for; a step for each model."""
    names = hold_advisor(HoldAdvisor([])).steps.keys()
    assert "fit[gradient boosting]" in names
    assert not any("LSTM" in name for name in names)
    names = hold_advisor(HoldAdvisor([], lstm=True, ablations=True)).steps.keys()
    assert {f"fit[{control_name(each)}]" for each in CONTROLS} < set(names)
