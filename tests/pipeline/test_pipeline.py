"""A pipeline is declared with ordinary functions, and says at once what is wrong."""

import functools
from pathlib import Path
from typing import NamedTuple

import pytest

import wingspan as ws
from wingspan.errors import DeclarationError, UnsupportedTypeError


class Split(NamedTuple):
    train: list[int]
    test: list[int]


def load(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()]


def split(numbers: list[int], share: float = 0.5) -> Split:
    cut = int(len(numbers) * share)
    return Split(numbers[:cut], numbers[cut:])


def fit(train: list[int], power: int, seed: int = 0) -> float:
    return float(sum(n**power for n in train) + seed)


def score(model: float, test: list[int]) -> dict[str, float]:
    return {"score": model + len(test)}


def best(scores: dict[str, dict[str, float]]) -> str:
    return max(scores, key=lambda name: scores[name]["score"])


def unannotated(x):
    return x


def unstorable(x: int) -> "functools.partial[int]":
    return functools.partial(int, x)


def taken(name: str) -> str:
    return name


def mapped(over: int) -> int:
    return over


def hungry(memory: str, cpus: int = 1) -> str:
    return memory * cpus


def variable(*numbers: int) -> int:
    return sum(numbers)


@pytest.fixture
def p():
    return ws.Pipeline("test")


def test_a_step_is_named_after_its_function(p):
    """A handle names its step; the steps are in order of declaration."""
    table = p.step(load, Path("x"))
    p.step(split, table, share=0.25)
    assert list(p.steps) == ["load", "split"]
    assert p.steps["split"].arguments == {"numbers": table, "share": 0.25}
    assert p.steps["load"].place.startswith(__file__)


def test_fields_of_a_namedtuple_are_results_of_their_own(p):
    """handle.field names one output; a wrong one lists the right ones; a handle unpacks."""
    parts = p.step(split, [1, 2])
    train, test = parts
    assert (parts.train, parts.test) == (train, test)
    with pytest.raises(DeclarationError, match="no field 'tset'; did you mean test"):
        _ = parts.tset


def test_map_makes_one_step_for_each_combination(p):
    """Several parameters in over are multiplied, what is outside is constant."""
    models = p.map(fit, over={"power": [1, 2], "seed": [7, 8]}, train=[1, 2])
    assert list(models) == ["1,7", "1,8", "2,7", "2,8"]
    assert p.steps["fit[2,7]"].arguments == {"train": [1, 2], "power": 2, "seed": 7}


def test_zip_pairs_instead(p):
    """ws.zip takes one of each; lengths must agree."""
    assert list(p.map(fit, over=ws.zip(power=[1, 2], seed=[7, 8]), train=[1])) == ["1,7", "2,8"]
    with pytest.raises(DeclarationError, match="power has 1, seed has 2"):
        p.map(fit, over=ws.zip(power=[1], seed=[7, 8]), train=[1], name="other")


def test_results_of_a_map_keep_their_labels(p):
    """Mapping over results of a map labels the new steps alike; all together they are a dict by label."""
    models = p.map(fit, over={"power": {"linear": 1, "square": 2}}, train=[1])
    scores = p.map(score, over={"model": models}, test=[3])
    assert list(scores) == ["linear", "square"]
    p.step(best, scores)
    assert p.steps["best"].arguments["scores"] == dict(scores)
    with pytest.raises(DeclarationError, match="did you mean square"):
        _ = scores["sqare"]


def test_handles_inside_containers_are_found(p):
    """A handle may lie inside lists, tuples and dicts, but must be of this pipeline."""
    one = p.step(fit, [1], 1)
    p.step(best, {"a": one}, name="ok")
    other = ws.Pipeline("other").step(fit, [1], 1, name="foreign")
    with pytest.raises(DeclarationError, match="'foreign', which is not a step of this pipeline"):
        p.step(best, {"a": [other]})


