"""Name classes as ``module:qualname``, to find a user's class in another process."""

import importlib
import sys
from pathlib import Path
from typing import Any

from wingspan.errors import NotFoundError, UnsupportedTypeError


def reference(kind: type) -> str:
    """Return where a class is imported from; a script's class by the script's name, as in jobs.

    Raises
    ------
    UnsupportedTypeError
        Importing it from there would not give this class.
    """
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    module = _imported_as(kind.__module__)
    if found is not kind or not module:
        named = f"{kind.__module__}.{kind.__qualname__}"
        problem = f"the class {named} cannot be imported by its name in another process"
        fix = "define it at the top level of a .py file that is imported"
        raise UnsupportedTypeError("", problem, fix)
    return f"{module}:{kind.__qualname__}"


def _imported_as(module: str) -> str:
    """Return the name under which another process imports a module; empty for a notebook."""
    if module != "__main__":
        return module
    main = sys.modules["__main__"]
    if main.__spec__ is not None:  # of python -m
        return main.__spec__.name
    file = getattr(main, "__file__", None)
    return Path(file).stem if file else ""


def resolve(text: str) -> type:
    """Import the class that `reference` named.

    Raises
    ------
    NotFoundError
        The module, or the class in it, is no longer there.
    """
    module, _, qualname = text.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        problem = f"a stored value needs this class: {error}"
        fix = "bring the class back under this name, or run the step that made the value again"
        raise NotFoundError(text, problem, fix) from error
    if not isinstance(found, type):
        problem = f"a stored value needs a class of this name, found {type(found).__name__}"
        raise NotFoundError(text, problem, "bring the class back under this name")
    return found
