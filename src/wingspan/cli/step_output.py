"""``wingspan logs``, and the output of ``exec``.

The end of a step's output is made safe to print; ``--raw`` gives all of it unchanged.
"""

import math
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.paper import label
from wingspan.cli.runs import Raw
from wingspan.errors import SettingError
from wingspan.shown import shown, shown_name

if TYPE_CHECKING:
    from wingspan.runner.run import Run
    from wingspan.runner.written import Metric
    from wingspan.sweep.records import Trial


def logs(
    step: Annotated[str | None, typer.Argument(metavar="[STEP]", help="Name of the step.")] = None,
    run_id: Annotated[str, typer.Option("--run", help="Id of the run, or 'last'.")] = "last",
    home: HomeOption = None,
    raw: Raw = False,
    metrics: Annotated[
        bool,
        typer.Option(
            "--metrics", help="Print the values of ws.log; without STEP those of all steps."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the end of a step's output.

    If the step failed, also print the traceback and the command to rerun it. Control characters are written out;
    --raw prints every byte unchanged.
    """
    if metrics:
        _print_metrics(run_id, step, home, as_json=as_json)
        return
    if step is None or as_json:
        problem = "expected the name of a step" if step is None else "--json goes with --metrics"
        raise SettingError(
            "wingspan logs", problem, "wingspan logs STEP, or wingspan logs --metrics"
        )
    from wingspan.errors import NotFoundError, near
    from wingspan.runner.runs import open_run

    run = open_run(run_id, home=home)
    if step not in run.steps and (trial := run.studies.trial(step)) is not None:
        _print_trial(run, step, trial, raw=raw)
        return
    if step not in run.steps:
        raise NotFoundError(f"run {run.run_id}", f"it has no step {step!r}", near(step, run.steps))
    attempt = _last_attempt(run.collect(), step)
    if attempt is None:
        print(_why_no_output(run, step), file=sys.stderr)
        return
    if run.folder.root not in attempt.parents:
        state = _state_of(run, step)
        print(f"step {label(step)} did not run in run {run.run_id}: {state}", file=sys.stderr)
        print(f"this output is from run {attempt.parents[2].name}", file=sys.stderr)
    _print_attempt(run, step, attempt, raw=raw)


def _print_attempt(run: "Run", step: str, attempt: Path, *, raw: bool) -> None:
    """Print what a step wrote, and how it failed."""
    from wingspan.runner.run_folder import STDERR, STDOUT, read_result

    if raw:
        copy_output(attempt / STDOUT, sys.stdout)
        copy_output(attempt / STDERR, sys.stdout)
        return
    failed = run.events[step].state == "failed"
    result = (read_result(attempt) or {}) if failed else {}
    traceback = result.get("error", {}).get("traceback", "")  # the report prints it
    wrote = [print_output(attempt / file, skip=traceback) for file in (STDOUT, STDERR)]
    if not any(wrote):
        print(f"step {label(step)} wrote nothing", file=sys.stderr)
    if failed:
        print(run.report(step, output=False))


def _print_trial(run: "Run", name: str, trial: "Trial", *, raw: bool) -> None:
    """Print the output of a sweep's trial, and on a pool where it ran.

    A traceback is in its errors.
    """
    from wingspan.cli.job_text import history_lines
    from wingspan.runner.run_folder import STDERR, STDOUT

    folders, tried = run.collect().trial_attempts(name), run.attempts.get(name, [])
    if tried:
        print("\n".join(history_lines(run, name, trial, tried)), file=sys.stderr)
    for file in (folders[-1] / STDOUT, folders[-1] / STDERR) if folders else ():
        if raw:
            copy_output(file, sys.stdout)
        else:
            print_output(file)
    if not folders and tried and not tried[-1].outcome:
        now = f"condor_tail -f {tried[-1].job}"
        print(
            f"  -> its output comes when the job of its lane has ended; to see it now: {now}",
            file=sys.stderr,
        )
    elif not folders:
        print(f"trial {name} has written nothing here", file=sys.stderr)


def _print_metrics(run_id: str, step: str | None, home: Path | None, *, as_json: bool) -> None:
    """Print the curves of one step, or the last values of several steps."""
    from wingspan.errors import NotFoundError, near
    from wingspan.runner.runs import open_run

    run = open_run(run_id, home=home)
    known = [*run.steps, *run.plan.maps]
    if step is not None and step not in known and (trial := run.studies.trial(step)) is not None:
        logged = _metrics_of_trial(run, step, trial)
        if as_json:
            print_json({step: _curves(logged)})
        else:
            print("\n".join(_table(logged)) if logged else f"trial {step} logged no metrics")
        return
    if step is not None and step not in known:
        raise NotFoundError(f"run {run.run_id}", f"it has no step {step!r}", near(step, known))
    of = run.plan.maps.get(step or "", ())
    names = run.steps if step is None else {step, *(f"{step}[{label}]" for label in of)}
    found = {name: logged for name, logged in run.metrics.items() if name in names}
    if as_json:
        print_json({name: _curves(logged) for name, logged in found.items()})
    elif step in found:
        print("\n".join(_table(found[step])))
    else:
        print("\n".join(_last_values(found)) or f"{_of(run, step)} has logged no metrics")


def _metrics_of_trial(run: "Run", name: str, trial: "Trial") -> "Mapping[str, Metric]":
    """Return what a trial logged.

    Until its files are here, that is the metric that the search has heard.
    """
    from wingspan.runner.written import Metric, read_metrics

    found = read_metrics(run.collect().trial_attempts(name))
    if found or not trial.curve:
        return found
    metric = run.studies[name.rpartition("[")[0]].spec.metric
    return {metric: Metric((int(step), value) for step, value in trial.curve)}


def _of(run: "Run", step: str | None) -> str:
    return f"run {run.run_id}" if step is None else f"step {label(step)}"


def _curves(logged: "Mapping[str, Metric]") -> dict[str, list[list[float | None]]]:
    """Return each metric's points for JSON, with null for nan and inf."""
    return {
        name: [[at, value if math.isfinite(value) else None] for at, value in metric.curve]
        for name, metric in logged.items()
    }


def _table(logged: "Mapping[str, Metric]") -> list[str]:
    """Return a line for each step of training, with a column for each metric."""
    values = {name: dict(metric.curve) for name, metric in logged.items()}
    rows = [["step", *map(shown_name, logged)]]
    for at in sorted({at for points in values.values() for at in points}):
        given = (points.get(at) for points in values.values())
        rows.append([str(at), *("" if one is None else f"{one:.6g}" for one in given)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.rjust, row, widths)) for row in rows]


def _last_values(found: "Mapping[str, Mapping[str, Metric]]") -> list[str]:
    """Return a line for each step with the last value of each metric."""
    width = min(max(map(len, found), default=0), 40)
    return [
        f"{shown_name(name):{width}}  "
        + ", ".join(f"{shown_name(metric)} {value:.6g}" for metric, value in logged.items())
        for name, logged in found.items()
    ]


def print_command(run: "Run", step: str, *, raw: bool) -> None:
    """Print a command, then its output to standard output and its errors to standard error."""
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
    """Print the last lines of a file; return whether it has any.

    A note on standard error says where the rest is.

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
        note = f"the end of {size:,} bytes, made safe to print; print all: --raw, or see {file}"
        print(note if end else f"\n{note}", file=sys.stderr)
    return bool(text)


def copy_output(file: Path, out: Any, begin: int = 0) -> None:  # noqa: ANN401 - with its buffer
    """Copy a file byte for byte to a stream, starting at `begin`."""
    out.flush()
    if file.exists():
        with file.open("rb") as source:
            source.seek(begin)
            shutil.copyfileobj(source, out.buffer)


def _why_no_output(run: "Run", step: str) -> str:
    """Explain why a step has no folder here: its job runs in a pool, or it has not begun."""
    from wingspan.cli.job_text import job_now

    tried = run.attempts.get(step, ())
    if run.state == "running" and tried and not tried[-1].outcome:
        state = f"step {label(step)}: its job {tried[-1].job} is {job_now(tried[-1])}"
        now = f"condor_tail -f {tried[-1].job}"
        return f"{state}\n  -> its output arrives when the job ends; to see it now: {now}"
    return f"step {label(step)} has written nothing here: {_state_of(run, step)}"


def _state_of(run: "Run", step: str) -> str:
    event = run.events[step]
    return f"{event.state}{': ' if event.problem else ''}{shown(event.problem)}"


def _last_attempt(run: "Run", step: str) -> Path | None:
    """Return the folder of a step's last attempt, in this run or the one that ran it."""
    from wingspan.runner.written import last_attempts

    key = run.steps[step].key
    return last_attempts(run.home, run.folder, [key]).get(key, [None])[-1]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(logs)
