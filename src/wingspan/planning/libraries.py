"""Find the third-party modules that a step's job may import.

An environment that is sent to the job must hold them.

They are no part of a key. What is imported by names made at run time is not seen.
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from wingspan.planning.syntax import Import, parse
from wingspan.store.annotation import TypeName, read_signature
from wingspan.store.libraries import is_closed, libraries_of_type

if TYPE_CHECKING:
    from wingspan.pipeline.step import Command
    from wingspan.planning.fingerprint import Fingerprint

_MODULE = re.compile(r"(?<!\S)-m\s+([A-Za-z_]\w*)")
_STANDARD = sys.stdlib_module_names | {"wingspan"}
_SCRIPTS = 1000  # of one folder that is read for its imports
_NONE: frozenset[str] = frozenset()


def libraries_of_function(function: Callable[..., Any], found: "Fingerprint") -> frozenset[str]:
    """Return a function's libraries: those it reaches, those of its files and of its types."""
    if isinstance(function, type):
        return found.imports | found.loaded
    types = read_signature(function).values()
    ours = {name.partition(".")[0] for name in found.files}
    return (found.imports | found.loaded).union(*map(libraries_of_type, types)) - _STANDARD - ours


def libraries_of_command(command: "Command") -> frozenset[str]:
    """Return the libraries that a command's scripts import, and the one after ``python -m``."""
    named = set(_MODULE.findall(command.template))
    for script in _scripts(command.files.values()):
        named |= {found.module.partition(".")[0] for found in _imports(script)}
    return frozenset(named) - _STANDARD - {""}


def _scripts(files: Iterable[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from sorted(path.rglob("*.py"))[:_SCRIPTS]
        elif path.suffix == ".py":
            yield path


def _imports(script: Path) -> Iterator[Import]:
    try:
        statements = parse(script.read_bytes(), "")
    except (OSError, SyntaxError, ValueError):  # of another version of Python, or none
        return
    for statement in statements:
        yield from statement.imports


@lru_cache(maxsize=1024)
def given_libraries(outputs: tuple[tuple[str, TypeName], ...]) -> frozenset[str] | None:
    """Return the libraries for reading a step's results; None if their types do not show them."""
    kinds = [kind for _, kind in outputs]
    if not all(map(is_closed, kinds)):
        return None
    return _NONE.union(*map(libraries_of_type, kinds))


class Needing(Protocol):
    """What is asked of a `Call`."""

    @property
    def inputs(self) -> Mapping[str, tuple[str, str | None]]:
        """Producing step and output (None for all), by place in the arguments."""

    @property
    def libraries(self) -> frozenset[str]:
        """What its own code, types and values need."""

    @property
    def gives(self) -> frozenset[str] | None:
        """What reading its results needs; None where the types do not say it."""


def needed_libraries(calls: Mapping[str, Needing]) -> dict[str, tuple[str, ...]]:
    """Return what each step's jobs need, with what reading others' results needs.

    Calls come in order.
    """
    needed: dict[str, frozenset[str]] = {}
    given: dict[str, frozenset[str]] = {}
    sorted_: dict[frozenset[str], tuple[str, ...]] = {}
    found = {}
    for name, call in calls.items():
        makers = {maker for maker, _ in call.inputs.values()}
        whole = (
            call.libraries.union(*(given[maker] for maker in makers)) if makers else call.libraries
        )
        needed[name] = whole
        given[name] = whole if call.gives is None else call.gives
        if whole not in sorted_:
            sorted_[whole] = tuple(sorted(whole))
        found[name] = sorted_[whole]
    return found
