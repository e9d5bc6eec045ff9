"""A pipeline runs on this machine: values come back, what is up to date is not run, failures say why."""

import time
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.errors import DeclarationError, NotFoundError, StepFailedError
from wingspan.runner.drive import drive

NUMBERS = """
    from pathlib import Path
    from typing import NamedTuple
    import wingspan as ws
    import helpers

    class Split(NamedTuple):
        train: list[int]
        test: list[int]

    def load(path: Path) -> list[int]:
        print("loading", path.name)
        return [int(line) for line in path.read_text().split()]

    def split(numbers: list[int], share: float = 0.5) -> Split:
        cut = int(len(numbers) * share)
        return Split(numbers[:cut], numbers[cut:])

    def fit(train: list[int], power: int) -> float:
        return float(sum(helpers.raised(n, power) for n in train))

    def whole(parts: Split) -> int:
        return len(parts.train) + len(parts.test)

    def best(scores: dict[str, float]) -> str:
        return max(scores, key=lambda name: scores[name])

    def pipeline(path: Path = Path("numbers.txt"), share: float = 0.5) -> ws.Pipeline:
        p = ws.Pipeline("numbers")
        table = p.step(load, path)
        parts = p.step(split, table, share=share)
        models = p.map(fit, over={"power": [1, 2]}, train=parts.train)
        p.step(best, models)
        p.step(whole, parts)
        return p
"""
HELPERS = """
    def raised(n, power):
        return n**power
"""


@pytest.fixture
def numbers(project):
    project.write(numbers_=NUMBERS, helpers=HELPERS)
    (project.path / "numbers.txt").write_text("1 2 3 4")
    return project


def ran(run):
    """The steps that were run, not found up to date."""
    return sorted(name for name, event in run.events.items() if event.wall_s)


def reasons(pipeline):
    return {step.name: step.reason for step in pipeline.plan().steps if not step.done}


def test_values_come_back(numbers):
    """run[...] is what the function returned, NamedTuples and maps included."""
    run = numbers.fresh("numbers_").pipeline().run()
    assert run.state == "done"
    assert run["load"] == [1, 2, 3, 4]
    assert run["split"].train == [1, 2]
    assert run["fit[2]"] == run.result("fit")["2"] == 5.0
    assert list(run["fit"]) == ["1", "2"]
    with pytest.raises(NotFoundError, match="it has no step 'fitt'\n  -> did you mean fit"):
        run["fitt"]
    assert run["best"] == "2"
    assert run["whole"] == 4
    assert ws.open_run(run.run_id)["best"] == "2"
    assert ws.open_run().run_id == run.run_id
    assert ws.open_run("last", home=".wingspan").run_id == run.run_id


def test_an_unchanged_pipeline_runs_nothing(numbers):
    """The second run finds every result in the store."""
    numbers.fresh("numbers_").pipeline().run()
    again = numbers.fresh("numbers_").pipeline().run()
    assert ran(again) == []
    assert again["best"] == "2"


def test_what_another_run_does_meanwhile_is_done_for_this_one_too(numbers):
    """Two runs are planned before either is driven: the second finds all done, and says so."""
    both = [numbers.fresh("numbers_").pipeline().prepare() for _ in range(2)]
    told: list[str] = []
    for run in both:
        told.clear()
        drive(run.folder, run.home, lambda event: told.append(event.state))
    assert set(told) == {"done"}
    assert [run.state for run in both] == ["done", "done"]
    assert both[1]["best"] == both[0]["best"]


def test_one_changed_parameter_runs_only_what_depends_on_it(numbers):
    """share reaches split and what reads it, not load; the reason says so."""
    numbers.fresh("numbers_").pipeline().run()
    changed = numbers.fresh("numbers_").pipeline(share=0.75)
    assert reasons(changed)["split"] == "parameter share 0.5 -> 0.75"
    assert reasons(changed)["fit[1]"] == "input train: split changed"
    assert ran(changed.run()) == ["best", "fit[1]", "fit[2]", "split", "whole"]


def test_a_changed_input_file_runs_its_readers(numbers):
    """The content counts, not the time."""
    numbers.fresh("numbers_").pipeline().run()
    (numbers.path / "numbers.txt").write_text("1 2 3 5")
    assert reasons(numbers.fresh("numbers_").pipeline())["load"] == "file path changed"
    (numbers.path / "numbers.txt").write_text("1 2 3 4")
    assert reasons(numbers.fresh("numbers_").pipeline()) == {}


