"""The runs of a home: one by its id, or all."""

from pathlib import Path

from wingspan.pipeline.public import checks_arguments
from wingspan.runner.run import Run
from wingspan.runner.run_folder import RunFolder, find_home


@checks_arguments
def open_run(run_id: str = "last", *, home: str | Path | None = None) -> "Run":
    """Find a run again, by its id, a part of it, or ``last``."""
    place = find_home(home)
    return Run(place.run(run_id), place)


@checks_arguments
def runs(pipeline: str | None = None, *, home: str | Path | None = None) -> "list[Run]":
    """Return all runs, newest first; only those of `pipeline` if it is given."""
    place = find_home(home)
    found = [Run(RunFolder(place.runs / run_id), place) for run_id in reversed(place.run_ids())]
    return [run for run in found if pipeline is None or run.pipeline == pipeline]
