"""``wingspan watch``: show a run until it ends, without changing it."""

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from wingspan.cli.idle_text import Idle
from wingspan.cli.job_text import job_now
from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.progress import Progress, metrics_now, values_json
from wingspan.cli.runs import RunId, conclude
from wingspan.cli.spark import Sparks

if TYPE_CHECKING:
    from wingspan.runner.events import StepEvent
    from wingspan.runner.run import Run
    from wingspan.runner.watch import Watch

_POLL_S = 0.3
_REST = 19  # pause, in times that a look takes: at most a twentieth of a core
_LONGEST_S = 10.0


def watch(run_id: RunId = "last", home: HomeOption = None, as_json: AsJson = False) -> None:
    """Show a run until it ends; Ctrl-C leaves the run alone."""
    from wingspan.runner.runs import open_run
    from wingspan.runner.watch import Watch

    run = open_run(run_id, home=home)
    seen = Watch(run.folder, run.home)
    try:
        if as_json:
            _print_news(seen, str(run.origin.get("command", "")))
        else:
            _show(seen, run)
    except KeyboardInterrupt:
        print(f"run {run.run_id} is left as it is: wingspan watch {run.run_id}", file=sys.stderr)
        raise
    if as_json:
        print_json({"run": run.run_id, "state": run.state}, line=True)
    conclude(run)


def _print_news(seen: "Watch", command: str) -> None:
    """Print each event, and the metrics of running steps, as lines of JSON.

    Advice is in terms of the command that started the run.
    """
    from wingspan.runner.advice import in_terms_of
    from wingspan.runner.events import RUNNING

    before: Mapping[str, object] = {}
    while not seen.over:
        begin = time.monotonic()
        for event in seen.look():
            fields = asdict(event) | {"fix": in_terms_of(command, event.fix, event.step)}
            print_json({k: v for k, v in fields.items() if v != ""}, line=True)
        logged = {step: values_json(values) for step, values in seen.metrics().items()}
        for step, metrics in logged.items():
            if metrics != before.get(step):
                print_json({"step": step, "state": RUNNING, "metrics": metrics}, line=True)
        before = logged
        _rest(seen, begin)


def _show(seen: "Watch", run: "Run") -> None:
    """Draw a live table on a terminal; print a line per change elsewhere."""
    keys = {name: step.key for name, step in run.steps.items()}
    sparks, idle = Sparks(), Idle(run)
    with Progress.of(run, sys.stdout) as progress:
        while not seen.over:
            begin = time.monotonic()
            events: list[StepEvent] = seen.look()
            jobs = seen.jobs()
            progress.idle = idle.text(jobs.values())
            now = {name: job_now(jobs[key]) for name, key in keys.items() if key in jobs}
            for event in events:
                progress(event)
            logged = seen.metrics()
            drawn = {step: sparks.add(step, values) for step, values in logged.items()}
            progress.draw(
                now, {step: metrics_now(values, drawn[step]) for step, values in logged.items()}
            )
            _rest(seen, begin)


def _rest(seen: "Watch", begin: float) -> None:
    """Wait for news; wait longer if a look takes long."""
    if not seen.over:
        time.sleep(min(max(_POLL_S, _REST * (time.monotonic() - begin)), _LONGEST_S))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)
