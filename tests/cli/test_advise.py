"""`wingspan holds advise | watch | hook`: what is printed, what is refused."""

import json

import pytest
from typer.testing import CliRunner

from wingspan.cli.held_text import ROWS, rows_that_fit
from wingspan.cli.main import app
from wingspan.errors import NotFoundError

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
    """The table of causes first, then the job with answer, who decided, and evidence."""
    (tmp_path / "log").write_text(LOG)
    result = run("advise", tmp_path / "log")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("1 job held, 0.0 hours run until then, by causes and answers:")
    assert "12.0: fix first (decided by rules)" in result.output


def test_lines_fit_the_terminal(tmp_path, monkeypatch):
    """Reasons and evidence are wrapped; a command or fix stays on its line, to be copied."""
    monkeypatch.setenv("COLUMNS", "80")
    reason = "/some/long/path " * 20
    (tmp_path / "log").write_text(LOG.replace("Failed to execute", f"Failed to execute {reason}"))
    lines = run("advise", tmp_path / "log").output.splitlines()
    assert max(len(line) for line in lines if "->" not in line) <= 80
    assert sum("/some/long/path" in line for line in lines) > 3
    assert sum(line.startswith("    ->") for line in lines) == 1


def test_json_has_null_for_what_is_unknown(tmp_path):
    """The JSON is strict: no NaN."""
    (tmp_path / "log").write_text(LOG)
    (incident,) = json.loads(run("advise", tmp_path / "log", "--json").output)["incidents"]
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


def test_watch_reads_rotations_and_needs_a_log(tmp_path):
    """Each hold is printed once, those in the rotation too; with --once, a missing log is an error."""
    log = tmp_path / "EventLog"
    (tmp_path / "EventLog.old").write_text(LOG)
    log.write_text(LOG.replace("(012", "(112").replace("10:00:", "11:00:"))
    assert run("watch", log, "--once").output.count("fix first") == 2
    (tmp_path / "EventLog.old").unlink()
    log.unlink()
    assert isinstance(run("watch", log, "--once").exception, NotFoundError)
    (tmp_path / "pipe.py").write_text("import os\n")
    assert "found no record" in str(run("watch", tmp_path / "pipe.py", "--once").exception)


def test_the_hook_appends_a_line(tmp_path):
    """Each call adds one line and touches nothing else."""
    for node in ("A", "B"):
        assert run("hook", tmp_path / "held", node, "12.0").exit_code == 0
    lines = [json.loads(line) for line in (tmp_path / "held").read_text().splitlines()]
    assert [line["held"] for line in lines] == [["A", "12.0"], ["B", "12.0"]]


def many(jobs, hosts=2):
    """The log of held jobs of clusters 1, 2, ..., each with two jobs; the odd ones lack memory, the others a file."""
    reasons = (
        ("Job has gone over memory limit of 64 megabytes", "34 Subcode 0"),
        ("Transfer input files failure at access point ap: (errno 2) No such file", "13 Subcode 2"),
    )
    records = []
    for number in range(jobs):
        cluster, proc = number // 2 + 1, number % 2
        text, code = reasons[cluster % 2 == 0]
        head = f"({cluster:03}.{proc:03}.000) 2025-11-04 1"
        ad = f'Proc = {proc}\nOwner = "user{cluster % 3}"\nCluster = {cluster}\nTriggerEventTypeNumber = 0'
        records += [
            (0, f"000 {head}0:00:00Z Job submitted from host: <10.0.0.1:9618?alias=ap>"),
            (1, f"028 {head}0:00:01Z Job ad information event triggered.\n{ad}"),
            (2, f"001 {head}0:00:05Z Job executing on host: <10.0.0.{number % hosts + 2}:9618>"),
            (3, f"012 {head}1:00:05Z Job was held.\n\t{text}\n\tCode {code}"),
        ]
    return "".join(f"{record}\n...\n" for _, record in sorted(records))


def test_a_thousand_holds_are_one_screen(tmp_path):
    """Holds of one cause and one answer are one row, whatever their users, hosts and hours."""
    (tmp_path / "log").write_text(many(400))
    lines = run("advise", tmp_path / "log").output.splitlines()
    assert len(lines) < 24
    assert lines[0].startswith("400 jobs held, 400.0 hours run until then")
    rows = [line.split()[:7] for line in lines if line.strip()[:1].isdigit()][1:]
    assert rows == [
        ["1", "200", "100", "3", "2", "200.0", "13/2"],
        ["2", "200", "100", "3", "2", "200.0", "34/0"],
    ]


