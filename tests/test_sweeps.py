"""A sweep runs on this machine: the best trial is its result, trials are results like others, and nothing is drawn twice."""

import json
import random
import time

import pytest

import wingspan as ws
from wingspan.errors import NotFoundError, StepFailedError

TUNE = """
    import os
    import time
    from pathlib import Path
    from typing import NamedTuple
    import wingspan as ws

    class Fitted(NamedTuple):
        model: dict[str, float]
        loss: float

    def load(size: int) -> list[int]:
        return list(range(size))

    def fit(train: list[int], rate: float, layers: int = 1, bias: float = 0.0) -> Fitted:
        loss = abs(rate - 0.1) * layers + bias
        ws.log({"loss": loss + 1, "other": 7}, step=0)
        return Fitted({"rate": rate, "layers": layers}, loss)

    def told(rate: float) -> dict[str, float]:
        return {"score": rate * 2}

    def number(rate: float) -> float:
        return rate + 1

    def logged(rate: float) -> str:
        for epoch in range(3):
            ws.log({"loss": rate + epoch}, step=epoch)
        return "model"

    def broken(rate: float) -> float:
        print("trying", rate)
        raise ValueError(f"no rate {rate} is good")

    def partly(rate: float) -> float:
        if rate > 0.25:
            raise ValueError("too fast")
        return rate

    def diverged(rate: float) -> float:
        return float("nan") if rate > 0.25 else float("inf") if rate > 0.15 else rate

    def noisy(rate: float) -> float:
        import random
        return rate + random.random()

    def seeded(rate: float, seed: int = 10) -> float:
        return rate + seed

    def use(model: dict[str, float], study: list[dict]) -> str:
        return f"{model['rate']} of {len(study)}"

    RATES = {"rate": [0.4, 0.1, 0.2, 0.3]}

    def tuned(**options) -> ws.Pipeline:
        p = ws.Pipeline("tune")
        train = p.step(load, 3)
        given = {"over": {"rate": ws.log_uniform(1e-3, 1.0), "layers": [1, 2, 3]}, "metric": "loss",
                 "search": "random", "trials": 6} | options
        found = p.sweep(fit, train=train, **given)
        p.step(use, found.model, found.study)
        return p

    def grid(function, **options) -> ws.Pipeline:
        p = ws.Pipeline("grid")
        p.sweep(function, **({"over": RATES, "metric": "loss", "search": "grid"} | options))
        return p
"""


@pytest.fixture
def tune(project):
    project.write(tune=TUNE)
    return project.fresh("tune")


def jobs_of(run):
    """How many jobs the run has started for trials."""
    planned = {step.key for step in run.steps.values()}
    steps = run.folder.root / "steps"
    return len([each for each in steps.iterdir() if each.name not in planned])


def test_the_best_trial_is_the_result(tune):
    """Later steps read the best trial's outputs and the table of all."""
    run = tune.tuned().run()
    best = min(run.study.trials, key=lambda trial: trial.value)
    assert run.study.best == best
    assert run["fit"].model == best.parameters
    assert run["use"] == f"{best.parameters['rate']} of 6"
    assert [row["loss"] for row in run["fit.study"]] == sorted(t.value for t in run.study.trials)
    assert {trial.state for trial in run.study.trials} == {"complete"}
    assert run.study.best.curve[0][1] == run.study.best.value + 1
    assert run.events["fit"].note.startswith("6 of 6 trials, best loss ")
    assert "maximize" not in run.events["fit"].note


def test_what_was_run_is_not_run_again(tune):
    """The same sweep is up to date; six more trials are six more jobs; a trial equals the direct step."""
    first = tune.tuned().run()
    assert jobs_of(first) == 6
    assert tune.tuned(parallel=1, keep="best").plan().to_run() == ()
    more = tune.tuned(trials=12).run()
    assert jobs_of(more) == 6
    assert more.study.trials[:6] == first.study.trials
    again = ws.open_run(first.run_id).study
    assert len(again.trials) == 6
    p = ws.Pipeline("direct")
    values = more.study.trials[9].parameters
    p.step(tune.fit, p.step(tune.load, 3), **values)
    assert p.plan()["fit"].done


