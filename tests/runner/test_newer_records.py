"""What another version of Wingspan recorded is read as far as this one knows it."""

import json

import pytest

from wingspan.files import json_text
from wingspan.runner.events import FAILED, StepEvent
from wingspan.runner.failure import Failure, read_failure
from wingspan.runner.htcondor.dag_folder import DagFolder, Submission
from wingspan.runner.record import read_events, write_event
from wingspan.runner.run_folder import RunFolder


def test_an_event_with_a_field_of_a_newer_version(tmp_path):
    """The field is left out; events around it are read."""
    folder = RunFolder(tmp_path / "run")
    folder.root.mkdir()
    event = StepEvent(1.0, "fit", "k", FAILED, problem="no", fix="yes")
    write_event(folder, event)
    (line,) = folder.record.read_text().splitlines()
    folder.record.write_text(f"{json.dumps({**json.loads(line), 'mood': 'bad'})}\n")
    write_event(folder, StepEvent(2.0, "other", "l", FAILED))
    assert read_events(folder)["fit"] == event
    assert list(read_events(folder)) == ["fit", "other"]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"problem": "a", "fix": "b", "mood": "bad"}, Failure("a", "b")),
        ({"problem": "a"}, Failure("a", "wingspan logs")),
        ({}, Failure("no reason is recorded", "wingspan logs")),
    ],
)
def test_a_failure_that_says_more_or_less(found, said):
    """Nothing is raised."""
    assert read_failure(found) == said


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ('{"global_id": "vm#1.0#2", "folder": "/x", "mood": 1}', Submission("vm#1.0#2", "/x")),
        ('{"folder": "/x"}', Submission("", "/x")),
        ("[1]", Submission()),
        ("null", Submission()),
        ("", Submission()),
    ],
)
def test_a_submission_that_says_more_or_less(tmp_path, text, known):
    """A damaged record counts as none."""
    dag = DagFolder(tmp_path)
    dag.submitted.write_text(text)
    assert dag.submission == known


def test_a_sweep_with_a_field_of_a_newer_version(tmp_path):
    """The nodes of its lanes are known."""
    dag = DagFolder(tmp_path)
    node = {"key": "k", "step": "s", "lanes": ["a"], "study": "/s", "home": "/h", "run": "r"}
    dag.sweeps_file.write_text(json_text({"s-1": {**node, "mood": 1}}))
    assert dag.sweeps()["s-1"].lanes == ("a",)
