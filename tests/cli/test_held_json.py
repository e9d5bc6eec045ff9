"""The JSON of advice, watching, explaining and acts: exactly the keys that docs/holds.md lists."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wingspan.advisor.answers.audit import Act, Audit
from wingspan.cli.main import app

PAGE = Path(__file__).parents[2] / "docs/holds.md"
RECORDS = (
    "000 (001.000.000) 2025-11-04 10:00:00Z Job submitted from host: <10.0.0.1:9618?alias=ap>",
    '028 (001.000.000) 2025-11-04 10:00:01Z Job ad information event triggered.\nOwner = "ada"',
    "001 (001.000.000) 2025-11-04 10:00:05Z Job executing on host: <10.0.0.2:9618>",
    "012 (001.000.000) 2025-11-04 11:00:05Z Job was held.\n\t{}",
)
HELD = (
    "Job has gone over memory limit of 64 megabytes\n\tCode 34 Subcode 0",
    "Unknown words\n\tCode 26 Subcode 9",
    "via condor_hold (by user ada)\n\tCode 1 Subcode 0",
)
FULL = "\n...\n".join(RECORDS) + "\n...\n"
BARE = f"{RECORDS[0]}\n...\n{RECORDS[3]}\n...\n"


def documented(schema):
    """Return the keys of a schema: place -> names, as the page's table lists them."""
    part = PAGE.read_text().split(f"schema `{schema}`")[1].split("\nschema `")[0]
    found = {"": set()}
    for line in part.splitlines():
        if not line.startswith("| `"):
            if found[""]:
                break
            continue
        place, names = line.strip("| ").split(" | ", 1)
        keys = set(re.findall(r"`([^`]+)`", place))
        if any("[" in key or "." in key for key in keys):
            (place,) = keys
            found[place] = set(re.findall(r"`([^`]+)`", names)) - {"null"}
            found[""].add(place.partition("[")[0].partition(".")[0])
        else:
            found[""] |= keys
    return found


