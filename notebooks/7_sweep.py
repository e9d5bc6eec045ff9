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
# # 7. A sweep with pruning, tracked
#
# A sweep is a step whose arguments are searched. Bad trials stop early. What comes after reads the best one.

# %%
import wingspan as ws


def fit(rate: float, momentum: float, epochs: int = 12) -> dict[str, float]:
    weight, speed = 0.0, 0.0
    for epoch in range(epochs):
        speed = momentum * speed - rate * 2 * (weight - 1.0)
        weight += speed
        loss = (weight - 1.0) ** 2
        ws.log({"loss": loss}, step=epoch)
        if ws.should_stop():
            break
    return {"loss": loss, "weight": weight}


def doubled(best: dict[str, float]) -> float:
    return 2 * best["weight"]


p = ws.Pipeline("descent")
tuned = p.sweep(
    fit,
    over={"rate": ws.log_uniform(1e-3, 1.0), "momentum": ws.uniform(0.0, 0.95)},
    metric="loss",
    goal="minimize",
    trials=16,
    parallel=2,
    search="tpe",
    prune="asha",
    seed=1,
)
p.step(doubled, tuned)
p

# %% [markdown]
# The record of the run is mirrored as TensorBoard files; `track="wandb"` sends it to Weights & Biases, by its own client,
# from this machine.

# %%
run = p.run()
run.study

# %%
run.study.counts, run.study.best.parameters, round(run.study.best.value, 4)

# %%
run.study.table().head()

# %%
run["doubled"]

# %% [markdown]
# More trials go on where these ended: only the new ones run.

# %%
# !wingspan sweep show

# %%
# !wingspan track sync --to tensorboard --out events