def test_a_comment_in_another_module_runs_nothing(numbers):
    """Neither comments nor docstrings nor formatting are code."""
    numbers.fresh("numbers_").pipeline().run()
    numbers.write(
        helpers='"""About."""\n\n\ndef raised(n,  power):  # raised\n    return (n ** power)\n'
    )
    assert reasons(numbers.fresh("numbers_").pipeline()) == {}


def test_a_changed_helper_runs_the_steps_that_use_it(numbers):
    """A helper that a step reaches is part of the step."""
    numbers.fresh("numbers_").pipeline().run()
    numbers.write(helpers="def raised(n, power):\n    return n**power + 1\n")
    told = reasons(numbers.fresh("numbers_").pipeline())
    assert told["fit[1]"] == "function helpers.raised changed"
    assert "load" not in told
    assert "split" not in told


def test_the_first_plan_says_new(numbers):
    """Planning alone changes nothing, and says why each step would run."""
    told = reasons(numbers.fresh("numbers_").pipeline())
    assert set(told.values()) == {"new step"}
    assert not Path(".wingspan").exists()


def test_a_missing_input_file_is_told_when_planning(numbers):
    """Not by a failing step."""
    with pytest.raises(NotFoundError, match=r"numbres.txt"):
        numbers.fresh("numbers_").pipeline(Path("numbres.txt")).plan()


FAILING = """
    import os
    import signal
    from pathlib import Path
    import wingspan as ws

    def good() -> int:
        return 1

    def bad(n: int) -> int:
        print("about to divide")
        return n // 0

    def after(n: int) -> int:
        return n

    def other(n: int, names: dict[str, int] | None = None) -> int:
        return n + 1

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("failing")
        one = p.step(good)
        p.step(after, p.step(bad, one))
        p.step(other, one, {"b": 1, "a": 2})
        return p

    def dies_once(flag: str) -> int:
        if not Path(flag).exists():
            Path(flag).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return 7

    def counts(flag: str, upto: int) -> int:
        state = ws.checkpoint_file("count.txt")
        count = int(state.read_text()) if state.exists() else 0
        while count < upto:
            count += 1
            state.write_text(str(count))
            ws.checkpoint()
            ws.log({"count": count}, step=count)
            if count == 3 and not Path(flag).exists():
                Path(flag).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        with Path(flag).open("a") as file:
            file.write(f"from {count}")
        return count

    def writes(path: Path) -> int:
        path.write_text("changed")
        return 1

    def wrong() -> int:
        return {1, 2}

    def submits() -> int:
        return len(pipeline().run().run_id)
"""


@pytest.fixture
def failing(project):
    project.write(failing=FAILING)
    return project.fresh("failing")


def test_a_failing_step_shows_all_a_user_wants_to_see(failing):
    """Traceback, inputs, last output and the command that runs it alone; the rest of the pipeline goes on."""
    with pytest.raises(StepFailedError) as told:
        failing.pipeline().run()
    message = str(told.value)
    for part in (
        "ZeroDivisionError",
        "failing.py",
        "n // 0",
        "about to divide",
        "result of good",
        "wingspan.runner.job",
    ):
        assert part in message
    run = ws.open_run()
    assert {name: event.state for name, event in run.events.items()} == {
        "good": "done",
        "bad": "failed",
        "after": "skipped",
        "other": "done",
    }
    assert run["other"] == 2
    with pytest.raises(StepFailedError, match="needs bad, which failed"):
        run["after"]


def test_a_corrected_step_goes_on_from_where_it_failed(failing, project):
    """The same command runs only what is missing."""
    failing.pipeline().run(check=False)
    project.write(failing=FAILING.replace("n // 0", "n // 1"))
    run = project.fresh("failing").pipeline().run()
    assert ran(run) == ["after", "bad"]


def test_a_lost_process_is_started_again(failing, project):
    """A killed job is retried, and nothing else is."""
    p = ws.Pipeline("lost")
    p.step(failing.dies_once, str(project.path / "flag"))
    run = p.run()
    assert run["dies_once"] == 7
    assert run.events["dies_once"].attempt == 2


