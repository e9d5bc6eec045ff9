"""``wingspan run``, ``resume`` and ``stop``."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from wingspan.cli.options import HomeOption
from wingspan.cli.paper import label, wrap
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.runner.events import Listener, StepEvent
    from wingspan.runner.local.runner import LocalRunner
    from wingspan.runner.run import Run
    from wingspan.workflow import Pipeline

Target = Annotated[
    str,
    typer.Argument(metavar="FILE[:NAME]", help="File and the function that declares the pipeline."),
]
_STOPPED = 130  # exit code, as after Ctrl-C
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="K=V", help="A parameter of that function.")
]
RunId = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of a run, its start or end, or 'last'.")
]
On = Annotated[
    str,
    typer.Option(
        "--on", metavar="WHERE", help="local, htcondor, or the name of a pool in wingspan.toml."
    ),
]
NoFuse = Annotated[bool, typer.Option("--no-fuse", help="On a pool, run each step as its own job.")]
Shared = Annotated[
    Path | None,
    typer.Option(
        "--shared",
        metavar="PATH",
        help="Folder that the pool's machines share; nothing is transferred.",
    ),
]
Raw = Annotated[bool, typer.Option("--raw", help="Print the whole output, byte for byte.")]
Until = Annotated[
    list[str] | None,
    typer.Option("--until", metavar="STEP", help="Run only this step and the steps it needs."),
]
Force = Annotated[
    list[str] | None,
    typer.Option("--force", metavar="STEP", help="Run this step even if it is up to date."),
]
Touch = Annotated[
    bool, typer.Option("--touch", help="Run nothing; treat the last results as up to date.")
]
Track = Annotated[
    list[str] | None,
    typer.Option("--track", metavar="MIRROR", help="Also show the run in wandb or tensorboard."),
]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Most jobs at once.")]
PoolKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--pool",
        metavar="K=V",
        help="Key of the pool's profile for this run, such as priority=10.",
    ),
]
Background = Annotated[
    bool, typer.Option("--background", help="Return at once and let the run go on.")
]


def run(
    target: Target,
    settings: Settings = None,
    home: HomeOption = None,
    background: Background = False,
    on: On = "local",
    no_fuse: NoFuse = False,
    shared: Shared = None,
    until: Until = None,
    force: Force = None,
    touch: Touch = False,
    jobs: Jobs = None,
    pool: PoolKeys = None,
    track: Track = None,
) -> None:
    """Run the out-of-date steps of a pipeline, locally or on a pool."""
    from wingspan.cli.results import results_lines
    from wingspan.cli.target import load_pipeline

    pipeline = load_pipeline(target, settings or [])
    done = run_pipeline(
        pipeline,
        home,
        background=background,
        on=on,
        fuse=not no_fuse,
        shared=shared,
        choice=Choice(until, force, touch, jobs, pool_keys(pool), track),
    )
    lines = [] if background else results_lines(done)
    if lines:
        print("\n".join(lines))


class Choice(NamedTuple):
    """The steps to run, the most at once, keys of the pool's profile, and the mirrors."""

    until: list[str] | None = None
    force: list[str] | None = None
    touch: bool = False
    jobs: int | None = None
    pool: dict[str, object] | None = None
    track: list[str] | None = None


ALL = Choice()


