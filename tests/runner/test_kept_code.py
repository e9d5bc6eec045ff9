"""A run keeps the code that its plan was made of: what is edited meanwhile changes nothing in it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.errors import ConflictError
from wingspan.files import digest_file
from wingspan.planning.snapshot import Module
from wingspan.runner.drive import drive
from wingspan.runner.events import ignore
from wingspan.runner.job.kept_code import _Kept
from wingspan.runner.plan_file import save_plan
from wingspan.runner.run_folder import RunFolder, find_home

FILES = {
    "loans.py": """\
import shutil
from pathlib import Path

import wingspan as ws
from kit import clean
import kit.deep.dig as deep
from spare.plugin import extra

HERE = Path(__file__)
REPLACED = {
    "loans.py": "raise RuntimeError('the new loans')\\n",
    "kit/__init__.py": "raise RuntimeError('the new kit')\\n",
}


def edit(root: str) -> int:
    for name, text in REPLACED.items():
        Path(root, name).write_text(text)
    shutil.rmtree(Path(root, "kit", "deep"))
    Path(root, "spare").rename(Path(root, "renamed"))
    return 1


def after(n: int) -> str:
    print("the old print")
    from late import finish

    return finish(clean(n) + deep.dig(n) + extra(n)) + HERE.name


def make(factor):
    def scaled(n: int) -> int:
        return factor * clean(n)

    return scaled


def fails(n: int) -> int:
    return helper_that_fails(n)


def helper_that_fails(n):
    return n // 0  # the old line


def own_source(n: int) -> str:
    import inspect

    return inspect.getsource(helper_that_fails)


def pipeline(root: str, *, failing: bool = False) -> ws.Pipeline:
    p = ws.Pipeline("loans")
    one = p.step(edit, root)
    p.step(after, one)
    p.step(make(5), one)
    p.step(own_source, one)
    if failing:
        p.step(fails, one)
    return p


if __name__ == "__main__":
    run = pipeline(str(HERE.parent)).run()
    print(run["after"], run["scaled"])
