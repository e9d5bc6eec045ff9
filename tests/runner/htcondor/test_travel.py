"""How the environment gets to the jobs, how many bytes that is, and that all which jobs import is proved to be in it."""

import shutil

import pytest

import wingspan as ws
from wingspan.accesspoint.versions import sends_common_files
from wingspan.runner.htcondor.check.proof import prove_imports
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.dag_logs import DagLog
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.environment import environment_of
from wingspan.runner.htcondor.write.submit_description import submit_description
from wingspan.runner.htcondor.write.travel import Way, stage, way_of


def test_the_way_is_the_one_that_costs_the_access_point_least(tmp_path):
    """A shared folder; a staging folder that can be written, by its URL; once to each machine; with each job."""
    staging = {tmp_path / "none": "osdf:///none", tmp_path: "osdf:///ann/"}
    assert way_of(Profile(shared=tmp_path, staging=staging), once=True).kind == "shared"
    way = way_of(Profile(staging=staging), once=True)
    assert (way.kind, way.url) == ("url", "osdf:///ann/wingspan-environments")
    assert way_of(Profile(), once=True) == Way("once")
    assert (
        way_of(Profile(send_once=False), once=True) == way_of(Profile(), once=False) == Way("each")
    )


@pytest.mark.parametrize(
    ("version", "once"), [("23.9.6", False), ("25.2.0", False), ("25.14.1", True), ("26.0.0", True)]
)
def test_only_access_points_that_were_tried_send_common_files(version, once):
    """An older one would not send the file at all, or its DAGMan would fail on the events of such a transfer."""
    assert sends_common_files(version) is once


def test_what_is_said_counts_all_jobs():
    size = 150 * 1024**2
    assert Way("each").text(size, 7) == (
        "150 MB, sent from this access point with each job: 1,050 MB for 7 jobs"
    )
    assert "once to each machine" in Way("once").text(size, 7, "about ")
    assert [Way(kind).sent_bytes(size) for kind in ("each", "once")] == [size, 0]


def test_a_staged_archive_is_written_once(tmp_path):
    """Named by its content; readable for the server that hands it out."""
    archive = tmp_path / "abc.tar"
    archive.write_bytes(b"whole")
    archive.chmod(0o600)
    way = Way("url", tmp_path / "staging", "osdf:///ann/staging")
    assert stage(archive, way) == "osdf:///ann/staging/abc.tar"
    staged = tmp_path / "staging/abc.tar"
    before = staged.stat()
    assert stage(archive, way) == "osdf:///ann/staging/abc.tar"
    assert staged.stat().st_ino == before.st_ino
    assert before.st_mode & 0o777 == 0o644
    assert [path.name for path in (tmp_path / "staging").iterdir()] == ["abc.tar"]


def test_a_description_names_the_environment_in_one_place():
    """As a common file, as a URL, or among the files of each job; the script is given its last name."""
    asked = ws.Resources()
    once = submit_description(asked, "../code.zip", "../abc.tar", once=True)
    assert '  My.CommonInputFiles = "../abc.tar"\n' in once
    assert "  transfer_input_files = ../jobs/$(JOB).json,../code.zip,$(inputs)\n" in once
    each = submit_description(asked, "../code.zip", "osdf:///ann/abc.tar")
    assert "$(JOB).json,../code.zip,osdf:///ann/abc.tar,$(inputs)\n" in each
    for text in (once, each):
        assert "  arguments = $(JOB) abc.tar\n" in text


COMMON = """000 (002.000.000) 2026-11-29 12:43:33 Job submitted from host: <127.0.0.1:1>
    DAG Node: a-1
...
047 (002.-1000.000) 2026-11-29 12:43:34 Common files event: TransferStarted
...
004 (002.-1000.000) 2026-11-29 12:43:35 Job was evicted.
\t(0) CPU times
\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage
\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage
\t0  -  Run Bytes Sent By Job
\t0  -  Run Bytes Received By Job
...
001 (002.000.000) 2026-11-29 12:43:37 Job executing on host: <127.0.0.1:2>
...
"""


def test_a_transfer_of_common_files_is_no_event_of_a_job(tmp_path):
    """It bears the job's number with a process below 0."""
    dag = DagFolder(tmp_path)
    dag.nodes_log.write_text(COMMON)
    assert [change.event for change in DagLog(dag).of_nodes()] == [0, 1]


@pytest.mark.long
def test_what_jobs_import_is_proved_to_be_in_the_environment(project, tmp_path):
    """By importing it with nothing else; a package that is missing is named, with the steps that need it."""
    pytest.importorskip("sortedcontainers")
    project.write(
        proved="""
        import sortedcontainers

        def one(n: int) -> int:
            return n + 1

        def other():
            return sortedcontainers.SortedList()
        """
    )
    p = ws.Pipeline("proved")
    p.step(project.fresh("proved").one, 1)
    plan = p.plan(tmp_path / "home")
    file = project.path / "proved.py"
    code = {str(project.path): {file: file.read_bytes()}}
    folder = environment_of(plan.steps).unpacked(tmp_path / "environments", lambda _: None)
    check = prove_imports(plan.steps, folder, code, tmp_path / "home")
    assert check.ok, check.found
    assert {"sortedcontainers", "proved"} <= set(check.facts["modules"])
    shutil.rmtree(next(folder.rglob("site-packages")) / "sortedcontainers")
    check = prove_imports(plan.steps, folder, code, tmp_path / "home")
    assert not check.ok
    assert "sortedcontainers (needed by one): ModuleNotFoundError" in check.found
    assert "pip install sortedcontainers" in check.fix
    assert not list((tmp_path / "home").glob(".wingspan-check-*"))
