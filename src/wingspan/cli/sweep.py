"""``wingspan sweep``: search arguments of a step or script, list trials, end a sweep early."""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.paper import label, wrap
from wingspan.cli.runs import Background, Choice, On, PoolKeys, RunId, Settings, Track, pool_keys
from wingspan.errors import NotFoundError, SettingError, near
from wingspan.shown import shown_name

if TYPE_CHECKING:
    from wingspan.sweep.study import Study
    from wingspan.workflow import Pipeline


class _FileFirst(TyperGroup):
    """Reads ``wingspan sweep FILE.yaml`` as ``wingspan sweep run FILE.yaml``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - click's
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_FileFirst,
    help="Search parameters: FILE.yaml, or a pipeline's sweep.",
    no_args_is_help=True,
)
Sweep = Annotated[
    str | None,
    typer.Option("--step", metavar="STEP", help="The sweep's name, if there are several."),
]


@app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="A sweep in W&B's format.")],
    pipeline: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[:NAME]",
            help="Pipeline whose step is searched, in place of the file's program.",
        ),
    ] = None,
    step: Annotated[
        str | None, typer.Option("--step", metavar="STEP", help="The step of the pipeline.")
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Most trials.")] = None,
    parallel: Annotated[int | None, typer.Option(min=1, help="Most trials at once.")] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--file", metavar="PATH", help="A file or folder that the program reads."),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option("--output", metavar="NAME=PATH", help="A file that the program writes."),
    ] = None,
    settings: Settings = None,
    home: HomeOption = None,
    background: Background = False,
    on: On = "local",
    pool: PoolKeys = None,
    track: Track = None,
) -> None:
    """Search the parameters of a program, or of a step.

    FILE.yaml names them; without --pipeline it names the program too.
    """
    from wingspan.cli.runs import run_pipeline

    if pipeline is None:
        if settings or step:
            wrong = f"--set {settings[0]}" if settings else f"--step {step}"
            raise SettingError(wrong, "it needs a pipeline", "name one: --pipeline FILE.py")
        made = _of_program(file, trials, parallel, files or [], _outputs(outputs or []))
    else:
        from wingspan.cli.target import load_pipeline

        made = load_pipeline(pipeline, settings or [])
        made.search(file, step=step, trials=trials, parallel=parallel)
    choice = Choice(pool=pool_keys(pool), track=track)
    done = run_pipeline(made, home, background=background, on=on, choice=choice)
    for study in () if background else done.studies.values():
        print("\n".join(_best_lines(study)))


def _of_program(
    file: Path,
    trials: int | None,
    parallel: int | None,
    files: list[Path],
    outputs: dict[str, str],
) -> "Pipeline":
    """Return a pipeline that searches the parameters of the program that a sweep's file names."""
    from wingspan.planning.script_imports import local_modules
    from wingspan.sweep.wandb_yaml import read
    from wingspan.workflow import Pipeline

    found = read(file)
    if found.command is None or not found.command.program:
        problem = "it does not name a program"
        fix = f"add `program: train.py`, or search a pipeline: wingspan sweep {file} --pipeline FILE.py"
        raise SettingError(str(file), problem, fix)
    name = found.command.program
    place = Path(name)
    program = place if place.is_file() else file.parent / place
    if not program.is_file():
        others = [entry.name for entry in file.parent.glob("*.py")]
        problem = f"program: there is no file {name}"
        raise NotFoundError(str(file), problem, near(name, others))
    if place.is_absolute() or ".." in place.parts:
        problem = f"program: {name} is not below the folder of the command"
        raise SettingError(str(file), problem, f"give its name, from its folder: {place.name}")
    given = {str(place): program}
    given |= {str(place.with_name(each.name)): each for each in local_modules(program)}
    given |= {each.name: each for each in files}
    pipeline = Pipeline(found.name or program.stem)
    pipeline.sweep(
        name, over=file, trials=trials, parallel=parallel, outputs=outputs, files=given,
        name=program.stem,
    )  # fmt: skip
    return pipeline


def _outputs(given: Iterable[str]) -> dict[str, str]:
    outputs = {}
    for each in given:
        name, equals, path = each.partition("=")
        if not equals or not path:
            fix = "for example --output model=model.pt"
            raise SettingError(f"--output {each}", "expected NAME=PATH", fix)
        outputs[name] = path
    return outputs


def _best_lines(study: "Study") -> list[str]:
    """Return the summary of an ended sweep."""
    best = study.best
    if best is None:
        return []
    given = ", ".join(f"{name}={shown_name(str(value))}" for name, value in best.parameters.items())
    return [wrap(f"best {study.spec.metric} {best.value:.6g}, trial {best.number}: {given}", "  ")]


def _study(run_id: str, step: str | None, home: Path | None) -> tuple[str, "Study"]:
    from wingspan.runner.runs import open_run

    studies = open_run(run_id, home=home).studies
    name = step or studies.only
    return name, studies[name]


@app.command()
def show(
    run_id: RunId = "last",
    step: Sweep = None,
    home: HomeOption = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    pictures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folder to write pictures to, as SVG.")
    ] = None,
) -> None:
    """Print the trials of a sweep, best first."""
    name, study = _study(run_id, step, home)
    if pictures is not None:
        _draw(study, pictures)
    rows = study.rows()
    if as_json:
        print_json(rows)
        return
    if as_csv:
        columns = dict.fromkeys(column for row in rows for column in row)
        writer = csv.DictWriter(sys.stdout, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return
    print(f"sweep {label(name)}: {_counts(study)}")
    for line in _table(rows):
        print(line)
    found = study.importance()
    if found is not None:
        shares = ", ".join(f"{column} {share:.2f}" for column, share in found.shares.items())
        print(wrap(f"importance by {found.method}: {shares}", "  "))


def _draw(study: "Study", folder: Path) -> None:
    """Write each picture of a study into a folder."""
    from wingspan.cli.runs import check_folder
    from wingspan.files import write_atomically

    check_folder("--pictures", folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in study.pictures().items():
        write_atomically(folder / f"{name}.svg", svg)


def _counts(study: "Study") -> str:
    return ", ".join(f"{count} {state}" for state, count in study.counts.items() if count)


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the rows as lines below a header, numbers to the right."""
    if not rows:
        return ["  no trials yet"]
    columns = [each for each in rows[0] if any(row.get(each) not in {None, ""} for row in rows)]
    cells = [columns, *([_cell(row.get(each)) for each in columns] for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    return [
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in cells
    ]


def _cell(value: object) -> str:
    from wingspan.shown import shown_name

    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else shown_name(str(value))[:60]


@app.command()
def end(run_id: RunId = "last", home: HomeOption = None) -> None:
    """Stop drawing trials; the run goes on with the best so far."""
    from wingspan.runner.runs import open_run

    opened = open_run(run_id, home=home)
    if not opened.studies:
        fix = "name a run with a sweep; `wingspan runs` lists the runs"
        raise NotFoundError(f"run {opened.run_id}", "it has no sweep", fix)
    opened.end_sweeps()
    print(f"run {opened.run_id}: its sweeps end with the best trials so far")
