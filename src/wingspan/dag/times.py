"""Time the nodes of a DAG from their event log, and find the critical path."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wingspan.dag.dag import Dag
from wingspan.eventlog.bodies import node_of, read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.histories import JobHistories, group_by_job
from wingspan.eventlog.job_state import State
from wingspan.eventlog.read import read_events


@dataclass(frozen=True, slots=True)
class NodeTimes:
    """Seconds that the jobs of one node spent, over all attempts.

    `start` and `end` are in seconds since 1970 UTC.

    Parameters
    ----------
    state
        ``done``, ``failed``, ``running``, ``held`` or ``waiting``: of its last job and its POST script.
    attempts
        Jobs submitted for it.
    runs
        How often a job of it began to run.
    queue_s
        Idle, without the transfer of input files.
    run_s
        Running, without the transfer of output files.
    """

    state: str
    attempts: int
    runs: int
    holds: int
    queue_s: float
    input_s: float
    run_s: float
    output_s: float
    held_s: float
    start: float
    end: float


def nodes_log(dag: Path) -> Path:
    """Return where DAGMan has its nodes' events written."""
    return dag.with_name(f"{dag.name}.nodes.log")


def time_nodes(log: Path, *, timezone: str | None = None) -> dict[str, NodeTimes]:
    """Return the times of each node in the log, by name.

    Parameters
    ----------
    timezone
        The zone of stamps that name none; as in `wingspan.eventlog.read.read_events`.
    """
    history = group_by_job(read_events(log, timezone=timezone))
    if not len(history):
        return {}
    jobs: dict[str, list[int]] = {}
    for number, name in _names(history).items():
        jobs.setdefault(name, []).append(number)
    columns = _columns(history)
    return {name: _times(history, numbers, columns) for name, numbers in jobs.items()}


def critical_path(dag: Dag, times: Mapping[str, NodeTimes]) -> list[str]:
    """Return the nodes that the last node to end waited for, the first first.

    Before each node stands the one of its parents that ended last: a shorter node anywhere else
    would not have made the whole shorter.
    """
    parents = dag.parents()
    name = max((one for one in times if one in parents), key=lambda one: times[one].end, default="")
    if name and dag.nodes[name].kind == "final":
        parents[name] = tuple(one for one in times if one in parents and one != name)
    path = []
    while name:
        path.append(name)
        known = [one for one in parents[name] if one in times]
        name = max(known, key=lambda one: times[one].end, default="")
    return path[::-1]


def _names(history: JobHistories) -> dict[int, str]:
    """Return the node of each job, as its submit event names it."""
    rows = np.flatnonzero(history.events.code == Event.SUBMIT)
    found = {}
    for job, body in zip(
        history.job[rows].tolist(), read_bodies(history.events, rows), strict=True
    ):
        if name := node_of(body):
            found[job] = name
    return found


def _columns(history: JobHistories) -> dict[str, list[float]]:
    """Return, for each job, seconds in states and transfers, and counts."""
    count, job, time = len(history), history.job, history.events.time
    lasting = np.zeros(len(time))
    lasting[:-1] = np.where(job[1:] == job[:-1], np.diff(time), 0.0)

    def sums(state: State) -> list[float]:
        chosen = history.state == state
        return [*map(float, np.bincount(job[chosen], lasting[chosen], count))]

    moved = history.transfers()
    runs, holds = history.runs(), history.holds()
    return {
        "idle": sums(State.IDLE),
        "running": sums(State.RUNNING),
        "held": sums(State.HELD),
        "input": np.bincount(
            moved.job[~moved.output], moved.seconds[~moved.output], count
        ).tolist(),
        "output": np.bincount(moved.job[moved.output], moved.seconds[moved.output], count).tolist(),
        "runs": np.bincount(runs.job, minlength=count).tolist(),
        "holds": np.bincount(holds.job, minlength=count).tolist(),
        "start": time[history.starts[:-1]].tolist(),
        "end": time[history.starts[1:] - 1].tolist(),
    }


def _times(
    history: JobHistories, numbers: list[int], columns: Mapping[str, list[float]]
) -> NodeTimes:
    total = {name: sum(values[number] for number in numbers) for name, values in columns.items()}
    return NodeTimes(
        state=_state(history, numbers),
        attempts=len({int(history.events.cluster[history.starts[number]]) for number in numbers}),
        runs=int(total["runs"]),
        holds=int(total["holds"]),
        queue_s=max(0.0, total["idle"] - total["input"]),
        input_s=total["input"],
        run_s=max(0.0, total["running"] - total["output"]),
        output_s=total["output"],
        held_s=total["held"],
        start=min(columns["start"][number] for number in numbers),
        end=max(columns["end"][number] for number in numbers),
    )


def _state(history: JobHistories, numbers: list[int]) -> str:
    """Return the state after the last attempt; a POST script's exit code counts for the node's."""
    last = max(int(history.events.cluster[history.starts[number]]) for number in numbers)
    states = []
    for number in numbers:
        rows = history.rows(number)
        if int(history.events.cluster[rows[0]]) != last:
            continue
        ended = np.isin(
            history.events.code[rows], (Event.JOB_TERMINATED, Event.POST_SCRIPT_TERMINATED)
        )
        state = State(int(history.state[rows[-1]]))
        if state == State.COMPLETED and ended.any():
            good = history.events.return_value[rows[ended][-1]] == 0
            states.append("done" if good else "failed")
        else:
            states.append(_WORDS.get(state, "waiting"))
    return next((word for word in _ORDER if word in states), "waiting")


_WORDS = {
    State.COMPLETED: "done",
    State.REMOVED: "failed",
    State.HELD: "held",
    State.RUNNING: "running",
    State.SUSPENDED: "running",
}
_ORDER = ("failed", "held", "running", "waiting", "done")  # of several jobs the first that any has
