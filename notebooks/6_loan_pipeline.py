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
# # 6. The whole loan pipeline: train, watch, compare, deploy, predict, report
#
# The table here is made up and small. Take your own CSV instead: only its name and the target change.

# %%
import random
from pathlib import Path

import polars as pl

from wingspan.pool.personal import use_pool
from wingspan.recipes.table_prediction import add_prediction
from wingspan.recipes.table_training import Training, table_training
from wingspan.tabular.deploy import deploy

_ = use_pool()

# %%
draw = random.Random(42)
rows = []
for number in range(1500):
    income, amount = draw.lognormvariate(10.5, 0.4), draw.lognormvariate(9.0, 0.5)
    grade = draw.choice("ABCD")
    risk = amount / income + "ABCD".index(grade) / 10 + draw.gauss(0, 0.1)
    rows.append(
        {
            "id": number,
            "income": round(income),
            "amount": round(amount),
            "grade": grade,
            "default": int(risk > 0.5),
        }
    )
table = pl.DataFrame(rows)
table[:1300].write_csv("loans.csv")
table[1300:].drop("default").write_csv("new_loans.csv")
table.head()

# %% [markdown]
# One pipeline: read, clean, split, fit the models side by side, evaluate, choose.

# %%
what = Training(
    data=Path("loans.csv"),
    target="default",
    estimators={"logistic": "logistic_regression", "tree": "decision_tree"},
    parameters={"tree": {"max_depth": 4}},
    select=("roc_auc",),
)
p = table_training(what)
predictions = add_prediction(
    p,
    p.steps["choose_best"].handle().bundle,
    Path("new_loans.csv"),
    preparation=p.steps["prepare"].handle(),
)
p

# %% [markdown]
# `submit` returns at once: the jobs go on without this notebook. `watch` shows them in one display until they have ended.

# %%
run = p.submit("htcondor")
_ = run.watch()

# %% [markdown]
# Which model is the best, by which metric, and how sure is that?

# %%
best = run["choose_best"].selection
best.best, best.metrics

# %%
evaluation = run[f"evaluate[{best.best}]"]
evaluation

# %% [markdown]
# Deploy it. A program that loads the model meanwhile gets the old version or the new one, never half of it.

# %%
deployed = deploy(run["choose_best"].bundle, Path("models"), "loans")
print((deployed.folder / "card.md").read_text()[:400])

# %% [markdown]
# The new rows were predicted in the same run, by the model that won.

# %%
made = run[predictions.step]
scored = pl.read_csv(made.path)
scored.height, made.labels

# %% [markdown]
# One HTML file says all of it: what ran where, how long it took, and the models side by side.

# %%
# !wingspan report --out report.html

# %%
Path("report.html").stat().st_size < 2_000_000