def test_a_lost_process_without_retries_fails_with_its_signal(failing, project):
    """retries=0 gives up at once and names the signal."""
    p = ws.Pipeline("lost")
    p.step(failing.dies_once, str(project.path / "flag"), retries=0)
    with pytest.raises(StepFailedError, match="SIGKILL"):
        p.run()


def test_a_restarted_step_goes_on_from_its_checkpoint(failing, project):
    """The second attempt starts at what the first one kept."""
    flag = project.path / "flag"
    p = ws.Pipeline("counting")
    p.step(failing.counts, str(flag), upto=5)
    run = p.run()
    assert run["counts"] == 5
    attempts = run.folder.attempts(run.steps["counts"].key)
    assert sum(len((path / "metrics.jsonl").read_text().splitlines()) for path in attempts) == 5


def test_a_step_that_changes_its_input_fails(failing, project):
    """What others read cannot be corrupted without notice."""
    (project.path / "in.txt").write_text("as it was")
    p = ws.Pipeline("writing")
    p.step(failing.writes, Path("in.txt"))
    with pytest.raises(
        StepFailedError, match=r"input file .*in\.txt was changed while the step ran"
    ):
        p.run()


def test_a_result_of_the_wrong_type_fails(failing):
    """What cannot be stored is the step's failure, with its place."""
    p = ws.Pipeline("wrong")
    p.step(failing.wrong)
    with pytest.raises(StepFailedError, match="step wrong"):
        p.run()


def test_a_run_inside_a_step_is_refused(failing):
    """A script that starts a run at import would start runs without end."""
    p = ws.Pipeline("nested")
    p.step(failing.submits)
    with pytest.raises(StepFailedError, match="__name__"):
        p.run()


def test_a_submitted_run_goes_on_in_the_background(failing):
    """submit returns at once; the run is found again and its value awaited."""
    run = ws.submit(failing.other, 41)
    assert run.result() == 42
    assert ws.open_run(run.run_id).state == "done"


def test_commands_run_in_a_folder_of_their_own(project):
    """A shell command reads results and files, and its outputs are results."""
    project.write(
        train="import sys\nfrom pathlib import Path\nPath('m.txt').write_text(Path(sys.argv[1]).read_text() * 2)\n"
    )
    (project.path / "in.txt").write_text("ab")
    p = ws.Pipeline("command")
    made = p.command(
        "python train.py {data}",
        data=Path("in.txt"),
        outputs={"model": "m.txt"},
        files=["train.py"],
    )
    p.command(
        "cat {model} > copy.txt; echo {word} >> copy.txt",
        model=made.model,
        word="it's",
        outputs={"out": "copy.txt"},
        name="copy",
    )
    run = p.run()
    assert run["copy"].out.read_text() == "ababit's\n"


def test_a_failing_command_names_its_exit_code(project):
    """A command that fails, or does not write what it was to write, is a failed step."""
    p = ws.Pipeline("command")
    p.command("echo no >&2; exit 3", outputs={}, name="three")
    p.command("true", outputs={"out": "x"}, name="nothing")
    run = p.run(check=False)
    assert "exit code 3" in run.events["three"].problem
    assert "did not write x" in run.events["nothing"].problem
    assert "no" in run.report("three")


def test_an_unknown_runner_is_named(failing):
    """on= accepts what there is."""
    with pytest.raises(NotFoundError, match="on='slurm'"):
        failing.pipeline().run(on="slurm")


def test_two_runs_at_once_share_the_store(failing):
    """Neither disturbs the other."""
    runs = [failing.pipeline().submit() for _ in range(2)]
    for run in runs:
        assert run.wait(60).events["other"].state == "done"
        assert run["other"] == 2


def test_functions_of_a_notebook_run_too(project):
    """A function that no file holds travels by value, with what it reaches."""
    import linecache
    import types

    source = (
        "import math\nfactor = 3\n\ndef cell(n: int) -> float:\n    return math.sqrt(n) * factor\n"
    )
    linecache.cache["<cell 1>"] = (len(source), None, source.splitlines(True), "<cell 1>")
    module = types.ModuleType("__main__")
    exec(compile(source, "<cell 1>", "exec"), module.__dict__)  # noqa: S102 - as a notebook does
    p = ws.Pipeline("notebook")
    p.step(module.cell, 4)
    assert p.run()["cell"] == 6.0


