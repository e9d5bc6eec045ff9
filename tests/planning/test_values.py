"""Captured tables and models have a digest: of their content, as the store would keep them."""

import polars as pl
import pytest
from sklearn.linear_model import LinearRegression

from wingspan.errors import DeclarationError
from wingspan.planning.values import value_digest


def digest(value):
    """Return the digest of a value that holds no code but classes of libraries."""
    return value_digest(value, "here", lambda kind, _: kind.__qualname__)


def test_equal_tables_and_models_have_one_digest_and_others_another():
    """Two frames of one content, and two fits of one model, are the same value; a changed cell or label is not."""
    first, second = ({"table": pl.DataFrame({"a": [1, 2]})} for _ in range(2))
    assert digest(first) == digest(second)
    assert digest(first) != digest({"table": pl.DataFrame({"a": [1, 3]})})
    assert digest(first) != digest({"table": pl.LazyFrame({"a": [1, 2]})})
    fits = [LinearRegression().fit([[0.0], [1.0]], [0, slope]) for slope in (1, 1, 2)]
    assert digest(fits[0]) == digest(fits[1]) != digest(fits[2])


def test_what_the_store_refuses_has_no_digest():
    """A value that no codec stores is refused with its place."""
    with pytest.raises(DeclarationError, match="here"):
        digest([object()])
    with pytest.raises(DeclarationError, match="here"):
        digest(pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}))
