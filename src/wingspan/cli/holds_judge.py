"""``wingspan holds train`` and ``holds evaluate``: an advisor from logs, and how good advice from them is."""

import json
import tempfile
from dataclasses import asdict, replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.logs import read
from wingspan.cli.lstm_options import Ablations, Choice, Lstm, Network, Settings
from wingspan.cli.options import AsJson
from wingspan.cli.paper import columns, wrap
from wingspan.errors import SettingError
from wingspan.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wingspan.advisor.judging.evaluate import Report, Table
    from wingspan.advisor.judging.metrics import Figure
    from wingspan.advisor.samples.samples import Samples
    from wingspan.advisor.samples.truth import Truth

_COLUMNS = (
    *("skill", "brier", "calibration error", "resolution", "AP pays", "AP fails", "cost"),
    *("regret", "good removed", "good held back", "hopeless held back", "held back rightly"),
)
TrainDays = Annotated[float | None, typer.Option(help="Days of the pools to train on, if others.")]
_NAME, _CELL = 19, 30  # characters
_FAR = -99  # a skill over a reference that errs nowhere
_INTERVALS = "intervals are 95 %, over clusters"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(train)
    app.command()(evaluate)


def train(
    logs: Annotated[list[Path], typer.Argument(help="Event logs, or folders of them.")],
    out: Annotated[Path, typer.Option(help="A new folder for the advisor.")],
    lstm: Lstm = False,
    network: Network = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Train every model on the logs, and store the winner.

    They are compared on a later part of the logs, then trained on all but the last.
    """
    from wingspan.advisor.judging.contest import hold_contest
    from wingspan.advisor.models.saved import save_advisor
    from wingspan.advisor.samples.split import split_samples

    choice = Choice(lstm, network, settings or ())
    samples = _samples(logs)
    split = split_samples(samples)
    contest = hold_contest(samples, split, choice.entrants(samples, split).more)
    read = [{"path": str(file.path), "bytes": file.size} for file in samples.timeline.events.files]
    advisor = contest.advisor(samples, split, read)
    save_advisor(advisor, out)
    if as_json:
        print(json.dumps({"folder": str(out), "winner": contest.winner, "card": advisor.card}))
        return
    print(f"{len(samples):,} holds in {len(samples.incidents):,} incidents")
    print(f"{len(split.train):,} released ones trained on, {len(split.calibrate):,} to choose by")
    print(f"winner   {contest.winner}")
    print(f"advisor  {out}")


def evaluate(
    logs: Annotated[
        list[Path] | None, typer.Argument(help="Event logs, or folders of them.")
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="A simulator's truth of these logs.")] = None,
    simulate: Annotated[
        str | None, typer.Option(help="Parameters of pools to simulate, instead of logs.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Of the simulated pools, as 1,2,3.")] = "1,2,3",
    train_on: Annotated[
        str | None, typer.Option(help="Other parameters, to train on pools of these.")
    ] = None,
    days: Annotated[float | None, typer.Option(help="Days of simulated pools.")] = None,
    train_days: TrainDays = None,
    marker: Annotated[
        Path | None,
        typer.Option(help="A file that says that the test was opened; refused if there."),
    ] = None,
    lstm: Lstm = False,
    network: Network = None,
    settings: Settings = None,
    ablations: Ablations = False,
    svg: Annotated[
        Path | None, typer.Option(help="Draw the winner's calibration and its score over time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge every model on the last part of the logs, in one table.

    Of logs, or of simulated pools.
    """
    if bool(logs) == bool(simulate):
        raise SettingError("wingspan holds evaluate", "logs or --simulate", "give one of them")
    choice = Choice(lstm, network, settings or (), ablations)
    reports: list[tuple[str, Report]] = []
    if logs:
        samples = _samples(logs)
        known = _truth(samples, truth)
        reports.append((str(logs[0]), _judge(samples, known, choice, marker=marker)))
    chosen = _numbers(seeds) if simulate else ()
    on = (train_on, days if train_days is None else train_days)
    reports += [
        (f"{simulate} seed {seed}", judge_pool(str(simulate), seed, days, on, choice))
        for seed in chosen
    ]
    if svg:
        from wingspan.advisor.judging.picture import reports_svg

        write_atomically(svg, reports_svg(reports))
    if as_json:
        print(json.dumps([{"of": name, **_plain(report)} for name, report in reports]))
        return
    for name, report in reports:
        print_report(name, report)


def judge_pool(
    parameters: str,
    seed: int,
    days: float | None = None,
    train_on: tuple[str | None, float | None] = (None, None),
    choice: Choice = Choice(),  # noqa: B008 - frozen
) -> "Report":
    """Simulate a pool, train on its first part (or on another pool's, of parameters and days), judge on its last part."""
    with tempfile.TemporaryDirectory() as folder:
        samples, known = _simulate(parameters, seed, days, Path(folder))
        name, other_days = train_on
        if name is None:
            return _judge(samples, known, choice)
        with tempfile.TemporaryDirectory() as other:
            trained, _ = _simulate(name, seed + 1000, other_days, Path(other))
            return _judge(samples, known, choice, trained)


def _judge(
    samples: "Samples",
    truth: "Truth | None",
    choice: Choice,
    trained: "Samples | None" = None,
    marker: Path | None = None,
) -> "Report":
    from wingspan.advisor.judging.contest import hold_contest
    from wingspan.advisor.judging.evaluate import evaluate as judge
    from wingspan.advisor.samples.split import split_samples

    split = split_samples(samples, marker=marker)
    mine = samples if trained is None else trained
    parts = split if trained is None else split_samples(mine)
    entrants = choice.entrants(mine, parts)
    contest = hold_contest(mine, parts, entrants.more, controls=entrants.controls)
    return judge(samples, split, contest, truth)


def _simulate(
    name: str, seed: int, days: float | None, folder: Path
) -> "tuple[Samples, Truth | None]":
    from wingspan.simulator import pool
    from wingspan.simulator.parameters import load_parameters

    parameters = load_parameters(name)
    if days is not None:
        parameters = replace(parameters, days=days)
    made = pool.simulate(parameters, seed, folder / "pool.log", folder / "truth")
    samples = _samples(made.logs)
    return samples, _truth(samples, made.truth)


def _truth(samples: "Samples", path: Path | None) -> "Truth | None":
    from wingspan.advisor.samples.truth import join_truth
    from wingspan.simulator.truth import read_truth

    return None if path is None else join_truth(samples, read_truth(path))


def _samples(logs: "Sequence[Path]") -> "Samples":
    from wingspan.advisor.holds.timeline import make_timeline
    from wingspan.advisor.samples.samples import make_samples

    return make_samples(make_timeline(read(logs)))


def _numbers(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as error:
        raise SettingError("--seeds", f"is {text!r}", "give whole numbers as 1,2,3") from error


def _plain(report: "Report") -> dict[str, object]:
    """Return JSON's types: numbers that are none become null."""
    found: dict[str, object] = json.loads(json.dumps(asdict(report)), parse_constant=lambda _: None)
    return found


def print_report(name: str, report: "Report") -> None:
    """Print the tables, and which aims were reached where the truth is known."""
    from wingspan.advisor.judging.evaluate import check_targets

    print("\n" + wrap(f"{name}: {report.holds:,} holds in {report.incidents:,} incidents", "  "))
    known = (
        f"{report.labelled:,} with a release whose outcome is known; in no slice {report.purged:,}"
    )
    print(wrap(known, "  "))
    _print_slices(report)
    chosen = f"winner: {report.winner}, chosen {report.chosen}"
    if report.winner is None:
        chosen = f"no winner: {report.chosen}. Until then the rules and rates advise."
    print(wrap(chosen, "  "))
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
    which = f"{_number(share)} of {groups:,} groups" if groups else "no group is large enough"
    print(wrap(f"printed 95 % intervals have the share of releases that paid: {which}", "  "))
    verdicts = report.verdicts
    if verdicts is None or not verdicts.verdicts:
        return
    counts = f"{verdicts.verdicts:,} verdicts on {verdicts.holds:,} holds"
    right = f"{verdicts.accuracy:.0%} right where {verdicts.said:.0%} was said"
    print(f"\nwhose matter: {counts}, {right}")
    print(f"calibration error of the verdicts {_number(verdicts.calibration_error)}")
    print(f"{'true cause':<21}" + "".join(f"  {said}" for said in SAID))
    for cause, row in verdicts.confusion.items():
        print(f"{cause:<21}" + "".join(f"{row.get(s, 0):>{len(s) + 2},}" for s in SAID))


def _print_table(table: "Table", judged: str) -> None:
    from wingspan.advisor.judging.metrics import FEWEST

    print(f"\n{table.title}: {table.episodes:,} of {table.clusters:,} clusters")
    few = table.clusters < FEWEST
    why = f"too few clusters for intervals: {FEWEST} are needed" if few else _INTERVALS
    print(wrap(f"base rate {_number(table.base_rate)}; {why}", "  "))
    print(wrap(f"skill is over the best simple rate here: {table.reference}", "  "))
    beside = max((columns() - _NAME) // _CELL, 1)  # models side by side
    for lines in (table.lines[at : at + beside] for at in range(0, len(table.lines), beside)):
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
