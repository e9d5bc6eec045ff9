"""Input files and folders are what they were when the plan was made, or the step does not use them."""

import os
import re
import time
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.errors import DeclarationError
from wingspan.runner.drive import drive
from wingspan.runner.events import ignore

# What its jobs and commands run is covered by other tests.

STEPS = """
    import os
    from pathlib import Path
    import wingspan as ws

    def read(path: Path) -> str:
        return path.read_text()

    def names(folder: Path) -> list[str]:
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))

    def texts(folder: Path) -> list[str]:
        return [path.read_text() for path in sorted(folder.rglob("*.txt"))]

    def edit(path: Path) -> str:
        was = path.stat()
        text = path.read_text()
        path.write_text(text.upper())
        os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        return text

    def edit_in(folder: Path) -> str:
        return edit(folder / "deep" / "a.txt")

    def handle(path: Path) -> str:
        os.link(path.resolve(), path.resolve().with_name("second"))
        path.chmod(0o640)
        os.utime(path)
        return path.read_text()

    def pipeline(path: str, step: str = "read") -> ws.Pipeline:
        p = ws.Pipeline("inputs")
        p.step(globals()[step], Path(path), name="step")
        return p
"""


@pytest.fixture
def steps(project):
    project.write(steps=STEPS)
    (project.path / "data" / "deep").mkdir(parents=True)
    (project.path / "data" / "deep" / "a.txt").write_text("old")
    (project.path / "a.txt").write_text("old")
    return project


def edit_in_place(path, text):
    """Change a file so that size and modification time stay."""
    was = path.stat()
    time.sleep(0.02)  # beyond the grain of the system's clock of changes
    path.write_text(text)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    now = path.stat()
    assert (now.st_size, now.st_mtime_ns) == (was.st_size, was.st_mtime_ns)


def event_of(run):
    drive(run.folder, run.home, ignore)
    return run.events["step"]


def test_a_file_edited_in_place_is_read_again(steps, monkeypatch):
    """Although its size and its modification time are what they were."""
    monkeypatch.setattr("wingspan.planning.digest_cache.SETTLED_NS", -1)
    pipeline = steps.fresh("steps").pipeline
    assert pipeline("a.txt").run()["step"] == "old"
    edit_in_place(steps.path / "a.txt", "new")
    assert pipeline("a.txt").run()["step"] == "new"


@pytest.mark.parametrize(
    ("given", "step"), [("a.txt", "read"), ("data", "texts"), ("data", "names")]
)
def test_an_edit_between_plan_and_job_fails_the_step(steps, given, step):
    """Else the new content's result would lie under the old content's key; also deep in a folder."""
    pipeline = steps.fresh("steps").pipeline
    run = pipeline(given, step).prepare()
    for path in ("a.txt", "data/deep/a.txt"):
        edit_in_place(steps.path / path, "new")
    event = event_of(run)
    assert event.state == "failed"
    assert f"{given} was changed after the plan was made" in event.problem
    assert "run the pipeline again" in event.fix
    again = pipeline(given, step).run()["step"]
    assert again == {"read": "new", "texts": ["new"], "names": ["deep", "deep/a.txt"]}[step]


def test_a_name_added_deep_in_a_folder_fails_the_step(steps):
    """The folder's own times say nothing of it."""
    run = steps.fresh("steps").pipeline("data", "names").prepare()
    (steps.path / "data/deep/b.txt").write_text("")
    assert "data was changed after the plan was made" in event_of(run).problem


@pytest.mark.parametrize(("given", "step"), [("a.txt", "edit"), ("data", "edit_in")])
def test_an_edit_in_place_by_the_step_itself_fails_it(steps, given, step):
    """Also where it sets the times back."""
    event = event_of(steps.fresh("steps").pipeline(given, step).prepare())
    assert f"{given} was changed while the step ran" in event.problem


def test_what_changes_no_content_fails_nothing(steps):
    """A further hard link, permissions, times: before the job, and in it."""
    run = steps.fresh("steps").pipeline("a.txt", "handle").prepare()
    os.link(steps.path / "a.txt", steps.path / "b.txt")
    os.utime(steps.path / "a.txt")
    (steps.path / "a.txt").chmod(0o600)
    assert event_of(run).state == "done"
    assert run["step"] == "old"


def test_a_removed_input_is_named(steps):
    """As removed, not as changed."""
    run = steps.fresh("steps").pipeline("a.txt").prepare()
    (steps.path / "a.txt").unlink()
    assert "a.txt was removed after the plan was made" in event_of(run).problem


@pytest.mark.timeout(60)
@pytest.mark.parametrize("given", ["data", "data/pipe"])
def test_a_fifo_is_refused_when_planned(steps, given):
    """Instead of waiting for a writer that never comes."""
    os.mkfifo(steps.path / "data/pipe")
    with pytest.raises(DeclarationError, match=r"data/pipe: expected .* found a FIFO"):
        steps.fresh("steps").pipeline(given, "names").plan()


