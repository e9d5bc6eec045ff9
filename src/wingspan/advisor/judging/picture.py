"""Draw the calibration and the Brier score over time of the winner in each table.

Without a winner they are those of the rates.
"""

from collections.abc import Iterable
from pathlib import Path

from wingspan.advisor.judging.evaluate import Report, Table
from wingspan.draw.curves import Panel, curves_svg
from wingspan.shown import counted


def reports_svg(reports: Iterable[tuple[str, Report]]) -> str:
    """Return one row a table, in the order of the reports."""
    rows = [
        _panels(f"{Path(name).name}: {table.title}", table, report.judged)
        for name, report in reports
        for table in report.tables
    ]
    return curves_svg(rows, "Calibration, and Brier score over time")


def _panels(title: str, table: Table, model: str) -> list[Panel]:
    calibration = Panel(
        title,
        "probability that was said",
        "share that paid",
        {model: table.reliability},
        unit=True,
    )
    course = Panel(
        counted(table.episodes, "hold"), "held on", "Brier score", {model: table.course}, dates=True
    )
    return [calibration, course]
