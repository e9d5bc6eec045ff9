"""Standardise and fit a logistic regression; keep model and scaler."""

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

train = pd.read_csv("train.csv")
x, y = train.drop(columns="loan_status"), train["loan_status"]
scaler = StandardScaler()
model = LogisticRegression().fit(scaler.fit_transform(x), y)
joblib.dump((scaler, model), "logistic.joblib")