def test_an_error_in_a_notebook_shows_the_lines_of_its_cells(project):
    """Also of what another cell defines; the job has neither the notebook nor its files."""
    import linecache
    import types

    cells = {
        "<cell 1>": "def inner(n):\n    return n // 0\n",
        "/tmp/ipykernel_1/2.py": "def outer(n: int) -> int:\n    made = n + 1\n    return inner(made)\n",
    }
    module = types.ModuleType("__main__")
    for name, source in cells.items():
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), module.__dict__)  # noqa: S102 - as a notebook does
    p = ws.Pipeline("notebook")
    p.step(module.outer, 4)
    with pytest.raises(StepFailedError) as told:
        p.run()
    assert 'File "/tmp/ipykernel_1/2.py", line 3, in outer\n    return inner(made)' in str(
        told.value
    )
    assert 'File "<cell 1>", line 2, in inner\n    return n // 0' in str(told.value)


def test_a_run_says_its_state_in_a_notebook(failing):
    """repr and HTML name each step and its state."""
    run = failing.pipeline().run(check=False)
    assert "bad: failed" in repr(run)
    assert "<title>bad: failed" in run._repr_html_()
    assert run.picture().startswith("<svg")


def test_waiting_has_an_end(failing, project):
    """wait(timeout) raises rather than hang."""
    project.write(slow="import time\ndef slow() -> int:\n    time.sleep(30)\n    return 1\n")
    run = ws.submit(project.fresh("slow").slow)
    with pytest.raises(TimeoutError):
        run.wait(0.3)
    import os
    import signal

    os.kill(int(run.folder.pid.read_text().split()[0]), signal.SIGKILL)
    for _ in range(100):
        if run.state == "stopped":
            break
        time.sleep(0.05)
    assert run.state == "stopped"


def test_an_unused_declaration_error_has_a_fix():
    """Every message tells the next step."""
    with pytest.raises(DeclarationError) as told:
        ws.Pipeline("x").step(print)
    assert told.value.fix


GATHERING = """
    import wingspan as ws

    def tenth(n: int) -> float:
        return n / 10

    def in_order(values: list[float], names: dict[str, int]) -> str:
        return f"{values} {list(names)}"

    def paired(values: tuple[float, ...]) -> int:
        return len(values)

    def labelled(values: dict[str, float]) -> list[str]:
        return list(values)

    def free(values) -> list[str]:
        return list(values)

    def first(values: float) -> float:
        return values

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("gathering")
        made = p.map(tenth, over={"n": [11, 2, 1]})
        p.step(in_order, made, {"b": 1, "a": 2})
        p.step(paired, made)
        p.step(labelled, made)
        p.step(free, made)
        return p

    def wrong() -> ws.Pipeline:
        p = ws.Pipeline("wrong")
        p.step(first, p.map(tenth, over={"n": [11, 2]}))
        return p
"""


def test_results_of_a_map_come_as_the_parameter_is_annotated(project):
    """A list, tuple or dict, each in the order of the map; other annotations are refused; dicts keep their order."""
    project.write(gathering=GATHERING)
    module = project.fresh("gathering")
    run = module.pipeline().run()
    assert run["in_order"] == "[1.1, 0.2, 0.1] ['b', 'a']"
    assert run["paired"] == 3
    assert run["labelled"] == run["free"] == ["11", "2", "1"]
    project.write(
        gathering=GATHERING.replace('{"b": 1, "a": 2}', '{"a": 2, "b": 1, }')
    )  # not of one size
    module = project.fresh("gathering")
    assert reasons(module.pipeline()) == {"in_order": "order names removed"}
    with pytest.raises(DeclarationError, match="takes float, and is given the 2 results of a map"):
        module.wrong()


def test_a_step_over_its_time_is_not_started_again(project):
    """What was ended for its own limit would only be ended again."""
    project.write(slow="import time\n\n\ndef slow() -> int:\n    time.sleep(60)\n    return 1\n")
    p = ws.Pipeline("slow")
    p.step(project.fresh("slow").slow, resources=ws.Resources(runtime="1s"))
    run = p.run(check=False)
    assert run.events["slow"].attempt == 1
    assert "1 s" in run.events["slow"].problem
