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
# # 4. A DAG from Python, seen as files, submitted by hand
#
# A pipeline is written as files that `condor_submit_dag` takes: for a pool on which Wingspan may not submit, or to see what
# it would do.

# %%
import time
from pathlib import Path

from wingspan.accesspoint.jobs import query, submit_dag
from wingspan.dag.reader import read_dag
from wingspan.pool.personal import use_pool

_ = use_pool()

# %% [markdown]
# The functions of an exported DAG are in a file.

# %%
Path("squares.py").write_text("""
import wingspan as ws


def square(number: int) -> int:
    return number * number


def total(squares: list[int]) -> int:
    return sum(squares)


def pipeline() -> ws.Pipeline:
    p = ws.Pipeline("squares")
    squares = p.map(square, over={"number": [1, 2, 3]}, max_jobs=2)
    p.step(total, squares, resources=ws.Resources(memory="500MB"))
    return p
""")

# %%
# !wingspan plan squares.py --export exported --on htcondor

# %%
(dag_file,) = Path("exported").glob("*.dag")
print(dag_file.read_text())

# %%
dag = read_dag(dag_file)
sorted(dag.nodes)

# %% [markdown]
# Submit it: on the command line `condor_submit_dag`, here the same by the bindings. Then wait until DAGMan has left the queue.

# %%
cluster = submit_dag(dag_file)
while query(f"ClusterId == {cluster}", ["JobStatus"]):
    time.sleep(0.5)

# %% [markdown]
# `wingspan collect` brings the results into the store, where the next run of the pipeline finds them.

# %%
# !wingspan collect exported

# %%
# !wingspan run squares.py
