"""Fill W&B's macros into the command of a sweep file, for one trial."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wingspan.errors import SettingError, near
from wingspan.sweep.distributions import Json

DEFAULT: Final = ("${env}", "${interpreter}", "${program}", "${args}")
_MACRO: Final = re.compile(r"\$\{([^}]*)\}")
_VARIABLE: Final = "envvar:"
_FILE: Final = "${args_json_file}"


@dataclass(frozen=True, slots=True)
class Command:
    """A command line whose words may be macros.

    Parameters
    ----------
    program
        The script; empty if the command names none.
    """

    parts: tuple[str, ...]
    program: str = ""

    @property
    def json_file(self) -> bool:
        """Whether the command reads its parameters from a file, which must be written first."""
        return _FILE in self.parts

    def argv(
        self,
        values: Mapping[str, Json],
        environment: Mapping[str, str],
        json_file: str = "sweep.json",
    ) -> list[str]:
        """Return the command of a trial as a list of words.

        Raises
        ------
        SettingError
            An environment variable is not set.
        """
        filled = _arguments(values) | {
            "env": ["/usr/bin/env"],
            "interpreter": ["python"],
            "program": [self.program],
            "args_json_file": [json_file],
        }
        words: list[str] = []
        for part in self.parts:
            whole = _MACRO.fullmatch(part)
            if whole and whole[1] in filled:
                words += filled[whole[1]]
            else:
                words.append(_with_variables(part, environment))
        return words


def make_command(parts: Sequence[str], program: str, where: str) -> Command:
    """Check a command's macros and return it.

    Raises
    ------
    SettingError
        A macro is unknown, or needs a program.
    """
    known = [*_arguments({}), "env", "interpreter", "program", "args_json_file"]
    for part in parts:
        whole = _MACRO.fullmatch(part)
        if whole and whole[1] not in known and not whole[1].startswith(_VARIABLE):
            problem = f"unknown macro {part}"
            raise SettingError(where, problem, near(whole[1], [*known, "envvar:NAME"]))
        for name in () if whole else set(_MACRO.findall(part)) & set(known):
            problem = f"${{{name}}} must be a word of its own, found {part!r}"
            raise SettingError(where, problem, "make it a separate item of the list")
    if "${program}" in parts and not program:
        raise SettingError(
            where,
            "the command uses ${program}, but the file has no program",
            "add program: train.py",
        )
    return Command(tuple(parts), program)


def _with_variables(part: str, environment: Mapping[str, str]) -> str:
    def filled(found: re.Match[str]) -> str:
        if not found[1].startswith(_VARIABLE):  # a macro of the program itself, such as Hydra's
            return found[0]
        name = found[1].removeprefix(_VARIABLE)
        if name not in environment:
            problem = f"the command needs the environment variable {name}, which is not set"
            raise SettingError("command", problem, f"export {name}=...")
        return environment[name]

    return _MACRO.sub(filled, part)


def _arguments(values: Mapping[str, Json]) -> dict[str, list[str]]:
    """Return the words of each macro that stands for the parameters."""
    pairs = [f"{name}={value}" for name, value in values.items()]
    flags = [
        f"--{name}" if value is True else f"--{name}={value}"
        for name, value in values.items()
        if value is not False
    ]
    return {
        "args": [f"--{each}" for each in pairs],
        "args_no_hyphens": pairs,
        "args_no_equals": [
            word for name, value in values.items() for word in (f"--{name}", str(value))
        ],
        "args_no_boolean_flags": flags,
        "args_append_hydra": [f"+{each}" for each in pairs],
        "args_override_hydra": [f"++{each}" for each in pairs],
        "args_json": [json.dumps(dict(values))],
    }
