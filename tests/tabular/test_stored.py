"""Every record of this package may be a step's result: it comes back from the store as it was."""

from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from wingspan.store.annotation import TypeName, name_of_class
from wingspan.store.codec import check_type, decode, encode
from wingspan.tabular.clean import DateRule, RangeRule, RareRule, Rules, TextRule
from wingspan.tabular.evaluate import count_table, evaluation
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.predict import predict_part
from wingspan.tabular.prepare import learn_part
from wingspan.tabular.select import select
from wingspan.tabular.split import SplitRule


@pytest.fixture
def records(bundle_of, table_of, people, tmp_path):
    """One record of each type, made by the real functions."""
    bundle = bundle_of(people(300))
    table = table_of(people(300).drop("key"), "again")
    split = SplitRule(test_size=0.25, seed=3)
    inputs = choose_inputs(table, Wanted(target="late"))
    counts = count_table(bundle.model, table, split, bundle.preparation)
    result = evaluation(counts, bundle.preparation.classes)
    (tmp_path / "predicted").mkdir()
    return [
        *(table, table.schema, split, inputs, learn_part(table, split, inputs), counts, result),
        *(bundle.preparation, bundle.card, select({"a": result, "b": result}, "f1")),
        predict_part(bundle, table, tmp_path / "predicted"),
        Rules(
            text=(TextRule("home", case="lower"),),
            ranges=(RangeRule("age", low=0.0, action="clip"),),
            dates=(DateRule("born", ("year",)),),
            rare=(RareRule("home", share=0.01),),
        ),
    ]


def same(there, here):
    """Return whether two values are equal, arrays by content and type, paths by name."""
    if isinstance(here, np.ndarray):
        return there.dtype == here.dtype and np.array_equal(there, here)
    if is_dataclass(here):
        names = [field.name for field in fields(here)]
        return type(there) is type(here) and all(
            same(getattr(there, name), getattr(here, name)) for name in names
        )
    if isinstance(here, tuple) and hasattr(here, "_fields"):
        return type(there) is type(here) and all(map(same, there, here))
    if hasattr(here, "read_bytes"):
        return there.name == here.name and there.is_dir() == here.is_dir()
    return there == here and type(there) is type(here)


def test_every_record_comes_back(records, tmp_path):
    """Each record is equal to itself after the store, of its type, and gives the same bytes again."""
    names = {type(record).__name__ for record in records}
    assert names == {
        *("Table", "Schema", "SplitRule", "Inputs", "PreparationPart", "Counts", "Evaluation"),
        *("Preparation", "Card", "Selection", "Predictions", "Rules"),
    }
    for number, record in enumerate(records):
        check_type(TypeName(name_of_class(type(record))))
        path = tmp_path / f"stored{number}"
        made = encode(record, path)
        found = decode(path, made)
        assert same(found, record), type(record).__name__
        assert encode(found, tmp_path / f"again{number}") == made


def test_the_rows_of_a_stored_table_are_those_of_the_table(records, tmp_path):
    """A table's file is kept with it."""
    table = records[0]
    found = decode(tmp_path / "table1", encode(table, tmp_path / "table1"))
    assert found.data != table.data
    assert found.data.read_bytes() == table.data.read_bytes()
