"""`wingspan holds advise | watch | hook`: what is printed, what is refused."""

import json

from typer.testing import CliRunner

from wingspan.cli.main import app

LOG = """000 (012.000.000) 2025-11-04 10:00:00Z Job submitted from host: <10.0.0.1:9618?alias=ap>
...
001 (012.000.000) 2025-11-04 10:00:05Z Job executing on host: <10.0.0.2:9618>
...
012 (012.000.000) 2025-11-04 10:00:15Z Job was held.
\tFailed to execute '/x': (errno=8: 'Exec format error')
\tCode 6 Subcode 8
...
"""


def run(*words):
    return CliRunner().invoke(app, ["holds", *map(str, words)])


def test_advice_is_printed(tmp_path):
    """The table of incidents first, then the job with answer, who decided, and evidence."""
    (tmp_path / "log").write_text(LOG)
    result = run("advise", tmp_path / "log")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("incident")
    assert "12.0: fix first (decided by rules)" in result.output


def test_lines_fit_the_terminal(tmp_path, monkeypatch):
    """Reasons and evidence are wrapped; a command or fix stays on its line, to be copied."""
    monkeypatch.setenv("COLUMNS", "80")
    reason = "/some/long/path " * 20
    (tmp_path / "log").write_text(LOG.replace("Failed to execute", f"Failed to execute {reason}"))
    lines = run("advise", tmp_path / "log").output.splitlines()
    assert max(len(line) for line in lines if "->" not in line) <= 80
    assert sum("/some/long/path" in line for line in lines) > 3
    assert sum(line.startswith("  ") and "->" in line for line in lines) == 1


def test_json_has_null_for_what_is_unknown(tmp_path):
    """The JSON is strict: no NaN."""
    (tmp_path / "log").write_text(LOG)
    (incident,) = json.loads(run("advise", tmp_path / "log", "--json").output)
    assert incident["jobs"][0]["probability"] is None


def test_nothing_held(tmp_path):
    """An answer, not an empty screen."""
    (tmp_path / "log").write_text(LOG.split("012 (", maxsplit=1)[0])
    assert "no job is held" in run("advise", tmp_path / "log").output


def test_folders_are_read_and_other_files_refused(tmp_path):
    """A folder's logs are advised on; a program is no log; an empty log is told to be empty."""
    (tmp_path / "some").mkdir()
    (tmp_path / "some/job.log").write_text(LOG)
    assert "12.0: fix first" in run("advise", tmp_path / "some").output
    assert "12.0: fix first" in run("watch", tmp_path / "some", "--once").output
    (tmp_path / "pipe.py").write_text("import os\n")
    assert "found no record" in str(run("advise", tmp_path / "pipe.py").exception)
    (tmp_path / "empty").touch()
    assert "empty is empty: no event yet" in run("advise", tmp_path / "empty").output


def test_logs_or_the_queue():
    """Neither of the two is refused."""
    assert "logs or --schedd" in str(run("advise").exception)


def test_watch_prints_a_hold_once(tmp_path):
    """One look prints what is held."""
    (tmp_path / "log").write_text(LOG)
    assert run("watch", tmp_path / "log", "--once").output.count("fix first") == 1


def test_the_hook_appends_a_line(tmp_path):
    """Each call adds one line and touches nothing else."""
    for node in ("A", "B"):
        assert run("hook", tmp_path / "held", node, "12.0").exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "held").read_text().splitlines()]
    assert [line["held"] for line in lines] == [["A", "12.0"], ["B", "12.0"]]
