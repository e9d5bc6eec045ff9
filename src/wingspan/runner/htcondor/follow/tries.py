"""Find the attempts of jobs in which the steps of a run, its sweeps and their trials ran.

A trial runs in a job of a lane. The lane says which trial it begins by a line of its job's event log. Where chirp is
closed, it says so by standard error while the job runs, and by the lines of ended trials afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from wingspan.eventlog.attempt import Attempt
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow.attempts import Attempts, begin_of
from wingspan.runner.htcondor.follow.streams import Stream
from wingspan.runner.htcondor.search.intake import lines_of
from wingspan.sweep.study import numbers_given

_Tried = tuple[
    Mapping[str, Any], Sequence[Attempt]
]  # a trial in its lane's words, and where it ran


def attempts_of(dags: Iterable[DagFolder]) -> dict[str, list[Attempt]]:
    """Return the attempts of each step's job by the step's key.

    They are numbered through all DAGs of a run. A sweep has those of its lanes, numbered lane by lane. Its trials have theirs under the sweep's key and the trial's
    call, such as ``KEY[3]``, or ``KEY[3.1]`` of a repeat.

    Parameters
    ----------
    dags
        The oldest first.
    """
    found: dict[str, list[Attempt]] = {}
    for dag in dags:
        log = Attempts(dag)
        log.advance()
        keys = dag.keys()
        lanes = {lane: node.key for node in dag.sweeps().values() for lane in node.lanes}
        for node, tried in log.by_node().items():
            for key in keys.get(node, ()):
                _extend(found.setdefault(key, []), tried)
            if node in lanes:
                known = found.setdefault(lanes[node], [])
                own = [one for one in known if one.node == node]
                _extend(own, tried)
                known += own[-len(tried) :]
        for key, of in _of_trials(dag, log):
            _extend(found.setdefault(key, []), of)
    return found


def _extend(known: list[Attempt], more: Sequence[Attempt]) -> None:
    """Add attempts to earlier ones, and number them on."""
    known += [replace(one, number=number) for number, one in enumerate(more, len(known) + 1)]


def _of_trials(dag: DagFolder, log: Attempts) -> Iterator[tuple[str, Sequence[Attempt]]]:
    by_node = log.by_node() if log.begun is not None else {}
    for node in dag.sweeps().values():
        given = numbers_given(node.study)
        for lane in node.lanes:
            for said, tried in _of_lane(dag, lane, log, by_node.get(lane, [])):
                number, repeat = said.get("number"), said.get("repeat")
                if number is None:
                    number = given.get(f"{lane} {said.get('reserve')}")
                if type(number) is int and tried:
                    yield (
                        f"{node.key}[{number}.{repeat}]" if repeat else f"{node.key}[{number}]",
                        tried,
                    )


def _of_lane(
    dag: DagFolder, lane: str, log: Attempts, tried: Sequence[Attempt]
) -> Iterator[_Tried]:
    """Yield the trials that a lane has begun, in their order."""
    found: dict[str, _Tried] = {
        call: (begun.said, [log.of_job(*job)[place] for job, place in begun.tries])
        for call, begun in (log.begun or {}).items()
        if call.rpartition(".")[0] == lane
    }
    for line in lines_of(dag, [lane]):
        found.setdefault(line["call"], (line, _by_line(line, log)))
    for message in Stream(dag.errors(lane)).new():
        begin = begin_of(message.content)
        if begin is not None:
            found.setdefault(begin["call"], (begin, tried[-1:]))
    yield from (found[call] for call in sorted(found, key=_place))


def _by_line(line: Mapping[str, Any], log: Attempts) -> list[Attempt]:
    """Return the attempts of an ended trial: its line names a job, and the last of its starts."""
    started = [one for one in log.of_job(int(line.get("cluster", 0))) if one.host]
    last = min(int(line.get("start", 0)), len(started))
    return started[max(last - int(line["attempts"]), 0) : last]


def _place(call: str) -> int:
    """Return the place of a call among those of its lane."""
    place = call.rpartition(".")[2]
    return int(place) if place.isdigit() else 0
