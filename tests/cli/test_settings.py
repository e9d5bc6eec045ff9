"""``--set NAME=VALUE`` gives the value that the annotation, or the default, calls for."""

import functools
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NewType, Optional, Union

import pytest

from wingspan.cli.settings import read_settings
from wingspan.errors import SettingError

if TYPE_CHECKING:
    from nowhere import Table  # type: ignore[import-not-found]

Rate = NewType("Rate", float)


class Colour(Enum):
    RED = "r"
    BLUE = 2


def read(text, kind):
    """The value that a text gives for a parameter of a type."""

    def factory(x):
        raise AssertionError

    factory.__annotations__ = {"x": kind}
    return read_settings(factory, [f"x={text}"], "flow.py").kwargs["x"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (int, "3", 3), (int, "-3", -3), (float, "3", 3.0), (float, "1e-3", 0.001), (str, "3", "3"), (str, "", ""),
        (str, "a=b", "a=b"), (Path, "a b.csv", Path("a b.csv")), (Decimal, "0.10", Decimal("0.10")),
        *[(bool, word, True) for word in ("true", "True", "yes", "on", "1")],
        *[(bool, word, False) for word in ("false", "NO", "off", "0")],
        (date, "2026-01-31", date(2026, 1, 31)), (datetime, "2026-01-31T12:30+00:00", datetime(2026, 1, 31, 12, 30, tzinfo=UTC)),
        (timedelta, "1h30m", timedelta(minutes=90)), (timedelta, "90", timedelta(seconds=90)),
        (Literal["adam", "sgd"], "sgd", "sgd"), (Literal[1, 2, None, True], "2", 2), (Literal[1, None], "none", None),  # noqa: PYI061
        (Literal[True, "x"], "true", True), (Colour, "RED", Colour.RED), (Colour, "2", Colour.BLUE),
        (int | float, "3", 3), (int | float, "0.5", 0.5), (float | int, "3", 3.0), (str | None, "none", None),
        (str | None, "x", "x"), (str | int, "5", 5), (Optional[int], "None", None), (int | None, "", None),  # noqa: UP045
        (Union[Path, int], "5", 5), (Union[Path, None], "a.csv", Path("a.csv")), (bool | int, "1", 1),  # noqa: UP007
        (bool | int, "true", True), (Literal["auto"] | float, "auto", "auto"), (Literal["auto"] | float, "1", 1.0),
        (list[int], "1,2", [1, 2]), (list[int], "[1, 2]", [1, 2]), (list[int], "", []), (list[int], "[]", []),
        (list, "a,b", ["a", "b"]), (list[str], '["a,b"]', ["a,b"]), (Sequence[float], "1,2", [1.0, 2.0]),
        (list[float], "[1, 0.5]", [1.0, 0.5]), (list[list[int]], "[[1], [2, 3]]", [[1], [2, 3]]),
        (list[int | None], "1,none", [1, None]), (list[Path], "a,b", [Path("a"), Path("b")]),
        (tuple[int, str], "1,a", (1, "a")), (tuple[int, ...], "1,2,3", (1, 2, 3)), (tuple[int, str], '[1, "a"]', (1, "a")),
        (set[int], "1,1,2", {1, 2}), (frozenset[str], "a", frozenset({"a"})), (tuple, "[1, 2]", (1, 2)),
        (dict, '{"depth": 3}', {"depth": 3}), (dict[str, int], '{"depth": 3}', {"depth": 3}),
        (dict[str, float], '{"a": 1}', {"a": 1.0}), (Mapping[str, list[int]], '{"a": [1]}', {"a": [1]}),
        (dict[str, Any], '{"a": null}', {"a": None}), (dict[str, Path], '{"a": "b"}', {"a": Path("b")}),
        (dict | None, "none", None), (Annotated[int, "doc"], "3", 3), (Rate, "0.5", 0.5), (list[Rate], "1", [1.0]),
        (Any, "3", 3), (Any, "three", "three"), (object, "[1]", [1]), (None, "none", None),
    ],
)  # fmt: skip
def test_a_text_becomes_a_value_of_the_annotated_type(kind, text, value):
    """The type is kept too: 3 is not 3.0."""
    found = read(text, kind)
    assert found == value
    assert type(found) is type(value)
    if isinstance(value, list | tuple):
        assert [type(each) for each in found] == [type(each) for each in value]


