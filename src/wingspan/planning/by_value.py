"""Serialize functions that cannot be imported by name: a notebook's, or made by a function.

What a file holds is looked up there again, so that a job runs the code that the key was made of. Only
captured values and defaults travel. Functions and classes of a notebook travel whole.
"""

import functools
import importlib
import io
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cloudpickle

from wingspan.errors import ConflictError, DeclarationError
from wingspan.planning.cells import Carried
from wingspan.planning.fingerprint import home_of, home_of_globals
from wingspan.planning.modules import place_of
from wingspan.planning.project import read_source

Step = Callable[..., object]


def pickled(function: Step) -> bytes:
    """Return bytes from which ``cloudpickle.loads`` makes the function in a job.

    The job has the function's modules.

    Raises
    ------
    DeclarationError
        It holds a value that cannot be sent to another process.
    """
    content = io.BytesIO()
    try:
        carried = Carried(function)
        _Pickler(content, carried).dump(carried)
    except (TypeError, AttributeError, ValueError, RecursionError, ImportError) as error:
        raise _unsendable(function, error) from error
    except Exception as error:
        if type(error).__name__ == "PicklingError":
            raise _unsendable(function, error) from error
        raise
    return content.getvalue()


def _unsendable(function: Step, error: Exception) -> DeclarationError:
    name = getattr(function, "__qualname__", repr(function))
    fix = "define the function at the top level of a file, and pass what it uses as arguments of the step"
    return DeclarationError(name, f"it cannot be sent to another process: {error}", fix)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Refers to what a project's file holds, instead of copying it."""

    def __init__(self, content: io.BytesIO, carried: Carried) -> None:
        super().__init__(content)
        self._carried = carried

    def reducer_override(self, value: Any) -> Any:  # noqa: ANN401 - as the pickle protocol has it
        if isinstance(value, types.FunctionType):
            self._carried.note(value)
        cached = isinstance(value, functools._lru_cache_wrapper)  # noqa: SLF001 - the type has no other name
        if cached or isinstance(value, types.FunctionType | type):
            home = home_of(value)
            if home is not None and (cached or home.shown != value.__module__):
                return _imported, (home.shown, value.__qualname__)
            if cached:
                return _cached, (value.__wrapped__, *value.cache_parameters().values())
            if home is None and isinstance(value, types.FunctionType):
                found = _inner(value)
                if found is not None:
                    return found
        return super().reducer_override(value)


def _inner(function: types.FunctionType) -> Any:  # noqa: ANN401 - as the pickle protocol has it
    """Return how to remake a function that a project file nests in another; None if none does."""
    home, code = home_of_globals(function.__globals__), function.__code__
    if home is None or place_of(home.name, home.file).kind != "project":
        return None
    if Path(code.co_filename).name != home.file.name:
        return None
    content = read_source(home.file, home.package).content
    found = [each for each in _inside(_compiled(content)) if each.co_qualname == code.co_qualname]
    if len(found) > 1:
        same = [each for each in found if each.co_firstlineno == code.co_firstlineno]
        found = [*same, *found] if same else []
    if not found or found[0].co_freevars != code.co_freevars:
        problem = (
            f"no function {code.co_qualname} there; the file has changed since it was imported"
        )
        raise DeclarationError(f"{home.file}:{code.co_firstlineno}", problem, "start Python again")
    cells = function.__closure__ or ()
    state = {
        "values": [_content(cell) for cell in cells],
        "__defaults__": function.__defaults__,
        "__kwdefaults__": function.__kwdefaults__,
        "__dict__": function.__dict__,
        "__qualname__": function.__qualname__,
        "__name__": function.__name__,
        "__annotations__": function.__annotations__,
    }
    where = (home.shown, code.co_qualname, found[0].co_firstlineno, len(cells))
    return _made, where, state, None, None, _fill


def _content(cell: types.CellType) -> tuple[object, ...]:
    """Return a cell's value in a tuple, empty where none is assigned yet."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


@functools.lru_cache(maxsize=64)
def _compiled(content: bytes) -> types.CodeType:
    return compile(content, "<a step's file>", "exec", dont_inherit=True)


def _inside(code: types.CodeType) -> Iterator[types.CodeType]:
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield each
            yield from _inside(each)


def _imported(module: str, qualname: str) -> Any:  # noqa: ANN401 - a function or class
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    return found


def _cached(function: Step, maxsize: int | None, typed: bool) -> Step:
    return functools.lru_cache(maxsize, typed)(function)


def _made(module: str, qualname: str, line: int, cells: int) -> types.FunctionType:
    """Make a function of the code that a module's file holds, in the module's own globals."""
    loaded = importlib.import_module(module)
    loader = loaded.__spec__.loader if loaded.__spec__ else None
    whole = loader.get_code(module) if loader is not None else None  # type: ignore[attr-defined]
    for code in _inside(whole) if whole is not None else ():
        same = (code.co_qualname, code.co_firstlineno, len(code.co_freevars))
        if same == (qualname, line, cells):
            empty = tuple(types.CellType() for _ in range(cells))
            return types.FunctionType(code, vars(loaded), None, None, empty)
    problem = f"its file has no function {qualname} at line {line}"
    raise ConflictError(f"module {module}", problem, "run the command again to replan")


def _fill(function: types.FunctionType, state: dict[str, Any]) -> None:
    for cell, value in zip(function.__closure__ or (), state.pop("values"), strict=True):
        if value:
            cell.cell_contents = value[0]
    function.__dict__.update(state.pop("__dict__"))
    for name, value in state.items():
        setattr(function, name, value)
