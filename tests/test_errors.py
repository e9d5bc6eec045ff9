"""Every exception keeps its fields and survives a process boundary."""

import pickle  # noqa: TID251 - the law under test is that exceptions survive it

import pytest

from wingspan import errors

LEAVES = [
    leaf
    for leaf in vars(errors).values()
    if isinstance(leaf, type) and issubclass(leaf, errors.WingspanError)
]


@pytest.mark.parametrize("leaf", LEAVES)
def test_survives_a_process_boundary(leaf):
    """An exception rebuilt in another process says the same."""
    error = leaf("loans.csv:3", "expected 13 fields, found 12", "repair the line")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is leaf
    assert (
        str(copy) == str(error) == "loans.csv:3: expected 13 fields, found 12\n  -> repair the line"
    )


def test_tree_in_the_docstring_is_complete():
    """The drawn tree names every exception."""
    assert all(leaf.__name__ in errors.__doc__ for leaf in LEAVES)


def test_a_message_acts_on_no_terminal():
    """Whatever names and values stand in it, it can be printed."""
    text = str(errors.WingspanError("step \x1b[2J", "found \udcff\0", "rename it"))
    assert text == "step \\x1b[2J: found \\udcff\\x00\n  -> rename it"
