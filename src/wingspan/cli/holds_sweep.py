"""``wingspan holds sweep``: search LSTMs by a config.yaml and store the best as an advisor."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from wingspan.cli.options import HomeOption
from wingspan.cli.paper import wrap
from wingspan.cli.runs import Background, Choice, On, Track
from wingspan.errors import ConflictError
from wingspan.files import aside, copy, remove


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sweep)


def sweep(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG.yaml", help="File that names the parameters to search."),
    ],
    logs: Annotated[
        list[Path], typer.Argument(metavar="LOGS...", help="Event logs, or folders of them.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the best advisor.")] = Path("advisor"),
    parallel: Annotated[int | None, typer.Option(min=1, help="Most trials at once.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the search.")] = 0,
    home: HomeOption = None,
    background: Background = False,
    on: On = "local",
    track: Track = None,
) -> None:
    """Search tensors and LSTMs by a config.yaml.

    The best one is tested once and stored as an advisor.
    """
    from wingspan.advisor.models.network import check_torch
    from wingspan.cli.runs import check_folder, run_pipeline
    from wingspan.eventlog.logs import logs_in
    from wingspan.recipes.hold_sweep import INFO, hold_sweep
    from wingspan.recipes.sweep_config import read_config

    check_torch()
    asked = read_config(config)
    if out.exists() and not (out / INFO).is_file():
        raise ConflictError(
            f"--out {out}",
            f"the folder exists and has no {INFO}, so it is not an advisor",
            "name another folder",
        )
    check_folder("--out", out)
    for note in asked.notes:
        print(wrap(f"note: {note}", "  "), file=sys.stderr)
    mirrors = [*(track or []), *(["wandb"] if asked.mirrored else [])]
    for name, value in (("WANDB_PROJECT", asked.project), ("WANDB_ENTITY", asked.entity)):
        if value and asked.mirrored:
            os.environ[name] = value
    files = [each for path in logs for each in logs_in(path)]
    pipeline = hold_sweep(asked, files, parallel=parallel, seed=seed)
    choice = Choice(track=mirrors or None)
    run = run_pipeline(pipeline, home, background=background, on=on, choice=choice)
    if background:
        return
    made: Path = run["save"]
    remove(out)
    with aside(out) as place:
        copy(made, place)
    print((out / INFO).read_text(encoding="utf-8"), end="")
    print(f"advisor  {out}")
