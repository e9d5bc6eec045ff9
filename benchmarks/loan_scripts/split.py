"""Split 80/20 with seed 42 into two CSV files."""

import pandas as pd
from sklearn.model_selection import train_test_split

table = pd.read_csv("processed.csv")
train, test = train_test_split(table, test_size=0.2, random_state=42)
train.to_csv("train.csv", index=False)
test.to_csv("test.csv", index=False)
