"""Draw how well a model does, from its card: curves of classes, residuals of numbers, calibration and confusion, as SVG."""

from collections.abc import Sequence

from wingspan.draw.curves import Panel, curves_svg
from wingspan.draw.heat import Heat, heat_svg
from wingspan.tabular.evaluate import Evaluation


def picture_of(result: Evaluation, title: str) -> str:
    """Return the picture of an evaluation: what it has points for, and the confusion of its classes."""
    panels = panels_of(result)
    if panels:
        return curves_svg([panels[:2], panels[2:]] if len(panels) > 2 else [panels], title)
    labels = [str(label) for label in result.classes]
    return heat_svg(Heat(title, "predicted", "is", labels, labels, result.confusion))


def panels_of(result: Evaluation) -> list[Panel]:
    """Return one panel for each curve."""
    name = "test rows"
    curves = result.curves
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
            ),
            Panel(
                "calibration",
                "probability that was said",
                "share of positives",
                {name: _points(curves["calibration"])},
                unit=True,
            ),
        ]
    if "quantiles" in curves:
        errors = {name: _points(curves["quantiles"])}
        return [Panel("absolute errors", "share of the rows", "error at most", errors)]
    return []


def _points(values: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in values]
