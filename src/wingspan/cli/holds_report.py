"""Print the report of ``wingspan holds evaluate``."""

from math import isnan
from typing import TYPE_CHECKING

from wingspan.cli.paper import columns, wrap
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.advisor.judging.evaluate import Report, Table
    from wingspan.advisor.judging.metrics import Figure

_COLUMNS = (
    "skill",
    "brier",
    "calibration error",
    "error by chance",
    "resolution",
    "AP pays",
    "AP fails",
    "cost",
    "regret",
    "good removed",
    "good held back",
    "hopeless held back",
    "held back rightly",
)
_NAME, _CELL = 19, 30  # characters
_FAR = -99  # a skill over a reference that errs nowhere
_INTERVALS = "intervals are 95 %, over clusters"


def print_report(name: str, report: "Report") -> None:
    """Print slices, tables, advice and verdicts; with a known truth also the aims."""
    from wingspan.advisor.judging.evaluate import check_targets

    held = f"{counted(report.holds, 'hold')} in {counted(report.incidents, 'incident')}"
    print("\n" + wrap(f"{name}: {held}", "  "))
    known = (
        f"{report.labelled:,} with a release whose outcome is known; in no slice {report.purged:,}"
    )
    print(wrap(known, "  "))
    _print_slices(report)
    chosen = f"winner: {report.winner}, chosen {report.chosen}"
    if report.winner is None:
        chosen = f"no winner: {report.chosen}. Until then the rules and rates advise."
    print(wrap(chosen, "  "))
    if report.opened is not None:
        times = "never" if not report.opened else counted(report.opened, "time")
        print(f"holds of this test were judged on before: {times}")
    if not any(report.answers.values()):
        print("no hold is in the test slice, so nothing is judged")
        return
    print(f"evidence for {report.covered:.0%} of the tested holds")
    for table in report.tables:
        _print_table(table, report.judged)
    _print_advice(report)
    if len(report.tables) > 1:
        for aim, reached in check_targets(report).items():
            print(f"{'reached' if reached else 'MISSED '}  {aim}")


def _print_slices(report: "Report") -> None:
    print(f"{'slice':<12}{'holds':>8}{'clusters':>10}{'effective':>11}{'days':>8}{'pays':>8}")
    for each in report.slices:
        counts = f"{each.holds:>8,}{each.clusters:>10,}{each.effective:>11,.0f}"
        print(f"{each.name:<12}{counts}{_number(each.days):>8}{_number(each.base_rate):>8}")
    for warning in report.warnings:
        print(wrap(f"warning: {warning}", "  "))


def _print_advice(report: "Report") -> None:
    from wingspan.advisor.judging.verdicts import SAID

    shares = ", ".join(f"{name} {share:.0%}" for name, share in report.answers.items())
    print("\n" + wrap(f"advice on the tested holds: {shares}", "  "))
    groups, share = report.coverage.groups, report.coverage.share
    which = (
        f"{_number(share)} of {counted(groups, 'group')}" if groups else "no group is large enough"
    )
    print(wrap(f"printed 95 % intervals have the share of releases that paid: {which}", "  "))
    verdicts = report.verdicts
    if verdicts is None or not verdicts.verdicts:
        return
    counts = f"{counted(verdicts.verdicts, 'verdict')} on {counted(verdicts.holds, 'hold')}"
    right = f"{verdicts.accuracy:.0%} right where {verdicts.said:.0%} was said"
    print(f"\nwhere the fault lies: {counts}, {right}")
    print(f"calibration error of the verdicts {_number(verdicts.calibration_error)}")
    print(f"{'true cause':<21}" + "".join(f"  {said}" for said in SAID))
    for cause, row in verdicts.confusion.items():
        print(f"{cause:<21}" + "".join(f"{row.get(s, 0):>{len(s) + 2},}" for s in SAID))


def _print_table(table: "Table", judged: str) -> None:
    from wingspan.advisor.judging.metrics import FEWEST

    if not table.episodes:
        print(f"\n{table.title}: none")
        return
    print(f"\n{table.title}: {table.episodes:,} of {counted(table.clusters, 'cluster')}")
    few = table.clusters < FEWEST
    why = f"too few clusters for intervals: {FEWEST} are needed" if few else _INTERVALS
    print(wrap(f"base rate {_number(table.base_rate)}; {why}", "  "))
    print(wrap(f"skill is over the best simple rate here: {table.reference}", "  "))
    across = max((columns() - _NAME) // _CELL, 1)  # models side by side
    for lines in (table.lines[at : at + across] for at in range(0, len(table.lines), across)):
        print(f"{'':<{_NAME}}" + "".join(f"{line.model:>{_CELL}}" for line in lines))
        known = {name for line in lines for name in line.figures}
        for column in (each for each in _COLUMNS if each in known):
            cells = [_cell(line.figures.get(column)) for line in lines]
            print(f"{column:<{_NAME}}" + "".join(f"{cell:>{_CELL}}" for cell in cells))
    by_code = [
        f"{code}: {count:,} {'too few clusters' if isnan(skill.low) else _number(skill.value)}"
        for code, (count, skill) in table.codes.items()
    ]
    print(wrap(f"skill of {judged} by hold code: {', '.join(by_code) or '-'}", "  "))
    course = ", ".join(_number(score) for _, score in table.course)
    print(wrap(f"Brier score over time: {course or '-'}", "  "))


def _cell(figure: "Figure | None") -> str:
    if figure is None:
        return ""
    if isnan(figure.low):
        return _number(figure.value)
    return f"{_number(figure.value)} ({_number(figure.low)}, {_number(figure.high)})"


def _number(value: float) -> str:
    return "-" if isnan(value) else f"{value:.3f}" if value > _FAR else f"<{_FAR}"
