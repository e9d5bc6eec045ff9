"""Predict the test rows with the deployed model and write them to a CSV."""

import joblib
import pandas as pd

test = pd.read_csv("test.csv")
scaler, model = joblib.load("models/best.joblib")
test["prediction"] = model.predict(scaler.transform(test.drop(columns="loan_status")))
test.to_csv("predictions.csv", index=False)