def test_another_search_takes_the_results_that_are_there(tune):
    """Trials of a grid that a random search has run already start no job."""
    space = {"rate": [0.1, 0.2], "layers": [1, 2]}
    p = ws.Pipeline("steps")
    p.map(tune.fit, over={"rate": [0.1, 0.2]}, train=p.step(tune.load, 3), layers=1)
    p.run()
    run = tune.tuned(over=space, search="grid", trials=None).run()
    assert jobs_of(run) == 2
    assert [trial.cached for trial in run.study.trials].count(True) == 2
    assert all(len(trial.curve) == 1 for trial in run.study.trials)


def test_trials_that_read_equal_bytes_are_adopted(tune, project):
    """When what comes before gives the same bytes under another key, the trials are not run again."""
    tune.tuned().run()
    (project.path / "tune.py").write_text(
        (project.path / "tune.py").read_text().replace("list(range(size))", "[*range(size)]")
    )
    run = project.fresh("tune").tuned().run()
    assert run.events["load"].wall_s
    assert jobs_of(run) == 0
    assert len(run.study.trials) == 6


@pytest.mark.parametrize(
    ("function", "metric", "best"),
    [("told", "score", 0.2), ("number", "anything", 1.1), ("logged", "loss", 2.1)],
)
def test_where_the_metric_comes_from(tune, function, metric, best):
    """A key of the result, the number itself, or what was logged last."""
    run = tune.grid(getattr(tune, function), metric=metric).run()
    assert run.study.best.value == pytest.approx(best)
    assert run.study.best.parameters == {"rate": 0.1}
    top = tune.grid(getattr(tune, function), metric=metric, goal="maximize").run()
    assert top.study.best.parameters == {"rate": 0.4}


def test_a_metric_that_no_trial_reports_is_said_after_the_first(tune):
    """Not after all: the sweep ends at once, with the names that there are."""
    run = tune.tuned(metric="los", trials=40, parallel=1).run(check=False)
    event = run.events["fit"]
    assert event.state == "failed"
    assert "the trial reported no 'los'; did you mean loss" in event.problem
    assert len(run.study.trials) == 1
    assert run.events["use"].state == "skipped"


def test_all_trials_failed_ends_with_the_commonest_traceback(tune):
    """After eight failures without a success no more trials are drawn."""
    space = {"rate": ws.uniform(0.0, 1.0)}
    pipeline = tune.grid(tune.broken, over=space, search="random", trials=50, parallel=2)
    with pytest.raises(StepFailedError, match=r"no rate .* is good") as caught:
        pipeline.run()
    assert "8 of " in str(caught.value) or "9 of " in str(caught.value)
    assert 8 <= len(ws.open_run().study.trials) <= 10


def test_a_failed_trial_does_not_fail_the_sweep(tune):
    """Exceptions are final: the trial has failed, with its traceback."""
    run = tune.grid(tune.partly).run()
    states = {trial.parameters["rate"]: trial.state for trial in run.study.trials}
    assert states == {0.4: "failed", 0.3: "failed", 0.1: "complete", 0.2: "complete"}
    failed = next(t for t in run.study.trials if t.state == "failed")
    assert "too fast" in failed.problem
    assert "ValueError: too fast" in run.logs(f"partly[{failed.number}]")
    with pytest.raises(NotFoundError, match=r"no step 'partly\[99\]'"):
        run.logs("partly[99]")
    assert run["partly"] == 0.1


def test_nan_and_inf_are_failed_trials(tune):
    """They can never be the best."""
    run = tune.grid(tune.diverged, goal="maximize").run()
    assert run["diverged"] == 0.1
    assert run.study.counts["failed"] == 3
    problems = {trial.problem for trial in run.study.trials if trial.problem}
    assert any("nan" in problem for problem in problems)
    assert any("inf" in problem for problem in problems)


@pytest.mark.parametrize(
    ("given", "shown"), [('"0.3"', '"0.3"'), ("True", "true"), ("None", "null")]
)
def test_a_metric_that_is_not_a_number_is_shown(project, given, shown):
    """Text, a switch or nothing under the metric's name: the trial has reported it, but cannot be compared."""
    project.write(
        kinds=f"""
        import wingspan as ws

        def fit(rate: float) -> dict:
            return {{"loss": {given}, "score": rate}}

        def sweep() -> ws.Pipeline:
            p = ws.Pipeline("kinds")
            p.sweep(fit, over={{"rate": [0.1]}}, metric="loss", search="grid")
            return p
    """
    )
    run = project.fresh("kinds").sweep().run(check=False)
    assert f"metric loss: expected a number, found {shown}" in run.events["fit"].problem


