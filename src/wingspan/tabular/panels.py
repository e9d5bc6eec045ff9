"""Turn the points of curves into the panels of a picture. Pure."""

from collections.abc import Sequence

from wingspan.draw.curves import Panel
from wingspan.tabular.curves import Curves


def panels(curves: Curves) -> list[Panel]:
    """Return one panel for each curve."""
    name = "test rows"
    if "roc" in curves:
        return [
            Panel(
                "ROC", "false alarms", "positives found", {name: _points(curves["roc"])}, unit=True
            ),
            Panel(
                "precision and recall",
                "recall",
                "precision",
                {name: _points(curves["precision_recall"])},
                unit=True,
                level=curves["precision_recall"][-1][1],  # of all rows: the share of positives
            ),
            Panel(
                "calibration",
                "predicted probability",
                "share of positives",
                {name: _points(curves["calibration"])},
                unit=True,
            ),
        ]
    if "quantiles" in curves:
        errors = {name: _points(curves["quantiles"])}
        drawn = [Panel("absolute errors", "share of the rows", "error at most", errors)]
        if "residuals" in curves:  # cards of older models have none
            missed = {name: _points(curves["residuals"])}
            away = "true value - prediction"
            drawn.append(Panel("residuals", "prediction", away, missed, dots=True, level=0.0))
        return drawn
    return []


def _points(values: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in values]
