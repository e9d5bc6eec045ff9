"""What the page on models shows works as it stands."""

import re
from pathlib import Path

import numpy as np
import polars as pl

PAGE = Path(__file__).parents[2] / "docs/models.md"


def test_the_examples_run(tmp_path, monkeypatch):
    """All Python on the page runs from top to bottom; the model is deployed, and predicts every row."""
    random = np.random.default_rng(1)
    rows = 300
    table = pl.DataFrame(
        {
            "id": range(rows),
            "income": random.integers(1000, 9000, rows),
            "home": random.choice(["OWN", "RENT"], rows),
            "loan_status": random.integers(0, 2, rows),
        }
    )
    table.write_csv(tmp_path / "loans.csv")
    table.drop("loan_status").head(20).write_csv(tmp_path / "new.csv")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(block, names)  # noqa: S102
    assert (tmp_path / "models/loan/current").read_text() == "1\n"
    assert pl.read_parquet(tmp_path / "out.parquet")["id"].to_list() == list(range(20))
