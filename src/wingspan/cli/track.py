"""``wingspan track``: bring a run's mirrors up to date, and check that they are complete."""

import sys
from typing import Annotated

import typer

from wingspan.cli.options import HomeOption
from wingspan.cli.runs import RunId, Track

_UNSEEN = 3  # exit code: what could be compared agrees, but not all could

app = typer.Typer(help="Show runs in Weights & Biases and TensorBoard.", no_args_is_help=True)


@app.command()
def sync(run_id: RunId = "last", track: Track = None, home: HomeOption = None) -> None:
    """Send to a run's mirrors what they lack.

    --track adds a mirror to the run.
    """
    from wingspan.runner.mirrors import follow
    from wingspan.runner.mirrors.wanted import check as check_names
    from wingspan.runner.mirrors.wanted import want
    from wingspan.runner.runs import open_run

    run = open_run(run_id, home=home)
    if track:
        want(run.folder, check_names(track))
    problems = follow.sync(run)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(1)
    for line in follow.places(run):
        print(line)


@app.command()
def check(
    run_id: RunId = "last",
    home: HomeOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only what is missing.")] = False,
) -> None:
    """Read back a run's mirrors and check that they are complete.

    Exits with 1 unless every logged point is there, once, in order and with its value. Exits with 3 if all that the
    server shows agrees, but it does not show everything.
    """
    from wingspan.runner.mirrors import follow
    from wingspan.runner.runs import open_run

    run = open_run(run_id, home=home)
    checked = follow.check(run)
    for line in (*checked.problems, *checked.unseen):
        print(line, file=sys.stderr)
    if checked.problems or checked.unseen:
        raise typer.Exit(1 if checked.problems else _UNSEEN)
    if not quiet:
        print(f"run {run.run_id}: its mirrors show all that was logged")