def test_the_whole_project_is_refused(steps):
    """What Wingspan itself writes there would change the step's result."""
    with pytest.raises(DeclarationError, match=r"it holds .*\.wingspan.*\n.*pass the files"):
        steps.fresh("steps").pipeline(".", "texts").plan()


def test_a_change_in_a_linked_folder_runs_its_readers(steps):
    """The step sees through the link, so the plan does."""
    other = steps.path / "other"
    other.mkdir()
    (other / "b.txt").write_text("far")
    (steps.path / "data/link").symlink_to(other)
    pipeline = steps.fresh("steps").pipeline
    assert pipeline("data", "texts").run().state == "done"
    (other / "b.txt").write_text("near")
    assert not pipeline("data", "texts").plan().steps[0].done


@pytest.mark.parametrize(
    "name", [b"\xff.txt", b"a\nb.txt", b'"quoted" $(x), y.txt', b"\xc3\xa9.txt"]
)
def test_names_of_any_bytes_work(steps, name, monkeypatch):
    """As a file, and in a folder: planned, run, found up to date, and named in what is printed."""
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")
    odd = os.fsdecode(name)
    (steps.path / odd).write_text("odd")
    (steps.path / "data" / odd).write_text("odd")
    pipeline = steps.fresh("steps").pipeline
    run = pipeline(odd).run()
    assert run["step"] == "odd"
    assert sorted(pipeline("data", "texts").run()["step"]) == ["odd", "old"]
    assert pipeline("data", "names").run()["step"] == sorted(["deep", "deep/a.txt", odd])
    p = ws.Pipeline("commands")
    p.command("cat {path} > made", path=Path(odd), outputs={"made": "made"}, name="step")
    assert p.run()["step"].made.read_text() == "odd"
    assert pipeline(odd).plan().steps[0].done
    assert ws.open_run(run.run_id)["step"] == "odd"
    run.report("step").encode()


def test_the_files_of_a_folder_that_changed_are_named(steps):
    """The first three, and how many more; not those that stayed."""
    pipeline = steps.fresh("steps").pipeline
    data = steps.path / "data"
    for number in range(5):
        (data / f"{number}.txt").write_text("old")
    pipeline("data", "texts").run()
    (data / "1.txt").write_text("new")
    (data / "0.txt").unlink()
    (data / "deep/b.txt").write_text("new")
    (reason,) = [step.reason for step in pipeline("data", "texts").plan().steps]
    assert reason == "file folder changed (0.txt removed, 1.txt changed, deep/b.txt added)"
    for number in range(2, 202):
        (data / f"{number}.txt").write_text("new")
    (reason,) = [step.reason for step in pipeline("data", "texts").plan().steps]
    assert reason.startswith("file folder changed (0.txt removed, 1.txt changed, 10.txt added and ")
    assert reason.endswith(" more)")
    pipeline("data", "texts").run()
    (data / "7.txt").write_text("newer")
    (reason,) = [step.reason for step in pipeline("data", "texts").plan().steps]
    assert reason == "file folder changed (7.txt changed)"


def test_a_changed_input_in_a_list_names_the_step_that_made_it(steps):
    """A place such as `results.0` alone says nothing to a reader."""
    steps.write(
        lists="""
        import wingspan as ws
        def one(n: int) -> int: return n
        def total(results: list[int]) -> int: return sum(results)
        def pipeline(n: int):
            p = ws.Pipeline("lists")
            p.step(total, [p.step(one, n, name="first"), p.step(one, 5, name="second")])
            return p
        """
    )
    pipeline = steps.fresh("lists").pipeline
    pipeline(1).run()
    reason = {step.name: step.reason for step in pipeline(2).plan().steps}["total"]
    assert reason == "input results.0: first changed"


def test_a_result_that_a_step_changes_is_named_by_its_maker(steps):
    """It is read-only; root, or a step that makes it writable, can change it all the same."""
    steps.write(
        spoils="""
        import wingspan as ws
        from pathlib import Path
        def first() -> Path:
            Path("made.txt").write_text("old")
            return Path("made.txt")
        def spoil(results: list[Path]) -> int:
            stored = results[0].resolve()
            stored.chmod(0o644)
            stored.write_text("new")
            return 1
        def pipeline():
            p = ws.Pipeline("spoils")
            p.step(spoil, [p.step(first)])
            return p
        """
    )
    run = steps.fresh("spoils").pipeline().run(check=False)
    expected = r"input results\.0 \(result of step first\) was changed while the step ran"
    assert re.search(expected, run.events["spoil"].problem)
