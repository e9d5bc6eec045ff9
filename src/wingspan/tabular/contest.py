"""Compare deployed models on one table of rows whose target is known."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from wingspan.errors import TableError
from wingspan.tabular.blocks import Table, iter_blocks
from wingspan.tabular.bundle import Bundle
from wingspan.tabular.evaluate import Evaluation, count_rows, evaluation, merge_some, predicted_by
from wingspan.tabular.metrics import Counts
from wingspan.tabular.read import ReadOptions, read_table
from wingspan.tabular.residuals import Residuals, count_errors
from wingspan.tabular.schema import check
from wingspan.tabular.train import precision_of
from wingspan.tabular.transform import target_of, transform


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


def judge(bundle: Bundle, table: Table) -> Evaluation:
    """Return how well a model does on all rows of a table."""
    prepared, model = bundle.preparation, bundle.model
    threshold = bundle.card.threshold
    scale = {"center": prepared.center, "scale": prepared.scale}

    def counted(block: int, x: object, y: object) -> Counts | Residuals:
        if prepared.task == "regression":
            return count_errors(predicted_by(model, x), y, block, **scale)  # type: ignore[arg-type]
        classes = len(prepared.classes)
        return count_rows(model, x, y, block, threshold=threshold, classes=classes)  # type: ignore[arg-type]

    names = list(prepared.schema.names)
    dtype = precision_of(model)
    merged = merge_some(
        counted(block, transform(prepared, frame, dtype=dtype), target_of(prepared, frame))
        for block, frame in enumerate(iter_blocks(table, names))
    )
    return evaluation(merged, prepared.classes)
