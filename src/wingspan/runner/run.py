"""A run as its user sees it: states, values and reports, from its folder and the store.

All functions that start a run return a `Run`; `open_run` finds one again from any process.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import NotFoundError, ReadOnlyError, StepFailedError, near
from wingspan.eventlog.attempt import Attempt
from wingspan.pipeline.public import checks_arguments
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.advice import in_terms_of
from wingspan.runner.attempts_by_name import by_name
from wingspan.runner.drive import drive
from wingspan.runner.events import (
    DONE,
    FAILED,
    RUNNING,
    UNDER_WAY,
    WAITING,
    Listener,
    StepEvent,
    ignore,
)
from wingspan.runner.job.run import whole
from wingspan.runner.metrics import metrics_of
from wingspan.runner.plan_file import load_plan
from wingspan.runner.protocol import Trail
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.runners import trail_of
from wingspan.runner.step_report import report_of
from wingspan.runner.trials.studies import Studies
from wingspan.runner.usage import Usage
from wingspan.runner.watch import Look, Watch, state_of
from wingspan.runner.written import Metric, last_attempts, own_attempts, read_output
from wingspan.store.store import Store

if TYPE_CHECKING:
    from wingspan.sweep.study import Study

_LOG = logging.getLogger(__name__)


class Run(Mapping[str, Any]):
    """One run: a mapping from the names of its steps to their results, which are read on demand.

    The name of a map is a key as well; its value is a dict of its steps' results by label. Iteration yields the steps.
    """

    def __init__(self, folder: RunFolder, home: Home) -> None:
        self.folder = folder
        self.home = home
        self._loaded: Plan | None = None
        self._steps: dict[str, PlannedStep] = {}
        self._watch: Watch | None = None
        self._trail: Trail | None = None

    @property
    def run_id(self) -> str:
        """Name of the run, which `open_run` accepts."""
        return self.folder.run_id

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""
        name: str = self.folder.header["pipeline"]
        return name

    @property
    def origin(self) -> Mapping[str, Any]:
        """What started the run: see `Pipeline.origin`."""
        found: dict[str, Any] = self.folder.header.get("origin", {})
        return found

    @property
    def steps(self) -> Mapping[str, PlannedStep]:
        """The planned steps by name, in order."""
        self._steps = self._steps or {step.name: step for step in self.plan.steps}
        return self._steps

    @property
    def plan(self) -> Plan:
        """The plan of the run, as it was when the run was made."""
        if self._loaded is None:
            self._loaded = load_plan(self.folder)
        return self._loaded

    @property
    def events(self) -> dict[str, StepEvent]:
        """The last event of each step so far."""
        return self.look().events

    def look(self) -> Look:
        """Return the last event of each step and the state of the run at one moment.

        Looking changes nothing. Results of a pool's jobs are brought in by `wait`, `result` and `collect`, and when a
        value is read.
        """
        if self._watch is None:
            self._watch = Watch(self.folder, self.home, self.trail)
        self._watch.look()
        driven = not self._watch.over
        command = self._command
        latest = {}
        for name, step in self.steps.items():
            event = self._watch.latest.get(name) or StepEvent(
                0.0, name, step.key, DONE if step.done else WAITING
            )
            interrupted = event.state in UNDER_WAY and not driven
            if interrupted:
                event = StepEvent(event.time, name, step.key, "stopped")
            elif event.fix:
                event = replace(event, fix=in_terms_of(command, event.fix, name))
            latest[name] = event
        return Look(latest, state_of(latest.values(), driven=driven))

    @property
    def _command(self) -> str:
        """The command that started the run; empty in Python."""
        return str(self.origin.get("command", ""))

    def collect(self) -> "Run":
        """Bring in the results that a pool has finished so far; only warn if they cannot be written."""
        try:
            self._alive()
        except ReadOnlyError as error:
            _LOG.warning("results are not brought in from the pool: %s", error)
        return self

    def _alive(self) -> bool:
        """Return whether the run goes on, after bringing in the results that a pool has finished."""
        return self.folder.driven() or self.trail.catch_up()

    @property
    def trail(self) -> Trail:
        """What the run's jobs did and no process has recorded yet."""
        if self._trail is None:
            self._trail = trail_of(self.folder, self.home, self.plan)
        return self._trail

    @property
    def attempts(self) -> dict[str, list[Attempt]]:
        """The attempts of each step's job on a pool, by step: where it waited and ran, and its use.

        A sweep has the attempts of its lanes. Trials, such as ``fit[3]``, have those of the jobs in which they ran.
        """
        return by_name(self.steps, self.trail.attempts())

    def usage(self, attempts: Mapping[str, list[Attempt]] | None = None) -> dict[str, list[Usage]]:
        """Return each step's usage, for steps that have run."""
        return self.look().usage(self.steps, self.attempts if attempts is None else attempts)

    @property
    def state(self) -> str:
        """``done``, ``failed``, ``running`` or ``stopped``; the same command goes on from there."""
        return self.look().state

    @checks_arguments
    def wait(self, timeout_s: float | None = None) -> "Run":
        """Wait until the run has ended or was interrupted.

        Raises
        ------
        TimeoutError
            `timeout_s` has passed.
        """
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while self._alive():
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"run {self.run_id} has not ended within {timeout_s:g} s")
            time.sleep(0.05)
        return self

    @checks_arguments
    def stop(self, timeout_s: float = 60.0) -> "Run":
        """Stop the run if it goes on, and wait until it has stopped; finished steps are kept.

        Raises
        ------
        ConflictError
            The run is driven from another machine.
        TimeoutError
            It has not stopped within `timeout_s`.
        """
        if self.state != RUNNING and not self.trail.moved:
            return self
        self.trail.stop()
        return self.wait(timeout_s)

    @checks_arguments
    def resume(self, *, listener: Listener | None = None, check: bool = True) -> "Run":
        """Continue an interrupted or failed run with the plan it had, and wait for it.

        Parameters
        ----------
        listener, check
            See `Pipeline.run`.

        Raises
        ------
        ConflictError
            Another process drives the run.
        StepFailedError
            A step failed; its message holds the traceback.
        """
        drive(self.folder, self.home, listener or ignore)
        return self.checked() if check else self

    def checked(self) -> "Run":
        """Return this run, or raise the StepFailedError of its first failed step."""
        for event in self.events.values():
            if event.state == FAILED:
                raise self._failed(event)
        return self

    @checks_arguments
    def result(self, step: str | None = None) -> Any:  # noqa: ANN401 - whatever the step returns
        """Wait for a step, by default the last one, and return its value."""
        self.wait()
        if step is None and not self.steps:
            problem = "it has no steps: its pipeline declares no step, or maps over nothing"
            raise NotFoundError(f"run {self.run_id}", problem, "declare a step: p.step(function)")
        listed = [name for name, each in self.steps.items() if "trials" not in each.action]
        return self[step or listed[-1]]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        """Return a step's value; of a map, the values of its steps by label.

        Raises
        ------
        StepFailedError
            The step failed; the message holds its traceback, inputs and last output.
        """
        if name not in self:
            raise self._no_step(name, [*self.steps, *self.plan.maps])
        if name not in self.steps:
            return self._of_map(name)
        step = self.steps[name]
        store = Store(self.home.store)
        if not store.done([step.key]):
            self.collect()
        if step.key in store.done([step.key]):
            trusted = frozenset(step.modules)
            made = store.result(step.key)
            values = {name: store.load(step.key, name, trusted) for name in made["outputs"]}
            return whole({"fields": step.outputs, **made}, values)
        event = self.events[name]
        if event.state == FAILED:
            raise self._failed(event)
        problem = f"step {name} has no result: {event.state}{', ' + event.problem if event.problem else ''}"
        fix = in_terms_of(self._command, "run the command again to continue")
        raise StepFailedError(f"run {self.run_id}", problem, fix)

    def _failed(self, event: StepEvent) -> StepFailedError:
        report, fix = self._report(event.step), event.fix or "see above"
        return StepFailedError(f"run {self.run_id}", report, fix)

    def __contains__(self, name: object) -> bool:
        """Return whether there is a step or a map of this name; no result is read."""
        return isinstance(name, str) and (name in self.steps or name in self.plan.maps)

    def __iter__(self) -> Iterator[str]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - whatever the step returns
        """Return the value of a step or a map, or the default if the run has no such step.

        Raises
        ------
        StepFailedError
            The step has no result.
        """
        return self[name] if name in self else default  # noqa: SIM401 - the method itself

    def __eq__(self, other: object) -> bool:
        """Return whether both are the same run of the same home; no result is read."""
        return self.folder == other.folder if isinstance(other, Run) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.folder)

    @property
    def metrics(self) -> dict[str, dict[str, Metric]]:
        """What the steps have logged with ``ws.log``, by step and name.

        A metric is the number that was logged last; its `curve` has all of them. While a job of a pool runs, the curve
        has the values that the job has sent so far: the last one of each second.
        """
        return metrics_of(self.trail, self.steps, self._tried(), self.events)

    @property
    def studies(self) -> Studies:
        """The present trials of each sweep, by the name of its step."""
        return Studies(self.run_id, self.steps, self.home.studies)

    @property
    def study(self) -> "Study":
        """The trials of the only sweep: ``.trials``, ``.best``, ``.table()``."""
        studies = self.studies
        return studies[studies.only]

    def end_sweeps(self) -> None:
        """Stop drawing trials; the run goes on with the best so far."""
        self.folder.end_sweeps.touch()

    @checks_arguments
    def logs(self, step: str | None = None) -> str:
        """Return the standard output, then the standard error, of a step's last attempt in this run.

        For a step that was up to date, it is the output of the run that computed it. A step that did not run has none.

        Parameters
        ----------
        step
            A step, a map, or a trial such as ``fit[3]``; by default all steps, each below a line with its name.
        """
        if step is not None and (tried_once := self.trial_attempts(step)):
            return read_output(tried_once)
        names = list(self.steps) if step is None else self._named(step)
        tried = self._tried()
        written = {name: read_output(tried.get(self.steps[name].key, ())) for name in names}
        if names == [step]:
            return written[names[0]]
        return "".join(f"== {name} ==\n{text}" for name, text in written.items() if text)

    def trial_attempts(self, trial: str) -> list[Path]:
        """Return the folders of the attempts of a trial such as ``fit[3]``, oldest first.

        They are empty for the name of anything else.
        """
        key = "" if trial in self.steps else self.studies.key_of(trial)
        return last_attempts(self.home, self.folder, [key]).get(key, []) if key else []

    def _tried(self) -> dict[str, list[Path]]:
        seen = self.collect().events
        done = {step.key: seen[name].state == DONE for name, step in self.steps.items()}
        return own_attempts(self.home, self.folder, done)

    def _named(self, name: str) -> list[str]:
        """Return the step of this name, or the steps of the map."""
        found = [name] if name in self.steps else list(self._steps_of(name).values())
        if not found and name not in self.plan.maps:
            raise self._no_step(name, [*self.steps, *self.plan.maps])
        return found

    def _no_step(self, name: str, known: Iterable[str]) -> NotFoundError:
        return NotFoundError(f"run {self.run_id}", f"it has no step {name!r}", near(name, known))

    def _steps_of(self, name: str) -> dict[str, str]:
        """Return the steps of a map by label, in order; empty if there is no such map."""
        return {label: f"{name}[{label}]" for label in self.plan.maps.get(name, ())}

    def _of_map(self, name: str) -> dict[str, Any]:
        """Return the values of a map's steps by label, in order."""
        return {label: self[step] for label, step in self._steps_of(name).items()}

    @checks_arguments
    def report(self, name: str, *, output: bool = True) -> str:
        """Return a step's report: failure, inputs, last lines of `output`, the command to rerun it."""
        if name not in self.steps:
            raise self._no_step(name, self.steps)
        return self._report(name, output=output, fix=self.events[name].fix)

    def _report(self, name: str, *, output: bool = True, fix: str = "") -> str:
        given = name, self.steps, self.events[name], self.folder, self.trail
        return report_of(*given, output=output, fix=fix)

    def __repr__(self) -> str:
        from wingspan.runner.picture import run_text

        return run_text(self.run_id, self.look())

    def picture(self) -> str:
        """Return the graph of the steps with their states and times, as SVG."""
        from wingspan.runner.picture import run_svg

        return run_svg(self.steps, self.events)

    def _repr_html_(self) -> str:
        from wingspan.runner.picture import run_html

        return run_html(self.run_id, self.steps, self.look(), self.studies)

    def watch(self) -> "Run":
        """Wait until the run has ended; show its progress in a notebook, or print it."""
        from wingspan.runner.live import follow

        follow(self, self._alive)
        return self
