"""The ``wingspan`` command: its command groups, and errors as a message with an exit code."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from wingspan.cli import (
    advise,
    check,
    collect,
    dag,
    events,
    execute,
    held_actions,
    held_watch,
    holds,
    holds_judge,
    holds_sweep,
    listing,
    models,
    plan,
    pool,
    report,
    runs,
    show,
    simulate,
    status,
    step_output,
    store,
    sweep,
    tables,
    track,
    watch,
    why,
)
from wingspan.cli.examples import add_examples
from wingspan.cli.terminal import guarded
from wingspan.errors import NotFoundError, WingspanError
from wingspan.files import explained
from wingspan.runner.started import COMMAND

# Planning makes many small objects and keeps them. Hardly one is part of a cycle, so collections would find nothing.
COLLECTIONS = (100_000, 20, 1000)
_WITH_STEPS = frozenset({"run", "resume", "exec", "train", "sweep"})

app = typer.Typer(
    name="wingspan",
    help="Machine-learning workflows on HTCondor.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,  # rich takes 0.15 s to import; help must be instant
    pretty_exceptions_enable=False,
)
app.add_typer(dag.app, name="dag")
app.add_typer(events.app, name="events")
app.add_typer(holds.app, name="holds")
app.add_typer(models.app, name="models")
app.add_typer(pool.app, name="pool")
app.add_typer(store.app, name="store")
app.add_typer(listing.app, name="runs")
app.add_typer(sweep.app, name="sweep")
app.add_typer(track.app, name="track")
advise.register(holds.app)
held_watch.register(holds.app)
held_actions.register(holds.app)
holds_judge.register(holds.app)
holds_sweep.register(holds.app)
for group in (
    runs,
    collect,
    plan,
    execute,
    show,
    step_output,
    status,
    report,
    watch,
    simulate,
    tables,
    check,
    why,
):
    group.register(app)
add_examples(app)


def _version(wanted: bool) -> None:
    if wanted:
        from wingspan.version import __version__

        print(f"wingspan {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Machine-learning workflows on HTCondor."""


def main() -> None:
    """Run the command line; print a `WingspanError` without a traceback and exit with 2."""
    gc.set_threshold(*COLLECTIONS)
    with guarded():
        _run()


def _run() -> None:
    COMMAND.set(tuple(sys.argv[1:]))
    try:
        app()
    except SystemExit as end:
        if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):
            print(_interrupted(sys.argv[1:]), file=sys.stderr)
        _flush()
        raise
    except WingspanError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        known = explained(error) or _no_folder()
        if known is None:
            raise
        print(f"error: {known}", file=sys.stderr)
        sys.exit(2)


def _interrupted(words: Sequence[str]) -> str:
    """Return what Ctrl-C means for a command."""
    if words and words[0] in _WITH_STEPS:
        return "Interrupted. Finished steps are kept; run the same command to continue."
    if words[:1] == ["holds"] and any(
        each == "undo" or each.startswith("--apply") for each in words
    ):
        return "Interrupted. List what was done with: wingspan holds actions"
    return "Interrupted."


def _no_folder() -> WingspanError | None:
    """Return the error of a command that was given in a folder that is gone, or None."""
    try:
        Path.cwd()
    except FileNotFoundError:
        problem = "the folder that the command was given in was removed"
        return NotFoundError("current folder", problem, "go to another folder: cd FOLDER")
    return None


def _flush() -> None:
    """Write what is left of the output; exit with 2 where it cannot be written."""
    try:
        sys.stdout.flush()
    except WingspanError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
