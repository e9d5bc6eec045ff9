"""``wingspan show``: print a step's result, or write it to a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.runs import check_file
from wingspan.errors import NotFoundError, SettingError

if TYPE_CHECKING:
    from wingspan.runner.run import Run


def show(
    step: Annotated[
        str, typer.Argument(metavar="STEP", help="A step, a map, or a field such as split.train.")
    ],
    run_id: Annotated[str, typer.Option("--run", help="Id of the run, or 'last'.")] = "last",
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File to write, in the format of its suffix."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Print the result of a step, or write it to a file."""
    from wingspan.cli.values import json_of, text_of
    from wingspan.runner.runs import open_run

    if out is not None:
        check_file("--out", out)
        if out.exists() and not force:
            raise SettingError(f"--out {out}", "the file exists", "add --force to replace it")
    run = open_run(run_id, home=home)
    value = result_of(run, step)
    if out is not None:
        from wingspan.cli.result_file import write_value

        write_value(value, out, step)
        print(out)
    elif as_json:
        print_json(json_of(value))
    else:
        print(text_of(value))


def result_of(run: "Run", name: str) -> Any:  # noqa: ANN401 - whatever the step returns
    """Return the result of a step or of a map, or a field of a step's result."""
    step, dot, field = name.rpartition(".")
    if name in run or not dot or step not in run.steps:
        return run[name]
    outputs = run.steps[step].outputs
    if field not in outputs:
        from wingspan.errors import near

        problem = f"the result of step {step} has no field {field!r}"
        raise NotFoundError(f"run {run.run_id}", problem, near(field, outputs))
    return getattr(run[step], field)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(show)
