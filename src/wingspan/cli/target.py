"""Load the pipeline that ``FILE:NAME`` and ``--set k=v`` name."""

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.cli.settings import read_settings
from wingspan.errors import DeclarationError, NotFoundError, WingspanError, near

if TYPE_CHECKING:
    from wingspan.workflow import Pipeline

_OURS = Path(__file__).parents[1]  # Wingspan's own files, which may lie below the user's folder


def split_target(target: str) -> tuple[str, str]:
    """Return file and function of a target; a file's path may have colons.

    >>> split_target("loans.py:weekly"), split_target("a:b/loans.py")
    (('loans.py', 'weekly'), ('a:b/loans.py', ''))
    """
    file, colon, name = target.rpartition(":")
    return (file, name) if colon and "/" not in name and not name.endswith(".py") else (target, "")


def load_pipeline(target: str, settings: list[str]) -> "Pipeline":
    """Import the file, call the function with the settings, and return the pipeline it declares."""
    file, name = split_target(target)
    factory = _factory(Path(file), name or "pipeline")
    with _explained(Path(file)):
        given = read_settings(factory, settings, target)
        pipeline = factory(*given.args, **given.kwargs)
    from wingspan.workflow import Pipeline

    if isinstance(pipeline, Pipeline):
        pipeline.origin = {
            "command": "run",
            "target": target,
            "settings": list(settings),
            "parameters": {each: _shown(value) for each, value in given.named.items()},
        }
    else:
        problem = f"{name or 'pipeline'} returned {type(pipeline).__qualname__}, expected a wingspan.Pipeline"
        raise DeclarationError(target, problem, "end the function with `return p`")
    return pipeline


def _shown(value: object) -> str:
    """Return a parameter's value as ``wingspan runs`` prints it."""
    from wingspan.runner.job.brief import brief

    return str(value) if isinstance(value, Path) else brief(value)


def is_step(target: str) -> bool:
    """Return whether a target cannot be a file, so that it names a step of the last run."""
    file = target.partition(":")[0]
    return not file.endswith(".py") and not os.path.exists(file)  # noqa: PTH110 - any text will do


def last_target(home: Path | None) -> tuple[str, list[str]]:
    """Return the file and the settings of the newest run that was started from a file.

    Raises
    ------
    NotFoundError
        No run was started from a file.
    """
    from wingspan.runner.runs import runs

    for run in runs(home=home):
        origin = run.origin
        if origin.get("command") == "run":
            return origin["target"], origin["settings"]
    fix = "name the file too: wingspan plan FILE STEP"
    raise NotFoundError("wingspan plan", "no run was started from a file yet", fix)


def _factory(path: Path, name: str) -> Callable[..., Any]:
    if not path.is_file():
        others = [entry.name for entry in path.parent.glob("*.py")] if path.parent.is_dir() else []
        problem = (
            "expected a Python file, found a folder" if path.is_dir() else "there is no such file"
        )
        raise NotFoundError(str(path), problem, near(path.name, others))
    sys.path.insert(0, str(path.parent.absolute()))
    spec = importlib.util.spec_from_file_location(path.stem, path.absolute())
    if spec is None or spec.loader is None:
        raise NotFoundError(str(path), "is not a Python file", "name a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    with _explained(path):
        spec.loader.exec_module(module)
    found = getattr(module, name, None)
    if not callable(found):
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        declare = f"declare one: def {name}() -> ws.Pipeline"
        hint = near(name, functions) if functions else declare
        raise NotFoundError(str(path), f"it has no function {name!r}", hint)
    factory: Callable[..., Any] = found
    return factory


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn an exception of the user's file into an error with the user's own lines only."""
    try:
        yield
    except WingspanError:
        raise
    except Exception as error:
        where, lines = _own_frames(error, path)
        raised = traceback.format_exception_only(error)[-1].rstrip()
        problem = "\n".join([raised, *lines])
        raise DeclarationError(where, problem, _next_step(error)) from error


def _own_frames(error: Exception, path: Path) -> tuple[str, list[str]]:
    """Return the innermost of the user's lines, and all of them, outermost first."""
    folder = path.parent.absolute()
    if isinstance(error, SyntaxError) and error.filename:
        line = (error.text or "").strip()
        return f"{error.filename}:{error.lineno}", [f"  {line}"] if line else []
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder)
        and not Path(frame.filename).is_relative_to(_OURS)
        and "site-packages" not in frame.filename
    ]
    lines = [f"  {frame.filename}:{frame.lineno} {frame.name}: {frame.line}" for frame in frames]
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(path)
    return where, lines


def _next_step(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"correct the import, or install {error.name} for {sys.executable}"
    return "correct the file, then run the command again"
