"""Arguments of a wrong kind are refused by name, with what to write; none is taken in silence or fails deep inside."""

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


@pytest.mark.parametrize("key", [3, None, ("one",), b"one", 1.5])
def test_a_key_that_is_no_name_is_a_missing_one(made, key):
    _, run = made
    with pytest.raises(KeyError, match="it has no step"):
        run[key]
    assert key not in run
    assert run.get(key, "other") == "other"


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
