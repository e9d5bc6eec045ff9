"""Declare a `Pipeline`: a list of named `Step` values.

Nothing is run or read.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from wingspan.errors import DeclarationError, near
from wingspan.pipeline.binding import bind, copied, frozen, handles_in, unwrapped
from wingspan.pipeline.command import Files, read_command, typed
from wingspan.pipeline.handles import (
    Handle,
    Handles,
    Zip,
    combinations,
    maps_of,
    owner_of,
    step_of,
)
from wingspan.pipeline.names import LONGEST, check_pipeline_name
from wingspan.pipeline.options import check_max_jobs, check_options, check_over
from wingspan.pipeline.place import calling_place
from wingspan.pipeline.resources import Resources
from wingspan.pipeline.step import (
    DEFAULT,
    Step,
    fields_of,
    function_name,
    outputs_of,
)
from wingspan.shown import shown_name

if TYPE_CHECKING:
    from wingspan.pipeline.sweeps import Over
    from wingspan.sweep.prune import Prune

_NUMBERS = itertools.count(1)  # of pipelines, in this process


class _Map(NamedTuple):
    place: str
    labels: list[str]
    max_jobs: int | None


class Pipeline:
    """Steps in order of declaration.

    A handle exists only after its step, so there can be no cycle.
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name
        self._steps: dict[str, Step] = {}
        self._maps: dict[str, _Map] = {}
        self._place = calling_place()
        self._number = next(_NUMBERS)
        if name is not None:
            check_pipeline_name(name, self._place)

    @property
    def name(self) -> str:
        """Name of the pipeline: as given, else the file that declares it."""
        own = shown_name(Path(self._place.rpartition(":")[0]).stem)
        return self._name or own[:LONGEST] or "pipeline"

    @property
    def steps(self) -> Mapping[str, Step]:
        """The steps by name, in order of declaration."""
        return MappingProxyType(self._steps)

    @property
    def maps(self) -> dict[str, list[str]]:
        """The labels of each map, by the map's name; a map over nothing has none."""
        declared = {name: declared.labels for name, declared in self._maps.items()}
        return maps_of(self._steps, declared)

    @property
    def limits(self) -> dict[str, int]:
        """How many steps of a map may run at once, by the map's name; of maps that have a limit."""
        return {name: of.max_jobs for name, of in self._maps.items() if of.max_jobs is not None}

    def step(
        self,
        function: Callable[..., Any],
        /,
        *args: Any,  # noqa: ANN401
        name: str | None = None,
        resources: Resources | None = None,
        retries: int = 2,
        **kwargs: Any,  # noqa: ANN401
    ) -> Handle:
        """Add a call of an ordinary function; return a handle to its result.

        Raises
        ------
        DeclarationError
            Unknown or missing argument, missing return annotation, a name that is taken.
        UnsupportedTypeError
            The return annotation is of a type that no codec stores.
        """
        place = calling_place()
        check_options(name, resources, retries, place)
        function, args, kwargs = unwrapped(function, args, kwargs, place)
        arguments = bind(function, args, kwargs, place)
        return self._add(
            name or function_name(function, place), function, arguments, resources, retries, place
        )

    def map(
        self,
        function: Callable[..., Any],
        /,
        *args: Any,  # noqa: ANN401
        over: Mapping[str, Any] | Zip,
        name: str | None = None,
        resources: Resources | None = None,
        retries: int = 2,
        max_jobs: int | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> Handles:
        """Add one call for each value, or each combination of values, in `over`.

        All other arguments are constant.

        Parameters
        ----------
        over
            Parameter -> list of values, dict of label -> value, or the results of another map.
            Several parameters: every combination; ``ws.zip(...)`` pairs them instead.
        max_jobs
            How many of these calls may run at once: here side by side, on a pool as jobs in the queue. Results do not
            depend on it.
        """
        place = calling_place()
        check_options(name, resources, retries, place)
        check_over(over, kwargs, place)
        function, args, kwargs = unwrapped(function, args, kwargs, place)
        base = name or function_name(function, place)
        fields = fields_of(function, outputs_of(function, place))
        labels = self._map(base, place, max_jobs)
        made = {}
        constant = {id(value): copied(value) for value in (*args, *kwargs.values())}
        for label, values in combinations(over, place):
            arguments = bind(function, args, {**kwargs, **values}, place, "p.map", constant)
            made[label] = self._add(
                f"{base}[{label}]", function, arguments, resources, retries, place
            )
            labels.append(label)
        return Handles(made, fields)

    def command(
        self,
        template: str,
        /,
        *,
        outputs: Mapping[str, str],
        files: Files = (),
        name: str | None = None,
        resources: Resources | None = None,
        retries: int = 2,
        **arguments: Any,  # noqa: ANN401
    ) -> Handle:
        """Add a shell command, run in the step's own empty folder.

        Parameters
        ----------
        template
            ``"python train.py --data {data} --rate {rate}"``: each ``{name}`` becomes the argument of that name, quoted;
            a result of another step becomes the path of its file.
        outputs
            Name -> path that the command writes, relative to its folder; each becomes a `Path` result.
        files
            Scripts and other files the command needs, put into its folder under their own names, or name -> file.

        Raises
        ------
        DeclarationError
            Braces and arguments do not match, two files have one name, an output's name is not an identifier.
        """
        place = calling_place()
        check_options(name, resources, retries, place)
        command, usual = read_command(template, outputs, files, arguments, place)
        given = frozen(dict(sorted(arguments.items())))
        request = (resources or DEFAULT, retries, place)
        return self._put(Step(name or usual, command, given, typed(command), *request))

    def sweep(  # noqa: PLR0913 - each is an option of the user's
        self,
        action: Callable[..., Any] | str,
        /,
        *args: Any,  # noqa: ANN401
        over: "Over",
        metric: str | None = None,
        goal: str | None = None,
        trials: int | None = None,
        parallel: int | None = None,
        search: str | None = None,
        prune: "Prune | Mapping[str, Any] | str | None" = None,
        seed: int = 0,
        keep: str = "all",
        start: Sequence[Mapping[str, Any]] = (),
        hours: float | None = None,
        target: float | None = None,
        repeats: int = 1,
        confirm: int = 0,
        constants: Mapping[str, Any] | None = None,
        outputs: Mapping[str, str] | None = None,
        files: Files = (),
        name: str | None = None,
        resources: Resources | None = None,
        retries: int = 2,
        **arguments: Any,  # noqa: ANN401
    ) -> Handle:
        """Search the arguments with which a function, or a command, gives the best metric.

        Returns a handle to the result of the best trial; its ``study`` is the table of all trials.

        Parameters
        ----------
        over
            Parameter -> list of choices, or a distribution such as ``ws.log_uniform(1e-5, 1e-1)``; or the file of a
            W&B sweep, whose method, metric and limits count where the options do not say otherwise.
        metric, goal
            A field or key of the result, or what ``ws.log`` was given last; ``minimize`` or ``maximize`` it.
        trials
            The most trials; by default all combinations of a grid.
        parallel
            The most trials at once; by default as many as this machine holds.
        search
            ``tpe`` (default), ``random``, ``grid``, ``quasi-random``, ``cma-es``.
        prune
            When ``ws.should_stop()`` becomes true: ``none`` (default), ``asha``, ``hyperband``, ``median``, ``patience``.
        seed
            Of the search: the same draws again.
        keep
            ``all`` results of trials, or only those that were the ``best`` so far.
        start
            Trials to run first.
        hours, target
            Draw no more trials after so much time of all trials, or once the metric is as good.
        repeats, confirm
            Run every trial several times, or the best ones again, with other seeds: the mean counts.
        constants
            Arguments of the function that are named like an option of the sweep.
        outputs, files
            Of a command: see `command`.

        Raises
        ------
        DeclarationError
            The function lacks a parameter that `over` names, or an option is invalid.
        SettingError
            The space is invalid.
        """
        from wingspan.pipeline import swept
        from wingspan.pipeline.sweeps import Asked, read_sweep

        place = calling_place()
        check_options(name, resources, retries, place)
        asked = Asked(over, metric, goal, trials, parallel, search, prune, seed, keep, start,
                      hours, target, repeats, confirm)  # fmt: skip
        given = swept.given_once(arguments, constants, place)
        sweep = swept.of_program(action, read_sweep(asked, place))
        request = (resources or DEFAULT, retries, place, sweep)
        if isinstance(action, str):
            command, usual = swept.command_to_search(action, outputs, files, given, sweep, place)
            made = Step(name or usual, command, frozen(given), typed(command), *request)
        else:
            swept.refuse_files(outputs, files, place)
            function, args, given = unwrapped(action, args, given, place)
            bound = swept.bind_to_search(function, args, given, sweep, place)
            title = name or function_name(function, place)
            made = Step(title, function, bound, swept.outputs_to_search(function, place), *request)
        handle = self._put(made)
        self._put(swept.table_of(handle, place))
        return handle

    def search(self, over: "Over", *, step: str | None = None, **options: Any) -> str:  # noqa: ANN401
        """Search arguments of a step that is declared already; return its name.

        Parameters
        ----------
        step
            By default the only sweep, else the only step that takes all arguments that `over` names.
        options
            Those of `sweep` that say how to search.

        Raises
        ------
        DeclarationError
            No step takes these arguments, or several do.
        """
        from wingspan.pipeline.sweeps import asked_with
        from wingspan.pipeline.swept import searched, step_to_search, table_of

        place = calling_place()
        asked = asked_with(over, options, place)
        name = step_to_search(self._steps, step, asked, place)
        made = searched(self._steps[name], asked, place)
        listing = table_of(made.handle(self._number), place)
        before = [each for each in self._steps.items() if each[0] != listing.name]
        at = [each for each, _ in before].index(name)
        self._steps = dict([*before[:at], (name, made), (listing.name, listing), *before[at + 1 :]])
        return name

    def _add(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        resources: Resources | None,
        retries: int,
        place: str,
    ) -> Handle:
        outputs = outputs_of(function, place)
        return self._put(
            Step(name, function, arguments, outputs, resources or DEFAULT, retries, place)
        )

    def _map(self, name: str, place: str, max_jobs: int | None) -> list[str]:
        """Return the labels of a map so far, to be added to; refuse the name of a step."""
        if name in self._steps:
            raise _both(name, place, "step", self._steps[name].place)
        known = self._maps.setdefault(name, _Map(place, [], None))
        check_max_jobs(max_jobs, known.max_jobs, name, place)
        self._maps[name] = known._replace(max_jobs=max_jobs or known.max_jobs)
        return known.labels

    def _put(self, step: Step) -> Handle:
        if step.name in self._maps:
            raise _both(step.name, step.place, "map", self._maps[step.name].place)
        taken = self._steps.get(step.name)
        if taken is not None:
            problem = f"a step named {step.name!r} is declared already, at {taken.place}"
            raise DeclarationError(
                step.place, problem, 'give one of them another name: p.step(..., name="...")'
            )
        for handle in _all_handles(step):
            maker = step_of(handle)
            if maker not in self._steps:
                problem = f"an argument of {step.name!r} is the result of {maker!r}, which is not a step of this pipeline"
                raise DeclarationError(step.place, problem, near(maker, self._steps))
            if owner_of(handle) not in {0, self._number}:
                problem = (
                    f"an argument of {step.name!r} is the result of {maker!r} of another pipeline"
                )
                fix = f"pass the handle that this pipeline's own step {maker!r} gave"
                raise DeclarationError(step.place, problem, fix)
        self._steps[step.name] = step
        return step.handle(self._number)


def _both(name: str, place: str, other: str, where: str) -> DeclarationError:
    kind = "map" if other == "step" else "step"
    problem = f"a {other} named {name!r} is declared at {where}: run[{name!r}] could be either"
    return DeclarationError(place, problem, f'give this {kind} another name: name="..."')


def _all_handles(step: Step) -> list[Handle]:
    try:
        return list(handles_in(step.arguments))
    except RecursionError as error:
        problem = f"an argument of {step.name!r} holds itself, or is nested too deep"
        raise DeclarationError(step.place, problem, "pass a flat list or dict") from error
