"""Whether the code that a job has imported is the code that its plan, and so its key, was made of."""

import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import ConflictError
from wingspan.files import digest_file

_CODE = {"function", "class", "global", "import", "module", "closure", "default", "argument"}


def require_planned(job: Mapping[str, Any], function: Callable[..., Any]) -> None:
    """Refuse code that was edited since, unless nothing of it that the function reaches is another.

    Raises
    ------
    ConflictError
        It would give a result that is not the key's.
    """
    changed = [
        file for name, digest in job.get("code", {}).items() if (file := _edited(job, name, digest))
    ]
    if not changed or _reaches_the_same(job, function):
        return
    problem = f"{', '.join(changed)} was changed after the plan was made"
    fix = "give the command that started the run again: the plan is made anew"
    raise ConflictError(f"step {job['step']}", problem, fix)


def _edited(job: Mapping[str, Any], name: str, digest: str) -> str:
    """Return the file of a module if it is not what it was; empty if it is."""
    loaded = sys.modules.get(job["action"].get("module", name) if name == "__main__" else name)
    file = getattr(loaded, "__file__", None)
    if file is None:
        spec = importlib.util.find_spec(name)
        file = spec.origin if spec else None
    if file is None or not Path(file).is_file():
        return f"module {name}"
    return "" if digest_file(Path(file)) == digest else str(file)


def _reaches_the_same(job: Mapping[str, Any], function: Callable[..., Any]) -> bool:
    if "cloudpickle" in job["action"]:  # a notebook's, known by value
        return False
    from wingspan.planning.fingerprint import function_components

    return _code_of(function_components(function)) == _code_of(job["components"])


def _code_of(components: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in components.items() if name.partition(" ")[0] in _CODE}
