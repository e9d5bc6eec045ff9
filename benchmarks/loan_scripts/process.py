"""Fill missing numbers with the mean, one-hot encode, write a CSV."""

import pandas as pd

table = pd.read_csv("loan_data.csv")
numbers = table.select_dtypes("number").columns
table[numbers] = table[numbers].fillna(table[numbers].mean())
pd.get_dummies(table, drop_first=True).to_csv("processed.csv")