@pytest.mark.parametrize(
    ("kind", "text", "expected", "fix"),
    [
        (int, "3.5", "expected int, found '3.5'", "x=3"), (int, "", "expected int", "x=3"),
        (float, "many", "expected float, found 'many'", "x=0.3"), (bool, "maybe", "expected true or false", "x=true"),
        (Literal["adam", "sgd"], "Adam", "expected one of adam, sgd, found 'Adam'", "x=adam"),
        (Colour, "GREEN", "expected one of RED, BLUE, found 'GREEN'", "x=RED"),
        (int | float, "x", "expected int or float, found 'x'", "x=3"),
        (int | None, "x", "expected int or none, found 'x'", "x=3"),
        (list[int], "1,b", "expected list[int], found '1,b'", "x=3,3"),
        (list[int], '[1, "b"]', "expected list[int]", "x=3,3"), (list[int], "[1, true]", "true is not int", "x=3,3"),
        (list[int], "[1", "it is not JSON", "x=3,3"), (tuple[int, str], "1", "it has 1 of 2 parts", "x=3,text"),
        (dict[str, int], "depth=3", "it is not JSON", """x='{"depth": 3}'"""),
        (dict[str, int], "[1]", "it is JSON of a list", """x='{"depth": 3}'"""),
        (dict[str, int], '{"a": "b"}', "expected dict[str, int]", """x='{"depth": 3}'"""),
        (date, "tomorrow", "expected a date, found 'tomorrow'", "x=2026-01-31"),
        (timedelta, "soon", "expected a duration", "x=1h30m"),
        (functools.partial, "x", "a value of this type cannot be written as text", "x=..."),
    ],
)  # fmt: skip
def test_a_wrong_text_says_what_is_allowed(kind, text, expected, fix):
    """What was expected, what was found, and a setting to copy."""
    with pytest.raises(SettingError) as refused:
        read(text, kind)
    assert expected in refused.value.problem
    assert refused.value.fix == f"write --set {fix}"
    assert refused.value.where == f"--set x={text}"


@pytest.mark.parametrize(
    ("default", "text", "value"),
    [
        (3, "4", 4), (0.5, "1", 1.0), ("a", "1", "1"), (True, "no", False), (Path("a"), "b", Path("b")),
        ([1, 2], "3,4", [3, 4]), ([], "a", ["a"]), ([1, "a"], "[1]", [1]), ((1, 2), "3", (3,)), ({"a": 1}, '{"b": 2}', {"b": 2}),
        (Colour.RED, "BLUE", Colour.BLUE), (None, "5", 5), (None, "five", "five"), (date(2026, 1, 1), "2026-01-02", date(2026, 1, 2)),
    ],
)  # fmt: skip
def test_without_an_annotation_the_default_says_the_type(default, text, value):
    """None says nothing, and what has no default either is read as JSON where it is JSON."""

    def factory(x=default):
        raise AssertionError

    found = read_settings(factory, [f"x={text}"], "flow.py").kwargs["x"]
    assert (found, type(found)) == (value, type(value))


def loads(table: "Table | None" = None, share: float = 0.5, rates: "list[Missing]" = (0.1,)):  # noqa: F821
    raise AssertionError


def test_annotations_that_only_a_type_checker_knows_are_passed_over():
    """The other annotations count; the default says what such a parameter is."""
    found = read_settings(loads, ["share=1", "rates=1,2"], "flow.py")
    assert found.kwargs == {"share": 1.0, "rates": (1.0, 2.0)}
    assert found.named == {"table": None, "share": 1.0, "rates": (1.0, 2.0)}


def test_every_kind_of_parameter_is_given():
    """Positional-only, keyword-only and variable ones; a variable one need not be given."""

    def factory(a: int, /, b: int = 2, *args: int, c: str, **more: float):
        raise AssertionError

    found = read_settings(factory, ["a=1", "c=x", "d=4"], "flow.py")
    assert (found.args, found.kwargs) == ((1,), {"c": "x", "d": 4.0})
    assert found.named == {"a": 1, "b": 2, "c": "x", "d": 4.0}
    for wrong in ("no name=1", "1=1", "=1"):
        with pytest.raises(SettingError, match="has no parameter"):
            read_settings(factory, ["a=1", "c=x", wrong], "flow.py")
    with pytest.raises(SettingError, match=r"flow.py needs a, c\n  -> add --set a=3 --set c=text"):
        read_settings(factory, [], "flow.py")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["share"], "expected NAME=VALUE"),
        (["shaer=1"], "has no parameter 'shaer'\n  -> did you mean share?"),
        (["share=1", "share=2"], "share is set twice: '1' and '2'\n  -> keep one"),
    ],
)
def test_a_wrong_setting_is_named(settings, told):
    """Nothing is run."""
    with pytest.raises(SettingError, match=told.replace("?", r"\?")):
        read_settings(loads, settings, "flow.py")


def test_settings_reach_the_pipeline(tmp_path):
    """On the command line a wrong value ends with 2 and what is allowed."""
    (tmp_path / "flow.py").write_text(
        "from typing import Literal\nimport wingspan as ws\n"
        "def one(x: dict) -> dict:\n    return x\n"
        "def pipeline(kind: Literal['a', 'b'] = 'a', x: dict[str, int] | None = None):\n"
        "    p = ws.Pipeline('flow')\n    p.step(one, {'kind': kind, 'x': x})\n    return p\n"
    )

    def plan(*settings):
        command = [sys.executable, "-m", "wingspan", "plan", "flow.py", *settings]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    good = plan("--set", "kind=b", "--set", 'x={"depth": 3}')
    assert (good.returncode, good.stdout.splitlines()[0]) == (0, "flow: 1 of 1 step to run"), good
    bad = plan("--set", "kind=c")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == (
        "error: --set kind=c: expected one of a, b, found 'c'\n  -> write --set kind=a\n"
    )