def pool_keys(given: list[str] | None) -> dict[str, object] | None:
    """Return keys of a profile with their values, as in ``wingspan.toml``; text needs no quotes.

    >>> pool_keys(["priority=10", "notify=ann@example.edu"])
    {'priority': 10, 'notify': 'ann@example.edu'}
    """
    import tomllib

    from wingspan.errors import SettingError

    found: dict[str, object] = {}
    for each in given or ():
        key, sign, text = each.partition("=")
        if not sign:
            problem = f"expected KEY=VALUE, found {each!r}"
            raise SettingError("--pool", problem, "write it like --pool priority=10")
        try:
            found[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            found[key] = text
    return found or None


class Ended(typer.Exit):
    """A run that did not end well, with the exit code of its command."""

    def __init__(self, run: "Run", code: int) -> None:
        super().__init__(code)
        self.run = run


def run_pipeline(
    pipeline: "Pipeline",
    home: Path | None,
    *,
    background: bool = False,
    runner: "LocalRunner | None" = None,
    on: str = "local",
    fuse: bool = True,
    shared: Path | None = None,
    choice: Choice = ALL,
    on_done: "Callable[[Run, str], None] | None" = None,
) -> "Run":
    """Run a pipeline with progress and print failures.

    Exit with 1 if a step failed, with 2 if its input was bad.

    Parameters
    ----------
    on_done
        Called with the run and the name of each step that is up to date or done.
    """
    from wingspan.runner.drive import drive_in_background

    if home is not None:
        check_folder("--home", home)
    options = choice._asdict()
    jobs = options.pop("jobs")
    stale = pipeline.plan(home, until=choice.until).to_run() if choice.touch else ()
    started = pipeline.prepare(on, home=home, fuse=fuse, shared=shared, **options)
    if stale:
        names = ", ".join(label(step.name) for step in stale)
        print(wrap(f"up to date with their last results: {names}", "  "), file=sys.stderr)
    for note in started.plan.notes:
        print(f"note: {note}", file=sys.stderr)
    if background:
        drive_in_background(started.folder, started.home, jobs)
        print(f"run {started.run_id}\n{_commands(started)}")
        return started
    _drive(started, runner, jobs, on_done)
    return started


def _drive(
    run: "Run",
    runner: "LocalRunner | None" = None,
    jobs: int | None = None,
    on_done: "Callable[[Run, str], None] | None" = None,
    done: dict[str, bool] | None = None,
) -> None:
    """Carry a run out with progress, and print how it ended; see `conclude`.

    Parameters
    ----------
    done
        By step, whether an earlier start of the run has finished it.
    """
    from wingspan.cli.progress import Progress
    from wingspan.cli.ticking import ticking
    from wingspan.runner.drive import drive

    try:
        with Progress.of(run, done=done) as progress, ticking(progress, run):
            listener = progress if on_done is None else _listener(run, progress, on_done)
            drive(run.folder, run.home, listener, runner, jobs)
    except KeyboardInterrupt:
        if run.trail.under_way:
            print(f"\nthe run goes on in the pool\n{_commands(run)}", file=sys.stderr)
        raise
    conclude(run)


def _listener(
    run: "Run", progress: "Listener", on_done: "Callable[[Run, str], None]"
) -> "Listener":
    """Return a listener that also calls `on_done` for each finished step.

    Steps that are up to date are reported at once.
    """

    def listen(event: "StepEvent") -> None:
        progress(event)
        if event.state == "done":
            on_done(run, event.step)

    for name, step in run.steps.items():
        if step.done:
            on_done(run, name)
    return listen


def _commands(run: "Run") -> str:
    """Return the commands that watch and stop a run."""
    return f"  watch: wingspan watch {run.run_id}\n  stop:  wingspan stop {run.run_id}"


def check_folder(option: str, folder: Path) -> None:
    """Refuse a folder that cannot be written to, before anything is computed for it."""
    import tempfile

    from wingspan.errors import SettingError

    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    try:
        with tempfile.TemporaryFile(dir=there):  # permissions say little of root and of /proc
            return
    except OSError as error:
        problem = f"nothing can be written in {there}: {error.strerror}"
        fix = "name a folder that you may write to"
        raise SettingError(f"{option} {folder}", problem, fix) from error


def check_file(option: str, file: Path) -> None:
    """Refuse a file that cannot be written, before anything is computed for it."""
    from wingspan.errors import SettingError

    if not file.parent.exists():
        problem = f"there is no folder {file.parent}"
        raise SettingError(
            f"{option} {file}", problem, f"correct it, or: mkdir -p {shlex.quote(str(file.parent))}"
        )
    if file.is_dir():
        fix = "name a file in it"
        raise SettingError(f"{option} {file}", "expected a file, found a folder", fix)
    check_folder(option, file.parent)


def conclude(run: "Run") -> None:
    """Print how a run ended.

    Exit with 1 if it failed, 2 if bad input caused every failure, 130 if it was stopped.
    """
    from wingspan.runner.alike import alike, names_of

    events = run.events
    failed = [event for event in events.values() if event.state == "failed"]
    for group in alike(event for event in failed if not event.error):
        print(f"\n{run.report(group[0].step)}", file=sys.stderr)
        if len(group) > 1:
            more = counted(len(group) - 1, "more step")
            print(f"\n{more} failed in the same way: {names_of(group[1:])}", file=sys.stderr)
            print(f"  -> wingspan logs STEP --run {run.run_id}", file=sys.stderr)
    done = [event for event in events.values() if event.state == "done"]
    new = sum(1 for event in done if event.wall_s)
    skipped = sum(1 for event in events.values() if event.state == "skipped")
    lost = f", {len(failed)} failed" if failed else ""
    lost += f", {skipped} skipped" if skipped else ""
    adopted = sum(1 for event in done if event.adopted)
    same = f", {adopted} adopted" if adopted else ""  # not run: see docs/store.md
    counts = f"{counted(new, 'step')} run{lost}{same}, {len(done) - new - adopted} up to date"
    print(f"run {run.run_id}: {run.state}, {counts}", file=sys.stderr)
    for message in dict.fromkeys(f"{e.problem}\n  -> {e.fix}" for e in failed if e.error):
        print(f"error: {message}", file=sys.stderr)
    if run.state == "stopped" and not failed:
        raise Ended(run, _STOPPED)
    if run.state != "done":
        raise Ended(run, 2 if failed and all(event.error for event in failed) else 1)


def resume(run_id: RunId = "last", home: HomeOption = None) -> None:
    """Continue an interrupted or failed run with the plan that it had."""
    from wingspan.runner.runs import open_run

    run = open_run(run_id, home=home)
    done = {name: event.state == "done" for name, event in run.events.items()}
    _drive(run, done=done)


def stop(run_id: RunId = "last", home: HomeOption = None) -> None:
    """Stop a run; finished steps are kept.

    Run the same command again to continue it.
    """
    from wingspan.runner.runs import open_run

    run = open_run(run_id, home=home)
    running = run.state == "running"
    state = run.stop().state
    print(f"run {run.run_id}: {state}" if running else f"run {run.run_id} is not running: {state}")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for function in (run, resume, stop):
        app.command()(function)
