"""The public face: a `Pipeline` that can be planned, run and submitted, and the `Run` that comes of it.

Every job whose function is in the file that declares the pipeline imports this module, so what plans and draws is
imported when it is asked for.
"""

import inspect
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wingspan.errors import (
    CorruptError,
    DeclarationError,
    NotFoundError,
    SettingError,
    StepFailedError,
)
from wingspan.pipeline import pipeline as declaration
from wingspan.pipeline.handles import near
from wingspan.pipeline.options import check_parameters
from wingspan.pipeline.place import calling_place
from wingspan.pipeline.resources import Resources
from wingspan.planning.digest_cache import DigestCache
from wingspan.planning.plan import Plan, PlannedStep, make_plan
from wingspan.runner import inside
from wingspan.runner.driver import (
    LOCAL,
    drive,
    drive_in_background,
    load_plan,
    read_history,
    save_plan,
)
from wingspan.runner.failure import report
from wingspan.runner.job import whole
from wingspan.runner.run_folder import Home, RunFolder, find_home, read_result
from wingspan.runner.runner import (
    DONE,
    FAILED,
    HELD,
    RUNNING,
    WAITING,
    Listener,
    StepEvent,
    ignore,
    read_events,
)
from wingspan.runner.usage import Usage, measure
from wingspan.store.store import Store

if TYPE_CHECKING:
    from wingspan.runner.htcondor.attempts import Attempt


class Pipeline(declaration.Pipeline):
    """Steps to be run; see `step`, `map` and `command` for how to declare them."""

    def plan(self, home: str | Path | None = None, *, on: str = LOCAL, fuse: bool = True) -> Plan:
        """Say what would run, and why; change nothing.

        Parameters
        ----------
        on, fuse
            See `run`; on a pool, `Plan.groups` are the jobs and `Plan.why` says why steps share one.

        Raises
        ------
        NotFoundError
            An input file is missing.
        DeclarationError
            A function or an argument cannot be told from its like.
        """
        from wingspan.planning.call import describe_all

        place = find_home(home)
        cache = DigestCache(place.digests)
        calls = describe_all(self.steps, cache)
        if place.root.is_dir():
            cache.save()
        done: Callable[..., frozenset[str]] = (
            Store(place.store).done if place.store.is_dir() else _nothing
        )
        before = read_history(place, self.name)
        plan = make_plan(self.name, self.steps, calls, done, before)
        if on == LOCAL or not fuse:
            return plan
        from wingspan.planning.fuse import fuse as fuse_steps
        from wingspan.planning.fuse import known_times
        from wingspan.runner.htcondor.profile import find_profile

        times = known_times(plan, before, _wall_time(Store(place.store)))
        return fuse_steps(plan, times, find_profile(on, Path.cwd()).task_time_s)

    def run(
        self,
        on: str = LOCAL,
        *,
        home: str | Path | None = None,
        listener: Listener | None = None,
        check: bool = True,
        fuse: bool = True,
        shared: str | Path | None = None,
    ) -> "Run":
        """Run what is not up to date, and wait for it.

        Parameters
        ----------
        on
            ``"local"``: this machine; ``"htcondor"``: the pool; else the name of a pool in ``wingspan.toml``.
        home
            Folder for results and runs; default ``WINGSPAN_HOME``, else ``.wingspan`` in the current folder.
        listener
            Is called with every `StepEvent`, in order, in this thread.
        check
            Raise when a step has failed; otherwise the returned run says so.
        fuse
            On a pool, let short steps share a job; each keeps its own result.
        shared
            Of a pool: a folder that its machines share, instead of the profile's; files are passed by path there.

        Raises
        ------
        StepFailedError
            A step failed; its message holds the traceback. What others finished is kept.
        """
        run = self.prepare(on, home=home, fuse=fuse, shared=shared)
        drive(run.folder, run.home, listener or ignore)
        if check:
            for event in run.events.values():
                if event.state == FAILED:
                    run.result(event.step)
        return run

    def submit(
        self,
        on: str = LOCAL,
        *,
        home: str | Path | None = None,
        fuse: bool = True,
        shared: str | Path | None = None,
    ) -> "Run":
        """Start what is not up to date and return at once; the run goes on when this process ends."""
        run = self.prepare(on, home=home, fuse=fuse, shared=shared)
        if not run.folder.driven():
            drive_in_background(run.folder, run.home)
        return run

    def prepare(
        self,
        on: str = LOCAL,
        *,
        home: str | Path | None = None,
        fuse: bool = True,
        shared: str | Path | None = None,
    ) -> "Run":
        """Plan, and write a run folder that anyone can carry out; start nothing."""
        if inside.inside():
            problem = "a step is running this file, and the file starts a run"
            raise DeclarationError(
                self._place, problem, 'put the start under `if __name__ == "__main__":`'
            )
        place, given = find_home(home), None
        if on != LOCAL:
            given = _usable(on, shared)  # what is misspelt is told before any work
            _catch_up_all(place, self.name)
        elif shared is not None:
            problem = "this machine needs no shared folder"
            raise SettingError(f"shared {shared}", problem, "name a pool: --on, or leave it out")
        plan = self.plan(home, on=on, fuse=fuse)
        active = None if on == LOCAL else _in_the_pool(plan, on, place)
        if active is not None:
            return active
        if on != LOCAL and plan.to_run():
            _require_pool(plan)
        folder = place.new_run(plan.pipeline)
        save_plan(plan, folder, place, on, given)
        return Run(folder, place)


