"""Check a shell command, its files and outputs, and make a step of it."""

import keyword
import string
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wingspan.errors import DeclarationError
from wingspan.pipeline.handles import Handle, fields_of, step_of
from wingspan.pipeline.options import check_command, request_hint
from wingspan.pipeline.step import Command
from wingspan.store.annotation import TypeName

_PATH = TypeName("pathlib.Path")
Files = Iterable[Path | str] | Mapping[str, Path | str]


def read_command(
    template: str,
    outputs: Mapping[str, str],
    files: Files,
    arguments: Mapping[str, Any],
    place: str,
) -> tuple[Command, str]:
    """Return a command, and the name that its step has where the user gives none.

    Raises
    ------
    DeclarationError
        Braces and arguments do not match, an argument is a result of several files, two files have one name, an output's
        name is not an identifier.
    """
    check_command(template, outputs, files, place)
    wanted = {field for _, field, _, _ in string.Formatter().parse(template) if field}
    if wanted != set(arguments):
        problem = f"the command uses {sorted(wanted)}, the arguments are {sorted(arguments)}"
        more = [(given, arguments[given]) for given in arguments if given not in wanted]
        request = request_hint(*more[0]) if more else None
        raise DeclarationError(place, problem, request or "give each {name} one argument")
    _check_files(arguments, place)
    named = _named(files, place)
    _check_outputs(outputs, place)
    words = [word for word in template.split() if Path(word).name in named] or template.split()
    command = Command(template, MappingProxyType(named), MappingProxyType(dict(outputs)))
    return command, Path(words[0]).stem


def typed(command: Command) -> tuple[tuple[str, TypeName], ...]:
    """Return the name and the type of each output of a command."""
    return tuple((output, _PATH) for output in command.outputs)


def _named(files: Files, place: str) -> dict[str, Path]:
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


def _check_files(arguments: Mapping[str, Any], place: str) -> None:
    """Refuse a whole result that has fields, as a command gets the path of one of them."""
    for name, given in arguments.items():
        if isinstance(given, Handle) and (fields := fields_of(given)):
            problem = (
                f"argument {name} is the whole result of step {step_of(given)}: expected one of its"
                f" fields, which are {', '.join(fields)}"
            )
            raise DeclarationError(place, problem, f"name the field: {name}=RESULT.{fields[0]}")


def _check_outputs(outputs: Mapping[str, str], place: str) -> None:
    """Refuse names of outputs that a result cannot have as fields."""
    for name in outputs:
        if not name.isidentifier() or name.startswith("_") or keyword.iskeyword(name):
            problem = f"{name!r} cannot name an output: expected an identifier, such as model"
            raise DeclarationError(place, problem, f'write outputs={{"model": {outputs[name]!r}}}')
