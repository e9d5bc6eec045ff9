"""How long a pipeline's steps took in its last runs, for the next plan.

Runs that were stopped count as well.
"""

from wingspan.planning.times import Lasted, family
from wingspan.runner.events import DONE, RUNNING, STOPPED
from wingspan.runner.record import read_all_events
from wingspan.runner.run_folder import Home, RunFolder

_RUNS = 3  # of this pipeline, the newest


def read_lasted(home: Home, pipeline: str) -> Lasted:
    """Return the times in the records of a pipeline's last runs."""
    ended: dict[str, list[float]] = {}
    stopped: dict[str, float] = {}
    read = 0
    for run_id in reversed(home.run_ids()):
        folder = RunFolder(home.runs / run_id)
        if folder.header["pipeline"] != pipeline:
            continue
        _read(folder, ended, stopped)
        read += 1
        if read == _RUNS:
            break
    return Lasted(ended, stopped)


def _read(folder: RunFolder, ended: dict[str, list[float]], stopped: dict[str, float]) -> None:
    """Add the times of one run's record; for a step that was stopped twice, the longer one."""
    running: dict[str, float] = {}
    for event in read_all_events(folder):
        begun = running.pop(event.step, None)
        if event.state == RUNNING:
            running[event.step] = event.time if begun is None else begun
        elif event.state == DONE and event.wall_s:
            ended.setdefault(family(event.step), []).append(event.wall_s)
        elif event.state == STOPPED and begun is not None:
            stopped[event.step] = max(event.time - begun, stopped.get(event.step, 0.0))
