"""``wingspan exec``: run one command as a job."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from wingspan.cli.options import HomeOption
from wingspan.cli.runs import (
    Background,
    Choice,
    On,
    PoolKeys,
    Raw,
    Shared,
    pool_keys,
    run_pipeline,
)
from wingspan.cli.step_output import print_command

if TYPE_CHECKING:
    from wingspan.pipeline.resources import Resources
    from wingspan.workflow import Pipeline

_STEP: Final = "exec"


def execute(
    context: typer.Context,
    cpus: Annotated[int, typer.Option(help="Cores.")] = 1,
    memory: Annotated[
        str | None, typer.Option(help="Memory, such as 2GB: a limit [default: no limit].")
    ] = None,
    gpus: Annotated[int, typer.Option(help="GPU devices.")] = 0,
    disk: Annotated[str, typer.Option(help="Disk, such as 2GB.")] = "2GB",
    runtime: Annotated[
        str | None, typer.Option(help="Longest time, such as 1h30m [default: no limit].")
    ] = None,
    output: Annotated[
        list[str] | None, typer.Option(help="File or folder that the command writes; it is kept.")
    ] = None,
    home: HomeOption = None,
    background: Background = False,
    on: On = "local",
    shared: Shared = None,
    pool: PoolKeys = None,
    raw: Raw = False,
) -> None:
    """Run one command as a job."""
    from wingspan.errors import DeclarationError, SettingError
    from wingspan.pipeline.resources import Resources

    outputs = {f"output{i}": path for i, path in enumerate(output or [])}
    try:
        resources = Resources(cpus, memory, disk, gpus, runtime=runtime)
    except DeclarationError as error:
        raise SettingError("wingspan exec", error.problem, "correct the option") from None
    pipeline = _pipeline_of(list(context.args), outputs, resources)
    done = run_pipeline(
        pipeline,
        home,
        background=background,
        on=on,
        shared=shared,
        choice=Choice(pool=pool_keys(pool)),
    )
    if not background:
        print_command(done, _STEP, raw=raw)
        for name, path in outputs.items():
            print(f"{path}: {getattr(done[_STEP], name)}", file=sys.stderr)


def _pipeline_of(words: list[str], outputs: dict[str, str], resources: "Resources") -> "Pipeline":
    """Return a pipeline of one step: the command of these words."""
    from wingspan.errors import SettingError
    from wingspan.workflow import Pipeline

    if not words:
        raise SettingError(
            "wingspan exec",
            "expected a command after --, found none",
            "wingspan exec [OPTIONS] -- python train.py",
        )
    files = _files_of(words, list(outputs.values()))
    pipeline = Pipeline("exec")
    pipeline.origin = {"command": "exec", "parameters": {}}
    text = " ".join(shlex.quote(word) for word in words).replace("{", "{{").replace("}", "}}")
    pipeline.command(text, outputs=outputs, files=files, name=_STEP, resources=resources)
    return pipeline


def _files_of(words: list[str], outputs: list[str]) -> dict[str, Path]:
    """Return the files below this folder that a command names, except those that it writes."""
    from contextlib import suppress

    found: dict[str, Path] = {}
    written = {Path(output) for output in outputs}
    for word in words:
        path = Path(word)
        if path in written or path.is_absolute() or not path.parts or ".." in path.parts:
            continue
        with suppress(OSError, ValueError):  # a word too long to be a name, or with NUL
            if path.exists():
                found[str(path)] = path
    return {
        name: path
        for name, path in found.items()
        if found.keys().isdisjoint(map(str, path.parents))
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    options = {
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": ["--help"],  # -h may be the command's own
    }
    app.command("exec", context_settings=options, options_metavar="[OPTIONS] -- COMMAND")(execute)
