"""Arguments of a wrong kind are refused by name, with what to write; none is taken in silence or fails deep inside."""

import inspect

import pytest

import wingspan as ws


def _one() -> int:
    return 1


CALLS = {
    "on=3": lambda p, run: p.run(3),
    "until=3": lambda p, run: p.run(until=3),
    "until=[3]": lambda p, run: p.plan(until=[3]),
    "until=dict": lambda p, run: p.plan(until={"one": 1}),
    "until=bytes": lambda p, run: p.plan(until=b"one"),
    "force=True": lambda p, run: p.run(force=True),
    "jobs='2'": lambda p, run: p.run(jobs="2"),
    "jobs=True": lambda p, run: p.submit(jobs=True),
    "jobs=0": lambda p, run: p.run(jobs=0),
    "jobs=1.5": lambda p, run: p.run(jobs=1.5),
    "home=3": lambda p, run: p.run(home=3),
    "home=''": lambda p, run: p.plan(home=""),
    "shared=3": lambda p, run: p.prepare(shared=3),
    "pool=3": lambda p, run: p.submit(pool=3),
    "touch='yes'": lambda p, run: p.run(touch="yes"),
    "touch=None": lambda p, run: p.run(touch=None),
    "check=1": lambda p, run: p.run(check=1),
    "fuse='no'": lambda p, run: p.plan(fuse="no"),
    "listener=3": lambda p, run: p.run(listener=3),
    "submit on=3": lambda p, run: ws.submit(_one, on=3),
    "submit home=3": lambda p, run: ws.submit(_one, home=3),
    "open_run(3)": lambda p, run: ws.open_run(3),
    "open_run(None)": lambda p, run: ws.open_run(None),
    "runs(3)": lambda p, run: ws.runs(3),
    "runs(home=3)": lambda p, run: ws.runs(home=3),
    "logs(3)": lambda p, run: run.logs(3),
    "result(3)": lambda p, run: run.result(3),
    "report(3)": lambda p, run: run.report(3),
    "report(None)": lambda p, run: run.report(None),
    "wait('x')": lambda p, run: run.wait("x"),
    "wait(True)": lambda p, run: run.wait(True),
    "wait(-1)": lambda p, run: run.wait(-1),
    "stop('x')": lambda p, run: run.stop("x"),
    "resume(check=3)": lambda p, run: run.resume(check=3),
    "begin=3": lambda p, run: p.prepare(begin=3),
    "resume(listener=3)": lambda p, run: run.resume(listener=3),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Give a pipeline and a finished run of it."""
    folder = tmp_path_factory.mktemp("arguments")
    p = ws.Pipeline("arguments")
    p.command("echo 1 > out.txt", outputs={"out": "out.txt"}, name="one")
    return p, p.run(home=folder / ".wingspan")


@pytest.mark.parametrize("call", CALLS)
def test_an_argument_of_a_wrong_kind_is_refused_by_name(made, call):
    with pytest.raises(ws.SettingError, match=r"expected .*, found .*\n  -> write \w+=") as told:
        CALLS[call](*made)
    assert __file__ in str(told.value)


def _two(x: int, y: str = "a") -> int:
    return x


def _declare(method, *args, **options):
    """Call a method of a new pipeline; return the pipeline's steps and what it gave."""
    p = ws.Pipeline("declared")
    p.step(_two, 1, name="before")
    return getattr(p, method)(*args, **options)


class Odd:
    """Nothing takes a value of this type."""


WRONG = (Odd(), 3, -1.5, float("nan"), True, "", b"x", [Odd()], {1: Odd()}, {3}, print, Odd)
MAPPED = {"over": {"x": [1]}}
WRITTEN = {"outputs": {"out": "out.txt"}}
SPACE = {"over": {"x": [1, 2]}, "metric": "value", "trials": 2}
OPTIONS = ("name", "resources", "retries")
SWEEP = [
    name for name, each in inspect.signature(ws.Pipeline.sweep).parameters.items()
    if each.kind is each.KEYWORD_ONLY
]  # fmt: skip
ONE_VALUE = {
    "Pipeline": ws.Pipeline,
    "step": lambda value: _declare("step", value),
    "map": lambda value: _declare("map", value, **MAPPED),
    "map x": lambda value: _declare("map", _two, over={"x": value}),
    "map zip": lambda value: _declare("map", _two, over=ws.zip(x=value)),
    "command": lambda value: _declare("command", value, **WRITTEN),
    "sweep": lambda value: _declare("sweep", value, **SPACE),
    "search": lambda value: _declare("search", value, metric="value", trials=2),
    "choice": ws.choice,
    "choice of two": lambda value: ws.choice([1, 2], value),
    "log": ws.log,
    "log value": lambda value: ws.log({"a": value}),
    "log step": lambda value: ws.log({"a": 1.0}, value),
    "checkpoint_file": ws.checkpoint_file,
    "EarlyStopping": ws.EarlyStopping(),
    "EarlyStopping save": lambda value: callable(value) or ws.EarlyStopping()(1.0, value),
    "handle": lambda value: _declare("step", _two, 1)[value],
    "handles": lambda value: _declare("map", _two, **MAPPED)[value],
    "uniform": lambda value: ws.uniform(value, 4),
    "log_uniform": lambda value: ws.log_uniform(1, value),
    "int_uniform": lambda value: ws.int_uniform(value, 4),
    "normal": ws.normal,
    "log_normal": ws.log_normal,
    "beta": ws.beta,
}
BY_NAME = {
    "step": (lambda **given: _declare("step", _two, 1, **given), OPTIONS),
    "map": (lambda **given: _declare("map", _two, **MAPPED | given), (*OPTIONS, "over", "max_jobs")),
    "command": (
        lambda **given: _declare("command", "echo", **WRITTEN | given),
        (*OPTIONS, "outputs", "files"),
    ),
    "sweep": (lambda **given: _declare("sweep", _two, **SPACE | given), SWEEP),
    "sweep command": (
        lambda **given: _declare("sweep", "echo {x}", **WRITTEN | SPACE | given), SWEEP
    ),
    "search": (lambda **given: _declare("search", **SPACE | given), [*SWEEP, "step"]),
    "Resources": (ws.Resources, inspect.signature(ws.Resources).parameters),
    "EarlyStopping": (ws.EarlyStopping, inspect.signature(ws.EarlyStopping).parameters),
}  # fmt: skip
FACE = ONE_VALUE | {
    f"{method} {name}=": (lambda value, call=call, name=name: call(**{name: value}))
    for method, (call, names) in BY_NAME.items()
    for name in names
}


@pytest.mark.parametrize("name", FACE)
def test_a_wrong_value_is_an_error_of_ours_with_what_to_do(name, monkeypatch, tmp_path):
    """A value of any type is taken, or refused by an error that says what to do; it never fails deep inside."""
    monkeypatch.chdir(tmp_path)
    refused, hints = [], []
    for value in WRONG:
        try:
            FACE[name](value)
        except ws.WingspanError as error:
            refused.append(value)
            hints.append("\n  -> " in str(error))
    assert all(hints)
    assert WRONG[0] in refused  # no option takes it


@pytest.mark.parametrize("key", [3, None, ("one",), b"one", 1.5, [], {"one": 1}, {"one"}])
def test_a_key_that_is_no_name_is_a_missing_one(made, key):
    p, run = made
    plan = p.plan(run.home.root)
    for mapping in (run, plan, run.studies):
        with pytest.raises(KeyError, match=r"it has no (step|sweep)"):
            mapping[key]
        assert mapping.get(key, "other") == "other"
        assert key not in mapping


def test_an_item_of_a_result_is_taken_inside_the_step():
    with pytest.raises(ws.DeclarationError, match="not known while the pipeline is declared"):
        _declare("step", _two, 1)["loss"]


def test_an_unknown_option_of_a_search_is_named():
    with pytest.raises(
        ws.DeclarationError, match="a search has no option 'trial'\n  -> did you mean trials"
    ):
        _declare("search", **SPACE, trial=3)


def test_requests_are_equal_however_their_commands_are_spelled():
    one, other = (ws.Resources(submit={name: "Mips"}) for name in ("Rank", "rank"))
    assert one == other
    assert hash(one) == hash(other)


def test_a_report_of_no_step_names_the_steps(made):
    with pytest.raises(ws.NotFoundError, match="one"):
        made[1].report("ane")


def test_a_report_of_a_step_says_its_state(made):
    assert made[1].report("one").startswith("step one done\n")


@pytest.mark.parametrize("function", [int, dict, max, str])
def test_a_function_of_python_without_a_signature_is_refused(function):
    with pytest.raises(ws.DeclarationError, match="wrap it in a function"):
        ws.Pipeline("p").step(function, 3)
    with pytest.raises(ws.DeclarationError, match="wrap it in a function"):
        ws.submit(function, 3)


def test_a_failure_says_once_what_to_do_and_in_terms_of_python(project):
    project.write(ends="import os\ndef ends() -> int:\n    os.kill(os.getpid(), 9)\n    return 1\n")
    p = ws.Pipeline("ends")
    p.step(project.fresh("ends").ends, retries=0)
    run = p.run(check=False)
    for raises in (run.checked, lambda: run["ends"]):
        with pytest.raises(ws.StepFailedError) as told:
            raises()
        text = str(told.value)
        assert text.count("->") == 1
        assert "run.logs('ends')" in text
        assert "wingspan logs" not in text
    assert "wingspan logs" not in run.report("ends")
    p.origin = {"command": "run"}
    assert "wingspan logs" in p.run(check=False).report("ends")
