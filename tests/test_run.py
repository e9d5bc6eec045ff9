"""A run is a mapping of its steps' results, and says what they wrote and logged."""

import copy
import json
import os
import pickle  # noqa: TID251 - a user may send a metric to another process
import shutil
import sys
import time
from collections.abc import Mapping

import pytest

import wingspan as ws
from wingspan.cli.main import main
from wingspan.errors import ConflictError, NotFoundError, StepFailedError
from wingspan.runner.written import Metric

# What its jobs and commands run is covered by other tests.

TRAINED = """
    import os
    import sys
    import time
    from pathlib import Path
    import wingspan as ws

    def load(n: int) -> list[int]:
        print("loading")
        print("careful", file=sys.stderr)
        return list(range(n))

    def fit(numbers: list[int], rate: float) -> float:
        for epoch in range(3):
            ws.log({"loss": rate * epoch, "epochs": epoch}, step=epoch)
        ws.log({"final": rate})
        print("rate", rate)
        return sum(numbers) * rate

    def bad(n: int, flag: str) -> int:
        print("about to divide")
        return n if Path(flag).exists() else n // 0

    def restarted(flag: str) -> int:
        ws.log({"loss": 9.0}, step=0)
        ws.log({"loss": 8.0}, step=1)
        if not Path(flag).exists():
            Path(flag).touch()
            os.kill(os.getpid(), 9)
        ws.log({"loss": 7.0}, step=1)
        return 1

    def slow(flag: str, after: int = 0) -> int:
        Path(flag).touch()
        time.sleep(600)
        return after

    def quick() -> int:
        return 1

    def pipeline(n: int = 3) -> ws.Pipeline:
        p = ws.Pipeline("trained")
        p.map(fit, over={"rate": [0.5, 1.0]}, numbers=p.step(load, n))
        return p
"""


@pytest.fixture
def trained(project):
    project.write(trained=TRAINED)
    return project.fresh("trained")


def test_a_run_is_a_mapping_of_its_steps(trained):
    """in, iter, len, keys, values, items and get; a map's name is a key as well."""
    run = trained.pipeline().run()
    assert isinstance(run, Mapping)
    assert list(run) == list(run.keys()) == ["load", "fit[0.5]", "fit[1.0]"]
    assert len(run) == 3
    assert list(run.values()) == [[0, 1, 2], 1.5, 3.0]
    assert dict(run) == dict(run.items()) == {"load": [0, 1, 2], "fit[0.5]": 1.5, "fit[1.0]": 3.0}
    assert "load" in run
    assert "fit" in run
    assert "fit[0.5]" in run
    assert "lod" not in run
    assert 5 not in run
    assert run.get("fit") == {"0.5": 1.5, "1.0": 3.0}
    assert run.get("lod") is None
    assert run.get("lod", 7) == 7
    assert run == ws.open_run() == copy.copy(run)
    assert run != trained.pipeline().prepare()
    assert len({run, ws.open_run(run.run_id)}) == 1
    with pytest.raises(NotFoundError, match="it has no step 'lod'\n  -> did you mean load"):
        run["lod"]


def test_asking_whether_a_step_is_there_reads_no_result(trained):
    """Membership and length are known before anything has run."""
    run = trained.pipeline().prepare()
    assert "fit" in run
    assert "load" in run
    assert len(run) == 3
    with pytest.raises(StepFailedError, match="step load has no result"):
        run.get("load")


def test_metrics_are_the_last_values_and_their_curves(trained):
    """By step, also for a run that found all steps up to date."""
    trained.pipeline().run()
    run = trained.pipeline().run()
    assert list(run.metrics) == ["fit[0.5]", "fit[1.0]"]
    found = run.metrics["fit[1.0]"]
    assert found == {"loss": 2.0, "epochs": 2.0, "final": 1.0}
    assert found["loss"].curve == ((0, 0.0), (1, 1.0), (2, 2.0))
    assert found["final"].curve == ((0, 1.0),)
    assert json.dumps(found) == '{"loss": 2.0, "epochs": 2.0, "final": 1.0}'
    again = pickle.loads(pickle.dumps(found["loss"]))
    assert (again, again.curve) == (found["loss"], found["loss"].curve)


