"""Record the trials that lanes have sent in their sweep's study, each once."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from wingspan.runner.failure import Failure, read_failure
from wingspan.runner.htcondor.dag_folder import DagFolder, read_sent
from wingspan.sweep.open_study import OpenStudy
from wingspan.sweep.records import Ending
from wingspan.tracking import record


def lines_of(dag: DagFolder, lanes: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of trials that have ended, as far as they are home."""
    for lane in lanes:
        yield from (line for line in record.read(dag.trials(lane)) if "call" in line)


def take_in(study: OpenStudy, dag: DagFolder, lanes: Iterable[str]) -> int:
    """Record the trials that have ended and are home; return how many the study did not know."""
    new = 0
    for line in lines_of(dag, lanes):
        number, repeat = _number(study, line), line["repeat"]
        if not study.running(number, repeat):
            continue
        if not study.key(number, repeat):
            for _ in range(line["attempts"]):
                study.began(number, line["key"], repeat)
        ending = Ending(
            line["state"],
            line["value"],
            line["problem"],
            line["wall_s"],
            curve=tuple((step, value) for step, value in line["curve"]),
        )
        study.ended(number, ending, repeat)
        new += 1
    return new


def _number(study: OpenStudy, line: Mapping[str, Any]) -> int:
    """Return a trial's number; one that the lane drew itself gets the next one, once."""
    if line["number"] is not None:
        return int(line["number"])
    origin = f"{line['call'].rpartition('.')[0]} {line['reserve']}"
    return study.draw_given(line["values"], origin).number


def failure_of(dag: DagFolder, lanes: Iterable[str]) -> Failure | None:
    """Return why no trial of a sweep can do better, or why its lanes could not start."""
    for lane in lanes:
        for line in record.read(dag.trials(lane)):
            if "failure" in line:
                return read_failure(line["failure"])
    for lane in lanes:
        refused = read_sent(dag.refusal(lane))
        if refused is not None:
            return read_failure(refused)
    return None
