"""``wingspan holds train`` and ``holds evaluate``: train an advisor on logs, and judge it."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.holds_report import print_report
from wingspan.cli.json_output import print_json
from wingspan.cli.logs import report_empty
from wingspan.cli.lstm_options import Ablations, Choice, Lstm, Network, Settings
from wingspan.cli.options import AsJson
from wingspan.errors import SettingError
from wingspan.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wingspan.advisor.judging.evaluate import Report
    from wingspan.advisor.samples.samples import Samples
    from wingspan.recipes.hold_judging import Judging

TrainDays = Annotated[
    float | None, typer.Option(help="Days of the pools to train on [default: as --days].")
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
        print_json({"folder": str(out), "winner": contest.winner, "card": advisor.card})
        return
    print(f"{len(samples):,} holds in {len(samples.incidents):,} incidents")
    print(f"{len(split.train):,} released ones trained on, {len(split.calibrate):,} to choose by")
    print(f"winner   {contest.winner}")
    print(f"advisor  {out}")


def evaluate(
    logs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[LOGS...]", help="Event logs, or folders of them."),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Folder of a stored advisor to judge on the holds it was not trained on."
        ),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="The simulator's truth file of these logs.")
    ] = None,
    simulate: Annotated[
        str | None, typer.Option(help="Parameters of pools to simulate in place of logs.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds of the simulated pools, as 1,2,3.")] = "1,2,3",
    train_on: Annotated[
        str | None, typer.Option(help="Other parameters, for the pools to train on.")
    ] = None,
    days: Annotated[
        float | None, typer.Option(help="Days that each pool is simulated for.")
    ] = None,
    train_days: TrainDays = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder that keeps simulated logs for the next call.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(help="File that counts how often holds were used as a test.")
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
    """Judge all models, or a stored advisor, on later holds.

    The last part of the logs is the test. The result is one table. The holds come from logs or from simulated pools.
    """
    if bool(logs) == bool(simulate):
        raise SettingError(
            "wingspan holds evaluate",
            "expected logs or --simulate, one of the two",
            "give one of them",
        )
    if model and (lstm or train_on):
        problem = "--model judges a trained advisor, so nothing is trained"
        raise SettingError("wingspan holds evaluate", problem, "leave out --lstm and --train-on")
    choice = Choice(lstm, network, settings or (), ablations)
    how = _judging(model, choice, (journal or _journal()) if logs else None)
    reports: list[tuple[str, Report]] = []
    if logs:
        reports.append((str(logs[0]), _judge_logs(logs, truth, how)))
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


def _judging(model: Path | None, choice: Choice, journal: Path | None) -> "Judging":
    from wingspan.advisor.models.saved import load_advisor
    from wingspan.recipes.hold_judging import Judging

    advisor = load_advisor(model) if model else None
    return Judging(advisor, choice.entrants, journal)


def _judge_logs(logs: "Sequence[Path]", truth: Path | None, how: "Judging") -> "Report":
    from wingspan.recipes.hold_judging import judge, read_samples

    found = judge(*read_samples(logs, truth), how)
    report_empty(logs)
    return found


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
    from wingspan.advisor.answers.actions import audit_file

    return audit_file().with_name("judged.jsonl")


def _samples(logs: "Sequence[Path]") -> "Samples":
    from wingspan.recipes.hold_judging import read_samples

    samples, _ = read_samples(logs)
    report_empty(logs)
    return samples


def _numbers(text: str) -> list[int]:
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as error:
        problem = f"expected whole numbers, found {text!r}"
        raise SettingError("--seeds", problem, "write them like --seeds 1,2,3") from error
