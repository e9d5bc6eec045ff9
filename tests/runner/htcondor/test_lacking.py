"""`wingspan check` names the project's files that a pool's jobs would lack; a job that lacks one says what to do."""

import pytest

from wingspan.pipeline.resources import Resources
from wingspan.runner.failure import failure
from wingspan.runner.htcondor.check.lacking import check_project_files, paths_in
from wingspan.runner.htcondor.write.project_code import project_files
from wingspan.runner.job.raised import describe
from wingspan.runner.run_folder import find_home
from wingspan.store.store import Store

LOANS = """
    import json, os
    from pathlib import Path
    import wingspan as ws
    import helper

    HERE = Path(__file__).resolve().parent
    RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rules", "all.txt")

    def load(csv: Path, other: str) -> str:
        hidden = open(HERE / other).read()
        return csv.read_text() + hidden + open(HERE / "declared.csv").read()

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("loans")
        p.step(load, HERE / "declared.csv", "by_name.txt")
        return p
"""
HELPER = """
    from pathlib import Path
    CFG = Path(__file__).with_name("cfg.json")
    LOST = Path(__file__).parent / "not_there.json"
    CODE = Path(__file__).parent / "helper.py"
"""


@pytest.fixture
def loans(project):
    project.write(loans=LOANS, helper=HELPER)
    (project.path / "rules").mkdir()
    for name in ("rules/all.txt", "cfg.json", "by_name.txt", "declared.csv"):
        (project.path / name).write_text("1")
    return project


def look(project):
    plan = project.fresh("loans").pipeline().plan()
    steps = plan.steps
    code = [file for files in project_files(plan, None).values() for file in files]
    return check_project_files(steps, code, Store(find_home(None).store))


def test_files_named_beside_the_code_are_found_without_running_it(loans):
    """Not what is declared, is not there, or is code."""
    check = look(loans)
    assert not check.ok
    cfg, rules = loans.path / "cfg.json", loans.path / "rules/all.txt"
    assert check.found == f"jobs do not get {cfg} (helper.py:3), {rules} (loans.py:8)"
    assert "argument of type Path" in check.fix
    assert [path.name for path, _ in paths_in(loans.path / "helper.py")] == [
        "cfg.json",
        "helper.py",
    ]


def test_files_read_by_the_last_run_here_are_named(loans):
    """Also those of which the code has the name only when it runs."""
    loans.fresh("loans").pipeline().run()
    check = look(loans)
    assert f"{loans.path / 'by_name.txt'} (read by step load)" in check.found
    assert "declared.csv" not in check.found


def test_all_is_well_where_all_is_declared(project):
    project.write(
        loans="""
        import wingspan as ws
        def one() -> int: return 1
        def pipeline():
            p = ws.Pipeline("loans")
            p.step(one)
            return p
        """
    )
    assert look(project).ok


def test_a_job_that_lacks_such_a_file_says_to_declare_it(tmp_path):
    """On an execution point code lies in the sandbox, and nothing beside it."""
    job = {"step": "load", "files": [], "inputs": {}, "constants": []}
    action = {"root": "/execute/dir_1/code/0", "project": "/home/me/project"}
    error = FileNotFoundError(2, "No such file or directory", "/execute/dir_1/code/0/cfg.json")
    told = describe(error, {**job, "action": action}, tmp_path)
    result = {"status": "failed", "error": told}
    assert "as an argument of type Path" in failure(result, "exit", None, 0.0, Resources()).fix
    here = describe(error, {**job, "action": {**action, "project": action["root"]}}, tmp_path)
    assert (
        "correct the code" in failure({**result, "error": here}, "exit", None, 0.0, Resources()).fix
    )