def test_metrics_of_a_restarted_step_are_one_curve(trained, project):
    """What the second attempt logs again replaces what the first one had logged."""
    p = ws.Pipeline("restarted")
    p.step(trained.restarted, str(project.path / "flag"))
    run = p.run()
    assert run.metrics == {"restarted": {"loss": 7.0}}
    assert run.metrics["restarted"]["loss"].curve == ((0, 9.0), (1, 7.0))


def test_a_metric_without_steps_is_counted():
    """The place in the order stands for the step."""
    assert Metric([(0, 0.5), (1, 0.25)]) == 0.25


def test_metrics_are_printed(trained, capsys, monkeypatch):
    """The last values of all steps or of a map, each value of one step, and all of it for a program."""
    run = trained.pipeline().run()

    def said(*words):
        monkeypatch.setattr(sys, "argv", ["wingspan", "logs", *words])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return out + err if end.value.code == 2 else out

    both = "fit[0.5]  loss 1, epochs 2, final 0.5\nfit[1.0]  loss 2, epochs 2, final 1\n"
    assert said("--metrics") == said("fit", "--metrics") == both
    lines = [
        "step  loss  epochs  final",
        "   0     0       0      1",
        "   1     1       1       ",
        "   2     2       2       ",
    ]
    assert said("fit[1.0]", "--metrics").splitlines() == lines
    found = json.loads(said("--metrics", "--json"))
    assert found["fit[1.0]"]["loss"] == [[0, 0.0], [1, 1.0], [2, 2.0]]
    assert said("load", "--metrics") == "step load has logged no metrics\n"
    assert f"run {run.run_id}: it has no step 'lod'" in said("lod", "--metrics")
    assert "wingspan logs STEP, or wingspan logs --metrics" in said()


def test_logs_of_a_step_that_did_not_run_are_not_those_of_another_run(project):
    """Its output and metrics in an earlier run are that run's; of a step that is up to date they are its own."""
    project.write(twice=TWICE)
    flag = project.path / "flag"
    flag.touch()
    first = project.fresh("twice").pipeline().run(check=False)
    assert first.logs("second").startswith("second\n")
    flag.unlink()
    shutil.rmtree(first.home.store)
    run = project.fresh("twice").pipeline().run(check=False)
    assert run.steps["second"].key == first.steps["second"].key
    assert run.events["second"].state == "skipped"
    assert (run.logs("second"), run.metrics) == ("", {})
    assert first.metrics == {"second": {"loss": 1.0}}


TWICE = """
    from pathlib import Path
    import wingspan as ws

    def first(place: str) -> int:
        return 1 if Path(place, "flag").exists() else 1 / 0

    def second(x: int) -> int:
        print("second")
        ws.log({"loss": 1.0})
        raise ValueError("no good")

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("twice")
        p.step(second, p.step(first, str(Path(__file__).parent)))
        return p
"""


def test_logs_are_what_the_steps_wrote(trained):
    """Of one step, of a map, or of all; standard output comes first."""
    run = trained.pipeline().run()
    assert run.logs("load") == "loading\ncareful\n"
    assert run.logs("fit") == "== fit[0.5] ==\nrate 0.5\n== fit[1.0] ==\nrate 1.0\n"
    assert run.logs() == f"== load ==\nloading\ncareful\n{run.logs('fit')}"
    assert trained.pipeline().run().logs("load") == "loading\ncareful\n"  # up to date
    with pytest.raises(NotFoundError, match="did you mean load"):
        run.logs("lod")


