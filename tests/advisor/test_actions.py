"""The audit log, and the bounds that it keeps."""

import json
import time

import pytest

from wingspan.advisor.answers import actions
from wingspan.advisor.answers.actions import Bounds, release_advised
from wingspan.advisor.answers.advise import advise_ads
from wingspan.advisor.answers.audit import Audit, append_line, audit_file


def incidents(count=4):
    """Jobs of one cluster, held for a cause that passes."""
    ads = [
        {"ClusterId": 9, "ProcId": proc, "HoldReasonCode": 18, "HoldReason": "state"}
        for proc in range(count)
    ]
    return advise_ads(ads, 100.0)


@pytest.fixture
def audit(tmp_path):
    return tmp_path / "deep" / "audit"


def test_lines_are_added_never_changed(audit):
    """Each line is whole, in its order."""
    for number in range(3):
        append_line(audit, {"number": number})
    assert [json.loads(line)["number"] for line in audit.read_text().splitlines()] == [0, 1, 2]


def test_the_users_audit_log(monkeypatch, tmp_path):
    """One file for all folders, where the user's state is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert audit_file() == tmp_path / "wingspan" / "holds.jsonl"


def test_an_incident_cools_down(audit):
    """A job that was released a minute ago and is held again stops all that are held with it; nobody is asked."""
    append_line(audit, {"what": "release", "jobs": ["9.0"], "time": time.time() - 60})
    (act,) = release_advised(incidents(), Bounds(), Audit(audit))
    assert act.what == "stop"
    assert act.jobs == ("9.0", "9.1", "9.2", "9.3")
    assert json.loads(audit.read_text().splitlines()[1])["why"] == act.why


@pytest.mark.htcondor
def test_what_is_no_longer_held_is_skipped(pool, audit):
    """Advice on a job that is not in the queue, or is held for something else, is not acted on."""
    acts = list(release_advised(incidents(), Bounds(), Audit(audit)))
    assert [act.what for act in acts] == ["skip"] * 4


@pytest.mark.parametrize(
    ("ad", "good"),
    [
        ({"JobStatus": 5, "HoldReasonCode": 18, "HoldReasonSubCode": 0, "HoldReason": "state"}, True),
        ({"JobStatus": 5, "HoldReasonCode": 18, "HoldReason": "state"}, True),
        ({"JobStatus": 5, "HoldReasonCode": 18, "HoldReasonSubCode": 0, "HoldReason": "other"}, False),
        ({"JobStatus": 2, "HoldReasonCode": 18, "HoldReasonSubCode": 0, "HoldReason": "state"}, False),
        (None, False),
    ],
)  # fmt: skip
def test_the_queue_must_agree_with_the_advice(ad, good):
    """Same state, codes and reason: a log of another access point has other jobs under the same ids."""
    ((job, *_),) = [each.jobs for each in incidents()]
    assert actions._as_advised(job, ad) == good
