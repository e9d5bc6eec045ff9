"""Declare: functions and arguments -> `Pipeline`, a list of named `Step` values. Nothing is run or read."""

import functools
import itertools
import keyword
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from wingspan.errors import DeclarationError, near
from wingspan.pipeline.binding import bind, copied, frozen, handles_in, unwrapped
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
from wingspan.pipeline.options import (
    check_command,
    check_max_jobs,
    check_options,
    check_over,
    request_hint,
)
from wingspan.pipeline.place import calling_place
from wingspan.pipeline.resources import Resources
from wingspan.shown import shown_name
from wingspan.store.annotation import VALUE, TypeName, read_return
from wingspan.store.codec import check_type

_PATH = TypeName("pathlib.Path")
_NUMBERS = itertools.count(1)  # of pipelines, in this process
_DEFAULT = Resources()


@dataclass(frozen=True, slots=True)
class Command:
    """A shell command with ``{argument}`` in it.

    Parameters
    ----------
    files
        Name in the step's folder -> file or folder that is put there.
    outputs
        Name -> path that the command writes, relative to its folder.
    """

    template: str
    files: Mapping[str, Path]
    outputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """One call that will be made.

    Parameters
    ----------
    name
        Unique in the pipeline: the function's name, plus the label in brackets for a map.
    action
        The function, or the command.
    arguments
        By parameter name; a `Handle` stands for a result that will exist, also inside lists, tuples and dicts.
    outputs
        Name and type of each output: ``value``, or the fields of the NamedTuple.
    retries
        How often a job whose process or machine was lost is started again; an exception never is.
    place
        ``file:line`` of the declaration.
    """

    name: str
    action: Callable[..., Any] | Command
    arguments: Mapping[str, Any]
    outputs: tuple[tuple[str, TypeName], ...]
    resources: Resources
    retries: int
    place: str

    def handle(self, owner: int = 0) -> Handle:
        """Return the name of this step's result; `owner` is the number of its pipeline."""
        return Handle(self.name, None, _fields(self.action, self.outputs), owner)


class _Map(NamedTuple):
    place: str
    labels: list[str]
    max_jobs: int | None


