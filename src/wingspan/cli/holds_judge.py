"""``wingspan holds train`` and ``holds evaluate``: train an advisor on logs, and judge it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.held_source import NoCluster, NoUser, without
from wingspan.cli.holds_report import print_report
from wingspan.cli.json_output import print_json
from wingspan.cli.logs import report_empty
from wingspan.cli.lstm_options import Ablations, Choice, Lstm, Network, Settings
from wingspan.cli.options import AsJson
from wingspan.errors import SettingError
from wingspan.files import write_atomically
from wingspan.shown import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wingspan.advisor.judging.evaluate import Report
    from wingspan.advisor.samples.samples import Samples
    from wingspan.advisor.samples.truth import Truth
    from wingspan.recipes.hold_judging import Judging

Stored = Annotated[
    Path | None,
    typer.Option(help="Folder of a stored advisor to judge on the holds it was not trained on."),
]
TruthFile = Annotated[Path | None, typer.Option(help="The simulator's truth file of these logs.")]
Simulated = Annotated[
    str | None, typer.Option(help="Parameters of pools to simulate in place of logs.")
]
Seeds = Annotated[str, typer.Option(help="Seeds of the simulated pools, as 1,2,3.")]
TrainOn = Annotated[str | None, typer.Option(help="Other parameters, for the pools to train on.")]
Days = Annotated[float | None, typer.Option(help="Days that each pool is simulated for.")]
TrainDays = Annotated[
    float | None, typer.Option(help="Days of the pools to train on [default: as --days].")
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder that keeps simulated logs for the next call.")
]
Journal = Annotated[
    Path | None, typer.Option(help="File that counts how often holds were used as a test.")
]
Picture = Annotated[
    Path | None, typer.Option(help="Draw the winner's calibration and its score over time.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(train)
    app.command()(evaluate)


def train(
    logs: Annotated[
        list[Path], typer.Argument(metavar="LOGS...", help="Event logs, or folders of them.")
    ],
    out: Annotated[Path, typer.Option(help="A new folder for the advisor.")],
    lstm: Lstm = False,
    network: Network = None,
    settings: Settings = None,
    no_user: NoUser = None,
    no_cluster: NoCluster = None,
    as_json: AsJson = False,
) -> None:
    """Train every model on the logs, and store the winner.

    They are compared on a later part of the logs, then trained on all but the last.
    """
    from wingspan.advisor.judging.contest import hold_contest
    from wingspan.advisor.models.saved import save_advisor
    from wingspan.advisor.samples.split import split_samples

    choice = Choice(lstm, network, settings or ())
    samples, _ = _read(logs, None, no_user, no_cluster)
    split = split_samples(samples)
    contest = hold_contest(samples, split, choice.entrants(samples, split).more)
    read = [{"path": str(file.path), "bytes": file.size} for file in samples.timeline.events.files]
    advisor = contest.advisor(samples, split, read)
    save_advisor(advisor, out)
    if as_json:
        print_json({"folder": str(out), "winner": contest.winner, "card": advisor.card})
        return
    print(f"{counted(len(samples), 'hold')} in {counted(len(samples.incidents), 'incident')}")
    print(f"{len(split.train):,} released ones trained on, {len(split.calibrate):,} to choose by")
    print(f"winner   {contest.winner}")
    print(f"advisor  {out}")


def evaluate(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[LOGS...]", help="Event logs, or folders of them."),
    ] = None,
    model: Stored = None,
    truth: TruthFile = None,
    simulate: Simulated = None,
    seeds: Seeds = "1,2,3",
    train_on: TrainOn = None,
    days: Days = None,
    train_days: TrainDays = None,
    cache: Cache = None,
    journal: Journal = None,
    no_user: NoUser = None,
    no_cluster: NoCluster = None,
    lstm: Lstm = False,
    network: Network = None,
    settings: Settings = None,
    ablations: Ablations = False,
    svg: Picture = None,
    as_json: AsJson = False,
) -> None:
    """Judge all models, or a stored advisor, on later holds.

    The last part of the logs is the test. The result is one table. The holds come from logs or from simulated pools.
    """
    _check(logs, simulate, model, lstm or train_on, no_user or no_cluster)
    from wingspan.recipes.hold_judging import judge

    choice = Choice(lstm, network, settings or (), ablations)
    how = _judging(model, choice, (journal or _journal()) if logs else None)
    reports: list[tuple[str, Report]] = []
    if logs:
        samples, known = _read(logs, truth, no_user, no_cluster)
        reports.append((str(logs[0]), judge(samples, known, how)))
    for seed in _numbers(seeds) if simulate else ():
        report = _judge_pool((str(simulate), seed, days), (train_on, train_days), how, cache)
        reports.append((f"{simulate} seed {seed}", report))
    if svg:
        from wingspan.advisor.judging.picture import reports_svg

        write_atomically(svg, reports_svg(reports))
    if as_json:
        print_json([{"of": name, **asdict(report)} for name, report in reports])
        return
    for name, report in reports:
        print_report(name, report)


def _check(
    logs: "Sequence[Path] | None",
    simulate: str | None,
    model: Path | None,
    trains: object,
    leaves_out: object,
) -> None:
    """Refuse options that contradict each other."""
    where = "wingspan holds evaluate"
    if bool(logs) == bool(simulate):
        raise SettingError(where, "expected logs or --simulate, one of the two", "give one of them")
    if model and trains:
        problem = "--model judges a trained advisor, so nothing is trained"
        raise SettingError(where, problem, "leave out --lstm and --train-on")
    if simulate and leaves_out:
        problem = "--exclude-user and --exclude-cluster are for logs, and these are simulated"
        raise SettingError(where, problem, "leave them out")


def _judging(model: Path | None, choice: Choice, journal: Path | None) -> "Judging":
    from wingspan.advisor.models.saved import load_advisor
    from wingspan.recipes.hold_judging import Judging

    advisor = load_advisor(model) if model else None
    return Judging(advisor, choice.entrants, journal)


def _judge_pool(
    it: tuple[str, int, float | None],
    train_on: tuple[str | None, float | None],
    how: "Judging",
    cache: Path | None,
) -> "Report":
    from wingspan.recipes.hold_judging import Pool, judge_pool

    name, seed, days = it
    other, other_days = train_on
    trained = (
        Pool(other, seed + 1000, days if other_days is None else other_days) if other else None
    )
    return judge_pool(Pool(name, seed, days), how, trained, cache)


def _journal() -> Path:
    """Return the user's journal of judged holds; it lies next to the audit log."""
    from wingspan.advisor.answers.audit import audit_file

    return audit_file().with_name("judged.jsonl")


def _read(
    logs: "Sequence[Path]",
    truth: Path | None,
    users: "Sequence[str] | None",
    clusters: "Sequence[int] | None",
) -> "tuple[Samples, Truth | None]":
    from wingspan.recipes.hold_judging import read_samples

    found = read_samples(logs, truth, lambda all_: without(all_, users or (), clusters or ()))
    report_empty(logs)
    return found


def _numbers(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as error:
        problem = f"expected whole numbers, found {text!r}"
        raise SettingError("--seeds", problem, "write them like --seeds 1,2,3") from error
