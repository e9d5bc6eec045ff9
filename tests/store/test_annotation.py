"""Annotations are read as names, judged before a step runs, and compared with the value afterwards."""

import dataclasses
import functools
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NewType, Optional, Union

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from wingspan.errors import UnsupportedTypeError
from wingspan.store.annotation import read_signature
from wingspan.store.codec import check_type
from wingspan.store.fits import check_value

if TYPE_CHECKING:
    from xgboost.sklearn import XGBClassifier  # noqa: F401 - named in texts below

Amount = NewType("Amount", float)


class Parts(NamedTuple):
    table: pl.DataFrame
    note: "str | None"


@dataclass
class Tree:
    name: str
    left: "Tree | None" = None
    parts: "list[Tree] | None" = None


@dataclass
class Other:
    name: str


class Plain:
    """A class that says nothing of how to store it."""


def of(annotation):
    """Return the name of an annotation, as read from a function."""

    def function():
        """Do nothing."""

    function.__annotations__ = {"return": annotation}
    return read_signature(function)["return"]


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (None, "None"),
        ("None", "None"),
        (Any, "Any"),
        (object, "Any"),
        (pl.DataFrame, "polars.DataFrame"),
        ("pl.DataFrame", "polars.DataFrame"),
        (pd.Series, "pandas.Series"),
        (NDArray[np.float64], "numpy.ndarray[tuple[Any], numpy.dtype[numpy.float64]]"),
        (Path, "pathlib.Path"),
        (dict[str, list[int]], "dict[str, list[int]]"),
        ("dict[str, pl.DataFrame]", "dict[str, polars.DataFrame]"),
        (Optional[int], "int | None"),  # noqa: UP045
        (Union[int, str], "int | str"),  # noqa: UP007
        ("int | None | str", "int | None | str"),
        (Literal["a", 1], "Literal['a', 1]"),
        (Annotated[int, "rows"], "int"),
        ("Annotated[int, 'rows']", "int"),
        (Amount, "float"),
        (Callable[[int], str], "collections.abc.Callable[str]"),
        ("not an annotation", "not an annotation"),
        ("XGBClassifier", "xgboost.sklearn.XGBClassifier"),
        ("tuple[int, ...]", "tuple[int]"),
    ],
    ids=range(23),
)
def test_annotations_are_read_as_public_names(annotation, text):
    """Types, generics and texts of them become public qualified names, importing nothing."""
    assert str(of(annotation)) == text


def test_private_places_of_a_library_are_not_part_of_a_name(tmp_path, project):
    """A class that is imported from a private module under TYPE_CHECKING has its public name."""
    project.write(
        steps="""
        from __future__ import annotations
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            from polars.dataframe.frame import DataFrame
            import pandas.core.frame as frames
        def one() -> DataFrame: ...
        def two() -> frames.DataFrame: ...
        """
    )
    steps = project.fresh("steps")
    assert read_signature(steps.one)["return"].name == "polars.DataFrame"
    assert read_signature(steps.two)["return"].name == "pandas.DataFrame"


def test_the_fields_of_records_are_read(tmp_path):
    """A NamedTuple and a dataclass tell their fields, and one that holds itself ends."""
    parts = of(Parts)
    assert parts.kind == "namedtuple"
    assert {name: str(kind) for name, kind in parts.fields} == {
        "table": "polars.DataFrame",
        "note": "str | None",
    }
    tree = of(Tree)
    assert tree.kind == "dataclass"
    assert [name for name, _ in tree.fields] == ["name", "left", "parts"]
    check_type(tree)


def test_the_wrapped_function_is_read():
    """A decorator that keeps the function's place does not hide its annotations."""

    def inner(x: int) -> str: ...

    @functools.wraps(inner)
    def outer(*args, **kwargs): ...

    assert {name: str(kind) for name, kind in read_signature(outer).items()} == {
        "x": "int",
        "return": "str",
    }


@pytest.mark.parametrize(
    "annotation",
    [
        *(int, None, Any, dict[str, pl.DataFrame], list[Parts], Tree, Path, BaseEstimator),
        *(ClassifierMixin, np.float64, NDArray[np.int8], Sequence[int], Mapping[str, int], bytes),
        *(
            "XGBClassifier",
            "unknown.Thing",
            Literal["a"],
            pl.LazyFrame,
            int | None,
            pd.Series,
            Amount,
        ),
        *(Counter[str], OrderedDict[str, int], defaultdict[str, list[int]], deque[int]),
        *(complex, bytearray, Decimal),
    ],
    ids=range(28),
)
def test_types_that_may_be_stored_pass(annotation):
    """What a codec stores, or what cannot be known yet, is accepted at declaration."""
    check_type(of(annotation))


@pytest.mark.parametrize(
    "annotation",
    [
        *(Iterator[int], Generator[int, None, None], Callable[[int], int], memoryview, ChainMap),
        *("Iterator[int]", list[Iterator[int]], int | Iterator[int], dict[str, Plain], Plain, type),
        dataclasses.make_dataclass("Bad", [("rows", Iterator[int])]),
    ],
    ids=range(12),
)
def test_types_that_cannot_be_stored_are_refused(annotation):
    """What surely cannot be stored is refused at declaration, wherever it stands in the annotation."""
    with pytest.raises(UnsupportedTypeError, match="no codec stores"):
        check_type(of(annotation))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        *((int, 1), (float, 1), (float, np.float32(1)), (int, np.int8(1)), (bool, np.bool_(True))),
        *(
            (None, None),
            (int | None, None),
            (Any, 1),
            (Tree, Tree("a")),
            (pl.DataFrame, pl.DataFrame()),
        ),
        *((Path, Path()), (Sequence[int], [1]), (Mapping[str, int], {}), (Literal["a"], "a")),
        *(
            (dict[str, int], {"a": "not looked at"}),
            (BaseEstimator, BaseEstimator()),
            (Amount, 1.0),
        ),
        *(
            ("unknown.Thing | int", 1),
            (NDArray[np.int8], np.zeros(1)),
            (ClassifierMixin, ClassifierMixin()),
        ),
    ],
    ids=range(20),
)
def test_a_value_that_fits_is_accepted(annotation, value):
    """A value of the type, or one that a type checker takes for it, fits."""
    check_value(value, of(annotation))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        *(
            (int, "1"),
            (str, 1),
            (int, 1.5),
            (None, 1),
            (int, None),
            (int | None, "a"),
            (Tree, Other("a")),
        ),
        *(
            (Tree, None),
            (pl.DataFrame, pd.DataFrame()),
            (pl.DataFrame, pl.LazyFrame()),
            (list[int], (1,)),
        ),
        *(
            (Literal["a"], "b"),
            (Path, "a"),
            ("XGBClassifier", 1),
            (pl.DataFrame | pd.DataFrame, {}),
        ),
    ],
    ids=range(15),
)
def test_a_value_that_contradicts_its_annotation_is_refused(annotation, value):
    """None, another class, and what no side of a union allows are told apart from what was declared."""
    with pytest.raises(UnsupportedTypeError, match="the annotation says"):
        check_value(value, of(annotation))