def test_a_handle_of_another_pipeline_is_refused_whatever_its_step_is_called(p):
    """A step of the same name here is another one; fields and maps are noticed too."""
    other = ws.Pipeline("other")
    for pipeline in (p, other):
        pipeline.step(load, Path("x"))
    theirs = other.step(split, other.step(load, Path("y"), name="more"), name="parts")
    p.step(split, [1], name="parts")
    with pytest.raises(
        DeclarationError, match="is the result of 'parts' of another pipeline"
    ) as no:
        p.step(fit, theirs.train, 1)
    assert no.value.fix == "pass the handle that this pipeline's own step 'parts' gave"
    models = other.map(fit, over={"power": [1]}, train=[1])
    p.map(fit, over={"power": [1]}, train=[1])
    with pytest.raises(DeclarationError, match="of another pipeline"):
        p.map(score, over={"model": models}, test=[1])


def test_containers_are_copied_at_declaration(p):
    """Changing a list later changes no step, so no step can come to need itself."""
    numbers = [1, 2]
    p.step(split, numbers)
    numbers.append(3)
    assert p.steps["split"].arguments["numbers"] == [1, 2]


@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (lambda p: p.step(split, [1], shre=0.5), "did you mean share"),
        (lambda p: p.step(fit, [1]), "missing a required argument: 'power'"),
        (lambda p: p.step(unannotated, 1), "unannotated has no return annotation"),
        (lambda p: p.step(lambda x: x, 1), "has no name"),
        (lambda p: p.step(taken, "x"), "parameter called 'name'"),
        (lambda p: p.step(variable, 1), "takes \\*numbers"),
        (lambda p: p.step("load", Path("x")), "expected a function, found 'load', of type str"),
        (
            lambda p: [p.step(load, Path("x")), p.step(load, Path("y"))],
            "'load' is declared already, at .*test_pipeline",
        ),
        (lambda p: p.map(fit, over={}, train=[1]), "nothing to map over"),
        (lambda p: p.map(fit, over={"power": [1, 1]}, train=[1]), "would be labelled 1"),
        (lambda p: p.map(fit, over={"power": 3}, train=[1]), "is not a list"),
        (
            lambda p: p.map(fit, over={"power": p.step(load, Path("x"))}, train=[1]),
            "count of steps is not known yet",
        ),
        (lambda p: [1 for _ in p.step(load, Path("x"))], "cannot be looped over"),
        (lambda p: bool(p.step(load, Path("x"))), "cannot decide an if"),
        (lambda p: p.command("cat {data}", outputs={"out": "x"}), "the command uses \\['data'\\]"),
        (
            lambda p: p.command("cat {a}", a=p.command("ls > b", outputs={"b": "b"}), outputs={}),
            "argument a is the whole result of step ls: expected one of its fields, which are b",
        ),
        (lambda p: p.command("", outputs={}), "the command '' is invalid"),
        (lambda p: p.command(["ls", "-l"], outputs={}), "the command \\['ls', '-l'\\] is invalid"),
        (lambda p: p.command("ls", outputs=["m.bin"]), "outputs=\\['m.bin'\\] is invalid"),
        (lambda p: p.command("ls", outputs={"m": 1}), "outputs={'m': 1} is invalid"),
        (lambda p: p.command("ls", outputs={}, files="a.py"), "files='a.py' is invalid"),
        (lambda p: p.map(mapped, over={"over": [1]}), "parameter called 'over'"),
        (lambda p: p.map(fit, over=["power"], train=[1]), "over=\\['power'\\] is invalid"),
        (lambda p: p.map(fit, over="power", train=[1]), "over='power' is invalid"),
        (lambda p: p.map(fit, over=None, train=[1], power=1), "over=None is invalid"),
        (lambda p: p.map(fit, over={1: [1]}, train=[1]), "over={1: \\[1\\]} is invalid"),
        (lambda p: p.map(fit, over={"power": [1]}, train=[1], power=5), "power is given twice"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(p, declare, told):
    """Each fault is one message that says where and what to do."""
    with pytest.raises(DeclarationError, match=told) as error:
        declare(p)
    assert error.value.fix


DECLARE = {
    "step": lambda p, **options: p.step(load, Path("x"), **options),
    "map": lambda p, **options: p.map(load, over={"path": [Path("x")]}, **options),
    "command": lambda p, **options: p.command("ls", outputs={}, **options),
}


@pytest.mark.parametrize("declare", DECLARE.values(), ids=DECLARE)
@pytest.mark.parametrize(
    ("option", "value", "fix"),
    [
        ("resources", {"cpus": 2}, "write resources=ws.Resources(cpus=2)"),
        ("resources", {}, "write resources=ws.Resources(cpus=2)"),
        ("resources", "4GB", "write resources=ws.Resources(cpus=2)"),
        ("resources", 0, "write resources=ws.Resources(cpus=2)"),
        ("resources", ws.Resources, "write resources=ws.Resources(cpus=2)"),
        ("memory", "4GB", "use resources=ws.Resources(memory='4GB')"),
        ("cpus", 2, "use resources=ws.Resources(cpus=2)"),
        ("gpus", 1, "use resources=ws.Resources(gpus=1)"),
        ("mem", "4GB", "use resources=ws.Resources(memory='4GB')"),
        ("request_cpus", 4, "use resources=ws.Resources(cpus=4)"),
        ("timeout", 60, "use resources=ws.Resources(runtime=60)"),
        ("submit", {"rank": "0"}, "use resources=ws.Resources(submit={'rank': '0'})"),
        *[("retries", wrong, "write retries=2, or leave it out") for wrong in (-1, True, 2.0, "3", None, 10**9)],
        *[("name", wrong, 'write name="..."') for wrong in ("", " ", 5, b"load", ["load"])],
    ],
)  # fmt: skip
def test_a_wrong_option_of_a_step_says_how_to_write_it(p, declare, option, value, fix):
    """Options are checked where they are declared; nothing is declared then."""
    with pytest.raises(DeclarationError) as refused:
        declare(p, **{option: value})
    assert refused.value.fix == fix
    assert option in refused.value.problem
    assert refused.value.where.startswith(__file__)
    assert not p.steps


def test_a_misspelt_option_is_recognized(p):
    """over= belongs to p.map, and near names are given."""
    for wrong, fix in (
        ({"over": {"power": [1]}}, "use p.map(..., over={...}) to make one step for each value"),
        ({"resource": ws.Resources()}, "did you mean resources?"),
        ({"retry": 3}, "use retries=3"),
        ({"pwoer": 3}, "did you mean power?"),
    ):
        with pytest.raises(DeclarationError) as refused:
            p.step(fit, [1], **wrong)
        assert refused.value.fix == fix


def test_a_parameter_called_like_a_request_is_the_functions_own(p):
    """Its value goes to the function."""
    p.step(hungry, memory="ab", cpus=2)
    assert p.steps["hungry"].arguments == {"memory": "ab", "cpus": 2}
    assert p.steps["hungry"].resources == ws.Resources()


@pytest.mark.parametrize("taken_by", ["on", "home", "name", "resources"])
def test_submit_names_a_parameter_that_it_takes_itself(taken_by):
    """Its own options would hide the function's."""
    scope = {}
    exec(f"def sent({taken_by}: str) -> str: return {taken_by}", scope)  # noqa: S102 - one a name
    with pytest.raises(DeclarationError, match=f"parameter called '{taken_by}', which ws.submit"):
        ws.submit(scope["sent"], "x")
    with pytest.raises(DeclarationError, match="memory") as refused:
        ws.submit(fit, [1], 2, memory="4GB")
    assert refused.value.fix == "use resources=ws.Resources(memory='4GB')"


def test_a_result_that_no_codec_stores_is_refused_at_declaration(p):
    """Not after an hour of computing."""
    with pytest.raises(UnsupportedTypeError, match="partial"):
        p.step(unstorable, 1)


def test_a_partial_is_the_call_it_stands_for(p):
    """functools.partial arguments are ordinary arguments."""
    p.step(functools.partial(fit, power=3), [1, 2])
    assert p.steps["fit"].arguments == {"train": [1, 2], "power": 3}


def test_a_command_declares_its_files(p):
    """A command's outputs are results like others."""
    made = p.command(
        "python train.py {data}",
        data=p.step(load, Path("x")),
        outputs={"model": "m.bin"},
        files=["train.py"],
    )
    assert made.step == "train"
    assert made.model.field == "model"
