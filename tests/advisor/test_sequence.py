"""The LSTM among the other models: what it learns from logs, is asked, and is kept from seeing."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.holds.timeline import make_timeline
from wingspan.advisor.judging.contest import hold_contest
from wingspan.advisor.models.baselines import as_released, blindly, fit_rates
from wingspan.advisor.models.calibrate import IDENTITY
from wingspan.advisor.models.facts import fit_encoding
from wingspan.advisor.models.network import LSTM, NetworkConfig
from wingspan.advisor.models.saved import (
    CARD,
    Advisor,
    load_advisor,
    save_advisor,
)
from wingspan.advisor.models.sequence import (
    CONTROLS,
    DEFAULT,
    controls,
    lstm,
    sized,
)
from wingspan.advisor.samples.samples import make_samples
from wingspan.advisor.samples.split import split_samples
from wingspan.advisor.samples.tensors import Layout
from wingspan.errors import CorruptError, FormatError, SettingError, UntrustedModelError
from wingspan.eventlog.read import read_events

torch = pytest.importorskip("torch")
CONFIG = NetworkConfig(hidden=12, epochs=25, patience=5, rate=0.02, batch=64, dropout=0.0)
LAYOUT = Layout(m=4, j=2, e=8)


@pytest.fixture(autouse=True)
def one_thread():
    """Other tests run beside."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def samples(tmp_path_factory, event):
    """Return 600 released holds of one code.

    A release within two minutes is in vain. Later ones pay if the shadow was lost after the connection, and are in
    vain if before: no column of the table tells in which order that was.
    """
    random = np.random.default_rng(4)
    text = ""
    for number in range(600):
        start, late, early = number * 90_000, random.random() < 0.5, random.random() < 0.3
        text += event(start, number, 0) + event(start + 1, number, 1, f"h{number % 7}")
        text += event(start + 55_000, number, 22 if late else 7)
        text += event(start + 59_990, number, 7 if late else 22)
        text += event(start + 60_000, number, 12, 12, "lost", 0)
        freed = start + 60_000 + (60 if early else 900)
        text += event(freed, number, 13)
        pays = late and not early
        text += event(freed + 99, number, *((5,) if pays else (12, 12, "lost", 0)))
    log = tmp_path_factory.mktemp("planted") / "log"
    log.write_text(text)
    return make_samples(make_timeline(read_events([log])))


@pytest.fixture(scope="module")
def rows(samples):
    """Return the labelled rows: those to train on, and later ones."""
    return np.split(np.flatnonzero(~np.isnan(samples.label)), [450])


def fitted(samples, rows, control=""):
    """Return the network of the first rows."""
    return lstm(CONFIG, LAYOUT, control)(samples, rows[0], np.ones(len(rows[0])))


