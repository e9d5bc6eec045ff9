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
# # 1. One job: submit it, follow it, read its log
#
# The access point's queue, from Python. You need a pool: the one of this machine (`wingspan pool start`), or any pool
# whose `CONDOR_CONFIG` is set.

# %%
import time
from pathlib import Path

from wingspan.accesspoint.jobs import query, submit
from wingspan.accesspoint.status import pool_status
from wingspan.eventlog.read import read_events
from wingspan.pool.personal import use_pool

_ = use_pool()
print(pool_status())

# %% [markdown]
# A job is a program and what it asks for. The names are HTCondor's submit commands.

# %%
log = Path("hello.log").absolute()
cluster = submit(
    {
        "executable": "/bin/sh",
        "arguments": "\"-c 'echo hello from $(uname -n); sleep 2'\"",  # in double quotes: HTCondor's newer syntax
        "transfer_executable": "false",
        "initialdir": Path.cwd(),
        "output": "hello.out",
        "error": "hello.err",
        "log": log,
        "request_cpus": 1,
        "request_memory": "100MB",
        "request_disk": "10MB",
    }
)
cluster

# %% [markdown]
# `query` asks the queue. `JobStatus` is 1 for idle, 2 for running, 5 for held. A job that has ended is no longer there.

# %%
STATES = {1: "idle", 2: "running", 3: "removed", 4: "completed", 5: "held"}
seen = []
while ads := query(f"ClusterId == {cluster}", ["JobStatus"]):
    state = STATES[ads[0]["JobStatus"]]
    if state not in seen:
        seen.append(state)
    time.sleep(0.2)
seen

# %% [markdown]
# What the job wrote, and what HTCondor wrote about it. The event log is enough to follow a job: no query is needed.

# %%
print(Path("hello.out").read_text())

# %%
events = read_events(log)
names = {
    0: "submitted",
    1: "execution began",
    5: "ended",
    6: "usage reported",
    40: "files transferred",
}
[names.get(code, code) for code in events.code.tolist()]

# %% [markdown]
# The same without writing a submit description: Wingspan sends the command, waits and brings the output back.

# %%
# !wingspan exec --on htcondor -- /bin/sh -c 'echo 6 times 7 is $((6*7))'
