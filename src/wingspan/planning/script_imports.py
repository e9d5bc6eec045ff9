"""Find the modules in a script's folder that it imports, directly or indirectly.

Only their text is read.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from wingspan.store.annotation import statements


def local_modules(script: Path) -> list[Path]:
    """Return the files and packages in a script's folder that it needs, sorted.

    The script itself is not one of them.
    """
    folder = script.parent
    found: dict[Path, None] = {}
    waiting = [script]
    while waiting:
        for name in _imported(waiting.pop()):
            module = _place(folder, name)
            if module is not None and module not in found and module != script:
                found[module] = None
                waiting += [module] if module.is_file() else sorted(module.rglob("*.py"))
    return sorted(found)


def _place(folder: Path, name: str) -> Path | None:
    if (folder / name / "__init__.py").is_file():
        return folder / name
    file = folder / f"{name}.py"
    return file if file.is_file() else None


def _imported(file: Path) -> Iterator[str]:
    """Yield the first part of each module that a file imports; nothing if it is not Python."""
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
