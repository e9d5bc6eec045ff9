"""Pages of event logs and of models: what `events summary`, `holds advise` and the model's card say."""

import numpy as np
import pytest
from typer.testing import CliRunner

from wingspan.advisor.answers.advice import Advice, incident_of
from wingspan.advisor.answers.overview import overview
from wingspan.cli.main import app
from wingspan.files import digest_file, json_text
from wingspan.report.log_facts import read_log
from wingspan.report.log_page import _cause, log_page
from wingspan.report.model_page import model_page
from wingspan.report.render import render
from wingspan.tabular.card import Card
from wingspan.tabular.deploy import deploy
from wingspan.tabular.evaluate import Metric, evaluation
from wingspan.tabular.importance import Importance
from wingspan.tabular.metrics import count_scores

HELD = """000 ({job}.000.000) 2025-11-04 10:00:00Z Job submitted from host: <10.0.0.1:9618?alias=ap7.example.org>
...
028 ({job}.000.000) 2025-11-04 10:00:00Z Job ad information event triggered.
Owner = "ada"
...
001 ({job}.000.000) 2025-11-04 10:00:05Z Job executing on host: <10.0.0.2:9618?alias=node9.example.org>
...
012 ({job}.000.000) 2025-11-04 10:30:15Z Job was held.
\tFailed to execute '/home/ada/<script>x': (errno=8: 'Exec format error')
\tCode 6 Subcode 8
...
"""


@pytest.fixture
def log(tmp_path):
    """Write a log of three held jobs."""
    file = tmp_path / "pool.log"
    file.write_text("".join(HELD.format(job=job) for job in ("012", "013", "014")))
    return file


def test_the_page_of_a_log_begins_with_the_advice(log, parse):
    """Cause, answer and jobs; then the holds by reason, user and host, over time."""
    text = render(log_page(read_log([log])))
    page = parse(text)
    lead = parse(text[: text.index('<section id="time"')]).text
    assert "3 jobs held: " in lead
    assert "Advice: fix first." in lead
    assert "What to do:" in lead
    assert "3 held" in lead
    tables = page.data["tables"]
    assert tables["user-all"]["rows"][0][:3] == ["ada", ["3", 3], ["3", 3]]
    assert tables["host-all"]["rows"][0][1] == ["3", 3]
    assert tables["losses"]["rows"]
    assert tables["reasons"]["rows"][0][0] == "6/8"
    assert len(tables["jobs"]["rows"]) == 3
    assert text.count("<svg") == 2
    assert page.count("script") == 2


def advised(answer, **fields):
    """Return a held job with an answer."""
    given = {"job": "7.0", "access_point": "ap1.example.org", "command": "condor_release 7.0"}
    given |= {"reason": "", "cause": "A cause.", "fix": "Mend it.", "evidence": (), **fields}
    numbers = {"code": 13, "subcode": 0, "held_at": 0.0, "at": 0.0, "decided_by": "data"}
    chance = {"probability": 0.5, "low": 0.1, "high": 0.9}
    return Advice(answer=answer, **given, **numbers, **chance)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("fix first", "Mend it."),
        ("release now", "Release them. If they are held again: Mend it."),
    ],
)
def test_what_to_do_follows_the_answer(answer, told):
    """A release comes first where it is the advice; a command is a command, counted by jobs."""
    jobs = (advised(answer), advised(answer, access_point="ap2.example.org"))
    block = _cause(overview([incident_of(jobs)])[0])
    assert block.fix == told
    assert block.commands == [("For the first job, at ap1.example.org:", "condor_release 7.0")]
    assert block.more[0][0] == "Commands for 2 jobs"
    assert block.more[0][1].count("condor_release") == 2
    assert _cause(overview([incident_of(jobs[:1])])[0]).commands[0][0] == "For the first job:"


def test_a_cause_without_a_command_has_none():
    """A person must look first."""
    block = _cause(overview([incident_of((advised("no evidence", command=""),))])[0])
    assert (list(block.commands), list(block.more)) == ([], [])