@pytest.fixture(scope="module")
def model(samples, rows):
    """Return the network that sees all."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    made = fitted(samples, rows)
    torch.set_num_threads(before)
    return made


def auc(model, samples, rows):
    """Return the area under the curve on the later rows."""
    found = model.predict(samples, rows[1], as_released(samples, rows[1]))
    return roc_auc_score(samples.label[rows[1]], found)


def test_it_is_asked_for_a_release_at_a_time(model, samples, rows):
    """It learns when events came and when releases pay, and answers for the release that is thought of."""
    assert auc(model, samples, rows) > 0.95
    pays = rows[1][(samples.label[rows[1]] == 1)]
    count = len(pays)
    soon, later = (model.predict(samples, pays, blindly(count, s)).mean() for s in (60.0, 900.0))
    assert soon < 0.4
    assert later > 0.7


@pytest.mark.parametrize(("control", "most"), [("shuffled labels", 0.7), ("shuffled time", 0.9)])
def test_controls_lose_what_they_do_not_see(samples, rows, control, most):
    """With shuffled labels nothing is learned beyond the base rate; with shuffled time, less."""
    model = fitted(samples, rows, control)
    assert auc(model, samples, rows) < most
    if control == "shuffled labels":
        found = model.predict(samples, rows[1], as_released(samples, rows[1]))
        base = samples.label[rows[0]].mean()
        assert np.abs(found - base).mean() < 0.12


def test_without_context_no_column_of_others_counts(samples, rows):
    """The facts are then of the job and its hold alone."""
    encoding = fit_encoding(samples, rows[0], context=False)
    names = {name for name, _ in encoding.ranks}
    assert "starts" in names
    assert not any(name.startswith(("cluster", "host", "site", "access_point")) for name in names)


def test_facts_are_ranks_of_what_was_trained_on(samples, rows):
    """Between -1 and 1 whatever comes, the unknown apart, and the same for a row alone as among others."""
    encoding = fit_encoding(samples, rows[0])
    releases = as_released(samples, rows[1])
    facts = encoding(samples, rows[1], releases)
    assert facts.shape == (len(rows[1]), encoding.width)
    assert np.abs(facts).max() <= 1
    far = encoding(samples, rows[1][:1], blindly(1, 1e9))
    asked = 2 * [name for name, _ in encoding.ranks].index("released_after_s")
    assert far[0, asked] > 0 > encoding(samples, rows[1][:1], blindly(1, 0.0))[0, asked]
    one = replace(releases, after_s=releases.after_s[3:4], blind=releases.blind[3:4])
    np.testing.assert_array_equal(encoding(samples, rows[1][3:4], one), facts[3:4])
    other = replace(encoding, names=encoding.names[1:])
    with pytest.raises(FormatError, match="other features"):
        other(samples, rows[1], releases)


def test_a_control_cannot_win(model, samples):
    """It stands in the table; whatever its score, one of the others wins."""
    contest = hold_contest(
        samples, split_samples(samples), learn=False, controls={"control": lambda *_: model}
    )
    assert contest["control"].brier < contest[contest.winner].brier
    assert set(controls(CONFIG, LAYOUT)) == {f"LSTM, {name}" for name in CONTROLS}


def test_it_comes_back_from_its_folder(model, samples, rows, tmp_path):
    """A saved advisor says the same, bit for bit; whatever is changed in its folder is refused."""
    rates = fit_rates(samples, rows[0], np.ones(len(rows[0])))
    advisor = Advisor("LSTM", model, IDENTITY, rates, {"holds": len(samples)})
    save_advisor(advisor, tmp_path / "one")
    again = load_advisor(tmp_path / "one")
    for mine, theirs in zip(advisor.counsel(samples), again.counsel(samples), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    network = tmp_path / "one/network"
    assert sorted(each.name for each in network.iterdir()) == [
        "network.json",
        "network.safetensors",
    ]
    card = json.loads((tmp_path / "one" / CARD).read_text())
    for change in (
        {"encoding": card["model"]["encoding"] | {"codes": []}},
        {"encoding": {}},
        {"control": "none"},
        {"digest": "x"},
    ):
        changed = card | {"model": card["model"] | change}
        (tmp_path / "one" / CARD).write_text(json.dumps(changed))
        with pytest.raises(CorruptError):
            load_advisor(tmp_path / "one")


def test_advice_of_the_network_knows_nothing_that_follows(model, samples, rows, tmp_path):
    """It decides as an advisor; from the log cut after a hold's record it says what it says from the whole log."""
    rates = fit_rates(samples, rows[0], np.ones(len(rows[0])))
    advisor = Advisor("LSTM", model, IDENTITY, rates, {})
    chosen = rows[1][[3, 70]]
    whole = advisor.counsel(samples).p[chosen]
    log = samples.timeline.events.files[0].path.read_bytes()
    for row, said in zip(chosen.tolist(), whole.tolist(), strict=True):
        place = log.index(b"...\n", samples.episodes.offset[row]) + 4
        (tmp_path / "cut").write_bytes(log[:place])
        incidents = advise(make_timeline(read_events([tmp_path / "cut"])), advisor=advisor)
        jobs = [job for incident in incidents for job in incident.jobs]
        advice = max(jobs, key=lambda job: job.held_at)
        assert advice.decided_by == "model LSTM"
        assert advice.probability == pytest.approx(said, abs=1e-6)


class Mine(torch.nn.Linear):
    """A network of a user's: the facts alone count."""

    def __init__(self, config, width, facts):
        super().__init__(facts, 1)

    def forward(self, frames, facts):
        """Return the logits."""
        return super().forward(facts).squeeze(1)


def test_a_class_of_the_users(samples, rows, tmp_path):
    """It trains and is saved like the LSTM, and is loaded only when it is named as trusted."""
    name = f"{__name__}:Mine"
    model = lstm(replace(CONFIG, network=name, epochs=2), LAYOUT)(
        samples, rows[0], np.ones(len(rows[0]))
    )
    rates = fit_rates(samples, rows[0], np.ones(len(rows[0])))
    save_advisor(Advisor("LSTM", model, IDENTITY, rates, {}), tmp_path / "one")
    with pytest.raises(UntrustedModelError, match="Mine"):
        load_advisor(tmp_path / "one")
    again = load_advisor(tmp_path / "one", [name])
    assert again.counsel(samples).p.shape == (len(samples),)


def test_settings_from_text():
    """Fields of the network and of the tensors are set by name, each as its own type; others are refused."""
    given = {"hidden": "128", "rate": "0.1", "m": "20", "frame_s": "60", "compiled": "true"}
    config, layout = sized(given, LSTM)
    assert config.compiled
    assert (config.hidden, config.rate, layout.m, layout.frame_s) == (128, 0.1, 20, 60.0)
    assert sized({}) == (DEFAULT, Layout())
    for settings, told in (
        ({"hiden": "3"}, "hidden"),
        ({"hidden": "x"}, "whole number"),
        ({"compiled": "1"}, "true or false"),
        ({"m": "0"}, "between"),
    ):
        with pytest.raises(SettingError, match=told):
            sized(settings)
    with pytest.raises(SettingError, match="shuffled time"):
        lstm(control="no mates")


def test_training_goes_on_from_its_folder(samples, rows, tmp_path):
    """With a folder for its checkpoints, each training has its own, and a second call trains nothing anew."""
    fit = lstm(replace(CONFIG, epochs=2), LAYOUT, checkpoint_folder=tmp_path)
    weights = np.ones(len(rows[0]))
    first = fit(samples, rows[0], weights)
    other = replace(samples.episodes, label=1 - samples.episodes.label)
    fit(replace(samples, episodes=other), rows[0], weights)
    again = fit(samples, rows[0], weights)
    assert first.trained.epochs == again.trained.epochs
    assert 1 <= len(list(tmp_path.iterdir())) <= 2