def test_only_the_best_is_kept(tune, project):
    """keep="best": a trial that is worse than the best so far is not stored."""
    run = tune.grid(tune.number, over={"rate": [0.3, 0.4, 0.1, 0.2]}, keep="best", parallel=1).run()
    stored = [
        trial.parameters["rate"]
        for trial in run.study.trials
        if (project.path / ".wingspan/store" / trial.keys[0][:2] / trial.keys[0]).is_dir()
    ]
    values = [trial.parameters["rate"] for trial in run.study.trials]
    assert stored == [rate for i, rate in enumerate(values) if rate == min(values[: i + 1])]
    assert run["number"] == pytest.approx(1.1)
    assert run.study.counts["complete"] == 4


def test_the_best_trial_runs_again_if_its_files_are_gone(tune, project):
    """The study knows which one it is; the others do not run again."""
    first = tune.grid(tune.number).run()
    key = first.study.best.keys[0]
    for gone in (key, first.steps["number"].key):
        from wingspan.files import remove

        remove(project.path / ".wingspan/store" / gone[:2] / gone)
    run = tune.grid(tune.number).run()
    assert run["number"] == pytest.approx(1.1)
    assert jobs_of(run) == 1
    assert len(run.study.trials) == 4


def test_repeats_are_other_random_numbers_and_the_mean_counts(tune):
    """Three calls a trial; the result is that of the first one."""
    run = tune.grid(tune.noisy, repeats=3).run()
    for trial in run.study.trials:
        assert len(set(trial.values)) == 3
        assert trial.value == pytest.approx(sum(trial.values) / 3)
    assert run["noisy"] == run.study.best.values[0]
    assert jobs_of(run) == 12
    seeds = tune.grid(tune.seeded, repeats=3).run()
    assert seeds.study.best.values == pytest.approx((10.1, 11.1, 12.1))


def test_the_best_are_confirmed(tune):
    """confirm=2: the two best trials run again with other seeds, and the mean decides between them."""
    run = tune.grid(tune.noisy, confirm=2).run()
    calls = sorted(len(trial.values) for trial in run.study.trials)
    assert calls == [1, 1, 3, 3]
    again = tune.grid(tune.noisy, confirm=2)
    assert again.plan().to_run() == ()


def test_budgets_end_a_sweep(tune):
    """target and hours: no more trials are drawn."""
    run = tune.tuned(target=100.0, trials=30, parallel=1).run()
    assert len(run.study.trials) == 1
    run = tune.tuned(hours=1e-9, trials=30, parallel=2).run()
    assert 1 <= len(run.study.trials) <= 3


def test_start_points_come_first(tune):
    """start=[...] are trials 0, 1, ..."""
    points = [{"rate": 0.5, "layers": 3}, {"rate": 0.1, "layers": 1}]
    run = tune.tuned(start=points).run()
    assert [trial.parameters for trial in run.study.trials[:2]] == points
    assert run["fit"].loss == 0.0


def test_equal_draws_run_once(tune):
    """A random search over few values draws some twice: those take the earlier trial's value."""
    space = {"rate": [0.1, 0.2], "layers": [1]}
    run = tune.tuned(over=space, trials=6).run()
    assert jobs_of(run) == 2
    assert {trial.state for trial in run.study.trials} == {"complete"}


def test_a_command_is_searched(tune, project):
    """The values go into its line; the metric is in a file that it writes, or logged by ws.log."""
    script = project.path / "train.py"
    script.write_text(
        "import json, sys, wingspan as ws\n"
        "rate = float(sys.argv[1])\n"
        "ws.log({'loss': rate + 1})\n"
        "json.dump({'score': rate}, open('out.json', 'w'))\n"
    )
    for metric, value in (("score", 0.1), ("loss", 1.1)):
        p = ws.Pipeline("command")
        found = p.sweep(
            "python train.py {rate}",
            over=tune.RATES, metric=metric, search="grid", outputs={"result": "out.json"}, files=[script],
        )  # fmt: skip
        p.step(tune.use, {"rate": 1.0}, found.study)
        run = p.run()
        assert run.study.best.value == pytest.approx(value)
        assert json.loads(run["train"].result.read_text()) == {"score": 0.1}


