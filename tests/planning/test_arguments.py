"""A key holds the whole argument, and the job rebuilds exactly the argument that was declared."""

import datetime as dt
import enum
import functools
import itertools
import json
import os
import subprocess
import sys
import textwrap
from collections import defaultdict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wingspan as ws
from wingspan.errors import DeclarationError, UnsupportedTypeError
from wingspan.files import json_text
from wingspan.pipeline.handles import Handle
from wingspan.planning.arguments import Arguments
from wingspan.planning.call import _Known, describe
from wingspan.planning.digest_cache import DigestCache
from wingspan.planning.step_keys import step_keys
from wingspan.planning.values import value_digest
from wingspan.runner.job.run import _value
from wingspan.store.codec import encode


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Shade(enum.IntEnum):
    RED = 1
    BLUE = 2


class Word(enum.StrEnum):
    RED = "RED"


class Pair(NamedTuple):
    left: Any
    right: Any


class Couple(NamedTuple):
    left: Any
    right: Any


@dataclass(frozen=True)
class Point:
    left: Any
    right: Any


@dataclass(frozen=True)
class Spot:
    left: Any
    right: Any


class Made(NamedTuple):
    left: int
    right: int


def takes(value: object) -> int:
    return 0


def makes() -> Made:
    return Made(1, 2)


def gives() -> int:
    return 1


def same(one: Any, other: Any) -> bool:
    """Return whether two arguments are of one type, value and order of dicts: the oracle, which shares no code with keys."""
    if type(one) is not type(other):
        return False
    seen = next((see for kind, see in SEEN.items() if isinstance(one, kind)), None)
    if seen is not None:
        return same(seen(one), seen(other))
    if isinstance(one, defaultdict | deque | Decimal):
        return repr(one) == repr(other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and all(any(same(a, b) for b in other) for a in one)
    if isinstance(one, range):  # two may hold the same numbers and differ in their steps
        return repr(one) == repr(other)
    return bool(one == other)


SEEN: dict[Any, Any] = {
    Handle: repr,
    float: lambda value: np.float64(value).tobytes(),
    np.ndarray | np.generic: lambda value: (str(value.dtype), value.shape, value.tobytes()),
    Point | Spot: lambda value: [*vars(value).values()],
    Path: lambda value: (value.name, content(value)),
    dt.datetime: lambda value: (value.isoformat(), value.fold, repr(value.tzinfo)),
    dict: lambda value: [*value.items()],
}


def content(path: Path) -> object:
    if path.is_dir():
        return sorted((each.name, content(each)) for each in path.iterdir())
    return path.read_bytes()


CODE = {}  # what the functions and classes of this module are made of: looked at once, not for each example


def calls_of(values, tmp_path):
    p = ws.Pipeline("keys")
    p.step(makes)
    p.step(gives)
    for position, value in enumerate(values):
        p.step(takes, value, name=f"takes{position}")
    cache, known = DigestCache(tmp_path / "digests.json"), _Known(str(tmp_path), CODE)
    calls = {name: describe(step, cache, known) for name, step in p.steps.items()}
    keys, inputs, *_ = step_keys(calls, calls)
    names = [f"takes{position}" for position in range(len(values))]
    return [(keys[name], calls[name], inputs[name]) for name in names]


def keys_of(values, tmp_path):
    return [key for key, _, _ in calls_of(values, tmp_path)]


def rebuilt(call, inputs, folder):
    """Return the argument as a job rebuilds it from job.json; results of other steps stay names."""
    (folder / "inputs").mkdir(parents=True)
    for digest, (value, _) in call.constants.items():
        encode(value, folder / "inputs" / digest.partition(":")[2])
    for file in call.files:
        (folder / "inputs" / file.name).symlink_to(file.path)
    said = {"arguments": call.arguments, "inputs": {}, "modules": []}
    job = json.loads(json_text(said))
    assert inputs.keys() == call.inputs.keys()
    return _value(job["arguments"]["value"], job, folder)


HANDLES = [Handle("makes"), Handle("makes", "left"), Handle("makes", "right"), Handle("gives")]
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(),
    st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf"), 0.1, 1e300, 2**5000, -(2**64)]),
    st.sampled_from(["", "1", "0", "a", "a.b", "null", "true", "$", "\0", "\n", "items", "part"]),
    st.sampled_from(["\ud83d\ude00", "\U0001f600", "\ud83d", "é", "[]", '"', "input", "RED"]),
    st.text(max_size=3),
)
SCALARS = st.one_of(
    PLAIN,
    st.sampled_from([*Colour, *Shade, *Word]),
    st.sampled_from(
        [dt.date(2024, 1, 1), dt.datetime.fromisoformat("2024-01-01"), dt.time(1), dt.timedelta(1)]
    ),
    st.sampled_from(
        [
            dt.datetime(2024, 10, 27, 2, 30, tzinfo=zone, fold=fold)
            for zone in (
                dt.UTC,
                dt.timezone(dt.timedelta(0), "X"),
                ZoneInfo("UTC"),
                ZoneInfo("Europe/Berlin"),
                ZoneInfo("Europe/Paris"),
            )
            for fold in (0, 1)
        ]
    ),
    st.sampled_from(
        [
            b"",
            b"1",
            b"a",
            range(1),
            range(0, 1, 2),
        ]
    ),
    st.sampled_from([np.int64(1), np.int32(1), np.float64(1), np.float64(-0.0), np.bool_(True)]),
)
ARRAYS = st.sampled_from([
    np.array([1, 2]), np.array([1.0, 2.0]), np.array([[1, 2]]), np.array([0.0]), np.array([-0.0]),
    np.array(1), np.array(["a"]), np.array([], int), np.array([], float),
])  # fmt: skip
HASHABLE = st.recursive(
    SCALARS.filter(lambda value: repr(value) != "nan" and isinstance(value, Hashable)),
    lambda inner: st.one_of(
        st.tuples(inner), st.tuples(inner, inner), st.frozensets(inner, max_size=2)
    ),
    max_leaves=3,
)


