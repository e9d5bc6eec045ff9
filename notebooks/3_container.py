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
# # 3. The same in a container, with data from a shared folder
#
# An image is named as `docker://python:3.12-slim`, as a `.sif` file that is sent, or as a file in a folder that the machines
# share. The image needs no Python and no Wingspan: both travel. The execution points must run containers:
# `wingspan check` and `wingspan why` say whether they do, and [the guide](../docs/containers.md) says what the pool's
# administrator sets.

# %%
import os
from pathlib import Path

import wingspan as ws
from wingspan.pool.personal import use_pool

_ = use_pool()
image = os.environ.get("IMAGE", "docker://python:3.12-slim")
shared = os.environ.get(
    "SHARED"
)  # a folder that the machines share, mounted into containers by the pool
image, shared


# %%
def read(table: Path) -> list[int]:
    return [int(word) for word in table.read_text().split()]


def inside(numbers: list[int]) -> dict[str, str]:
    system = Path("/etc/os-release").read_text().splitlines()[0]
    return {"system": system, "total": str(sum(numbers))}


numbers = Path(shared or ".", "numbers.txt")
numbers.write_text("1 2 3 4\n")
p = ws.Pipeline("boxed")
p.step(inside, p.step(read, numbers), resources=ws.Resources(image=image, memory="1GB"))

# %% [markdown]
# Without a shared folder, files are transferred; with one, jobs read them where they lie.

# %%
run = p.run("htcondor", shared=shared)
run["inside"]