def test_several_sweeps_of_a_run_and_two_of_one_call(tune):
    """run.studies has each by name; two searches that draw the same call share its job."""
    p = ws.Pipeline("two")
    for name, search in (("one", "grid"), ("other", "quasi-random")):
        p.sweep(tune.number, over=tune.RATES, metric="loss", search=search, trials=4, name=name)
    run = p.run()
    assert list(run.studies) == ["one", "other"]
    assert jobs_of(run) == 4
    assert run["one"] == run["other"] == pytest.approx(1.1)
    with pytest.raises(NotFoundError, match="it has 2 sweeps: one, other"):
        _ = run.study
    with pytest.raises(NotFoundError, match="no sweep 'on'"):
        _ = run.studies["on"]


def test_a_forced_sweep_is_searched_again(tune):
    """Its trials too."""
    first = tune.grid(tune.number).run()
    run = tune.grid(tune.number).run(force="number")
    assert jobs_of(run) == 4
    assert first.steps["number"].sweep["study"] != run.steps["number"].sweep["study"]


def test_files_that_trials_read_undeclared(tune, project):
    """A change of one gives the trials and the sweep other keys, as it does to a step."""
    project.write(
        reading="""
        from pathlib import Path
        HERE = Path(__file__).parent
        def read(rate: float) -> float:
            return rate + float((HERE / "bias.txt").read_text())
    """
    )
    (project.path / "bias.txt").write_text("1")
    (project.path / "pyproject.toml").write_text("")
    read = project.fresh("reading").read
    assert tune.grid(read).run()["read"] == pytest.approx(1.1)
    (project.path / "bias.txt").write_text("2")
    assert tune.grid(read).run()["read"] == pytest.approx(2.1)
    assert tune.grid(read).plan().to_run() == ()


PRUNE = """
    import os
    import signal
    import time
    from pathlib import Path
    import wingspan as ws

    def stopped() -> bool:  # waits as long as a slow machine takes to judge the last report
        return any(ws.should_stop() for _ in range(300))

    def train(rate: float, epochs: int = 9) -> float:
        for epoch in range(epochs):
            ws.log({"loss": rate + 1 / (epoch + 1)}, step=epoch)
            if stopped():
                return -1.0
        return rate

    def deaf(rate: float) -> float:
        for epoch in range(9):
            ws.log({"loss": rate + 1 / (epoch + 1)}, step=epoch)
        time.sleep(0.3)
        return rate

    def raising(rate: float) -> float:
        for epoch in range(9):
            ws.log({"loss": rate + epoch}, step=epoch)
            if stopped():
                raise SystemExit(3)
        return rate

    def lost(rate: float, marks: str) -> float:
        state = ws.checkpoint_file("epoch.txt")
        first = int(state.read_text()) + 1 if state.exists() else 0
        for epoch in range(first, 4):
            ws.log({"loss": rate + epoch}, step=epoch)
            state.write_text(str(epoch))
            ws.checkpoint()
            with (Path(marks) / f"{rate}").open("a") as told:
                told.write(f"{epoch} ")
            if epoch == 1 and first == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return rate

    def slow(rate: float, marks: str) -> float:
        ws.log({"loss": rate})
        with (Path(marks) / "begun.txt").open("a") as told:
            told.write(f"{rate}\\n")
        time.sleep(0.15)
        return rate

    def beside(rate: float, marks: str) -> float:
        mine = Path(marks) / f"{rate}.now"
        mine.touch()
        end = time.monotonic() + 20
        while len(list(Path(marks).glob("*"))) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)
        with (Path(marks) / "beside.txt").open("a") as told:
            told.write(f"{len(list(Path(marks).glob('*.now')))}\\n")
        mine.unlink()
        return rate

    def pruned(function=train, **options) -> ws.Pipeline:
        p = ws.Pipeline("prune")
        given = {"over": {"rate": ws.uniform(0.0, 1.0)}, "metric": "loss", "search": "random", "trials": 12,
                 "prune": "asha"} | options
        p.sweep(function, **given)
        return p
"""


@pytest.fixture
def prune(project):
    project.write(prune=PRUNE)
    return project.fresh("prune")


def stored(project, trial):
    return (project.path / ".wingspan/store" / trial.keys[0][:2] / trial.keys[0]).is_dir()