def test_a_failed_run_is_resumed_with_the_plan_it_had(trained, project):
    """resume waits, raises what still fails, and computes what was missing."""
    flag = project.path / "flag"
    p = ws.Pipeline("failing")
    p.step(trained.bad, 4, str(flag))
    run = p.run(check=False)
    assert run.state == "failed"
    with pytest.raises(StepFailedError, match="ZeroDivisionError"):
        run.resume()
    assert run.resume(check=False) is run
    flag.touch()
    told = []
    assert run.resume(listener=lambda event: told.append(event.state))["bad"] == 4
    assert told == ["running", "done"]
    assert run.logs("bad") == "about to divide\n"


def test_a_run_in_the_background_is_stopped_and_resumed(trained, project, wait_until):
    """stop waits until it has stopped; stopping what does not run changes nothing."""
    flag = project.path / "flag"
    p = ws.Pipeline("slow")
    p.step(trained.slow, str(flag), p.step(trained.quick))
    run = p.submit()
    wait_until(flag.exists)
    assert run.stop() is run
    assert run.state == "stopped"
    assert run["quick"] == 1
    assert run.stop().state == "stopped"


def test_a_run_that_another_machine_drives_is_not_stopped_from_here(trained):
    """The process of that number here is another one."""
    run = trained.pipeline().prepare()
    run.folder.pid.write_text(f"{os.getpid()} 1 another-host")
    with pytest.raises(ConflictError, match="driven from another-host") as refused:
        run.stop()
    assert refused.value.fix == f"on another-host: wingspan stop {run.run_id}"
    run.folder.pid.unlink()


def test_runs_lists_the_newest_first(trained):
    """All of them, or those of one pipeline."""
    assert ws.runs() == []
    made = [trained.pipeline().run() for _ in range(3)]
    other = ws.Pipeline("other")
    other.step(trained.quick)
    made.append(other.run())
    assert ws.runs() == made[::-1]
    assert ws.runs("other") == made[-1:]
    assert [run.pipeline for run in ws.runs("trained", home=".wingspan")] == ["trained"] * 3
    assert ws.runs("othe") == []


def test_a_pipeline_and_its_plan_can_be_read(trained):
    """repr shows steps and reasons, cut where there are many; a notebook shows them too."""
    p = trained.pipeline()
    assert repr(p) == (
        "Pipeline trained: 3 steps\n  load\n  fit[0.5]  reads load\n  fit[1.0]  reads load"
    )
    assert "<svg" in p._repr_html_()
    plan = p.plan()
    assert repr(plan).splitlines()[:2] == [
        "Plan trained: 3 of 3 steps to run",
        "  run load      new step",
    ]
    assert repr(plan["load"]) == "PlannedStep load: to run, new step"
    assert "<td>fit[0.5]</td><td>run</td><td>new step</td>" in plan._repr_html_()
    many = ws.Pipeline("many")
    many.map(trained.load, over={"n": range(200)})
    assert repr(many).splitlines()[-1] == "  and 140 more"
    assert repr(many.plan()).splitlines()[-1] == "  and 140 more steps"
    p.run()
    assert repr(p.plan()["load"]) == "PlannedStep load: up to date"
    assert repr(p.plan()).startswith("Plan trained: 0 of 3 steps to run\n  -   load")


def test_a_plan_is_a_mapping_of_its_steps(trained):
    """Steps are found by name; an unknown one is named with those near it."""
    plan = trained.pipeline().plan()
    assert list(plan) == ["load", "fit[0.5]", "fit[1.0]"] == [step.name for step in plan.values()]
    assert len(plan) == 3
    assert "load" in plan
    assert "fit" not in plan
    assert plan.get("fit") is None
    assert plan["fit[0.5]"].needs == (plan["load"].key,)
    with pytest.raises(NotFoundError, match="did you mean load"):
        plan["lod"]


def test_wait_says_that_the_time_is_over(trained, project, wait_until):
    """The run goes on."""
    flag = project.path / "flag"
    p = ws.Pipeline("slow")
    p.step(trained.slow, str(flag))
    run = p.submit()
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=r"has not ended within 0\.2 s"):
        run.wait(0.2)
    assert time.monotonic() - begin < 30
    wait_until(flag.exists)
    assert run.state == "running"
    run.stop()
