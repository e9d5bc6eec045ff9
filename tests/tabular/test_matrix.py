"""One array of all rows of a part, whatever the number of threads that write it."""

import numpy as np
import polars as pl

from wingspan.tabular.matrix import matrix
from wingspan.tabular.prepare import learn_preparation
from wingspan.tabular.split import SplitRule


def test_threads_change_no_row(table_of, monkeypatch):
    """Two blocks, written by one thread and by three, in input order and in another one."""
    random = np.random.default_rng(0)
    size = 140_000
    columns = {"a": random.normal(size=size), "b": random.choice(["x", "y", "z"], size)}
    table, split = table_of(pl.DataFrame(columns | {"t": random.integers(0, 2, size)})), SplitRule()
    prepared = learn_preparation(table, split, target="t")
    order = random.permutation(prepared.training_rows)
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(matrix(table, split, prepared, "train"))
        moved = matrix(table, split, prepared, "train", order=order)
        for name in ("x", "y", "rows"):
            np.testing.assert_array_equal(getattr(moved, name), getattr(found[-1], name)[order])
    for name in ("x", "y", "rows"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))
    assert (np.diff(found[0].rows) > 0).all()
