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
# # 5. Reading and writing tables, with and without a shared folder
#
# A step takes a file as `Path` and returns a table or a file. Where it runs does not change the code.

# %%
import os
from pathlib import Path

import polars as pl

import wingspan as ws
from wingspan.pool.personal import use_pool

_ = use_pool()
pl.DataFrame({"id": range(6), "income": [31.0, 25.0, None, 48.0, 29.0, 40.0]}).write_csv(
    "people.csv"
)


# %%
def clean(csv: Path) -> pl.DataFrame:
    return pl.read_csv(csv).with_columns(pl.col("income").fill_null(strategy="mean"))


def report(people: pl.DataFrame) -> Path:
    out = Path("report.csv")
    people.group_by(pl.col("income") > 30).len().sort("len").write_csv(out)
    return out


p = ws.Pipeline("people")
people = p.step(clean, Path("people.csv"))
p.step(report, people)

# %% [markdown]
# By transfer: HTCondor sends the CSV to the job and brings its results back.

# %%
run = p.run("htcondor", home="transferred")
run["clean"]

# %%
print(run["report"].read_text())

# %% [markdown]
# With a folder that the machines share, nothing but the jobs' descriptions is transferred.

# %%
shared = Path(os.environ.get("SHARED", "shared")).absolute()
shared.mkdir(exist_ok=True)
there = p.run("htcondor", home="in-place", shared=shared)
there["clean"].equals(run["clean"])

# %% [markdown]
# A result is written where you like, in the format that the name says.

# %%
# !wingspan show clean --home transferred --out clean.parquet

# %%
pl.read_parquet("clean.parquet").shape
