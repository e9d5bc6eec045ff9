"""A part of a pipeline is run, a step is forced, or a last result is kept."""

import json

import pytest

import wingspan as ws
from wingspan.errors import NotFoundError, SettingError

# What its jobs and commands run is covered by other tests.

PARTS = """
    import random
    from pathlib import Path
    import wingspan as ws

    def load(n: int) -> list[int]:
        return list(range(n))

    def drawn(numbers: list[int]) -> float:
        return random.random()

    def counted(numbers: list[int], file: str) -> int:
        path = Path(file)
        count = int(path.read_text()) + 1 if path.exists() else 1
        path.write_text(str(count))
        return count

    def same(numbers: list[int]) -> int:
        return len(numbers)

    def double(n: float) -> float:
        return 2 * n

    def pair(a: float, b: float) -> list[float]:
        return [a, b]

    def pipeline(file: str, n: int = 3) -> ws.Pipeline:
        p = ws.Pipeline("parts")
        numbers = p.step(load, n)
        p.step(double, p.step(drawn, numbers), name="double_drawn")
        p.step(double, p.step(counted, numbers, file), name="double_counted")
        p.step(double, p.step(same, numbers), name="double_same")
        p.map(pair, over={"a": [1.0, 2.0]}, b=0.5)
        return p
"""


@pytest.fixture
def parts(project):
    project.write(parts=PARTS)
    return project


@pytest.fixture
def pipeline(parts):
    """Declare the pipeline, as its file is now."""
    return lambda **options: parts.fresh("parts").pipeline(str(parts.path / "count"), **options)


def ran(run):
    return sorted(name for name, event in run.events.items() if event.wall_s)


def to_run(plan):
    return [step.name for step in plan.to_run()]


def test_until_runs_a_step_and_what_it_needs(pipeline):
    """By name, by map, by handle, or several; the others are left alone and stay known."""
    assert ran(pipeline().run(until="double_same")) == ["double_same", "load", "same"]
    assert ran(pipeline().run(until="pair")) == ["pair[1.0]", "pair[2.0]"]
    assert list(pipeline().plan(until=["pair[1.0]", "same"])) == ["load", "same", "pair[1.0]"]
    p = pipeline()
    handle = p.step(p.steps["load"].action, 7, name="more")
    assert list(p.plan(until=handle)) == ["more"]
    plan = pipeline(n=4).plan()
    assert plan["double_same"].reason == "input n: same changed"
    assert plan["drawn"].reason == "new step"
    with pytest.raises(NotFoundError, match="has no step 'sam'\n  -> did you mean same"):
        pipeline().plan(until="sam")


def test_a_forced_step_runs_again_and_its_readers_only_if_it_gives_something_else(pipeline):
    """The new result is the one that later plans find; random numbers are drawn as before."""
    first = pipeline().run()
    plan = pipeline().plan(force=["same", "counted"])
    assert plan["same"].reason == plan["counted"].reason == "forced"
    assert to_run(pipeline().plan()) == []  # a plan alone forces nothing
    second = pipeline().run(force=["same", "counted", "drawn"])
    assert ran(second) == ["counted", "double_counted", "drawn", "same"]
    assert (first["counted"], second["counted"]) == (1, 2)
    assert second["double_counted"] == 4
    assert second["drawn"] == first["drawn"]
    assert to_run(pipeline().plan()) == []
    third = pipeline().run()
    assert ran(third) == []
    assert third["counted"] == 2
    assert first["counted"] == 1  # a result never changes
    fourth = pipeline().run(force="counted")
    assert (fourth["counted"], fourth["double_counted"]) == (3, 6)
    assert to_run(pipeline().plan()) == []


def test_a_forced_step_that_never_ran_is_not_forced_twice(pipeline):
    """It runs once, as it would anyway."""
    run = pipeline().run(force="load", until="load")
    assert ran(run) == ["load"]
    assert not (run.home.store / ".again.jsonl").exists()


def test_a_map_is_forced_as_a_whole(pipeline):
    pipeline().run(until="pair")
    assert ran(pipeline().run(force="pair", until="pair")) == ["pair[1.0]", "pair[2.0]"]
    with pytest.raises(NotFoundError, match="did you mean pair"):
        pipeline().plan(force="pari")


def test_touch_keeps_the_last_results(pipeline, parts):
    """Steps that an edit made out of date are up to date with what they had; nothing runs."""
    first = pipeline().run()
    parts.write(parts=PARTS.replace("return len(numbers)", "return int(len(numbers))"))
    assert to_run(pipeline().plan()) == ["same", "double_same"]
    run = pipeline().run(touch=True)
    assert (run.state, ran(run)) == ("done", [])
    assert run["double_same"] == first["double_same"] == 6
    assert to_run(pipeline().plan()) == []
    key = run.steps["same"].key
    made = json.loads((run.home.store / key[:2] / key / "result.json").read_text())
    assert made["touched"]
    assert made["adopted"] == first.steps["same"].key
    again = pipeline(n=5)
    assert "same" in to_run(again.plan())


def test_touch_finds_the_last_result_of_earlier_runs(pipeline, parts):
    """Also when the last plan was never run to the end."""
    pipeline().run(until="same")
    parts.write(parts=PARTS.replace("return len(numbers)", "return 1 // 0"))
    failed = pipeline().run(until="same", check=False)
    assert failed.state == "failed"
    parts.write(parts=PARTS.replace("return len(numbers)", "return int(len(numbers))"))
    assert pipeline().run(until="same", touch=True)["same"] == 3


def test_touch_refuses_what_never_ran(pipeline, parts):
    """And changes nothing then."""
    pipeline().run(until="same")
    parts.write(parts=PARTS.replace("return len(numbers)", "return int(len(numbers))"))
    with pytest.raises(
        SettingError, match="no result to keep: drawn, double_drawn, counted"
    ) as refused:
        pipeline().run(touch=True)
    assert refused.value.fix == "leave --touch out, or run it first: --until drawn"
    assert to_run(pipeline().plan(until="same")) == ["same"]
    with pytest.raises(SettingError, match="leave one of them out"):
        pipeline().run(touch=True, force="same")


def test_jobs_bounds_what_runs_at_once(pipeline):
    """jobs=1 is one after the other; nonsense is refused."""
    run = pipeline().run(jobs=1)
    assert run.state == "done"
    with pytest.raises(SettingError, match="at least 1"):
        pipeline(n=6).run(jobs=0)


def test_submitted_runs_take_the_same_options(pipeline):
    run = pipeline().submit(until="load", jobs=1).wait()
    assert ran(run) == ["load"]
    assert ws.open_run(run.run_id)["load"] == [0, 1, 2]


def test_a_forced_step_that_until_leaves_out_is_refused(pipeline):
    """The step is there, so the message does not deny it."""
    with pytest.raises(SettingError, match="`until` leaves these steps out"):
        pipeline().plan(until="load", force="double_same")


def test_a_result_that_is_not_there_is_a_key_error(pipeline):
    """As of any other mapping."""
    run = pipeline().run(check=False)
    with pytest.raises(KeyError):
        run["nope"]