def nested(leaves):
    keys = st.sampled_from(["0", "1", "a", "b", "a.b", "$", "items", "", "fields", '"]'])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.lists(inner, max_size=2).map(tuple),
            st.dictionaries(keys, inner, max_size=3),
            st.dictionaries(HASHABLE, inner, max_size=2),
            st.sets(HASHABLE, max_size=3),
            st.frozensets(HASHABLE, max_size=3),
            st.builds(Pair, inner, inner),
            st.builds(Couple, inner, inner),
            st.builds(Point, inner, inner),
            st.builds(Spot, inner, inner),
        ),
        max_leaves=6,
    )


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Files and folders, of the same and of other names and contents."""
    root = tmp_path_factory.mktemp("paths")
    made = []
    for folder, name, text in [
        ("a", "x", "1"), ("b", "x", "1"), ("c", "x", "2"), ("d", "y", "1"), ("e", "x/x", "1"),
        ("f", "x/y", "1"), ("g", "x/x/x", "1"),
    ]:  # fmt: skip
        file = root / folder / name
        file.parent.mkdir(parents=True)
        file.write_text(text)
        made.append(root / folder / name.partition("/")[0])
    (root / "h" / "x").mkdir(parents=True)
    return [*made, root / "h" / "x"]


def check_keys(values, tmp_path):
    keys = keys_of(values, tmp_path)
    for (one, key), (other, another) in itertools.combinations(zip(values, keys, strict=True), 2):
        assert (key == another) == same(one, other), (one, other)


def check_rebuilt(values, tmp_path):
    for position, (value, (_, call, inputs)) in enumerate(
        zip(values, calls_of(values, tmp_path), strict=True)
    ):
        folder = tmp_path / f"{os.urandom(16).hex()}.{position}"
        assert same(value, rebuilt(call, inputs, folder)), value


QUICK = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
LONG = settings(QUICK, max_examples=10_000, derandomize=False)


@functools.cache
def with_paths_and_handles(*paths):
    """Give the strategy of arguments, made once: it takes longer than to draw from it."""
    leaves = st.one_of(SCALARS, SCALARS, ARRAYS, st.sampled_from(paths), st.sampled_from(HANDLES))
    return st.lists(nested(leaves), min_size=2, max_size=4)


WITHOUT_HANDLES = st.lists(nested(st.one_of(SCALARS, SCALARS, ARRAYS)), min_size=1, max_size=3)


@QUICK
@given(data=st.data())
def test_different_arguments_give_different_keys_and_equal_ones_equal_keys(data, paths, tmp_path):
    """Whatever is nested in whatever: a key is equal exactly where type, value and order are."""
    check_keys(data.draw(with_paths_and_handles(*paths)), tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1800)
@LONG
@given(data=st.data())
def test_different_arguments_give_different_keys_10_000_times(data, paths, tmp_path):
    """The same, often."""
    check_keys(data.draw(with_paths_and_handles(*paths)), tmp_path)


@QUICK
@given(values=WITHOUT_HANDLES)
def test_a_job_rebuilds_exactly_the_argument(values, tmp_path):
    """Type, value and order survive job.json."""
    check_rebuilt(values, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1800)
@LONG
@given(values=WITHOUT_HANDLES)
def test_a_job_rebuilds_exactly_the_argument_10_000_times(values, tmp_path):
    """The same, often."""
    check_rebuilt(values, tmp_path)


def check_digests(values):
    digests = [value_digest(value, "here", lambda kind, _: f"{kind}") for value in values]
    for one, other in itertools.combinations(zip(values, digests, strict=True), 2):
        assert (one[1] == other[1]) == same(one[0], other[0]), (one, other)


CAPTURED = st.lists(nested(st.one_of(SCALARS, SCALARS, ARRAYS)), min_size=2, max_size=4)


@QUICK
@given(values=CAPTURED)
def test_different_captured_values_have_different_digests(values):
    """Closures, defaults and notebook globals are told apart as arguments are."""
    check_digests(values)


@pytest.mark.long
@pytest.mark.timeout(1800)
@LONG
@given(values=CAPTURED)
def test_different_captured_values_have_different_digests_10_000_times(values):
    """The same, often."""
    check_digests(values)


ONE, OTHER = HANDLES[1], HANDLES[3]


@pytest.mark.parametrize(
    "values",
    [
        ([], {}, (), set(), frozenset(), None, "", "[]"),
        ([1, 2], (1, 2), {1, 2}, frozenset({1, 2}), {"0": 1, "1": 2}, {0: 1, 1: 2}, Pair(1, 2)),
        ({"a.b": 1}, {"a": {"b": 1}}, {"a": {"b": 1}, "a.b": 1}),
        ({"0": ONE}, [ONE], {0: ONE}, (ONE,), {False: ONE}, {0.0: ONE}),
        ({"a.b": ONE, "a": {"b": OTHER}}, {"a.b": OTHER, "a": {"b": ONE}}),
        ([ONE, OTHER], [OTHER, ONE], [ONE, ONE], {ONE, OTHER}, Pair(ONE, OTHER)),
        (
            1,
            1.0,
            True,
            "1",
            np.int64(1),
            np.float64(1),
            Shade.RED,
            1 + 0j,
            Decimal(1),
            Decimal("1.0"),
            b"1",
        ),
        ([1], [1.0], [True], ["1"], [[1]]),
        (0.0, -0.0, 0, False, float("nan"), float("inf"), -float("inf")),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, [["a", 1], ["b", 2]], [("a", 1), ("b", 2)]),
        ({1: "y"}, {True: "y"}, {1.0: "y"}, {"1": "y"}, {(1,): "y"}, {None: "y"}, {"null": "y"}),
        ({"$": "tuple", "items": []}, (), {"$": "part", "file": "x"}, {"$": "dict", "items": []}),
        (Pair(1, 2), Couple(1, 2), Point(1, 2), Spot(1, 2), {"left": 1, "right": 2}),
        (Colour.RED, Colour.BLUE, Shade.BLUE, Word.RED, "RED", 2),
        ("\ud83d\ude00", "\U0001f600", "\\ud83d\\ude00"),
        (2**4096, 2**4096 + 1, -(2**4096), hex(2**4096)),
        (["a,b"], ["a", "b"], ["a\0b"], ["a", "\0b"]),
    ],
)
def test_arguments_that_look_alike_have_keys_of_their_own(values, tmp_path):
    """Each pair was, or could be, taken for one argument."""
    assert len(set(keys_of(values, tmp_path))) == len(values)


def test_an_empty_argument_is_not_the_default(tmp_path):
    """`drop=[]` is a call of its own, and never gets the result for the default."""

    def declare(*, given: bool) -> ws.Pipeline:
        p = ws.Pipeline("drops")
        p.step(dropped, 5, **({"drop": []} if given else {}))
        return p

    assert declare(given=False).run(home=tmp_path)["dropped"] == "5 without ['id']"
    plan = declare(given=True).plan(home=tmp_path)
    assert [step.reason for step in plan.to_run()] == ["parameter drop added"]
    assert declare(given=True).run(home=tmp_path)["dropped"] == "5 without []"


def dropped(number: int, drop: list[str] = ["id"]) -> str:  # noqa: B006 - as users write it
    return f"{number} without {drop}"


def shown(value: object) -> str:
    return repr(value)


def test_labels_of_a_map_have_results_of_their_own(tmp_path):
    """Values that differ in type or order alone are different steps, also in the job."""
    values = {
        "list": [1, 2], "tuple": (1, 2), "flat": {"a.b": 1}, "deep": {"a": {"b": 1}},
        "true": True, "one": 1, "float": 1.0, "order": {"b": 1, "a": 2}, "sorted": {"a": 2, "b": 1},
        "empty": {}, "none": [], "minus": -0.0, "pairs": {1: 2}, "set": {3}, "enum": Shade.RED,
    }  # fmt: skip
    p = ws.Pipeline("labels")
    p.map(shown, over={"value": values})
    assert p.run(home=tmp_path)["shown"] == {label: repr(value) for label, value in values.items()}


def test_results_of_steps_arrive_at_their_own_place(tmp_path):
    """A handle is resolved at any depth, whatever the places around it are called."""
    p = ws.Pipeline("places")
    left, right = p.step(makes)
    one = p.step(gives)
    value = {
        "a.b": left, "a": {"b": right}, 1: (one, [left]), "set": {one}, "pair": Pair(right, [one]),
        "point": Point({"x": left}, None), (1, 2): p.steps["makes"].handle(),
    }  # fmt: skip
    p.step(shown, value)
    expected = {
        "a.b": 1, "a": {"b": 2}, 1: (1, [1]), "set": {1}, "pair": Pair(2, [1]),
        "point": Point({"x": 1}, None), (1, 2): Made(1, 2),
    }  # fmt: skip
    assert p.run(home=tmp_path)["shown"] == repr(expected)


def test_functions_that_call_each_other_are_two_steps(tmp_path):
    """They are made of the same code, and yet give results of their own."""
    p = ws.Pipeline("mutual")
    p.step(even, 3)
    p.step(odd, 3)
    run = p.run(home=tmp_path)
    assert (run["even"], run["odd"]) == (False, True)


def even(number: int) -> bool:
    return number == 0 or odd(number - 1)


def odd(number: int) -> bool:
    return number != 0 and even(number - 1)


def test_a_changed_class_of_an_argument_runs_the_step_again(project, tmp_path):
    """What the methods of a dataclass do, and what an enum's name stands for, is part of the argument."""
    project(
        "kinds.py", "from dataclasses import dataclass\n\n@dataclass\nclass Rate:\n    x: int\n"
    )
    project("steps.py", "def read(rate) -> int:\n    return rate.x\n")

    def key():
        steps, kinds = project.load("steps"), project.load("kinds")
        p = ws.Pipeline("kinds")
        p.step(steps.read, kinds.Rate(1))
        return p.plan(home=tmp_path).steps[0].key

    before = key()
    assert key() == before
    project("kinds.py", "from dataclasses import dataclass\n\n@dataclass\nclass Rate:\n    x: int\n\n"
            "    def twice(self):\n        return 2\n")  # fmt: skip
    assert key() != before