def test_the_table_by_user_host_cluster(tmp_path):
    """Rows are what is asked for; more rows than asked for are counted."""
    (tmp_path / "log").write_text(many(60))
    by_user = run("advise", tmp_path / "log", "--by", "user").output
    assert "user0: " in by_user
    assert "(another answer for" not in by_user  # all are to be fixed first
    assert run("advise", tmp_path / "log", "--by", "host").output.count("10.0.0.") == 2
    by_cluster = run("advise", tmp_path / "log", "--by", "cluster", "--rows", 5).output
    assert "25 more rows with 50 jobs: wingspan holds advise" in " ".join(by_cluster.split())


def test_rows_without_a_key(tmp_path):
    """A job that never started has no host, and logs without job ads no users."""
    (tmp_path / "log").write_text(LOG.partition("001 (")[0] + "012 (" + LOG.partition("012 (")[2])
    for by in ("user", "host"):
        assert f"unknown {by}: " in run("advise", tmp_path / "log", "--by", by).output
        document = json.loads(run("advise", tmp_path / "log", "--by", by, "--json").output)
        assert [row["key"] for row in document["rows"]] == [None]


def test_commands_are_of_jobs_that_are_held_now(tmp_path):
    """Without any, the output is empty; of past holds, commands would be wrong."""
    (tmp_path / "log").write_text(LOG)
    result = run("advise", tmp_path / "log", "--commands")
    assert (result.stdout, result.stderr) == ("", "none of these answers is a command\n")
    assert "--commands" not in run("advise", tmp_path / "log", "--all").output
    result = run("advise", tmp_path / "log", "--all", "--commands")
    assert "does not go with --all" in str(result.exception)


def test_a_dry_run_needs_something_to_try(tmp_path):
    """Alone it would do nothing."""
    (tmp_path / "log").write_text(LOG)
    assert "it needs --apply" in str(run("advise", tmp_path / "log", "--dry-run").exception)


def test_a_state_that_cannot_be_written_is_refused_first(tmp_path):
    """Else each restart would report all holds again."""
    (tmp_path / "log").write_text(LOG)
    words = ("watch", tmp_path / "log", "--once", "--state", tmp_path / "nowhere/state")
    result = run(*words)
    assert "there is no folder" in str(result.exception)
    assert result.stdout == ""


def test_a_row_in_detail_and_as_commands(tmp_path):
    """`--only` shows the jobs of one row; `--commands` what to type for them, and nothing else."""
    (tmp_path / "log").write_text(many(8))
    row = run("advise", tmp_path / "log", "--only", 2).output
    assert "1.0 of user1: fix first" in row
    assert "2.0" not in row
    words = run("advise", tmp_path / "log", "--only", 2, "--commands").output.splitlines()
    assert len(words) == 4
    assert all(line.startswith("condor_qedit ") and " && condor_release " in line for line in words)
    assert "no row 3: the table has 2 rows" in str(
        run("advise", tmp_path / "log", "--only", 3).exception
    )


def test_one_user_or_all_but_some(tmp_path):
    """Jobs are chosen by user and cluster; a user without held jobs is an error with those there are."""
    (tmp_path / "log").write_text(many(12))
    assert run("advise", tmp_path / "log", "--user", "user1").output.startswith("4 jobs held")
    left = run("advise", tmp_path / "log", "--exclude-user", "user1", "--exclude-cluster", 2).output
    assert left.startswith("6 jobs held")
    assert "did you mean user1" in str(run("advise", tmp_path / "log", "--user", "usr1").exception)
    (tmp_path / "bare").write_text(LOG)
    assert "do not name the owners" in str(
        run("advise", tmp_path / "bare", "--user", "x").exception
    )


def test_the_printed_command_has_all_choices(tmp_path):
    """A row is copied with the command below the table: the same jobs are chosen as for the table."""
    (tmp_path / "log").write_text(many(16))
    words = ["advise", tmp_path / "log", "--exclude-user", "user1", "--exclude-cluster", 2]
    line = next(line for line in run(*words).output.splitlines() if "--commands" in line)
    command = line.partition("-> wingspan holds ")[2].partition("#")[0].replace("ROW", "2").split()
    assert len(run(*command).output.splitlines()) == 4  # clusters 3 and 5; not 1 and 7, of user1


