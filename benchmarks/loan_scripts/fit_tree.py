"""Standardise and fit a decision tree of full depth; keep model and scaler."""

import joblib
import pandas as pd
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

train = pd.read_csv("train.csv")
x, y = train.drop(columns="loan_status"), train["loan_status"]
scaler = StandardScaler()
model = DecisionTreeClassifier(random_state=0).fit(scaler.fit_transform(x), y)
joblib.dump((scaler, model), "tree.joblib")