""",
    "kit/__init__.py": "from kit.tidy import clean\n",
    "kit/tidy.py": "def clean(n):\n    return n + 1\n",
    "kit/deep/__init__.py": "",
    "kit/deep/dig.py": "def dig(n):\n    return n + 10\n",
    "spare/plugin.py": "def extra(n):\n    return n + 100\n",
    "late.py": "def finish(n):\n    return f'{n} '\n",
}


@pytest.fixture
def loans(project):
    for name, text in FILES.items():
        file = project.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return project


def test_files_edited_deleted_and_renamed_during_a_run_change_nothing_in_it(loans):
    """As a switch of branches does; every later step runs the code of the plan."""
    run = loans.fresh("loans").pipeline(str(loans.path)).run()
    assert run["after"] == "114 loans.py"
    assert run["scaled"] == 10
    assert run["own_source"] == "def helper_that_fails(n):\n    return n // 0  # the old line\n"
    assert (loans.path / "loans.py").read_text().startswith("raise")


def test_a_script_that_runs_itself_keeps_its_code(loans):
    """``python loans.py``, edited while it runs."""
    words = [sys.executable, str(loans.path / "loans.py")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout == "114 loans.py 10\n", done.stderr


def test_a_traceback_shows_the_lines_that_were_run(loans):
    """Under the file's own path, in the report, the record and the step's output."""
    run = loans.fresh("loans").pipeline(str(loans.path), failing=True).run(check=False)
    report = run.report("fails")
    line = FILES["loans.py"].splitlines().index("    return n // 0  # the old line") + 1
    assert f'File "{loans.path / "loans.py"}", line {line}, in helper_that_fails' in report
    assert "return n // 0  # the old line" in report
    assert "the new loans" not in report


def test_a_resumed_run_uses_the_code_that_it_keeps(loans):
    """A run that was prepared, and begun by another process after an edit."""
    run = loans.fresh("loans").pipeline(str(loans.path)).prepare()
    (loans.path / "kit/tidy.py").write_text("def clean(n):\n    return 0\n")
    (loans.path / "late.py").unlink()
    drive(run.folder, run.home, ignore)
    assert run["after"] == "114 loans.py"
    plan = ws.open_run(run.run_id)
    assert plan.state == "done"


def test_an_edit_between_plan_and_run_folder_is_not_kept(loans):
    """The bytes that are kept are those that the key was made of."""
    plan = loans.fresh("loans").pipeline(str(loans.path)).plan()
    (loans.path / "kit/tidy.py").write_text("def clean(n):\n    return 0\n")
    home = find_home()
    folder = home.new_run(plan.pipeline)
    save_plan(plan, folder, home)
    drive(folder, home, ignore)
    assert ws.open_run(folder.run_id)["scaled"] == 10
    for name, text in FILES.items():
        (loans.path / name).parent.mkdir(parents=True, exist_ok=True)
        (loans.path / name).write_text(text)
    shutil.rmtree(loans.path / "renamed")
    again = loans.fresh("loans").pipeline(str(loans.path)).plan()
    assert {s.name: s.components for s in again.steps} == {s.name: s.components for s in plan.steps}


def test_a_file_that_a_step_imports_and_no_plan_can_see_comes_from_the_disk(loans):
    """Imported by a name that is made when the step runs."""
    loans.write(
        steps="import importlib\n\ndef step() -> int:\n    return importlib.import_module('unse' + 'en').VALUE\n",
        unseen="VALUE = 7\n",
    )
    p = ws.Pipeline("unseen")
    p.step(loans.fresh("steps").step)
    assert p.run()["step"] == 7


@pytest.mark.parametrize("state", ["damaged", "missing"])
def test_kept_code_that_is_not_what_it_was_is_refused(loans, state):
    """A step never runs other code than its key says."""
    run = loans.fresh("loans").pipeline(str(loans.path)).prepare()
    for path in (run.folder.root / "code").iterdir():
        if path.read_text() == FILES["late.py"]:
            path.write_text("def finish(n): return ''") if state == "damaged" else path.unlink()
    drive(run.folder, run.home, ignore)
    assert run.events["after"].state == "failed"
    assert f"is {state}" in run.report("after")
    assert "run the command again" in run.report("after")
    assert run.events["scaled"].state == "done"


def test_a_compiled_module_that_was_built_again_is_refused(tmp_path):
    """Its bytes are not kept, so they are compared."""
    file = tmp_path / "fast.so"
    file.write_bytes(b"one")
    finder = _Kept(
        RunFolder(tmp_path), {"fast": Module(str(file), str(tmp_path), digest_file(file))}
    )
    assert finder.find_spec("fast").origin == str(file)
    file.write_bytes(b"two")
    with pytest.raises(ConflictError, match=r"fast\.so was changed after the plan was made"):
        finder.find_spec("fast")


def test_the_run_folder_keeps_each_file_once(loans):
    """Whatever the number of functions and steps; a manifest for each set of files."""
    module = loans.fresh("loans")
    p = ws.Pipeline("many")
    for number in range(20):
        p.step(module.after, number, name=f"after{number}")
    run = p.prepare()
    kept = [path.read_bytes() for path in (run.folder.root / "code").iterdir()]
    assert len(kept) == len(set(kept)) == len(FILES) + 1
    assert Path(module.__file__).read_bytes() in kept


def test_an_edit_of_a_module_that_no_plan_can_see_is_noticed(loans):
    """The job records that it read the file; the next plan compares it."""
    text = "import importlib\n\ndef step() -> int:\n    return importlib.import_module('unse' + 'en').VALUE\n"
    loans.write(steps=text, unseen="VALUE = 7\n")

    def value():
        p = ws.Pipeline("unseen")
        p.step(loans.fresh("steps").step)
        return p.run()["step"]

    assert value() == 7
    loans.write(unseen="VALUE = 8\n")
    assert value() == 8
