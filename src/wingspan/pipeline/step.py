"""One declared step: its action, arguments, outputs and request. Values only."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import DeclarationError
from wingspan.pipeline.handles import Handle
from wingspan.pipeline.resources import Resources
from wingspan.store.annotation import VALUE, TypeName, read_return
from wingspan.store.codec import check_type

if TYPE_CHECKING:
    from wingspan.pipeline.sweeps import Sweep

DEFAULT = Resources()
STUDY = "study"  # of a sweep: the table of its trials
TRIALS = TypeName("builtins.list", (TypeName("builtins.dict"),))


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
class TrialTable:
    """Action of a step that lists the trials of the sweep which is its only argument."""


Action = Callable[..., Any] | Command | TrialTable


@dataclass(frozen=True, slots=True)
class Step:
    """One call that will be made; of a sweep, the call without its swept arguments.

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
    sweep
        How the other arguments are searched; None for a step that is called once.
    """

    name: str
    action: Action
    arguments: Mapping[str, Any]
    outputs: tuple[tuple[str, TypeName], ...]
    resources: Resources
    retries: int
    place: str
    sweep: "Sweep | None" = None

    def handle(self, owner: int = 0) -> Handle:
        """Return the name of this step's result; `owner` is the number of its pipeline."""
        study = study_name(self.name) if self.sweep is not None else ""
        return Handle(self.name, None, fields_of(self.action, self.outputs), owner, study)


def study_name(sweep: str) -> str:
    """Return the name of the step that lists the trials of a sweep.

    >>> study_name("fit")
    'fit.study'
    """
    return f"{sweep}.{STUDY}"


def fields_of(action: Action, outputs: tuple[tuple[str, TypeName], ...]) -> tuple[str, ...]:
    """Return the fields of a result: a command's outputs, or those of a function's NamedTuple."""
    names = tuple([name for name, _ in outputs])
    plain = names == (VALUE,) and not (isinstance(action, Command) or _gives_fields(action))
    return () if plain else names


@functools.lru_cache(maxsize=4096)
def _gives_fields(function: Callable[..., Any]) -> bool:
    returns = read_return(function)
    return returns is not None and returns.kind == "namedtuple"


def function_name(function: Callable[..., Any], place: str) -> str:
    """Return the name of a function.

    Raises
    ------
    DeclarationError
        It is a lambda.
    """
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


def outputs_of(function: Callable[..., Any], place: str) -> tuple[tuple[str, TypeName], ...]:
    """Return the name and the type of each output of a function.

    Raises
    ------
    DeclarationError
        It has no return annotation.
    UnsupportedTypeError
        No codec stores the type.
    """
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