def run(*words):
    result = CliRunner().invoke(app, ["holds", *map(str, words)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


JOB = documented("wingspan.holds.advise/1")["incidents[].jobs[]"]


@pytest.mark.parametrize("text", [FULL, BARE], ids=["full", "bare"])
@pytest.mark.parametrize("reason", HELD)
def test_advice_and_watch(tmp_path, text, reason):
    """Whatever is known of a job, the keys are the same; nothing is nan."""
    (tmp_path / "log").write_text(text.format(reason))
    found = json.loads(run("advise", tmp_path / "log", "--json"), parse_constant=pytest.fail)
    keys = documented("wingspan.holds.advise/1")
    assert set(found) == keys[""]
    assert set(found["rows"][0]) == keys["rows[]"]
    assert set(found["incidents"][0]) == keys["incidents[]"]
    assert set(found["incidents"][0]["jobs"][0]) == JOB
    line = json.loads(run("watch", tmp_path / "log", "--once", "--json"))
    assert set(line) == JOB | {"schema"}


def test_nothing_held_is_the_same_document(tmp_path):
    """Empty lists."""
    (tmp_path / "log").write_text(f"{RECORDS[0]}\n...\n")
    found = json.loads(run("advise", tmp_path / "log", "--json"))
    assert set(found) == documented("wingspan.holds.advise/1")[""]
    assert (found["jobs"], found["rows"], found["incidents"]) == (0, [], [])


def test_one_row_keeps_its_number(tmp_path):
    """`--only 2` is row 2."""
    text = FULL.format(HELD[0]) + FULL.format(HELD[1]).replace("(001.", "(002.")
    (tmp_path / "log").write_text(text)
    found = json.loads(run("advise", tmp_path / "log", "--json", "--only", 2))
    assert [row["row"] for row in found["rows"]] == [2]


@pytest.mark.parametrize("text", [FULL, f"{RECORDS[0]}\n...\n"], ids=["held", "idle"])
def test_one_job(tmp_path, text):
    """Held with advice, or idle without."""
    (tmp_path / "log").write_text(text.format(HELD[0]))
    found = json.loads(run("explain", "1.0", tmp_path / "log", "--json"))
    keys = documented("wingspan.holds.job/1")
    assert set(found) == keys[""]
    (job,) = found["jobs"]
    assert set(job) == keys["jobs[]"]
    assert all(set(each) == keys["jobs[].attempts[]"] for each in job["attempts"])
    assert all(set(each) == keys["jobs[].costs[]"] for each in job["costs"])
    assert job["attempts"]
    assert set(job["advice"] or JOB) == JOB


def test_acts(tmp_path):
    """A change of the queue, and a line that is none."""
    audit = Audit(tmp_path / "audit")
    audit.answer(audit.write(Act("release", ("1.0",), "x", global_ids={"1.0": "ap#1.0#1"})), 1)
    audit.write(Act("skip", ("1.1",), "y"))
    found = json.loads(run("actions", "--all", "--json", "--audit", audit.path))
    keys = documented("wingspan.holds.actions/1")
    assert set(found) == keys[""]
    assert [set(act) for act in found["acts"]] == [keys["acts[]"]] * 2
    assert [act["jobs_done"] for act in found["acts"]] == [1, None]


def test_acts_as_text(tmp_path):
    """A table with ids to copy; an act without an answer is marked; nothing recorded is said."""
    audit = Audit(tmp_path / "audit")
    assert "no act is recorded" in run("actions", "--audit", audit.path)
    act = audit.write(Act("release", ("1.0",), "for a reason", global_ids={"1.0": "g"}))
    text = run("actions", "--audit", audit.path)
    when = f"{datetime.fromtimestamp(audit.read()[0].time, UTC):%Y-%m-%d %H:%M:%S}Z"
    assert f"{act.id:<10} {when} by {audit.read()[0].user}: release 1.0, ? of 1 job done" in text
    lines = [line for line in text.splitlines()[2:] if "->" not in line]
    assert max(map(len, lines)) <= 80
    assert "stopped before HTCondor answered" in " ".join(text.split())
    assert "1 act in" in " ".join(text.split())
    assert "no such act is recorded" in run("actions", "2.0", "--audit", audit.path)


TIMES = [
    ((), "1234"),
    (("--since", "2026-05-01"), "234"),
    (("--since", "2026-05-01 09:30"), "34"),
    (("--since", "2026-05-01T09:30+02:00"), "234"),
    (("--since", "2026-05-01 09:30:00Z", "--until", "2026-05-01 10:00"), "3"),
    (("--until", "2026-05-01"), "123"),
    (("--until", "2026-05-01", "1.0"), "1"),
    (("--since", "36h"), "234"),
    (("--since", "1.5d", "--until", "1 d"), "23"),
    (("--since", "2026-05-03"), ""),
]


@pytest.mark.parametrize(("words", "expected"), TIMES)
def test_acts_of_a_time(tmp_path, monkeypatch, words, expected):
    """As a time in UTC or an age; a day is a whole one; text and JSON list the same."""
    audit = Audit(tmp_path / "audit")
    stamps = [
        "2026-04-30 23:59:59",
        "2026-05-01 09:00:00",
        "2026-05-01 10:00:00",
        "2026-05-02 00:00:00",
    ]
    for number, stamp in enumerate(stamps, 1):
        at = datetime.fromisoformat(f"{stamp}+00:00").timestamp()
        monkeypatch.setattr("time.time", lambda at=at: at)
        audit.write(Act("release", (f"{number}.0",), "why", global_ids={f"{number}.0": "g"}))
    monkeypatch.setattr("time.time", lambda: at + 43200)
    found = json.loads(run("actions", *words, "--json", "--audit", audit.path))
    assert [act["jobs"] for act in found["acts"]] == [[f"{number}.0"] for number in expected]
    text = run("actions", *words, "--audit", audit.path)
    assert [number for number in "1234" if f" {number}.0," in text] == list(expected)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--since", "yesterday"), "neither a time nor an age"),
        (("--since", "2026-05-02", "--until", "2026-05-01"), "before --since"),
        (("--since", "26-13-01"), "neither a time nor an age"),
        (("--until", "-1h"), "neither a time nor an age"),
    ],
)
def test_times_that_are_none(tmp_path, words, problem):
    """The message shows what is accepted."""
    result = CliRunner().invoke(app, ["holds", "actions", *words, "--audit", str(tmp_path / "x")])
    assert problem in str(result.exception)
