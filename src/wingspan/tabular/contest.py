"""Compare models on rows whose target is known.

The models are deployed ones, or a new one and the one that it would replace.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wingspan.errors import TableError, WingspanError
from wingspan.tabular.apply import predicted_by
from wingspan.tabular.blocks import BLOCK_ROWS, Table, iter_blocks
from wingspan.tabular.bundle import MANIFEST, Bundle
from wingspan.tabular.clean import is_missing
from wingspan.tabular.deploy import Deployed, deployed_models
from wingspan.tabular.evaluate import Evaluation, count_rows, evaluation, merge_some
from wingspan.tabular.features import Features
from wingspan.tabular.findings import SMALL_TEST
from wingspan.tabular.metrics import Counts
from wingspan.tabular.read import ReadOptions, read_table
from wingspan.tabular.residuals import Residuals, count_errors
from wingspan.tabular.schema import check
from wingspan.tabular.select import is_better
from wingspan.tabular.split import Assignment, SplitRule, assign, test_mask
from wingspan.tabular.transform import features_of, target_of

if TYPE_CHECKING:
    import polars as pl


def compare(
    bundles: Mapping[str, Bundle], source: Path, options: ReadOptions | None = None
) -> dict[str, Evaluation]:
    """Return how well each model does on rows of a file that has the target.

    Raises
    ------
    TableError
        The models predict different targets, or the rows do not fit one of them.
    """
    targets = {bundle.preparation.target for bundle in bundles.values()}
    if len(targets) > 1:
        problem = f"the models predict different targets: {', '.join(sorted(targets))}"
        raise TableError("models compare", problem, "name models of the same target")
    found = {}
    for name, bundle in bundles.items():
        with TemporaryDirectory() as folder:
            reading = (options or ReadOptions()).with_marks(bundle.preparation.reading)
            expected = bundle.preparation.schema
            table = read_table(source, Path(folder), options=reading, expected=expected)
            check(expected, table.schema, where=str(source), extra=True)
            found[name] = judge(bundle, table)
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How a new model and the deployed one do on the test rows that neither was fitted on.

    Attributes
    ----------
    metric
        The one by which they are compared.
    """

    reference: str
    metric: str
    old: Evaluation
    new: Evaluation

    @property
    def keeps(self) -> bool:
        """Whether the deployed model is better, beyond the interval of its metric."""
        return is_better(self.old, self.new, self.metric)


def rival_of(models: Path, name: str, new: Path) -> Deployed | None:
    """Return the deployed model that a new one would replace, if there is a different one."""
    current = [one for one in deployed_models(models) if one.name == name and one.current]
    if not current or (current[0].folder / MANIFEST).read_bytes() == (new / MANIFEST).read_bytes():
        return None
    return current[0]


def standing(
    rival: Deployed, new: Path, table: Table, split: SplitRule, metric: str
) -> Standing | None:
    """Judge a deployed model and a new one on the same rows, if they can be compared.

    Rows are known by their place in the table: those that the deployed model's own split has for the test, or that
    came after its table, are rows that it never saw. A model of another target or other columns, or trained in
    compatibility mode, is not compared; nor are fewer than 30 rows.
    """
    old, fresh = Bundle.load(rival.folder), Bundle.load(new)
    kinds = {bundle.preparation.compatibility for bundle in (old, fresh)}
    same = (
        old.preparation.target == fresh.preparation.target
        and old.preparation.task == fresh.preparation.task
    )
    if True in kinds or not same or old.preparation.classes != fresh.preparation.classes:
        return None
    try:
        check(old.preparation.schema, table.schema, extra=True)
        mine = assign(table, split)
        theirs = assign(table, replace(SplitRule.from_json(old.card.split), fold=None))
    except WingspanError:
        return None
    rows = list(_unseen(table, mine, theirs, old.card.rows))
    if sum(len(frame) for _, frame in rows) < SMALL_TEST:
        return None
    return Standing(rival.reference, metric, _judged(old, rows), _judged(fresh, rows))


def _unseen(
    table: Table, mine: Assignment, theirs: Assignment, rows: int
) -> "Iterable[tuple[int, pl.DataFrame]]":
    """Yield the test rows of a split that the other model never saw, block by block.

    Those are rows that the other split tests too, and rows that came later.
    """
    import polars as pl

    for block, frame in enumerate(iter_blocks(table)):
        later = np.arange(len(frame)) + block * BLOCK_ROWS >= rows
        mask = test_mask(mine, block, frame) & (test_mask(theirs, block, frame) | later)
        yield block, frame.filter(pl.Series(mask))


def judge(bundle: Bundle, table: Table) -> Evaluation:
    """Return how well a model does on all rows of a table."""
    return _judged(bundle, enumerate(iter_blocks(table, list(bundle.preparation.schema.names))))


def _judged(bundle: Bundle, rows: "Iterable[tuple[int, pl.DataFrame]]") -> Evaluation:
    prepared, model = bundle.preparation, bundle.model
    threshold = bundle.card.threshold
    scale = {"center": prepared.center, "scale": prepared.scale}

    def counted(block: int, x: Features, y: NDArray[Any]) -> Counts | Residuals:
        if prepared.task == "regression":
            return count_errors(predicted_by(model, x), y, block, **scale)
        classes = len(prepared.classes)
        return count_rows(model, x, y, block, threshold=threshold, classes=classes)

    merged = merge_some(
        counted(block, features_of(prepared, frame), target_of(prepared, frame))
        for block, frame in _labelled(rows, prepared.target)
    )
    return evaluation(merged, prepared.classes)


def _labelled(
    rows: "Iterable[tuple[int, pl.DataFrame]]", target: str
) -> "Iterable[tuple[int, pl.DataFrame]]":
    """Yield the rows that have a target."""
    import polars as pl

    for block, frame in rows:
        yield block, frame.filter(pl.Series(~is_missing(frame[target])))
