"""Draw as SVG how well a model does, from its card.

The pictures are curves, residuals, calibration and confusion.
"""

from wingspan.draw.curves import Panel, curves_svg
from wingspan.draw.heat import Heat, heat_svg
from wingspan.draw.sheet import sheet_svg
from wingspan.draw.trials import bars_svg
from wingspan.tabular.evaluate import Evaluation
from wingspan.tabular.importance import Importance
from wingspan.tabular.panels import panels

_BARS = 20


def picture_of(result: Evaluation, title: str, needs: Importance | None = None) -> str:
    """Return the picture of a model: its curves, its confusion matrix, and what it needs."""
    drawn = [curves_svg([[panel]]) for panel in panels_of(result)]
    if result.classes:
        labels = [str(label) for label in result.classes]
        heat = Heat("confusion", "predicted", "is", labels, labels, result.confusion)
        drawn.append(heat_svg(heat))
    if needs is not None and needs.columns:
        worse = {name: max(each.value or 0.0, 0.0) for name, each in needs.columns.items()}
        whole = sum(worse.values()) or 1.0
        shares = {name: value / whole for name, value in list(worse.items())[:_BARS]}
        drawn.append(bars_svg(shares, f"share of what {needs.metric} loses by shuffled columns"))
    return sheet_svg([drawn[place : place + 2] for place in range(0, len(drawn), 2)], title)


def panels_of(result: Evaluation) -> list[Panel]:
    """Return one panel for each curve."""
    return panels(result.curves)
