"""Predict the rows of a CSV with a saved logistic regression, a million at a time, as a careful script does.

``python predict.py fit TRAIN.csv MODEL`` makes the model; ``python predict.py NEW.csv MODEL OUT.parquet`` predicts.
"""

import sys

import joblib
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROWS = 1_000_000


def fit(path: str, out: str) -> None:
    """Fit and save the model with its preparation."""
    table = pd.read_csv(path)
    y = table.pop("target")
    texts = [name for name in table.columns if name.startswith("text")]
    numbers = [name for name in table.columns if name not in texts]
    prepare = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("texts", OneHotEncoder(drop="first", sparse_output=False), texts),
        ]
    )
    joblib.dump(make_pipeline(prepare, LogisticRegression()).fit(table, y), out)


def predict(path: str, model: str, out: str) -> None:
    """Write label and probability of every row."""
    fitted = joblib.load(model)
    writer = None
    for table in pd.read_csv(path, chunksize=ROWS):
        said = fitted.predict_proba(table)[:, 1]
        labels = fitted.classes_[(said > 0.5).astype(int)]
        rows = pa.table({"prediction": labels, "probability": said})
        writer = writer or pq.ParquetWriter(out, rows.schema)
        writer.write_table(rows)
    if writer is not None:
        writer.close()


if __name__ == "__main__":
    fit(*sys.argv[2:]) if sys.argv[1] == "fit" else predict(*sys.argv[1:])