def test_pruned_trials_stop_and_have_no_result(prune, project):
    """A call that saw the stop is never published; its curve and its last value are in the study.

    The first trial is the best one, so that the rule stops the second and the third.
    """
    run = prune.pruned(start=[{"rate": 0.0}], parallel=1).run()
    states = run.study.counts
    assert states["pruned"] >= 2
    assert states["pruned"] + states["complete"] == 12
    for trial in run.study.trials:
        assert stored(project, trial) == (trial.state == "complete"), trial
        if trial.state == "pruned":
            assert 1 <= len(trial.curve) < 9
            assert trial.value == trial.curve[-1][1]
    assert run["train"] == min(t.value for t in run.study.trials if t.state == "complete")
    assert run["train"] >= 0
    assert "pruned" in run.events["train"].note


def test_a_pruned_trial_is_not_reused(prune):
    """Another sweep that does not prune runs the same calls whole."""
    first = prune.pruned().run()
    gone = first.study.counts["pruned"]
    run = prune.pruned(prune="none").run()
    assert jobs_of(run) == gone
    assert run.study.counts["complete"] == 12
    assert all(trial.value >= 0 for trial in run.study.trials)


def test_a_trial_that_does_not_ask_is_complete(prune, project):
    """Only a call that saw the stop is pruned; one that raises when it sees it is pruned too."""
    run = prune.pruned(prune.deaf, trials=6).run()
    assert run.study.counts["complete"] == 6
    run = prune.pruned(prune.raising, trials=8, parallel=1, start=[{"rate": 0.0}]).run()
    assert {trial.state for trial in run.study.trials} <= {"pruned", "complete"}
    assert run.study.counts["pruned"] >= 1
    assert all(not stored(project, t) for t in run.study.trials if t.state == "pruned")


def test_a_lost_trial_is_made_again_from_its_checkpoint(prune, tmp_path):
    """The same trial, not another one; what it logs again counts once."""
    run = prune.pruned(prune.lost, over={"rate": [0.1, 0.2]}, search="grid", trials=None, prune="none",
                       constants={"marks": str(tmp_path)}).run()  # fmt: skip
    assert (tmp_path / "0.1").read_text() == "0 1 2 3 "
    assert [trial.attempts for trial in run.study.trials] == [2, 2]
    assert [step for step, _ in run.study.best.curve] == [0, 1, 2, 3]
    assert run["lost"] == 0.1


def test_should_stop_outside_a_sweep_does_not_wait(tmp_path):
    """In a plain step there is no search whose verdict could come."""
    import time

    from wingspan.runner.job import inside

    inside.enter(tmp_path)
    try:
        inside.log({"loss": 1.0})
        began = time.monotonic()
        assert not inside.should_stop()
        assert time.monotonic() - began < 0.05
        (tmp_path / "verdict").write_text("0")
        began = time.monotonic()
        assert not inside.should_stop()
        assert 0.05 < time.monotonic() - began < 1
        (tmp_path / "stop").touch()
        assert inside.should_stop()
        assert inside.was_stopped(tmp_path)
    finally:
        inside._FOLDER.clear()


def driver(project, call):
    """A process of its own that runs a pipeline of the project."""
    import subprocess
    import sys

    return subprocess.Popen(
        [sys.executable, "-c", f"import prune; {call}"], cwd=project.path, start_new_session=True
    )


def draws(project):
    """The draws of the only study, as the journal has them."""
    lines = next(project.path.glob(".wingspan/studies/*/journal.jsonl")).read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return [each["parameters"] for each in entries if each["event"] == "draw"]


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_killed_the_same_command_goes_on_with_the_same_trials(
    prune, project, tmp_path, wait_until, search
):
    """kill -9 of the driver: what was drawn stays drawn, what ran is not run again, and nothing is drawn twice."""
    options = f"constants={{'marks': {str(tmp_path)!r}}}, search={search!r}, prune='none', parallel=2, trials=9"
    call = f"prune.pruned(prune.slow, {options}).run()"
    marks = tmp_path / "begun.txt"
    for begun in (2, 5):
        process = driver(project, call)
        wait_until(lambda n=begun: marks.exists() and len(marks.read_text().split()) >= n)
        process.kill()
        process.wait()
    before = draws(project)
    run = prune.pruned(
        prune.slow, constants={"marks": str(tmp_path)}, search=search, prune="none", parallel=2, trials=9
    ).run()  # fmt: skip
    after = draws(project)
    assert after[: len(before)] == before
    assert len(after) == len({json.dumps(each) for each in after}) == 9
    assert run.study.counts["complete"] == 9
    assert run["slow"] == min(each["rate"] for each in after)
    begun = marks.read_text().split()
    assert len(begun) <= 9 + 4  # at most the two under way at each kill ran twice


