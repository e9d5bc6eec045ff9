"""Draw as SVG how well a model does, from its card.

The pictures are curves, residuals, calibration and confusion.
"""

from wingspan.draw.curves import Panel, curves_svg
from wingspan.draw.heat import Heat, heat_svg
from wingspan.tabular.evaluate import Evaluation
from wingspan.tabular.panels import panels


def picture_of(result: Evaluation, title: str) -> str:
    """Return the picture of an evaluation: its curves, else its confusion matrix."""
    panels = panels_of(result)
    if panels:
        return curves_svg([panels[:2], panels[2:]] if len(panels) > 2 else [panels], title)
    labels = [str(label) for label in result.classes]
    return heat_svg(Heat(title, "predicted", "is", labels, labels, result.confusion))


def panels_of(result: Evaluation) -> list[Panel]:
    """Return one panel for each curve."""
    return panels(result.curves)
