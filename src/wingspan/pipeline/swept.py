"""Bind a sweep's constant arguments, and check that its function takes the swept ones."""

import inspect
import string
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from wingspan.errors import DeclarationError, near
from wingspan.pipeline.binding import bind, signature_of
from wingspan.pipeline.command import Files, read_command
from wingspan.pipeline.handles import Handle, step_of
from wingspan.pipeline.options import check_command
from wingspan.pipeline.resources import shortened
from wingspan.pipeline.step import (
    DEFAULT,
    STUDY,
    TRIALS,
    Command,
    Step,
    TrialTable,
    outputs_of,
    study_name,
)
from wingspan.pipeline.sweeps import Asked, Sweep, read_sweep
from wingspan.store.annotation import VALUE, TypeName

_SWEPT = "a value that each trial gets from the search"


def given_once(
    arguments: Mapping[str, Any], constants: Mapping[str, Any] | None, place: str
) -> dict[str, Any]:
    """Return the constant arguments: those named in the call, and those of `constants`."""
    more: object = {} if constants is None else constants
    if not isinstance(more, Mapping) or not all(isinstance(name, str) for name in more):
        problem = f"constants={shortened(constants)} is invalid: expected arguments by name"
        raise DeclarationError(place, problem, 'write constants={"seed": 3}')
    twice = [name for name in more if name in arguments]
    if twice:
        problem = f"{twice[0]} is given twice: as an argument and in constants="
        raise DeclarationError(place, problem, "leave one of them out")
    return {**arguments, **more}


def bind_to_search(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    given: Mapping[str, Any],
    sweep: Sweep,
    place: str,
) -> Mapping[str, Any]:
    """Return the constant arguments of a function by parameter name.

    Raises
    ------
    DeclarationError
        The function lacks a parameter, or one is missing or given twice.
    """
    name = getattr(function, "__name__", repr(function))
    parameters = signature_of(function, place).parameters
    _check_names(sweep, parameters, given, name, place)
    positional = list(parameters)[: len(args)]
    _check_names(sweep, parameters, positional, name, place)
    swept = dict.fromkeys(sweep.names, _SWEPT)
    bound = bind(function, args, {**given, **swept}, place, "p.sweep")
    return {name: value for name, value in bound.items() if name not in swept}


def outputs_to_search(function: Callable[..., Any], place: str) -> tuple[tuple[str, TypeName], ...]:
    """Return the outputs of a function; refuse a field named like the table of the trials."""
    outputs = outputs_of(function, place)
    if STUDY in dict(outputs):
        name = getattr(function, "__name__", repr(function))
        problem = (
            f"{name} returns a field called {STUDY!r}, which stands for the table of the trials"
        )
        raise DeclarationError(place, problem, "rename the field")
    return outputs


def refuse_files(outputs: object, files: Files, place: str) -> None:
    """Refuse a command's options in the sweep of a function."""
    if outputs is not None or files != ():
        problem = f"{'files' if outputs is None else 'outputs'}= is for a command, found a function"
        raise DeclarationError(place, problem, "leave it out; a function returns its result")


def command_to_search(
    template: str,
    outputs: Mapping[str, str] | None,
    files: Files,
    given: Mapping[str, Any],
    sweep: Sweep,
    place: str,
) -> tuple[Command, str]:
    """Return the command of a sweep, and the name that its step has where the user gives none."""
    outputs = {} if outputs is None else outputs
    check_command(template, outputs, files, place)
    if STUDY in outputs:
        problem = f"an output is called {STUDY!r}, which stands for the table of the trials"
        raise DeclarationError(place, problem, "rename the output")
    if sweep.runs_file:
        return read_command(
            template.replace("{", "{{").replace("}", "}}"), outputs, files, {}, place
        )
    swept = dict.fromkeys(sweep.names, _SWEPT)
    _check_names(sweep, swept, given, "the command", place)
    return read_command(template, outputs, files, {**given, **swept}, place)


def of_program(action: Callable[..., Any] | str, sweep: Sweep) -> Sweep:
    """Return a sweep whose trials run the program of its file, if its command has no arguments.

    A sweep of a function is returned unchanged.
    """
    if not isinstance(action, str):
        return sweep
    named = any(field for _, field, _, _ in string.Formatter().parse(action))
    runs = sweep.file is not None and sweep.file.command is not None and not named
    return replace(sweep, runs_file=runs)


def _check_names(
    sweep: Sweep, parameters: Collection[str], given: Collection[str], what: str, place: str
) -> None:
    """Refuse swept names that a function lacks, or that are constant too."""
    for name in sweep.names:
        if name not in parameters:
            problem = f"over names {name!r}, and {what} has no parameter of this name"
            raise DeclarationError(place, problem, near(name, parameters))
        if name in given:
            problem = f"{name} is given twice: in over= and as a constant"
            raise DeclarationError(place, problem, "leave one of them out")


def searched(step: Step, asked: Asked, place: str) -> Step:
    """Return a declared step whose arguments named by a space are searched.

    The other arguments stay as they are.

    Raises
    ------
    DeclarationError
        Its function lacks a parameter that the space names.
    """
    sweep = read_sweep(asked, place, step.sweep)
    if not isinstance(step.action, Command):
        name = getattr(step.action, "__name__", repr(step.action))
        parameters = inspect.signature(step.action).parameters  # type: ignore[arg-type]  # a function
        _check_names(sweep, parameters, (), f"{name} of step {step.name}", place)
    constant = {name: each for name, each in step.arguments.items() if name not in sweep.names}
    return replace(step, arguments=constant, sweep=sweep)


def table_of(sweep: Handle, place: str) -> Step:
    """Return the step that lists the trials of a sweep."""
    kind = ((VALUE, TRIALS),)
    return Step(study_name(step_of(sweep)), TrialTable(), {"sweep": sweep}, kind, DEFAULT, 0, place)


def step_to_search(steps: Mapping[str, Step], wanted: object, asked: Asked, place: str) -> str:
    """Return the name of the step whose arguments a space names.

    Raises
    ------
    DeclarationError
        There is no such step, or there are several.
    """
    if wanted is not None:
        if not isinstance(wanted, str) or wanted not in steps:
            raise DeclarationError(place, f"there is no step {wanted!r}", near(wanted, steps))
        return wanted
    sweeps = [name for name, step in steps.items() if step.sweep is not None]
    if not sweeps:
        names = read_sweep(asked, place).names
        sweeps = [name for name, step in steps.items() if _takes(step, names)]
        if not sweeps:
            problem = f"no step takes all of {', '.join(names)}"
            raise DeclarationError(place, problem, "name the step to search: --step NAME")
    if len(sweeps) > 1:
        problem = f"several steps may be searched: {', '.join(sweeps)}"
        raise DeclarationError(place, problem, f"choose one: --step {sweeps[0]}")
    return sweeps[0]


def _takes(step: Step, names: Collection[str]) -> bool:
    if isinstance(step.action, TrialTable):
        return False
    if isinstance(step.action, Command):
        return set(names) <= step.arguments.keys()
    return set(names) <= inspect.signature(step.action).parameters.keys()
