"""Cross-validate boosted trees on a table as a careful script does, with the folds that it is given.

``python train.py TABLE.csv PARTS.npy``: the part of each row is -1 for the test, else its fold from 1. Missing numbers
get the mean of the rows that a fit learns from, texts become columns of 0 and 1. Prints metrics and seconds as JSON.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score


def main() -> None:
    """Fit each fold, then all training rows; judge both."""
    path, parts = sys.argv[1:]
    part = np.load(parts)
    header = pd.read_csv(path, nrows=0).columns
    texts = [name for name in header if name.startswith("text")]
    types = dict.fromkeys(texts, "category")
    table = pd.read_csv(path, engine="pyarrow", dtype=types)
    y = (table.pop("target") == "yes").to_numpy().astype(np.int64)
    x, numbers = features(table, texts)
    del table
    fits = []
    said = np.empty(len(y))
    for fold in range(1, part.max() + 1):
        learned, judged = (part > 0) & (part != fold), part == fold
        said[judged] = fitted(x, y, learned, judged, numbers, fits)
    found = judge("validation", y[part > 0], said[part > 0])
    test = part == -1
    found |= judge("test", y[test], fitted(x, y, ~test, test, numbers, fits))
    print(json.dumps(found | {"fits": fits}))


def features(table: pd.DataFrame, texts: list[str]) -> tuple[np.ndarray, int]:
    """Return all features (N, F), numbers first, and how many numbers there are; missing numbers are NaN."""
    numbers = [name for name in table.columns if name not in texts]
    values = {name: sorted(table[name].cat.categories) for name in texts}
    x = np.zeros((len(table), len(numbers) + sum(len(v) - 1 for v in values.values())))
    for place, name in enumerate(numbers):
        x[:, place] = table[name]
    place = len(numbers)
    for name in texts:
        codes = table[name].cat.set_categories(values[name]).cat.codes.to_numpy()
        rows = np.flatnonzero(codes > 0)
        x[rows, place + codes[rows] - 1] = 1
        place += len(values[name]) - 1
    return x, len(numbers)


def fitted(
    x: np.ndarray,
    y: np.ndarray,
    learned: np.ndarray,
    judged: np.ndarray,
    numbers: int,
    fits: list[float],
) -> np.ndarray:
    """Fit the learned rows; return the probabilities of the judged ones."""
    train, test = x[learned], x[judged]
    means = np.nanmean(train[:, :numbers], axis=0)
    for rows in (train, test):
        for place in range(numbers):
            column = rows[:, place]
            column[np.isnan(column)] = means[place]
    start = time.perf_counter()
    model = HistGradientBoostingClassifier(random_state=42).fit(train, y[learned])
    fits.append(time.perf_counter() - start)
    return model.predict_proba(test)[:, 1]


def judge(rows: str, y: np.ndarray, said: np.ndarray) -> dict[str, float]:
    """Return the metrics of some rows."""
    return {f"{rows} log_loss": log_loss(y, said), f"{rows} roc_auc": roc_auc_score(y, said)}


if __name__ == "__main__":
    main()
