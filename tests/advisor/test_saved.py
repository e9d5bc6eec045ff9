"""Advisors in folders."""

import json
from dataclasses import replace

import numpy as np
import pytest

from wingspan.advisor.models.baselines import (
    Mates,
    OsgRule,
    blindly,
    fit_mates,
    fit_rates,
)
from wingspan.advisor.models.calibrate import IDENTITY
from wingspan.advisor.models.learned import (
    Blend,
    fit_boosting,
    fit_forest,
    fit_logistic,
    fit_unnamed,
)
from wingspan.advisor.models.saved import Advisor, load_advisor, save_advisor
from wingspan.advisor.samples.features import NAMES
from wingspan.advisor.samples.samples import make_samples
from wingspan.errors import ConflictError, CorruptError, FormatError, NotFoundError


@pytest.fixture
def samples(write):
    """Return 40 released holds of as many clusters: code 12 pays, code 13 does not; and one of code 6."""
    log = []
    for number in range(40):
        start, code = number * 1000, 12 + number % 2
        last = (5, 0) if code == 12 else (12, 13, "lost", 0)
        log += [(start, number, 0), (start + 9, number, 12, code, "lost", 0)]
        log += [(start + 99, number, 13), (start + 199, number, *last)]
    log.append((50_000, 99, 12, 6, "Exec format error", 8))
    return make_samples(write(log))


def fit_average(*given):
    """Return an average of three models."""
    return Blend((fit_boosting(*given), fit_forest(*given), fit_unnamed(*given)), (4.0, 1.0, 5.0))


def advised(samples, fit):
    """Return an advisor of the labelled samples."""
    rows = np.flatnonzero(~np.isnan(samples.label))
    weights = np.ones(len(rows))
    rates = fit_rates(samples, rows, weights)
    model = fit(samples, rows, weights)
    return Advisor("x", model, IDENTITY, rates, {"trained": len(rows)}, 7.5)


@pytest.mark.parametrize("fit", [fit_rates, fit_mates, fit_boosting, fit_logistic, fit_average])
def test_an_advisor_comes_back_as_it_was(samples, tmp_path, fit):
    """What a folder gives back says the same of every sample, bit for bit."""
    advisor = advised(samples, fit)
    save_advisor(advisor, tmp_path / "one")
    again = load_advisor(tmp_path / "one")
    for mine, theirs in zip(advisor.counsel(samples), again.counsel(samples), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert again.card == {"trained": 40}
    assert again.strength == 7.5


def test_evidence_is_counted_by_cause(samples):
    """Where no such hold was ever released there is no evidence, and the interval says nothing."""
    advisor = advised(samples, fit_rates)
    p, _, low, high, evidence = advisor.counsel(samples)
    first, second, last = np.flatnonzero(np.isin(samples.episodes.code, (12, 13, 6)))[[0, 1, -1]]
    assert evidence[first] == evidence[second] == 20
    assert low[first] < p[first] < high[first]
    assert p[first] > 0.8
    assert p[second] < 0.2
    assert (evidence[last], low[last], high[last]) == (0, 0, 1)


def test_a_rule_is_not_overwritten(samples, tmp_path):
    """A folder that is there is left alone."""
    advisor = advised(samples, lambda *_: OsgRule())
    save_advisor(advisor, tmp_path / "one")
    assert isinstance(load_advisor(tmp_path / "one").model, OsgRule)
    with pytest.raises(ConflictError, match="is there already"):
        save_advisor(advisor, tmp_path / "one")


def test_a_foreign_model_is_not_saved_as_another(samples, tmp_path):
    """What cannot be read back is refused, and leaves no folder."""
    advisor = replace(advised(samples, fit_rates), model=object())
    with pytest.raises(FormatError, match="found object"):
        save_advisor(advisor, tmp_path / "one")
    assert not (tmp_path / "one").exists()


def test_damage_is_told(samples, tmp_path):
    """Another format, a garbled card or another model file is refused with what to do."""
    with pytest.raises(NotFoundError, match=r"advisor\.json"):
        load_advisor(tmp_path)
    save_advisor(advised(samples, fit_logistic), tmp_path / "one")
    (tmp_path / "one/model.skops").write_bytes(b"")
    with pytest.raises(CorruptError, match="not the file that was written"):
        load_advisor(tmp_path / "one")
    card = tmp_path / "two/advisor.json"
    save_advisor(advised(samples, fit_rates), tmp_path / "two")
    content = json.loads(card.read_text())
    for wrong, error in (
        ("{", CorruptError),
        (json.dumps({"format": 99}), FormatError),
        (json.dumps(content | {"model": {"kind": "oracle"}}), FormatError),
        (json.dumps(content | {"curve": {}}), CorruptError),
    ):
        card.write_text(wrong)
        with pytest.raises(error, match="advisor"):
            load_advisor(tmp_path / "two")


def test_a_model_of_other_features_is_refused(samples):
    """Columns are told apart by their names, not by their places."""
    learned = advised(samples, fit_logistic).model
    other = type(learned)(learned.estimator, learned.names[1:], learned.templates)
    with pytest.raises(FormatError, match="other features"):
        other.predict(samples, np.arange(2), blindly(2, 0.0))


def test_mates_outvote_the_rate(samples):
    """The last known outcome of the cluster stands above the rate of the cause."""
    model = advised(samples, fit_mates).model
    assert isinstance(model, Mates)
    rows = np.arange(len(samples))
    last = samples.features.column("cluster_last_release_paid")
    p = model.predict(samples, rows, blindly(len(rows), 0.0))
    assert (p[last == 0] == 0.1).all()
    assert (last == 0).any()


def test_boosting_without_names_sees_no_cause(samples):
    """Other codes, words and templates change nothing that it says; a model with names says something else."""
    rows = np.arange(len(samples))
    values = samples.features.values.copy()
    places = [samples.features.names.index(name) for name in NAMES]
    values[:, places] = values[::-1][:, places]
    renamed = replace(
        samples,
        features=replace(samples.features, values=values),
        causes=tuple((code, 7, "other") for code, _, _ in samples.causes),
    )
    said = {}
    for fit in (fit_unnamed, fit_logistic):
        model = advised(samples, fit).model
        releases = blindly(len(rows), 0.0)
        said[fit] = [model.predict(each, rows, releases) for each in (samples, renamed)]
    np.testing.assert_array_equal(*said[fit_unnamed])
    assert np.ptp(said[fit_unnamed][0]) > 0.1
    assert np.abs(np.subtract(*said[fit_logistic])).max() > 0.1