def test_two_sweeps_of_one_study_at_once(prune, project, tmp_path, wait_until):
    """The second one, of other trials, is refused and names the run that draws."""
    options = f"constants={{'marks': {str(tmp_path)!r}}}, prune='none', parallel=1, trials=400"
    process = driver(project, f"prune.pruned(prune.slow, {options}).run()")
    try:
        wait_until((tmp_path / "begun.txt").exists)
        first = ws.open_run()
        run = prune.pruned(
            prune.slow, constants={"marks": str(tmp_path)}, prune="none", parallel=1, trials=3
        ).run(check=False)
        assert run.events["slow"].state == "failed"
        assert f"run {first.run_id} is searching" in run.events["slow"].problem
        assert first.study.counts["running"] >= 1
        first.end_sweeps()
        assert process.wait(30) == 0
        assert first["slow"] == first.study.best.value
        assert len(first.study.trials) < 400
    finally:
        process.kill()
        process.wait()


def test_a_repeat_with_the_seed_of_another_trial_is_one_call(tune):
    """Seeds that are searched and repeated overlap: each call runs once, and counts for both."""
    space = {"rate": [0.1], "seed": [1, 2, 3]}
    run = tune.grid(tune.seeded, over=space, repeats=2).run()
    values = {t.parameters["seed"]: t.values for t in run.study.trials}
    assert values == {
        seed: (pytest.approx(0.1 + seed), pytest.approx(1.1 + seed)) for seed in (1, 2, 3)
    }
    assert jobs_of(run) == 4


SCRIPT = """
import json, os, pathlib, struct, sys, time

given = json.loads(pathlib.Path(os.environ["WANDB_SWEEP_PARAM_PATH"]).read_text())
rate = given["rate"]["value"]
folder = pathlib.Path("wandb/offline-run-1-" + os.environ["WANDB_RUN_ID"])
folder.mkdir(parents=True)
assert os.environ["WANDB_MODE"] == "offline"

def field(number, content):
    assert len(content) < 128
    return bytes([number << 3 | 2]) + bytes([len(content)]) + content if number < 16 else (
        b"\\x82\\x01" + bytes([len(content)]) + content)

with (folder / f"run-{os.environ['WANDB_RUN_ID']}.wandb").open("wb", buffering=0) as file:
    file.write(b":W&B...")
    for step in range(int(sys.argv[1])):
        items = {"_step": step, "loss": rate + 1 / (step + 1)}
        history = b"".join(
            field(1, field(1, name.encode()) + field(16, json.dumps(value).encode()))
            for name, value in items.items()
        )
        record = field(2, history)
        file.write(struct.pack("<IHB", 0, len(record), 1) + record)
        time.sleep(float(sys.argv[2]) if rate > 1 else 0)  # the good ones need no time
"""


def wandb_sweep(project, command, **more):
    import yaml

    (project.path / "script.py").write_text(SCRIPT)
    written = {
        "program": "script.py",
        "command": ["${interpreter}", "${program}", *command],
        "method": "grid",
        "metric": {"name": "loss"},
        "parameters": {"rate": {"values": [0.5, 0.1, 0.9]}},
        **more,
    }
    (project.path / "s.yaml").write_text(yaml.safe_dump(written))
    p = ws.Pipeline("script")
    p.sweep("script.py", over="s.yaml", files=["script.py"], parallel=1)
    return p


def test_a_script_that_logs_with_wandb_is_searched_as_it_is(project):
    """Its parameters come by W&B's file, so equal command lines are different trials; its log is the metric."""
    run = wandb_sweep(project, ["4", "0"]).run()
    assert {t.parameters["rate"]: t.value for t in run.study.trials} == pytest.approx(
        {0.5: 0.75, 0.1: 0.35, 0.9: 1.15}
    )
    assert all(len(trial.curve) == 4 for trial in run.study.trials)
    assert run.study.best.parameters == {"rate": 0.1}
    assert wandb_sweep(project, ["4", "0"]).plan().to_run() == ()


