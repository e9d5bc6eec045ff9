"""Add the steps that predict new rows to a pipeline."""

from pathlib import Path

from wingspan.pipeline.handles import Handle
from wingspan.pipeline.resources import Resources
from wingspan.recipes.requests import numbers_of, size_mb
from wingspan.recipes.table_steps import (
    collect,
    predict,
    predict_file,
    predict_shard,
    read_new,
)
from wingspan.tabular.declared import check_columns
from wingspan.tabular.estimate import BASE_MB, model_mb_of
from wingspan.tabular.read import ReadOptions
from wingspan.workflow import Pipeline


def add_prediction(  # noqa: PLR0913 - a command's options
    p: Pipeline,
    model: Handle | Path,
    data: Path | list[Path],
    *,
    preparation: Handle | None = None,
    suffix: str = ".csv",
    id_column: str | None = None,
    options: ReadOptions | None = None,
    shards_in_all: int = 1,
    memory: str | None = None,
    memory_mb: int = BASE_MB,
    interval: float | None = None,
    cpus: int = 1,
) -> Handle:
    """Add the steps that predict raw rows with a bundle.

    The result's ``path`` is one file in the order of the rows.

    Parameters
    ----------
    preparation
        Preparation of the model, if it is a result too. The rows can then be read before the model exists.
    interval
        With a regression: the share of new rows that lie between the columns ``low`` and ``high``.
    cpus
        Cores of each step; no result depends on it.
    memory
        Memory of each step; default: `memory_mb`, and what reading a model of this size needs.
    """
    if id_column is not None:
        check_columns(data, options or ReadOptions(), [id_column])
    memory_mb = max(memory_mb, model_mb_of(model) if isinstance(model, Path) else 0)
    seconds = round(1 + 0.1 * size_mb(data), 1)
    asked = Resources(cpus, memory=memory, expected=seconds, expected_memory=memory_mb)
    if preparation is None and shards_in_all == 1:
        how = (options or ReadOptions(), id_column, suffix, interval)
        return p.step(predict_file, model, data, *how, name="predict", resources=asked)
    needed = model if preparation is None else preparation
    table = p.step(read_new, needed, data, options or ReadOptions(), resources=asked)
    if shards_in_all == 1:
        return p.step(predict, model, table, id_column, suffix, interval, resources=asked)
    parts = p.map(
        predict_shard,
        model,
        table,
        id_column,
        interval,
        over=numbers_of(shards_in_all),
        shards_in_all=shards_in_all,
        resources=asked,
    )
    return p.step(collect, parts, suffix, model, name="predict", resources=asked)
