"""``wingspan logs``, and the output of ``exec``: the end of what a step wrote, safe to print, or all of it as it is."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from wingspan.cli.runs import HomeOption, Raw

if TYPE_CHECKING:
    from wingspan.runner.run import Run


def logs(
    step: Annotated[str, typer.Argument(help="Name of the step.")],
    run_id: Annotated[str, typer.Option("--run", help="Id of the run, or 'last'.")] = "last",
    home: HomeOption = None,
    raw: Raw = False,
) -> None:
    """Print the end of a step's output. If it failed, also print the traceback and the command to rerun it.

    Control characters are written out; --raw prints every byte as it was written.
    """
    from wingspan.errors import NotFoundError
    from wingspan.pipeline.handles import near
    from wingspan.runner.run import open_run
    from wingspan.runner.run_folder import STDERR, STDOUT, read_result

    run = open_run(run_id, home=home)
    if step not in run.steps:
        raise NotFoundError(f"run {run.run_id}", f"it has no step {step!r}", near(step, run.steps))
    attempt = _last_attempt(run.collect(), step)
    if attempt is None:
        print(_why_no_output(run, step), file=sys.stderr)
        return
    if run.folder.root not in attempt.parents:
        state = _state_of(run, step)
        print(f"step {step} did not run in run {run.run_id}: {state}", file=sys.stderr)
        print(f"what follows is of run {attempt.parents[2].name}", file=sys.stderr)
    if raw:
        copy_output(attempt / STDOUT, sys.stdout)
        copy_output(attempt / STDERR, sys.stdout)
        return
    failed = run.events[step].state == "failed"
    result = (read_result(attempt) or {}) if failed else {}
    traceback = result.get("error", {}).get("traceback", "")  # the report has it
    wrote = [print_output(attempt / file, skip=traceback) for file in (STDOUT, STDERR)]
    if not any(wrote):
        print(f"step {step} wrote nothing", file=sys.stderr)
    if failed:
        print(run.report(step, output=False))


def print_command(run: "Run", step: str, *, raw: bool) -> None:
    """Print what a command wrote, its own line first: output to standard output, errors to standard error."""
    from wingspan.runner.run_folder import STDERR, STDOUT

    attempt = _last_attempt(run, step)
    if attempt is None:
        return
    output, errors = attempt / STDOUT, attempt / STDERR
    with output.open("rb") as file:
        command = file.readline()
    print(command.decode(errors="backslashreplace"), end="", file=sys.stderr)
    if raw:
        copy_output(errors, sys.stderr)
        copy_output(output, sys.stdout, begin=len(command))
    else:
        print_output(errors, sys.stderr)
        print_output(output, begin=len(command))


def print_output(file: Path, out: TextIO | None = None, *, skip: str = "", begin: int = 0) -> bool:
    """Print the last lines of a file and, to standard error, where the rest is; return whether it has any.

    Parameters
    ----------
    skip
        A text to leave out.
    begin
        Bytes at the beginning to leave out.
    """
    from wingspan.runner.written import end_of, shown_lines

    text, before = end_of(file, begin)
    text = text.replace(skip, "") if skip else text
    lines = shown_lines(text)
    whole = before <= begin and "\n".join(lines) == text.removesuffix("\n")
    end = "\n" if text.endswith("\n") else ""
    print("\n".join(lines), end=end, file=out or sys.stdout)
    if not whole:
        size = file.stat().st_size
        told = (
            f"this was the end of {size:,} bytes, made safe to print; all of it: --raw, or {file}"
        )
        print(told if end else f"\n{told}", file=sys.stderr)
    return bool(text)


def copy_output(file: Path, out: Any, begin: int = 0) -> None:  # noqa: ANN401 - with its buffer
    """Copy a file byte for byte to a stream, from a place on."""
    out.flush()
    if file.exists():
        with file.open("rb") as source:
            source.seek(begin)
            shutil.copyfileobj(source, out.buffer)


def _why_no_output(run: "Run", step: str) -> str:
    """Say of a step that has no folder here whether its job runs in a pool, and why it has not begun else."""
    from wingspan.cli.progress import job_now

    tried = run.attempts.get(step, ())
    if run.state == "running" and tried and not tried[-1].outcome:
        told = f"step {step}: its job {tried[-1].job} is {job_now(tried[-1])}"
        now = f"condor_tail -f {tried[-1].job}"
        return f"{told}\n  -> its output comes when the job has ended; to see it now: {now}"
    return f"step {step} has written nothing here: {_state_of(run, step)}"


def _state_of(run: "Run", step: str) -> str:
    event = run.events[step]
    return f"{event.state}{': ' if event.problem else ''}{event.problem}"


def _last_attempt(run: "Run", step: str) -> Path | None:
    """Return the folder of a step's last attempt, in this run or the one that ran it."""
    from wingspan.runner.written import last_attempts

    key = run.steps[step].key
    return last_attempts(run.home, run.folder, [key]).get(key, [None])[-1]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(logs)
