"""Write accuracy, precision, recall and F1 of the tree model on the test rows."""

import json
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

test = pd.read_csv("test.csv")
x, y = test.drop(columns="loan_status"), test["loan_status"]
scaler, model = joblib.load("tree.joblib")
guess = model.predict(scaler.transform(x))
scores = {
    "accuracy": accuracy_score(y, guess),
    "precision": precision_score(y, guess),
    "recall": recall_score(y, guess),
    "f1": f1_score(y, guess),
}
Path("tree.json").write_text(json.dumps(scores))
