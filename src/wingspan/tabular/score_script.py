"""Score rows with the model in this folder.

Run ``python score.py ROWS.csv PREDICTIONS.csv``; either file may be .parquet.
"""

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
from skops.io import get_untrusted_types, load

FOLDER = Path(__file__).parent
PACKAGES = ("sklearn.", "numpy.", "scipy.", "lightgbm.", "xgboost.")


def features(rows: pl.DataFrame, facts: dict) -> np.ndarray:  # type: ignore[type-arg]
    """Return the numbers that the model takes, as in training."""
    columns = []
    for name, fill, indicator in facts["numbers"]:
        values = rows[name].cast(pl.Float64, strict=False).to_numpy()
        columns.append(np.where(np.isnan(values), fill, values))
        if indicator:
            columns.append(np.isnan(values).astype(float))
    for name, values, folded in facts["categories"]:
        text = rows[name].cast(pl.String)
        if rows[name].dtype == pl.Boolean:
            text = text.str.to_titlecase()
        columns += [
            (text == value).fill_null(value=False).to_numpy().astype(float) for value in values[1:]
        ]
        if folded is not None:
            rare = text.is_not_null() & ~text.is_in(values)
            columns.append(rare.to_numpy().astype(float))
    return np.column_stack(columns)


def main(source: str, out: str) -> None:
    """Read rows, predict them, and write one line for each."""
    facts = json.loads((FOLDER / "preparation.json").read_text())
    path = FOLDER / "model.skops"
    types = get_untrusted_types(file=path)
    if wrong := [name for name in types if not name.startswith(PACKAGES)]:
        sys.exit(f"the model asks for {wrong}, which is not trusted")
    model = load(path, trusted=types)
    texts = {name: pl.String for name, *_ in facts["categories"]}
    rows = (
        pl.read_parquet(source)
        if source.endswith(".parquet")
        else pl.read_csv(source, schema_overrides=texts)
    )
    x = features(rows, facts)
    if facts["task"] == "regression":
        made = pl.DataFrame({"prediction": np.asarray(model.predict(x), float)})
    elif hasattr(model, "predict_proba") and len(facts["classes"]) == 2:
        scores = model.predict_proba(x)[:, 1]
        labels = pl.Series(facts["classes"]).gather(
            (scores > facts["threshold"]).astype(int).tolist()
        )
        made = pl.DataFrame({"prediction": labels, "probability": scores})
    elif hasattr(model, "predict_proba"):
        scores = model.predict_proba(x)
        labels = pl.Series(facts["classes"]).gather(scores.argmax(axis=1).tolist())
        each = {f"probability_{label}": scores[:, k] for k, label in enumerate(facts["classes"])}
        made = pl.DataFrame({"prediction": labels, **each})
    else:
        made = pl.DataFrame(
            {"prediction": pl.Series(facts["classes"]).gather(model.predict(x).tolist())}
        )
    made.write_parquet(out) if out.endswith(".parquet") else made.write_csv(out)


if __name__ == "__main__":
    main(*sys.argv[1:3])