class Pipeline:
    """Steps in order of declaration. A handle exists only after its step, so there can be no cycle."""

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
        function, args, kwargs = unwrapped(function, args, kwargs)
        arguments = bind(function, args, kwargs, place)
        return self._add(
            name or _function_name(function, place), function, arguments, resources, retries, place
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
        """Add one call for each value, or each combination of values, in `over`; all else is constant.

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
        function, args, kwargs = unwrapped(function, args, kwargs)
        base = name or _function_name(function, place)
        fields = _fields(function, _outputs(function, place))
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
        files: Iterable[Path | str] | Mapping[str, Path | str] = (),
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
        check_command(template, outputs, files, place)
        wanted = {field for _, field, _, _ in string.Formatter().parse(template) if field}
        if wanted != set(arguments):
            problem = f"the command uses {sorted(wanted)}, the arguments are {sorted(arguments)}"
            more = [(given, arguments[given]) for given in arguments if given not in wanted]
            request = request_hint(*more[0]) if more else None
            raise DeclarationError(place, problem, request or "give each {name} one argument")
        named = _named(files, place)
        _check_outputs(outputs, place)
        words = [word for word in template.split() if Path(word).name in named] or template.split()
        action = Command(template, MappingProxyType(named), MappingProxyType(dict(outputs)))
        typed = tuple((output, _PATH) for output in outputs)
        return self._put(
            Step(
                name or Path(words[0]).stem,
                action,
                frozen(dict(sorted(arguments.items()))),
                typed,
                resources or _DEFAULT,
                retries,
                place,
            )
        )

    def _add(
        self,
        name: str,
        function: Callable[..., Any],
        arguments: Mapping[str, Any],
        resources: Resources | None,
        retries: int,
        place: str,
    ) -> Handle:
        outputs = _outputs(function, place)
        return self._put(
            Step(name, function, arguments, outputs, resources or _DEFAULT, retries, place)
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
                problem = f"an argument of {step.name!r} is the result of {maker!r}, which is no step of this pipeline"
                raise DeclarationError(step.place, problem, near(maker, self._steps))
            if owner_of(handle) not in {0, self._number}:
                problem = (
                    f"an argument of {step.name!r} is the result of {maker!r} of another pipeline"
                )
                fix = f"pass the handle that this pipeline's own step {maker!r} gave"
                raise DeclarationError(step.place, problem, fix)
        self._steps[step.name] = step
        return step.handle(self._number)


def _named(files: Iterable[Path | str] | Mapping[str, Path | str], place: str) -> dict[str, Path]:
    """Return the files of a command by the name that they have in its folder."""
    if isinstance(files, Mapping):
        pairs = [(str(name), Path(file)) for name, file in files.items()]
    else:
        pairs = [(Path(file).absolute().name, Path(file)) for file in files]
    named: dict[str, Path] = {}
    for name, file in pairs:
        if Path(name).is_absolute() or not Path(name).parts or ".." in Path(name).parts:
            problem = f"{name!r} is not a name in the command's folder"
            raise DeclarationError(place, problem, 'name it: files={"data.csv": path}')
        if named.setdefault(name, file) != file:
            problem = f"{named[name]} and {file} would both be {name} in the command's folder"
            raise DeclarationError(place, problem, 'name them: files={"one.csv": path, ...}')
    return named


def _check_outputs(outputs: Mapping[str, str], place: str) -> None:
    """Refuse names of outputs that a result cannot have as fields."""
    for name in outputs:
        if not name.isidentifier() or name.startswith("_") or keyword.iskeyword(name):
            problem = f"{name!r} cannot name an output: expected an identifier, such as model"
            raise DeclarationError(place, problem, f'write outputs={{"model": {outputs[name]!r}}}')


def _both(name: str, place: str, other: str, where: str) -> DeclarationError:
    kind = "map" if other == "step" else "step"
    problem = f"a {other} named {name!r} is declared at {where}: run[{name!r}] could be either"
    return DeclarationError(place, problem, f'give this {kind} another name: name="..."')


def _fields(
    action: Callable[..., Any] | Command, outputs: tuple[tuple[str, TypeName], ...]
) -> tuple[str, ...]:
    """Return the fields of a result: of a command its outputs, of a function those of its NamedTuple."""
    names = tuple([name for name, _ in outputs])
    plain = names == (VALUE,) and not (isinstance(action, Command) or _gives_fields(action))
    return () if plain else names


@functools.lru_cache(maxsize=4096)
def _gives_fields(function: Callable[..., Any]) -> bool:
    returns = read_return(function)
    return returns is not None and returns.kind == "namedtuple"


def _all_handles(step: Step) -> list[Handle]:
    try:
        return list(handles_in(step.arguments))
    except RecursionError as error:
        problem = f"an argument of {step.name!r} holds itself, or is nested too deep"
        raise DeclarationError(step.place, problem, "pass a flat list or dict") from error


def _function_name(function: Callable[..., Any], place: str) -> str:
    name: str = getattr(function, "__name__", "")
    if name in {"", "<lambda>"}:
        raise DeclarationError(
            place,
            f"{function!r} has no name: two lambdas cannot be distinguished",
            "define a named function",
        )
    return name


@functools.lru_cache(maxsize=4096)
def _output_types(function: Callable[..., Any]) -> tuple[tuple[str, TypeName], ...] | None:
    returns = read_return(function)
    if returns is None:
        return None
    outputs = returns.fields if returns.kind == "namedtuple" else ((VALUE, returns),)
    for _, kind in outputs:
        check_type(kind)
    return outputs


def _outputs(function: Callable[..., Any], place: str) -> tuple[tuple[str, TypeName], ...]:
    outputs = _output_types(function)
    if outputs is None:
        name = getattr(function, "__name__", repr(function))
        problem = f"{name} has no return annotation, so its result cannot be stored"
        raise DeclarationError(
            place,
            problem,
            f"write def {name}(...) -> pl.DataFrame: or whatever it returns (None is allowed)",
        )
    return outputs
