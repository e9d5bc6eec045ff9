"""Check the options of a step, and the arguments that are mistaken for options."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from wingspan.errors import DeclarationError, near
from wingspan.pipeline.handles import Zip
from wingspan.pipeline.resources import Resources, shortened

OPTIONS = ("name", "resources", "retries")
OPTIONS_OF = {
    "p.step": OPTIONS,
    "p.map": (*OPTIONS, "over", "max_jobs"),
    "p.sweep": (),  # `constants` and `over` pass what is named like an option
    "ws.submit": ("on", "home", *OPTIONS),
}
MOST_RETRIES = 1000
_REQUESTS = tuple(field.name for field in fields(Resources))
_OTHER_NAMES = {
    "cpu": "cpus", "cores": "cpus", "n_cpus": "cpus", "num_cpus": "cpus", "request_cpus": "cpus",
    "mem": "memory", "ram": "memory", "memory_mb": "memory", "request_memory": "memory",
    "request_disk": "disk", "gpu": "gpus", "num_gpus": "gpus", "request_gpus": "gpus",
    "timeout": "runtime", "walltime": "runtime", "max_runtime": "runtime", "container": "image",
    "container_image": "image",
}  # fmt: skip


def check_options(name: object, resources: object, retries: object, place: str) -> None:
    """Refuse options of a step that are not what they must be.

    Raises
    ------
    DeclarationError
        The message says what is expected and how to write it.
    """
    if name is not None and (not isinstance(name, str) or not name.strip()):
        problem = f"name={shortened(name)} is invalid: expected a text with a letter or digit"
        raise DeclarationError(place, problem, 'write name="..."')
    if resources is not None and not isinstance(resources, Resources):
        problem = f"resources={shortened(resources)} is invalid: expected a Resources"
        raise DeclarationError(place, problem, f"write resources={_written(resources)}")
    if type(retries) is not int or not 0 <= retries <= MOST_RETRIES:
        problem = f"retries={shortened(retries)} is invalid: expected a whole number from 0 to {MOST_RETRIES:,}"
        raise DeclarationError(place, problem, "write retries=2, or leave it out")


def check_function(function: object, place: str) -> None:
    """Refuse what cannot be called.

    Raises
    ------
    DeclarationError
        The message says what is expected.
    """
    if not callable(function):
        problem = f"expected a function, found {shortened(function)}, of type {type(function).__qualname__}"
        raise DeclarationError(place, problem, "pass the function itself: p.step(load, path)")


def check_max_jobs(given: object, before: int | None, name: str, place: str) -> None:
    """Refuse a map's limit that is not a number of jobs, or differs from the limit it has.

    Raises
    ------
    DeclarationError
        The message says what is expected.
    """
    if given is not None and (type(given) is not int or given < 1):
        problem = f"max_jobs={shortened(given)} is invalid: expected a whole number of at least 1"
        raise DeclarationError(place, problem, "write max_jobs=10, or leave it out")
    if before is not None and given is not None and before != given:
        problem = f"map {name!r} has max_jobs={before} already, and max_jobs={given} here"
        raise DeclarationError(place, problem, "give both the same, or give it once")


def _written(resources: object) -> str:
    """Return how a request is written that was given as something else."""
    stated = resources if isinstance(resources, Mapping) else {}
    known = [f"{name}={value!r}" for name, value in stated.items() if name in _REQUESTS]
    return f"ws.Resources({', '.join(known) or 'cpus=2'})"


def check_parameters(function: str, parameters: Container[str], method: str, place: str) -> None:
    """Refuse a function with a parameter that `method` takes as its own option.

    Raises
    ------
    DeclarationError
        The message names the parameter.
    """
    clash = next((option for option in OPTIONS_OF[method] if option in parameters), None)
    if clash is not None:
        problem = (
            f"{function} has a parameter called {clash!r}, which {method} takes as its own option"
        )
        raise DeclarationError(place, problem, f"rename the parameter of {function}")


def check_over(over: object, constants: Mapping[str, object], place: str) -> None:
    """Refuse an `over` that names no parameters, or one that is also given as a constant.

    Raises
    ------
    DeclarationError
        The message says what is expected.
    """
    given = over.over if isinstance(over, Zip) else over
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        problem = f"over={shortened(over)} is invalid: expected parameters and their values"
        raise DeclarationError(place, problem, 'name the parameter: over={"estimator": [...]}')
    twice = [name for name in given if name in constants]
    if twice:
        problem = f"{twice[0]} is given twice: in over= and as {twice[0]}={shortened(constants[twice[0]])}"
        raise DeclarationError(place, problem, "leave one of them out")


def check_command(template: object, outputs: object, files: object, place: str) -> None:
    """Refuse what is not the text, the outputs and the files of a command.

    Raises
    ------
    DeclarationError
        The message says what is expected.
    """
    if not isinstance(template, str) or not template.strip():
        problem = f"the command {shortened(template)} is invalid: expected a text"
        raise DeclarationError(place, problem, 'write p.command("python train.py {data}", ...)')
    named = isinstance(outputs, Mapping) and all(
        isinstance(name, str) and isinstance(path, str | Path) for name, path in outputs.items()
    )
    if not named:
        problem = f"outputs={shortened(outputs)} is invalid: expected names and the paths that the command writes"
        raise DeclarationError(place, problem, 'write outputs={"model": "model.bin"}')
    if not _are_files(files):
        problem = (
            f"files={shortened(files)} is invalid: expected a list of paths, or names and paths"
        )
        raise DeclarationError(place, problem, 'write files=["train.py"]')


def _are_files(files: object) -> bool:
    if isinstance(files, str | bytes | Path) or not isinstance(files, Iterable):
        return False
    named = isinstance(files, Mapping)
    paths = files.values() if isinstance(files, Mapping) else files
    return all(isinstance(path, str | Path) and str(path) for path in paths) and (
        not named or all(isinstance(name, str) for name in files)
    )


def request_hint(name: str, value: object) -> str | None:
    """Return how to request what an argument's name says; None where it is not a request."""
    field = name if name in _REQUESTS else _OTHER_NAMES.get(name.lower())
    return None if field is None else f"use resources=ws.Resources({field}={shortened(value)})"


def unknown_argument(name: str, value: object, parameters: Iterable[str]) -> str:
    """Return what to do about an argument that the function does not take."""
    if name == "over":  # p.map takes it as its own option
        return "use p.map(..., over={...}) to make one step for each value"
    if name == "retry":
        return f"use retries={shortened(value)}"
    return request_hint(name, value) or near(name, [*parameters, *OPTIONS])
