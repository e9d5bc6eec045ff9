"""What the page on tables shows works as it stands."""

import re
from pathlib import Path

import numpy as np
import polars as pl

PAGE = Path(__file__).parents[2] / "docs/tables.md"


def test_the_examples_run(tmp_path, monkeypatch):
    """All Python on the page runs from top to bottom."""
    random = np.random.default_rng(1)
    rows = 500
    pl.DataFrame(
        {
            "id": range(rows),
            "age": random.integers(10, 110, rows),
            "income": random.integers(1000, 9000, rows),
            "amount": random.integers(100, 900, rows),
            "home": random.choice(["OWN", "RENT"], rows),
            "loan_status": random.integers(0, 2, rows),
        }
    ).write_csv(tmp_path / "loans.csv")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    names = {}
    for block in blocks:
        exec(block, names)  # noqa: S102
    assert names["train"].x.shape == (len(names["train"].y), 6)
    assert names["preparation"].counts["age: out of range, made missing"] > 0