def submit(
    function: Callable[..., Any],
    /,
    *args: Any,  # noqa: ANN401
    on: str = LOCAL,
    home: str | Path | None = None,
    resources: Resources | None = None,
    **kwargs: Any,  # noqa: ANN401
) -> "Run":
    """Run one function in the background, no pipeline needed; ``.result()`` waits for its value."""
    name = getattr(function, "__name__", None)
    if callable(function):
        parameters = inspect.signature(function).parameters
        check_parameters(name or repr(function), parameters, "ws.submit", calling_place())
    pipeline = Pipeline(name)
    pipeline.step(function, *args, resources=resources, **kwargs)
    return pipeline.submit(on, home=home)


def open_run(run_id: str = "last", *, home: str | Path | None = None) -> "Run":
    """Find a run again, by its id, a part of it, or ``last``."""
    place = find_home(home)
    return Run(place.run(run_id), place)


class Look(NamedTuple):
    """A run at one moment; `state` as `Run.state` says it."""

    events: dict[str, StepEvent]
    state: str

    def usage(
        self, steps: Mapping[str, PlannedStep], attempts: "Mapping[str, list[Attempt]]"
    ) -> dict[str, list[Usage]]:
        """Return of each step that has run what it used of what it asked for."""
        return {
            name: measure(event, Resources(**steps[name].resources), attempts.get(name, ()))
            for name, event in self.events.items()
            if event.wall_s or name in attempts
        }


class Run:
    """One run: its steps' states, and their results as values."""

    def __init__(self, folder: RunFolder, home: Home) -> None:
        self.folder = folder
        self.home = home
        self._steps: dict[str, PlannedStep] | None = None

    @property
    def run_id(self) -> str:
        """Name of the run; `open_run` finds it again."""
        return self.folder.run_id

    @property
    def steps(self) -> Mapping[str, PlannedStep]:
        """The planned steps by name, in order."""
        if self._steps is None:
            self._steps = {step.name: step for step in load_plan(self.folder).steps}
        return self._steps

    @property
    def events(self) -> dict[str, StepEvent]:
        """The last event of each step, as recorded so far."""
        return self.look().events

    def look(self) -> "Look":
        """Return the last event of each step and the state of the run, both of one moment."""
        driven = self._alive()
        found = read_events(self.folder)
        latest = {}
        for name, step in self.steps.items():
            event = found.get(name) or StepEvent(
                0.0, name, step.key, DONE if step.done else WAITING
            )
            interrupted = event.state in {RUNNING, HELD} and not driven
            latest[name] = (
                StepEvent(event.time, name, step.key, "stopped") if interrupted else event
            )
        return Look(latest, _state(latest.values(), driven=driven))

    def _alive(self) -> bool:
        """Return whether the run goes on; what a pool has finished is brought in first."""
        if self.folder.driven():
            return True
        if self.folder.on == LOCAL:
            return False
        from wingspan.runner.htcondor.runner import catch_up

        return catch_up(self.folder, self.home)

    @property
    def attempts(self) -> "dict[str, list[Attempt]]":
        """Every attempt of each step's job on a pool, by step: where it waited and ran, what it used. Empty elsewhere."""
        from wingspan.runner.htcondor.attempts import attempts_of

        places = sorted(self.folder.dags.glob("*/cluster"), key=lambda path: int(path.parent.name))
        found = attempts_of(path.parent for path in places)
        return {name: found[step.key] for name, step in self.steps.items() if step.key in found}

    def usage(
        self, attempts: "Mapping[str, list[Attempt]] | None" = None
    ) -> dict[str, list[Usage]]:
        """Return of each step that has run what it used of what it asked for."""
        tried = self.attempts if attempts is None else attempts
        return {
            name: measure(event, Resources(**self.steps[name].resources), tried.get(name, ()))
            for name, event in self.events.items()
            if event.wall_s or name in tried
        }

    @property
    def state(self) -> str:
        """``done``, ``failed``, ``running``, or ``stopped`` (interrupted: the same command goes on)."""
        return self.look().state

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

    def result(self, step: str | None = None) -> Any:  # noqa: ANN401 - whatever the step returns
        """Wait for a step, by default the last one, and return its value."""
        self.wait()
        return self[step or list(self.steps)[-1]]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        """Return a step's value; of a map, the values of its steps by label.

        Raises
        ------
        StepFailedError
            The step failed; the message holds its traceback, inputs and last output.
        """
        if name not in self.steps:
            return self._of_map(name)
        step = self.steps[name]
        store = Store(self.home.store)
        if step.key in store.done([step.key]):
            trusted = frozenset(step.modules)
            made = store.result(step.key)
            return whole(
                made, {output: store.load(step.key, output, trusted) for output in made["outputs"]}
            )
        event = self.events[name]
        if event.state == FAILED:
            raise StepFailedError(f"run {self.run_id}", self.report(name), event.fix or "see above")
        problem = f"step {name} has no result: {event.state}{', ' + event.problem if event.problem else ''}"
        raise StepFailedError(f"run {self.run_id}", problem, "give the same command again to go on")

    def _of_map(self, name: str) -> dict[str, Any]:
        """Return the values of a map's steps by label, in order."""
        maps: dict[str, dict[str, str]] = {}
        for step in self.steps:
            whole_map, bracket, label = step.partition("[")
            if bracket:
                maps.setdefault(whole_map, {})[label.removesuffix("]")] = step
        if name not in maps:
            known = [*self.steps, *maps]
            raise NotFoundError(f"run {self.run_id}", f"it has no step {name!r}", near(name, known))
        return {label: self[step] for label, step in maps[name].items()}

    def report(self, name: str, *, output: bool = True) -> str:
        """Return why a step failed: traceback, inputs, last lines of `output`, the command that runs it alone."""
        step, event = self.steps[name], self.events[name]
        attempts = self.folder.attempts(step.key)
        names = {other.key: other.name for other in self.steps.values()}
        inputs = {
            place: f"result of {names.get(key, key)}" for place, (key, _) in step.inputs.items()
        }
        inputs |= {
            k.partition(" ")[2]: v
            for k, v in step.components.items()
            if k.startswith(("parameter ", "file "))
        }
        attempt = attempts[-1] if attempts else self.folder.step(step.key)
        return report(
            name, read_result(attempt), event.problem, event.fix, attempt, inputs, output=output
        )

    def __repr__(self) -> str:
        lines = [f"  {name}: {event.state}" for name, event in self.events.items()]
        return "\n".join([f"Run {self.run_id}: {self.state}", *lines])

    def picture(self) -> str:
        """Return the graph of the steps with their states and times, as SVG."""
        from wingspan.draw.graph import Node, graph_svg

        names = {step.key: step.name for step in self.steps.values()}
        nodes = []
        for name, event in self.events.items():
            needs = tuple(names[key] for key in self.steps[name].needs)
            note = f"{event.wall_s:.2f} s, {event.peak_memory_mb:.0f} MB" if event.wall_s else ""
            nodes.append(Node(name, event.state, note, needs))
        return graph_svg(nodes)

    def _repr_html_(self) -> str:
        import html

        return f"<p>Run <b>{html.escape(self.run_id)}</b>: {self.state}</p>{self.picture()}"


