"""The public face: a `Pipeline` that can be planned, run and submitted.

Every job whose function is in the file that declares the pipeline imports this module, so what plans and draws is
imported when it is asked for.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from wingspan.errors import DeclarationError, ReadOnlyError, SettingError
from wingspan.pipeline import pipeline as declaration
from wingspan.pipeline.binding import handles_in, signature_of
from wingspan.pipeline.handles import step_of
from wingspan.pipeline.options import check_parameters
from wingspan.pipeline.place import calling_place
from wingspan.pipeline.public import checks_arguments
from wingspan.pipeline.resources import Resources
from wingspan.pipeline.step import Step
from wingspan.runner.job import inside
from wingspan.runner.ready import catch_up_all, equal_run
from wingspan.runner.run_folder import LOCAL, find_home
from wingspan.shown import in_markup
from wingspan.store.store import Store
from wingspan.user_paths import user_path

if TYPE_CHECKING:
    from wingspan.planning.plan import Plan
    from wingspan.planning.selection import Names
    from wingspan.runner.events import Listener
    from wingspan.runner.mirrors.wanted import Names as Mirrors
    from wingspan.runner.run import Run

_LISTED = 60  # steps of a pipeline that its text shows
_NEEDS = 5  # steps that the text of one step names


class Pipeline(declaration.Pipeline):
    """Steps to be run; see `step`, `map` and `command` for how to declare them.

    Attributes
    ----------
    origin
        What made the pipeline, JSON-able, kept with its runs: ``command``, ``target`` and ``parameters`` of the command line.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.origin: dict[str, Any] = {}

    def __repr__(self) -> str:
        shown = list(self.steps.values())[:_LISTED]
        lines = [f"  {step.name}{_needs(step)}" for step in shown]
        more = [f"  and {len(self.steps) - _LISTED} more"] if len(self.steps) > _LISTED else []
        count = f"{len(self.steps):,} step{'' if len(self.steps) == 1 else 's'}"
        return "\n".join([f"Pipeline {self.name}: {count}", *lines, *more])

    def _repr_html_(self) -> str:
        from wingspan.draw.graph import Node, graph_svg
        from wingspan.runner.layers import fewer

        nodes = [Node(step.name, needs=_makers(step)) for step in self.steps.values()]
        return f"<p>Pipeline <b>{in_markup(self.name)}</b></p>{graph_svg(fewer(nodes))}"

    @checks_arguments
    def plan(
        self,
        home: str | Path | None = None,
        *,
        on: str = LOCAL,
        fuse: bool = True,
        until: "Names | None" = None,
        force: "Names | None" = None,
        pool: Mapping[str, object] | None = None,
    ) -> "Plan":
        """Say what would run, and why; change nothing.

        Parameters
        ----------
        on, fuse, until, force, pool
            See `run`; on a pool, `Plan.groups` are the jobs and `Plan.why` says why steps share one.

        Raises
        ------
        NotFoundError
            An input file is missing.
        DeclarationError
            A function or an argument cannot be fingerprinted.
        """
        from wingspan.planning.call import describe_all
        from wingspan.planning.digest_cache import DigestCache
        from wingspan.planning.forced import Again
        from wingspan.planning.plan import make_plan
        from wingspan.planning.reads import Present, latest_of
        from wingspan.runner.plan_file import folders_known, read_history
        from wingspan.runner.runners import runner_on
        from wingspan.store.forced import read_again

        place = find_home(home)
        cache = DigestCache(place.digests)
        steps, forced = self._selected(until, force)
        calls = describe_all(steps, cache)
        store = Store(place.store)
        done: Callable[..., frozenset[str]] = store.done if place.store.is_dir() else _nothing
        before = read_history(place, self.name)
        recorded = {entry.key: entry.reads for entry in store.reads.entries()}
        latest = latest_of(recorded, Present(os.environ, cache.digest))
        folders = folders_known(place, self.name, cache.folders)
        counts = read_again(place.store)
        again = Again(counts, forced, done) if counts or forced else None
        plan = make_plan(self.name, steps, calls, done, before, latest, folders, again=again)
        part = len(steps) < len(self.steps)
        plan = replace(
            plan, folders=cache.folders, maps=self._maps_of(steps), part=part, limits=self.limits
        )
        if place.root.is_dir():
            with suppress(ReadOnlyError):  # the next plan digests the files again
                cache.save()
        runner = runner_on(on, pool=pool)
        for text in runner.warnings(plan):
            from logging import getLogger

            getLogger("wingspan.runner").warning("warning: %s", text)
        return runner.grouped(plan, before, place) if fuse else plan

    def _selected(
        self, until: "Names | None", force: "Names | None"
    ) -> tuple[Mapping[str, Step], frozenset[str]]:
        """Return the steps to plan, and those that are forced."""
        from wingspan.planning.selection import named, needed

        steps = self.steps
        if until is not None:
            steps = needed(steps, named(steps, until, "until"))
        forced = frozenset() if force is None else named(self.steps, force, "force")
        if not forced <= steps.keys():
            left_out = ", ".join(sorted(forced - steps.keys()))
            fix = "let `until` name a step that needs them too, or leave one of the options out"
            raise SettingError(f"force {left_out}", "`until` leaves these steps out", fix)
        return steps, forced

    def _maps_of(self, steps: Mapping[str, Step]) -> dict[str, list[str]]:
        """Return the labels of each map that has planned steps.

        An empty map counts where every step is planned.
        """
        maps = self.maps
        if len(steps) == len(self.steps):
            return maps
        found = {
            name: [label for label in labels if f"{name}[{label}]" in steps]
            for name, labels in maps.items()
        }
        return {name: labels for name, labels in found.items() if labels}

    @checks_arguments
    def run(  # noqa: PLR0913 - each is an option of the user's
        self,
        on: str = LOCAL,
        *,
        home: str | Path | None = None,
        listener: "Listener | None" = None,
        check: bool = True,
        fuse: bool = True,
        shared: str | Path | None = None,
        until: "Names | None" = None,
        force: "Names | None" = None,
        touch: bool = False,
        jobs: int | None = None,
        pool: Mapping[str, object] | None = None,
        track: "Mirrors | None" = None,
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
        until
            A step or a map, its handle, or several: only these and what they need are planned and run.
        force
            A step or a map, its handle, or several: these run although their results are stored. What reads them runs
            if they give other results.
        touch
            Take each out-of-date step's last result for the present one, instead of running it.
        jobs
            The most jobs at once, here or in the queue of a pool.
        pool
            Keys of the pool's profile for this run, such as ``{"priority": 10}``, instead of those of ``wingspan.toml``.
        track
            ``"wandb"``, ``"tensorboard"`` or both: where the run is shown while it goes on.

        Raises
        ------
        StepFailedError
            A step failed; its message holds the traceback. What others finished is kept.
        NotFoundError
            There is no step that `until` or `force` names.
        SettingError
            A step to `touch` never ran.
        """
        from wingspan.runner.drive import drive
        from wingspan.runner.events import ignore
        from wingspan.runner.runners import runner_on

        options = _Options(home, fuse, _folder(shared), until, force, touch, pool, track)
        with runner_on(on, options.shared, jobs, pool) as runner:
            run = self._prepare(on, options, runner.begin)
            # an equal run that is joined may have been started with other options
            own = None if runner.detached else runner
            drive(run.folder, run.home, listener or ignore, own, jobs)
        return run.checked() if check else run

    @checks_arguments
    def submit(  # noqa: PLR0913 - as `run`
        self,
        on: str = LOCAL,
        *,
        home: str | Path | None = None,
        fuse: bool = True,
        shared: str | Path | None = None,
        until: "Names | None" = None,
        force: "Names | None" = None,
        touch: bool = False,
        jobs: int | None = None,
        pool: Mapping[str, object] | None = None,
        track: "Mirrors | None" = None,
    ) -> "Run":
        """Start what is not up to date and return at once; the run continues when this process ends.

        The options are those of `run`.
        """
        from wingspan.runner.drive import drive_in_background

        options = _Options(home, fuse, _folder(shared), until, force, touch, pool, track)
        run = self._prepare(on, options)
        drive_in_background(run.folder, run.home, jobs)
        return run

    @checks_arguments
    def prepare(  # noqa: PLR0913 - as `run`
        self,
        on: str = LOCAL,
        *,
        home: str | Path | None = None,
        fuse: bool = True,
        shared: str | Path | None = None,
        until: "Names | None" = None,
        force: "Names | None" = None,
        touch: bool = False,
        pool: Mapping[str, object] | None = None,
        track: "Mirrors | None" = None,
        begin: "Callable[[Plan], object] | None" = None,
    ) -> "Run":
        """Plan, and write a run folder that anyone can carry out; start nothing.

        Parameters
        ----------
        begin
            Is called with the plan before it is written: what takes time to get ready begins then.

        The other options are those of `run`.
        """
        options = _Options(home, fuse, _folder(shared), until, force, touch, pool, track)
        return self._prepare(on, options, begin)

    def _prepare(
        self, on: str, options: "_Options", begin: "Callable[[Plan], object] | None" = None
    ) -> "Run":
        if inside.inside():
            problem = "a step is running this file, and the file starts a run"
            raise DeclarationError(
                self._place, problem, 'put the start under `if __name__ == "__main__":`'
            )
        from wingspan.runner.mirrors.wanted import want
        from wingspan.runner.plan_file import save_plan
        from wingspan.runner.run import Run
        from wingspan.runner.runners import runner_on

        home, fuse, shared, until, force, touch, pool, track = options
        mirrors = () if track is None else _checked(track)
        place, runner = find_home(home), runner_on(on, shared, pool=pool)
        runner.require_usable()
        if runner.detached:
            catch_up_all(place, self.name)
        plan = self.plan(home, on=on, fuse=fuse, until=until, force=force, pool=pool)
        if touch and force is not None:
            problem = "touch keeps the last results, but force makes new ones"
            raise SettingError("touch", problem, "leave one of them out")
        if touch and plan.to_run():
            from wingspan.runner.touch import touch as give_last_results

            give_last_results(plan, place)
            plan = self.plan(home, on=on, fuse=fuse, until=until, pool=pool)
        active = equal_run(plan, on, place) if runner.detached else None
        if active is not None:
            return active
        if plan.to_run():
            runner.require(plan, place)
        if begin is not None:
            begin(plan)
        folder = place.new_run(plan.pipeline)
        save_plan(plan, folder, place, on, shared, self.origin, pool)
        if mirrors:
            want(folder, mirrors)
        return Run(folder, place)


class _Options(NamedTuple):
    """The options that `run`, `submit` and `prepare` share; see `Pipeline.run`."""

    home: str | Path | None
    fuse: bool
    shared: Path | None
    until: "Names | None"
    force: "Names | None"
    touch: bool
    pool: Mapping[str, object] | None
    track: "Mirrors | None"


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
    place = calling_place()
    parameters = signature_of(function, place).parameters
    check_parameters(name or repr(function), parameters, "ws.submit", place)
    pipeline = Pipeline(name)
    pipeline.step(function, *args, resources=resources, **kwargs)
    return pipeline.submit(on, home=home)


def _checked(track: "Mirrors") -> tuple[str, ...]:
    from wingspan.runner.mirrors.wanted import check

    return check(track)


def _makers(step: Step) -> tuple[str, ...]:
    """Return the names of the steps whose results a step reads."""
    return tuple(dict.fromkeys(map(step_of, handles_in(step.arguments))))


def _needs(step: Step) -> str:
    """Return the steps that a step reads, for the text of a pipeline."""
    makers = _makers(step)
    more = f" and {len(makers) - _NEEDS} more" if len(makers) > _NEEDS else ""
    return f"  reads {', '.join(makers[:_NEEDS])}{more}" if makers else ""


def _folder(shared: str | Path | None) -> Path | None:
    return None if shared is None else user_path(shared).absolute()


def _nothing(keys: object) -> frozenset[str]:  # noqa: ARG001 - a store that does not exist yet
    return frozenset()
