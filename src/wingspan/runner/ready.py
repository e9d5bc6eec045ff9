"""Before a plan goes to a pool: bring in earlier runs' results, and find an equal run."""

from typing import TYPE_CHECKING

from wingspan.runner.run_folder import Home, RunFolder

if TYPE_CHECKING:
    from wingspan.planning.plan import Plan
    from wingspan.runner.run import Run


def catch_up_all(home: Home, pipeline: str) -> None:
    """Bring in the results that a pipeline's unfinished runs have left in a pool."""
    from wingspan.runner.runners import trail_of

    for run_id in home.run_ids():
        folder = RunFolder(home.runs / run_id)
        if folder.complete.exists() or folder.driven():
            continue
        if folder.header["pipeline"] == pipeline:
            trail_of(folder, home).catch_up()


def equal_run(plan: "Plan", on: str, home: Home) -> "Run | None":
    """Return a run of the same steps that goes on now, or None."""
    from wingspan.runner.events import RUNNING
    from wingspan.runner.run import Run

    wanted = {step.key for step in plan.to_run()}
    for run_id in reversed(home.run_ids() if wanted else []):
        run = Run(RunFolder(home.runs / run_id), home)
        if run.folder.on != on or run.folder.complete.exists():
            continue
        if not run.folder.dags.is_dir() and not run.folder.driven():  # nothing was submitted
            continue
        if wanted <= {step.key for step in run.steps.values()} and run.state == RUNNING:
            return run
    return None