def test_equal_arguments_have_one_key_in_any_process_and_for_any_hash_seed(project):
    """Sets are in no order, paths count by name and content, not by the folder they lie in."""
    for folder in "ab":
        project(f"{folder}/x.csv", "1")
    project("c/x.csv", "2")
    script = """
        import sys
        from pathlib import Path
        import wingspan as ws
        from wingspan.planning.call import describe_all
        from wingspan.planning.digest_cache import DigestCache
        from wingspan.planning.step_keys import step_keys

        def takes(value: object, other: object = None) -> int:
            return 0

        words = [f"word {i}" for i in range(20)]
        here = Path(sys.argv[1])
        p = ws.Pipeline("seeds")
        made = p.map(takes, over={"value": words})
        p.step(takes, set(words), name="set")
        p.step(takes, {frozenset(words[:9]), frozenset(words[9:]), "x"}, name="sets")
        p.step(takes, {word: {word} for word in words}, name="dict")
        p.step(takes, {*made.values()}, name="handles")
        p.step(takes, {here / folder / "x.csv" for folder in "abc"}, name="paths")
        p.step(takes, [{(word, frozenset(words)): {1, "1", 1.5}} for word in words], name="keys")
        calls = describe_all(p.steps, DigestCache(here / "digests.json"))
        print(*step_keys(calls, calls)[0].values(), sep="\\n")
    """
    file = project("seeded.py", textwrap.dedent(script))
    found = {
        subprocess.run(
            [sys.executable, str(file), str(file.parent)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1
    keys = found.pop().split()
    assert len(set(keys)) == len(keys) == 26


def test_what_no_job_can_get_is_refused_with_its_parameter(tmp_path):
    """Where it is, and a way out."""
    place = r"step takes0, parameter value\.a\.0\.left\[1\]: .*object"
    with pytest.raises(UnsupportedTypeError, match=place):
        keys_of([{"a": [Point((1, object()), 2)]}], tmp_path)
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(DeclarationError, match="nested deeper than 200 levels"):
        keys_of([loop], tmp_path)
    deep = Point(1, 2)
    for _ in range(1000):
        deep = Point(deep, 2)
    with pytest.raises(DeclarationError, match="holds itself, or is nested too deep"):
        keys_of([deep], tmp_path)


def test_a_new_key_format_is_the_reason_by_itself(tmp_path):
    """After an upgrade every step runs once, and the plan says why; the older history is still read."""
    p = ws.Pipeline("upgrade")
    p.step(takes, p.step(gives))
    p.run(home=tmp_path)
    history = tmp_path / "history" / "upgrade.json"
    said = json.loads(history.read_text())
    for name, before in said["steps"].items():
        before["key"] = "0" * 64
        before["components"] = {"format": "2", "python": "3.11", "parameter value.0": "1"}
        before["inputs"] = {f"{name}.0": ["gone", None]}
    history.write_text(json.dumps(said["steps"]))  # as it was written then
    p.step(takes, 1, name="more")
    (tmp_path / "store").rename(tmp_path / "store of before")
    reasons = [step.reason for step in p.plan(home=tmp_path).steps]
    changed = "the key format changed (2 -> 3): every step runs once more"
    assert reasons == [changed, changed, "new step"]


SCRIPT = """
    import enum
    from dataclasses import dataclass
    from typing import NamedTuple
    import wingspan as ws

    @dataclass(frozen=True)
    class Config:
        rate: float

    class Kind(enum.Enum):
        A = 1

    class Pair(NamedTuple):
        a: object
        b: int

    def fit(config: Config, pairs: list[Pair]) -> str:
        return repr((config, pairs, isinstance(config, Config), pairs[0].a is Kind.A))

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("script")
        p.step(fit, Config(0.5), [Pair(Kind.A, 2)])
        return p

    if __name__ == "__main__":
        run = pipeline().run()
        print(run.steps["fit"].key, run["fit"])
"""


def test_classes_of_a_script_are_those_of_its_module(project):
    """Started as a script or by `wingspan run`, the key is the same and the job gets the same values."""
    file = project("script.py", SCRIPT)
    done = subprocess.run(
        [sys.executable, file.name], cwd=file.parent, check=True, capture_output=True, text=True
    )
    key, _, found = done.stdout.strip().partition(" ")
    assert found == "(Config(rate=0.5), [Pair(a=<Kind.A: 1>, b=2)], True, True)"
    plan = project.load("script").pipeline().plan(home=file.parent / ".wingspan")
    assert [(step.key, step.done) for step in plan.steps] == [(key, True)]


def test_two_files_of_one_long_name_have_names_that_fit(tmp_path):
    """255 bytes are the most that a name may have; a mark before it takes one from its beginning."""
    cache = DigestCache(tmp_path / "digests")
    reader = Arguments(cache, {})
    for name in ("n" * 251 + ".csv", "é" * 125 + "n.csv"):
        for folder in "abc":
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_text(folder)
            reader.tree(tmp_path / folder / name, folder + name[:1])
    names = [file.name for file in reader.files.values()]
    assert len(set(names)) == 6
    assert all(len(name.encode()) <= 255 and name.endswith(".csv") for name in names)


def test_an_argument_without_a_codec_is_advised_as_an_argument(tmp_path):
    def one(x: object) -> int:
        return 1

    p = ws.Pipeline("p")
    p.step(one, [dt.UTC])
    with pytest.raises(ws.UnsupportedTypeError, match=r"parameter x\.0(.|\n)*-> pass plain values"):
        p.plan(home=tmp_path)
