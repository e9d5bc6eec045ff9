# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # 2. scikit-learn on an execution point, without installing anything there
#
# A function of this notebook runs as a job. Wingspan sends the interpreter, the libraries and the function with it. On a pool
# of this machine alone, jobs use the interpreter that is here.

# %%
import os
from typing import NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import wingspan as ws
from wingspan.pool.personal import use_pool

_ = use_pool()


# %%
class Scored(NamedTuple):
    accuracy: np.ndarray
    folder: str
    threads: str


def crossed(strength: float, folds: int = 5) -> Scored:
    x, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=500))
    return Scored(
        cross_val_score(model, x, y, cv=folds), os.getcwd(), os.environ["OMP_NUM_THREADS"]
    )


p = ws.Pipeline("cancer")
p.map(crossed, over={"strength": [0.01, 1.0]}, resources=ws.Resources(cpus=1, memory="1GB"))
p

# %% [markdown]
# The plan says what would run. Then it runs on the pool.

# %%
plan = p.plan(on="htcondor")
print(plan)

# %%
run = p.run("htcondor")
run

# %% [markdown]
# Results are ordinary values: here the accuracy of each strength, and the number of threads, which is that of the cores that
# were requested.

# %%
{
    label: (scored.accuracy.mean().round(3), scored.threads)
    for label, scored in run["crossed"].items()
}

# %% [markdown]
# Each job worked in a folder of its own, not in that of this notebook.

# %%
{scored.folder == os.getcwd() for scored in run["crossed"].values()}

# %% [markdown]
# A second run would run nothing: code, arguments and library versions are the same.

# %%
print(p.plan(on="htcondor"))
