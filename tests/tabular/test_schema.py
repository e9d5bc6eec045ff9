"""A schema survives JSON, and tells all that differs in a new table at once."""

import json

import pytest

from wingspan.errors import NotFoundError, TableError
from wingspan.tabular.schema import Column, Schema, check

TRAINED = Schema(
    (
        Column("income", "number", "Int64", nullable=True),
        Column("home", "category", "String", nullable=False, categories=("OWN", "RENT")),
        Column("since", "date", "Date", nullable=False),
        Column("label", "number", "Int64", nullable=False),
    )
)


def changed(**columns):
    """Return the schema with columns replaced, added, or (None) removed."""
    kept = {column.name: column for column in TRAINED.columns} | columns
    return Schema(tuple(column for column in kept.values() if column))


def test_a_schema_survives_json():
    """What is written is read back equal."""
    assert Schema.from_json(json.loads(json.dumps(TRAINED.as_json()))) == TRAINED


def test_the_same_columns_in_another_order_fit():
    """Order, decimals, new categories and missing values are no fault."""
    income = Column("income", "number", "Float64", nullable=True)
    home = Column("home", "text", "String", nullable=True)
    check(TRAINED, Schema((*changed(income=income, home=home).columns[::-1],)))


def test_a_column_without_any_value_fits_every_kind():
    """A kind cannot be told from nothing."""
    check(TRAINED, changed(income=Column("income", "category", "String", nullable=True)))


def test_all_faults_are_in_one_message():
    """Missing, unexpected and changed columns are listed together, with close names."""
    found = changed(
        income=None,
        incme=Column("incme", "number", "Int64", nullable=False),
        since=Column("since", "category", "String", nullable=False, categories=("x",)),
        other=Column("other", "number", "Int64", nullable=False),
    )
    with pytest.raises(TableError) as caught:
        check(TRAINED, found, where="new.csv")
    assert str(caught.value) == (
        "new.csv: column 'income' is missing (is it 'incme'?); column 'incme' is not expected; "
        "column 'other' is not expected; column 'since' was date (Date), now it is category (String)"
        "\n  -> bring the table to the columns income, home, since, label"
    )


def test_optional_and_extra_columns_can_be_allowed():
    """A table to predict has no target, and may have more columns."""
    found = changed(label=None, note=Column("note", "text", "String", nullable=True))
    check(TRAINED, found, optional=["label"], extra=True)
    with pytest.raises(TableError, match="'label' is missing"):
        check(TRAINED, found, extra=True)


def test_a_wrong_name_lists_the_close_ones():
    """The error for a column that is not there helps."""
    with pytest.raises(NotFoundError, match="did you mean 'home'"):
        TRAINED.column("hom")
