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
# # 8. From an event log to advice
#
# The event log of an access point says which jobs were held, and why. No daemon is asked, and nothing is changed. The log
# here is of a simulated pool, so that the truth is known; take your own instead.

# %%
from pathlib import Path

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.holds.timeline import make_timeline
from wingspan.eventlog.read import read_events
from wingspan.eventlog.summary import summarise

Path("pool.toml").write_text("""
days = 2.0
workload = { jobs_per_day = 1500.0, image_update_s = 40000.0 }
log = { access_points = 1 }
""")

# %%
# !wingspan simulate pool.toml --out pool.log --truth pool.truth.jsonl --seed 1

# %%
# !wingspan events summary pool.log

# %% [markdown]
# The columns of the log are arrays.

# %%
events = read_events(Path("pool.log"))
len(events.code), int((events.code == 12).sum())

# %%
summary = summarise(events)
[(group.code, group.subcode, group.holds, group.cause) for group in summary.holds[:5]]

# %% [markdown]
# What to do about the jobs that are held at the end of the log: release, fix first or remove.

# %%
# !wingspan holds advise pool.log

# %%
incidents = advise(make_timeline(events))
len(incidents)

# %% [markdown]
# What a code means, without any log:

# %%
# !wingspan holds explain 12/2