def _usable(on: str, shared: str | Path | None) -> Path | None:
    """Look for a pool's profile, and into the folder that its machines share; return the one given for this run."""
    from wingspan.runner.htcondor.profile import find_profile
    from wingspan.runner.htcondor.shared import require

    found = find_profile(on, Path.cwd(), None if shared is None else Path(shared))
    if found.shared is not None:
        require(found.shared)
    return None if shared is None else found.shared


def _require_pool(plan: Plan) -> None:
    """Refuse what a pool cannot do, a pool that cannot be reached or does not take this user, before anything is written."""
    from wingspan.accesspoint.access import check_access
    from wingspan.pool.personal import use_pool
    from wingspan.runner.htcondor.preflight import check_outputs

    outputs = check_outputs(plan.to_run())
    if not outputs.ok:
        raise SettingError("outputs of commands", outputs.found, outputs.fix)
    use_pool()
    check_access()


def _state(events: Iterable[StepEvent], *, driven: bool) -> str:
    states = {event.state for event in events}
    if states <= {DONE}:
        return DONE
    if driven:
        return RUNNING
    return FAILED if FAILED in states else "stopped"


def _catch_up_all(home: Home, pipeline: str) -> None:
    """Bring in what the unfinished runs of a pipeline have left in a pool."""
    for run_id in home.run_ids():
        folder = RunFolder(home.runs / run_id)
        if folder.complete.exists() or not folder.dags.is_dir() or folder.driven():
            continue
        if folder.header["pipeline"] == pipeline:
            from wingspan.runner.htcondor.runner import catch_up

            catch_up(folder, home)


def _in_the_pool(plan: Plan, on: str, home: Home) -> "Run | None":
    """Return the run that does just this already, if there is one."""
    wanted = {step.key for step in plan.to_run()}
    for run_id in reversed(home.run_ids() if wanted else []):
        run = Run(RunFolder(home.runs / run_id), home)
        if run.folder.on != on or run.folder.complete.exists() or not run.folder.dags.is_dir():
            continue
        if wanted <= {step.key for step in run.steps.values()} and run.state == RUNNING:
            return run
    return None


def _wall_time(store: Store) -> Callable[[str], float | None]:
    """Return what tells how long the job of a key took; None where the store has no such result."""

    def seconds(key: str) -> float | None:
        try:
            return float(store.result(key)["wall_s"])
        except (NotFoundError, CorruptError, KeyError):
            return None

    return seconds


def _nothing(keys: object) -> frozenset[str]:  # noqa: ARG001 - a store that does not exist yet
    return frozenset()