def test_a_script_that_does_not_ask_is_signalled(project):
    """Pruned by W&B's own rule while it runs, from what its client has written so far."""
    rule = {"type": "hyperband", "min_iter": 2, "eta": 3, "strict": False}
    rates = {"rate": {"values": [0.1, 5.0, 6.0, 7.0, 8.0]}}
    run = wandb_sweep(project, ["600", "0.02"], early_terminate=rule, parameters=rates).run()
    pruned = [trial for trial in run.study.trials if trial.state == "pruned"]
    assert pruned
    assert all(2 <= len(trial.curve) < 600 for trial in pruned)
    assert run.study.best.parameters["rate"] == 0.1


def test_wandb_records_cross_blocks(tmp_path):
    """A record that is parted over blocks of 32 KiB is one; one that is being written is left out."""
    import struct

    from wingspan.tracking.wandb_file import read_history

    def varint(number):
        return bytes([number & 127 | 128, number >> 7 & 127 | 128, number >> 14])

    def field(number, content):
        tag = number << 3 | 2
        head = bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])
        return head + varint(len(content)) + content

    def history(value):
        padding = field(1, b"text") + field(16, json.dumps("x" * 20_000).encode())
        item = field(2, b"nested") + field(2, b"loss") + field(16, json.dumps(value).encode())
        return field(2, field(1, padding) + field(1, item))

    content = bytearray(b":W&B...")
    for value in range(5):
        record, kind = history(value), 0
        while record:
            room = 32768 - len(content) % 32768
            if room < 7:
                content += bytes(room)
                continue
            part, record = record[: room - 7], record[room - 7 :]
            kind = {(0, True): 2, (0, False): 1}.get((kind, bool(record)), 3 if record else 4)
            content += struct.pack("<IHB", 0, len(part), kind) + part
    file = tmp_path / "run.wandb"
    file.write_bytes(content)
    assert read_history(file) == [{"nested.loss": float(value)} for value in range(5)]
    file.write_bytes(content[:-5])
    assert read_history(file) == [{"nested.loss": float(value)} for value in range(4)]


@pytest.mark.long
@pytest.mark.parametrize("search", ["random", "tpe", "grid", "quasi-random"])
def test_killed_at_any_moment(prune, project, tmp_path, search):
    """Whenever the driver is killed, the draws are those of a search that was left alone, and none comes twice."""
    space = (
        "{'rate': [i / 20 for i in range(20)]}"
        if search == "grid"
        else "{'rate': ws.uniform(0.0, 1.0)}"
    )
    options = (
        f"over={space}, constants={{'marks': {str(tmp_path)!r}}}, search={search!r}, prune='none', "
        "parallel=1, trials=20"
    )
    call = f"import wingspan as ws; prune.pruned(prune.slow, {options})"
    moment = random.Random(7)
    for _ in range(12):
        process = driver(project, f"{call}.run()")
        time.sleep(moment.uniform(0.3, 1.8))
        process.kill()
        process.wait()
    assert driver(project, f"{call}.run()").wait(120) == 0
    alone = driver(project, f"{call}.run(home='alone')")
    assert alone.wait(120) == 0
    killed = draws(project)
    lines = next(project.path.glob("alone/studies/*/journal.jsonl")).read_text().splitlines()
    whole = [e["parameters"] for e in map(json.loads, lines) if e["event"] == "draw"]
    assert killed == whole
    assert len(killed) == len({json.dumps(each) for each in killed}) == 20


def test_trials_run_side_by_side_as_far_as_the_machine_goes(prune, tmp_path):
    """Cores, memory, GPUs and `parallel` each are a limit."""
    from wingspan.runner.drive import drive
    from wingspan.runner.events import ignore
    from wingspan.runner.local.runner import LocalRunner
    from wingspan.runner.local.schedule import Machine

    machine = Machine(8, 64_000, [0, 1])
    for options, most in (
        ({"resources": ws.Resources(gpus=1)}, 2),
        ({"resources": ws.Resources(memory="16GB")}, 3),
        ({"resources": ws.Resources(cpus=2), "parallel": 3}, 3),
    ):
        marks = tmp_path / str(len(list(tmp_path.iterdir())))
        marks.mkdir()
        run = prune.pruned(prune.beside, prune="none", trials=6, constants={"marks": str(marks)},
                           **options).prepare()  # fmt: skip
        drive(run.folder, run.home, ignore, LocalRunner(machine))
        assert run.state == "done"
        beside = [int(line) for line in (marks / "beside.txt").read_text().split()]
        assert 1 < max(beside) <= most, options
