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


def descent(trials: int) -> ws.Pipeline:
    p = ws.Pipeline("descent")
    tuned = p.sweep(
        fit,
        over={"rate": ws.log_uniform(1e-3, 1.0), "momentum": ws.uniform(0.0, 0.95)},
        metric="loss",
        goal="minimize",
        trials=trials,
        parallel=2,
        search="tpe",
        prune="asha",
        seed=1,
    )
    p.step(doubled, tuned)
    return p


descent(16)

# %% [markdown]
# `track="tensorboard"` writes the run as TensorBoard's files as well. `track="wandb"` sends it to Weights & Biases, by W&B's
# own client, from this machine.

# %%
run = descent(16).run(track="tensorboard")
run.study

# %%
run.study.counts, run.study.best.parameters, round(run.study.best.value, 4)

# %%
run.study.table().head()

# %% [markdown]
# The step after the sweep got the result of the best trial.

# %%
round(run["doubled"], 2)

# %% [markdown]
# With more trials the search continues where it ended: four new trials run, and sixteen are there.

# %%
more = descent(20).run(track="tensorboard")
len(more.study.trials), more.study.best.value <= run.study.best.value

# %%
# !wingspan sweep show

# %% [markdown]
# `track check` reads the files back and compares them with the record of the run, value by value.

# %%
# !wingspan track check