def test_a_name_without_jobs_is_reported(tmp_path):
    """Leaving out what is not there is said, for each command that reads logs."""
    (tmp_path / "log").write_text(many(4))
    for command in ("advise", "watch"):
        more = ["--once"] if command == "watch" else []
        found = run(command, tmp_path / "log", "--exclude-user", "usr1", *more)
        assert "--exclude-user usr1: no job in these logs" in found.output
        found = run(command, tmp_path / "log", "--exclude-cluster", 9, *more)
        assert "--exclude-cluster 9: no job in these logs" in found.output


def test_watch_leaves_out_users_and_clusters(tmp_path):
    """As advise does."""
    (tmp_path / "log").write_text(many(12))
    words = ["watch", tmp_path / "log", "--once", "--json"]
    left = run(*words, "--exclude-user", "user1", "--exclude-cluster", 2).stdout
    assert len(left.splitlines()) == 6
    assert len(run(*words, "--user", "user1").stdout.splitlines()) == 4


@pytest.fixture
def queued(tmp_path, monkeypatch):
    """Give a queue with one held job per cluster, 12 and 13, of ada and bo; their log has both."""
    log = tmp_path / "log"
    log.write_text(LOG + LOG.replace("(012", "(013"))
    ads = [
        {"ClusterId": cluster, "ProcId": 0, "JobStatus": 5, "HoldReasonCode": 34, "Owner": owner,
         "HoldReasonSubCode": 0, "HoldReason": "x", "EnteredCurrentStatus": 1, "UserLog": str(log)}
        for cluster, owner in ((12, "ada"), (13, "bo"))
    ]  # fmt: skip
    monkeypatch.setattr("wingspan.accesspoint.jobs.query", lambda *_: [dict(ad) for ad in ads])
    monkeypatch.setattr("wingspan.pool.personal.use_pool", lambda: None)
    return log


def test_jobs_of_the_queue_that_are_left_out_are_not_counted(queued):
    """Neither as held cluster-mates nor in the rates."""
    found = json.loads(run("advise", "--schedd", "--exclude-user", "bo", "--json").stdout)
    ((job,),) = [each["jobs"] for each in found["incidents"]]
    assert job["job"] == "12.0"


def test_a_log_of_another_user_that_is_closed(queued, monkeypatch):
    """The job's ad in the queue is used, and the evidence says so; the command does not fail."""
    monkeypatch.setattr("os.access", lambda *_: False)
    result = run("advise", "--schedd")
    assert result.exit_code == 0, result.exception
    assert "no log of its own is readable" in result.output


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_the_table_fits_one_screen(tmp_path, monkeypatch, width):
    """Twenty causes, some long, with other answers: two lines a row, no line wider than the terminal."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.chdir(tmp_path)
    codes = [*range(4, 15), *range(17, 20), *range(22, 26), 32, 33, 35, 43, 44, 45, 46, 47, 48]
    head = "({0:03}.000.000) 2025-11-04 10:00:00Z"
    record = (
        f"000 {head} Job submitted from host: <10.0.0.1:9618?alias=ap>\n...\n"
        f"012 {head} Job was held.\n\tReason unspecified\n\tCode {{1}} Subcode 0\n...\n"
    )
    (tmp_path / "log").write_text("".join(record.format(one, one) for one in codes))
    lines = run("advise", "log").output.splitlines()
    assert len(lines) <= 48
    assert max(len(line) for line in lines if "wingspan holds" not in line) <= width
    head = next(line for line in lines if line.startswith(" row"))
    assert ("users" in head, "hours" in head) == (width > 60, True)
    assert sum(line.strip()[:1].isdigit() for line in lines) > 20
    document = json.loads(run("advise", "log", "--json").output)
    assert sum(row["jobs"] for row in document["rows"]) == document["jobs"] == len(codes)
    row = document["rows"][4]
    detail = " ".join(run("advise", "log", "--only", 5).output.split())
    assert detail.startswith(f"row 5: 1 job, {row['answer']}: {row['cause']}")


def test_rows_follow_the_screen(monkeypatch):
    """On a terminal of 24 lines the table and the next prompt fit; without one the default holds."""
    assert rows_that_fit() == ROWS
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("LINES", "24")
    assert rows_that_fit() == 7
    monkeypatch.setenv("LINES", "5")
    assert rows_that_fit() == 3