def test_logs_of_the_past_are_advised_on_too(log, parse):
    """Where no job is held now, the advice is that of the time of each hold, and says so."""
    released = "013 (012.000.000) 2025-11-04 11:00:00Z Job was released.\n\tby ada\n...\n"
    log.write_text(HELD.format(job="012") + released)
    text = render(log_page(read_log([log])))
    assert "No job is held now" in parse(text).text
    assert "This is the advice at each hold of the past." in parse(text).text


def test_a_log_is_told_from_a_run_and_a_model(log, monkeypatch, tmp_path):
    """A path that is there is a log; a name that nothing has is refused with what to do."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["report", str(log)])
    assert (done.exit_code, done.stdout) == (0, "report-pool.log.html\n")
    other = CliRunner().invoke(app, ["report", "nothing"])
    assert "no run, model or file is called 'nothing'" in str(other.exception)


def card(**changes):
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 300)
    scores = random.random((300, 2)) + np.eye(2)[y]
    scores /= scores.sum(axis=1, keepdims=True)
    found = evaluation(count_scores(scores, y, 0, threshold=0.5), ["no", "yes"])
    facts = {
        "data": ["/home/ada/loans.csv"],
        "data_digest": "blake2b-256:00ff",
        "rows": 1000,
        "columns": {"age": "number"},
        "target": "late",
        "split": {"kind": "hash", "test_size": 0.2},
        "estimator": "decision_tree",
        "parameters": {"max_depth": 3141},
        "seed": 42,
        "evaluation": found,
        "candidates": {"decision_tree": {"f1": 0.7}, "baseline": {"f1": None}},
        "selected_by": ["roc_auc"],
        "versions": {"numpy": "2.0"},
        "importance": Importance("f1", 100, {"age": Metric(0.2, 0.1, 0.3)}, {"age": 1.5}),
    }
    return Card(**{**facts, **changes})


def test_the_page_of_a_model_says_how_good_it_is_and_on_which_rows(parse):
    """Metrics with intervals, curves, confusion, importance, data, versions."""
    text = render(model_page("late@1", card()))
    page = parse(text)
    metric = card().evaluation.metric("roc_auc")
    assert f"roc_auc {metric.value:.5g} (" in page.text
    assert "On 300 test rows that training did not see." in page.text
    for title in ("ROC", "precision and recall", "calibration"):
        assert f">{title}</text>" in text
    assert "How much worse f1 is on 100 rows when a column is shuffled" in page.text
    assert page.data["tables"]["candidates"]["rows"][1][1] == ""
    assert "blake2b-256:00ff" in page.text


def test_a_deployed_model_is_found_by_its_name(tmp_path, monkeypatch):
    """Its card alone is read, and so it is from a folder; `--redact` hides files and parameters."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "card.json").write_text(json_text(card().as_json()))
    for name in ("preparation.json", "model.skops"):
        (folder / name).write_text("{}")
    files = {path.name: digest_file(path) for path in folder.iterdir()}
    (folder / "bundle.json").write_text(json_text({"format": 1, "files": files}))
    deploy(folder, tmp_path / "models", "late")
    done = CliRunner().invoke(app, ["report", "late", "--out", "page.html"])
    assert (done.exit_code, done.stdout) == (0, "page.html\n"), done.output
    assert "<h1>late@1" in (tmp_path / "page.html").read_text()
    assert (
        CliRunner()
        .invoke(app, ["report", "models/late/1", "--redact", "--out", "b.html"])
        .exit_code
        == 0
    )
    text = (tmp_path / "b.html").read_text()
    assert "<h1>late@1" in text
    assert "3141" not in text
    assert "/home/ada" not in text
    assert "loans.csv" not in text


def test_no_id_is_twice_on_a_page(log, parse):
    """Sections, tables and the script's own elements."""
    pages = [render(model_page("late@1", card())), render(log_page(read_log([log])))]
    for page in map(parse, pages):
        assert len(page.ids) == len(set(page.ids))
