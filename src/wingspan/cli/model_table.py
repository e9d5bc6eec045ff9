"""Print the results of training and prediction: models side by side, predictions by label."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.cli.json_output import print_json
from wingspan.cli.paper import columns, wrap
from wingspan.shown import counted, shown_name

if TYPE_CHECKING:
    from wingspan.recipes.training import Training
    from wingspan.runner.run import Run
    from wingspan.tabular.deploy import Deployed
    from wingspan.tabular.evaluate import Evaluation
    from wingspan.tabular.predict import Predictions
    from wingspan.tabular.select import Selection
    from wingspan.tabular.survey import Survey


def print_guess(what: "Training") -> None:
    """Print why a target of numbers is not treated as classes."""
    task, reason = what.guess
    if reason:
        other = "classification" if task == "regression" else "regression"
        note = f"note: this is a {task}, as {reason}; --task {other} changes it"
        print(wrap(note, "  "), file=sys.stderr)


def print_rules(what: "Training") -> None:
    """Print the cleaning rules of the columns as a file for ``--rules``; train nothing."""
    from tempfile import TemporaryDirectory

    from wingspan.tabular.inputs import with_date_parts
    from wingspan.tabular.read import read_table

    with TemporaryDirectory() as folder:
        table = read_table(what.data, Path(folder), options=what.options)
        table.schema.column(what.target)
        print_json(with_date_parts(table, what.wanted).as_json())


_DIGITS = 3
_COLUMNS = 40
"""Most columns of a table that are printed; the card has all."""


def print_survey(run: "Run", step: str) -> None:
    """Print the use of each column and what is odd about the table, as soon as `survey` is done."""
    if step != "survey":
        return
    found: Survey = run[step].survey
    head = ("column", "kind", "missing", "distinct", "used as")
    rows = [
        (shown_name(each.name), each.kind, f"{each.missing:,}", f"{each.distinct:,}", each.used)
        for each in found.columns[:_COLUMNS]
    ]
    widths = [max(len(row[k]) for row in (head, *rows)) for k in range(len(head) - 1)]
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        print("  ".join([*cells, row[-1]]))
    if (more := len(found.columns) - _COLUMNS) > 0:
        print(f"and {counted(more, 'more column')}")
    for finding in found.findings:
        print(wrap(f"warning: {shown_name(finding.message)}", "  "))
        print(wrap(f"  -> {finding.fix}", "     "))
    print()


def print_comparison(
    compared: Mapping[str, "Evaluation"],
    selection: "Selection",
    tested: "Evaluation | None",
    baseline: str,
) -> None:
    """Print the models side by side, the chosen one, and its metrics on the test rows."""
    from wingspan.tabular.select import is_better

    best, metric = selection.best, selection.metrics[0]
    rows = "test row" if tested is None else "validation row"
    print_evaluations(compared, best, selection.metrics, rows)
    if selection.ties:
        tie = f"a tie: {', '.join([best, *selection.ties])} are equal by these; the first is taken"
        print(wrap(tie))
    if not is_better(compared[best], compared[baseline], metric):
        print(
            wrap(f"{best} is not better by {metric} than the baseline, which sees only the target")
        )
    if compared[best].threshold != 0.5:
        above = f"score is above {compared[best].threshold:.4g}"
        print(wrap(f"a row is predicted as {compared[best].classes[1]} if its {above}"))
    if tested is not None:
        print()
        print_evaluations({best: tested}, "", [], "")
        used = "which was" if tested.rows == 1 else "which were"
        rows = counted(tested.rows, "test row")
        print(wrap(f"{best} on {rows}, {used} not used before"))


def print_gains(run: "Run") -> None:
    """Print the gain of tuning, the tuned parameters, and the learning curve."""
    for label, gain in (run.get("gains") or {}).items():
        found = run[f"tune[{label}]"].parameters
        print(wrap(str(gain), "  "))
        print(wrap(f"  {', '.join(f'{name} {_found(value)}' for name, value in found.items())}"))
    if (curve := run.get("learning_curve")) is not None:
        print(wrap(str(curve), "  "))


def _found(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_evaluations(
    evaluations: Mapping[str, "Evaluation"],
    best: str,
    metrics: list[str],
    rows_are: str = "test row",
) -> None:
    """Print metrics with their intervals, one model per column.

    Models that do not fit into the line follow below.
    """
    names = list(dict.fromkeys(name for one in evaluations.values() for name in one.metrics))
    digits = {name: _digits(name, evaluations.values()) for name in names}
    models = [
        _metric_column(f"{label}{' *' if label == best else ''}", one, digits)
        for label, one in evaluations.items()
    ]
    left = _justified(["metric", *names])
    while models:
        lines = left
        while models and (lines is left or len(lines[0]) + 2 + len(models[0][0]) <= columns()):
            lines = [f"{line}  {cell}" for line, cell in zip(lines, models.pop(0), strict=True)]
        print("\n".join([*(line.rstrip() for line in lines), ""]))
    rows = next(iter(evaluations.values())).rows
    if metrics:
        by = f"* best by {', then '.join(metrics)}, on {counted(rows, rows_are)}"
        print(wrap(f"{by}; 95 % intervals"))


def _digits(name: str, evaluations: "Iterable[Evaluation]") -> int:
    """Return the decimals of a metric: more for errors of small numbers."""
    from wingspan.tabular.metrics import IN_UNITS, digits_for

    found = [one.metrics[name].value for one in evaluations if name in one.metrics]
    return digits_for(found, _DIGITS) if name in IN_UNITS else _DIGITS


def _metric_column(heading: str, one: "Evaluation", digits: Mapping[str, int]) -> list[str]:
    from wingspan.tabular.metrics import shown_value

    cells = [heading]
    for name, places in digits.items():
        found = one.metrics.get(name)
        if found is None or found.value is None:
            cells.append("-")
        else:
            value, low, high = (
                shown_value(each or 0.0, places) for each in (found.value, found.low, found.high)
            )
            cells.append(f"{value} ({low}, {high})")
    return _justified(cells)


def _justified(cells: list[str]) -> list[str]:
    width = max(map(len, cells))
    return [cell.ljust(width) for cell in cells]


def prediction_facts(predictions: "Predictions", model: "Deployed", out: Path) -> dict[str, Any]:
    """Return the facts of predictions for a program."""
    return {
        "out": str(out),
        "rows": predictions.rows,
        "labels": predictions.labels,
        "limits": list(predictions.limits),
        "unseen": predictions.unseen,
        "model": model.reference,
        "ignored": predictions.ignored,
        "missing": predictions.seen.missing,
        "findings": [finding.as_json() for finding in predictions.findings],
    }


def print_predictions(predictions: "Predictions", model: "Deployed", out: Path) -> None:
    """Print the number of rows of each label; print warnings to standard error."""
    counts = ", ".join(f"{label}: {count:,}" for label, count in predictions.labels.items())
    if predictions.limits:
        counts = f"{predictions.limits[0]:g} to {predictions.limits[1]:g}"
    rows = counted(predictions.rows, "row")
    print(wrap(f"{out}: {rows} by {model.reference} ({counts})", "  "))
    for column, count in predictions.unseen.items():
        unseen = f"{column}: a category that training did not see, in {counted(count, 'row')}"
        print(wrap(f"  {unseen}", "    "), file=sys.stderr)
    for finding in predictions.findings:
        if finding.code != "unseen":  # said above
            print(wrap(f"warning: {shown_name(finding.message)}", "  "), file=sys.stderr)
            print(wrap(f"  -> {finding.fix}", "     "), file=sys.stderr)
    if predictions.ignored:
        print(wrap(f"  not used: {', '.join(predictions.ignored)}", "    "), file=sys.stderr)


def write_out(made: Path, out: Path) -> None:
    """Copy a result to the user's file, whole or not at all; leave an equal file as it is."""
    import filecmp

    from wingspan.files import aside, copy

    if out.is_file() and filecmp.cmp(made, out, shallow=False):
        return
    with aside(out) as temporary:
        copy(made, temporary)
