"""Follow a DAG through its nodes' event log, and bring in what each node finished: the access point's side of a run.

Anyone may follow, at any time and as often as they like: what was told or brought in before is not again.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from wingspan.eventlog.bodies import read_bodies
from wingspan.eventlog.codes import EventNumber as Event
from wingspan.eventlog.events import Events
from wingspan.eventlog.rotation import Position, read_new
from wingspan.eventlog.rules import explain
from wingspan.files import locked
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.failure import Failure
from wingspan.runner.htcondor.collect import collect_step, nodes_in, skipped, told_failures
from wingspan.runner.htcondor.growth import fix_of_removed
from wingspan.runner.htcondor.hold_policy import lacked
from wingspan.runner.htcondor.shared import clean
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.runner import (
    DONE,
    FAILED,
    HELD,
    RUNNING,
    SKIPPED,
    STOPPED,
    WAITING,
    Listener,
    StepEvent,
    read_new_events,
    write_event,
)
from wingspan.store.store import Store

NODES_LOG = "workflow.dag.nodes.log"
DAGMAN_LOG = "workflow.dag.dagman.log"
DAGMAN_OUT = "workflow.dag.dagman.out"
_TOLD: Final = (
    Event.SUBMIT,
    Event.EXECUTE,
    Event.JOB_EVICTED,
    Event.SHADOW_EXCEPTION,
    Event.JOB_RECONNECT_FAILED,
    Event.JOB_TERMINATED,
    Event.JOB_ABORTED,
    Event.JOB_HELD,
    Event.JOB_RELEASED,
)
_FINAL: Final = frozenset({DONE, FAILED, SKIPPED})
_LOST: Final = (Event.JOB_EVICTED, Event.SHADOW_EXCEPTION, Event.JOB_RECONNECT_FAILED)
_ERROR: Final = re.compile(
    r"^[\d/:. ]*ERROR\b[: ]*(.*[^:\s])\s*$", re.MULTILINE
)  # in DAGMan's words
_REFUSED: Final = re.compile(r"Failed to submit job (\S+): (?:SCHEDD:\d+:)?(.*\S)")
_ENDS: Final = (Event.JOB_TERMINATED, Event.JOB_ABORTED)


def dag_over(place: Path) -> bool:
    """Return whether DAGMan has left the queue, as its own log says; nothing is brought in."""
    log = place / DAGMAN_LOG
    codes = read_new(log, None).events.code.tolist() if log.exists() else []
    return any(code in _ENDS for code in codes)


class Follower:
    """One DAG being followed.

    Parameters
    ----------
    place
        Folder of the DAG.
    """

    def __init__(
        self, plan: Plan, place: Path, folder: RunFolder, home: Home, listener: Listener
    ) -> None:
        self._plan = plan
        self._place = place
        self._folder = folder
        self._store = Store(home.store)
        self._listener = listener
        self._nodes = nodes_in(place)
        self._steps: dict[str, list[PlannedStep]] = {}
        for step in plan.steps:
            self._steps.setdefault(step.key, []).append(step)
        self._positions: dict[str, Position] = {}
        self._sizes: dict[str, int] = {}
        self._node_of: dict[int, str] = {}
        self._why: dict[str, Failure] = {}
        self._reasons: dict[int, str] = {}
        self._told: dict[tuple[str, str, float], StepEvent] = {}
        self._last: dict[str, StepEvent] = {}  # of each step, as the record has it
        self._begun = float("inf")  # when this DAG was submitted
        self._read = 0  # bytes of the run's record
        self.events: dict[str, StepEvent] = {}
        self.dagman: int | None = None  # its cluster, once it was submitted
        self.over = False

    def advance(self) -> None:
        """Take in what happened since the last call; tell and record each change once."""
        with locked(self._folder.root / "follow"):
            told, self._read = read_new_events(self._folder, self._read)
            self._told |= {(event.step, event.state, event.time): event for event in told}
            self._last |= {event.step: event for event in told}
            over = self._dagman_ended()
            for event in self._new(NODES_LOG):
                self._take_in(*event)
            if over and not self.over:
                self._conclude()
                clean(self._place)
            self.over = over

    def warn(self, problems: Mapping[str, str]) -> None:
        """Tell, before anything has happened, why steps may have to wait; `problems` by the steps' keys."""
        for key, problem in problems.items():
            step = self._steps[key][0]
            fix = f"ask for less, or wait for such a machine: `wingspan why {self._folder.run_id}` tells what would do"
            told = StepEvent(time.time(), step.name, key, WAITING, problem=problem, fix=fix)
            self._tell(step, told)

    def _new(self, log: str) -> Iterator[tuple[int, int, float, dict[str, Any]]]:
        """Yield code, cluster, time and body of the new events of a log that matter."""
        path = self._place / log
        size = path.stat().st_size if path.exists() else 0
        if size == self._sizes.get(log, 0):
            return
        self._sizes[log] = size
        news = read_new(path, self._positions.get(log))
        self._positions[log] = news.position
        events: Events = news.events
        rows = [row for row, code in enumerate(events.code.tolist()) if code in _TOLD]
        bodies = read_bodies(events, rows)
        for row, body in zip(rows, bodies, strict=True):
            yield int(events.code[row]), int(events.cluster[row]), float(events.time[row]), body

    def _dagman_ended(self) -> bool:
        over = self.over
        for code, cluster, at, body in self._new(DAGMAN_LOG):
            if code == Event.SUBMIT:
                self.dagman, self._begun = cluster, at
            over = code in _ENDS or (over and code not in {Event.SUBMIT, Event.EXECUTE})
            if code == Event.JOB_HELD:
                self._reasons[cluster] = str(body.get("HoldReason", ""))
        return over

    def _take_in(self, code: int, cluster: int, at: float, body: dict[str, Any]) -> None:
        if code == Event.SUBMIT:
            name = (body.get("StructuredNotes") or {}).get("DAGNodeName", "")
            self._node_of[cluster] = name
            return
        node = self._node_of.get(cluster, "")
        if node not in self._nodes:
            return
        if code == Event.EXECUTE:
            self._say(node, RUNNING, at)
        elif code in _LOST:
            self._lost(node, at, body)
        elif code == Event.JOB_RELEASED:
            self._say(node, WAITING, at)
        elif code == Event.JOB_HELD:
            code, sub = (int(body.get(f"HoldReason{name}", 0)) for name in ("Code", "SubCode"))
            reason = str(body.get("HoldReason", ""))
            rule, problem = explain(code, sub, reason), f"was held: {reason}"
            fix = (
                f"{rule.cause} See to that, then give the same command again."  # once it is removed
            )
            self._why[node] = Failure(problem, fix, cause=lacked(code, sub))
            fix = rule.fix.replace("JOB", f"{cluster}.0")
            self._say(node, HELD, at, problem=problem, fix=fix)
        elif code == Event.JOB_ABORTED:
            self._removed(node, at, str(body.get("Reason", "")))
        elif code == Event.JOB_TERMINATED:
            self._ended(node, at, body)

    def _lost(self, node: str, at: float, body: dict[str, Any]) -> None:
        """Tell that a job goes back to the queue, and why."""
        reason = str(body.get("Reason", body.get("Message", "")))
        if _whole_removed(reason):
            return  # its removal is told next
        left = told_failures(self._place, self._nodes[node])
        if body.get("TerminatedAndRequeued"):
            why = next((failure for failure in left if failure.cause), None)
            code = body.get("ReturnValue", body.get("TerminatedBySignal", "?"))
            if why is None:
                self._say(node, WAITING, at, problem=f"ended with {code}, and waits to go on")
                return
            lack = f"{why.problem}; waits for more {why.cause}"
            fix = "nothing, where a machine has twice as much: `wingspan why` tells"
            self._say(node, WAITING, at, problem=lack, fix=fix)
            return
        told = f": {reason}" if reason else ""
        again = f"its job was begun again and again, and lost each time{told}"
        fix = "look at the machines it was lost on (wingspan status), then give the same command again"
        self._why[node] = Failure(again, fix)
        self._say(node, WAITING, at, problem=f"was evicted, and waits to go on{told}")

    def _removed(self, node: str, at: float, reason: str) -> None:
        if _whole_removed(reason):
            self._say(node, STOPPED, at, problem="the workflow was removed")
            return
        held = self._why.get(node)
        if held and held.cause:
            part = json.loads((self._place / "jobs" / f"{node}.json").read_text())
            held = held._replace(fix=fix_of_removed(held.cause, part))
        problem = f"its job was removed: {reason}" if reason else "its job was removed"
        why = (
            held
            if held and "PeriodicRemove" in reason
            else Failure(problem, "give the same command again to go on")
        )
        self._say(node, FAILED, at, problem=why.problem, fix=why.fix)

    def _ended(self, node: str, at: float, body: dict[str, Any]) -> None:
        """Bring in the results of a node whose job has ended."""
        for key in self._nodes[node]:
            step = self._steps[key][0]
            if self._store.done([key]):
                self._tell(step, StepEvent(at, step.name, key, DONE))
                continue
            known = [self._told.get((step.name, state, at)) for state in (FAILED, SKIPPED, STOPPED)]
            if any(known):
                self.events |= {event.step: event for event in known if event}
                continue
            event = collect_step(step, self._place, node, self._folder, self._store)
            if event is None:
                code = body.get("ReturnValue", body.get("TerminatedBySignal", "?"))
                problem = f"its job ended with {code} and sent no result"
                told = skipped(self._plan.steps, self._failed()).get(key)
                state = SKIPPED if told else FAILED
                event = StepEvent(
                    at,
                    step.name,
                    key,
                    state,
                    problem=f"needs {told}, which failed" if told else problem,
                    fix="" if told else "read what it wrote: wingspan logs",
                )
            self._tell(step, event, at)

    def _conclude(self) -> None:
        """Say what becomes of the steps that never ended, now that DAGMan is gone."""
        node_of = {key: node for node, keys in self._nodes.items() for key in keys}
        for step in self._plan.steps:  # an event may be missing: its log could not be written
            last = self.events.get(step.name)
            known = self._last.get(step.name)
            if known and known.state in _FINAL and known.time > self._begun:
                self.events[step.name] = last = known  # somebody has concluded before
            if not step.done and not (last and last.state in _FINAL) and step.key in node_of:
                left = collect_step(step, self._place, node_of[step.key], self._folder, self._store)
                if left is not None:
                    self._tell(step, left)
        self._refused()
        failed = self._failed()
        lost = skipped(self._plan.steps, failed)
        for step in self._plan.steps:
            last = self.events.get(step.name)
            if step.done or (last and last.state in {*_FINAL, STOPPED}):
                continue
            now = time.time()
            if step.key in lost:
                problem = f"needs {lost[step.key]}, which failed"
                self._tell(step, StepEvent(now, step.name, step.key, SKIPPED, problem=problem))
            elif self._store.done([step.key]):
                self._tell(step, StepEvent(now, step.name, step.key, DONE))
            else:
                problem = self._dagman_problem()
                self._tell(step, StepEvent(now, step.name, step.key, STOPPED, problem=problem))

    def _refused(self) -> None:
        """Tell of the nodes whose jobs the access point did not take."""
        fix = (
            "correct what is asked: submit in the pool's table of wingspan.toml, or ws.Resources(submit=...); "
            "then give the same command again"
        )
        for node, reason in dict(_REFUSED.findall(self._dagman_out())).items():
            last = [self.events.get(self._steps[key][0].name) for key in self._nodes.get(node, ())]
            if not any(event and event.state in _FINAL for event in last):
                problem = f"the access point refused its job: {reason}"
                self._say(node, FAILED, time.time(), problem=problem, fix=fix)

    def _dagman_out(self) -> str:
        out = self._place / DAGMAN_OUT
        return out.read_text(errors="replace") if out.exists() else ""

    def _dagman_problem(self) -> str:
        errors = _ERROR.findall(self._dagman_out())
        reason = next(iter(self._reasons.values()), "")
        return errors[-1] if errors else reason or "the workflow was removed"

    def _failed(self) -> dict[str, str]:
        return {event.key: event.step for event in self.events.values() if event.state == FAILED}

    def _say(self, node: str, state: str, at: float, **fields: str) -> None:
        for key in self._nodes.get(node, ()):
            step = self._steps[key][0]
            self._tell(step, StepEvent(at, step.name, key, state, **fields))  # type: ignore[arg-type]

    def _tell(self, step: PlannedStep, event: StepEvent, at: float | None = None) -> None:
        """Record and tell an event, of all steps that are the same call, unless it is known."""
        from dataclasses import replace

        for same in self._steps[step.key]:
            told = replace(event, step=same.name, time=at or event.time)
            before = self.events.get(same.name)
            if before and before.state == DONE:
                continue
            self.events[same.name] = told
            known = self._last.get(same.name)
            if told.state == STOPPED and known and known.state == STOPPED:
                continue  # by whichever log it was told first
            if (told.step, told.state, told.time) not in self._told:
                self._last[same.name] = told
                write_event(self._folder, told)
                self._listener(told)


def _whole_removed(reason: str) -> bool:
    """Say whether a job was taken out of the queue because its whole workflow was."""
    return "DAGManJobId" in reason or reason.startswith("DAG Removed")
