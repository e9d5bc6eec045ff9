"""Find the imports of one of Wingspan's own modules in its text, without parsing the rest.

Wingspan's modules are known by their bytes, so that a plan needs of them only what they import. To parse them took
most of the time of planning one of the recipes. The text is written in one way (by its formatter), on which this
relies: a statement begins a line, and texts of several lines are in triple double quotes.
"""

import re

from wingspan.planning.source import Source, read

_TEXTS = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""', re.DOTALL)
_TOP_LEVEL = re.compile(r"^(?=[^\s#)\]}])", re.MULTILINE)
_IMPORT = re.compile(
    r"^[ \t]*((?:from +[\w.]+ +import +(?:\([^)]*\)|[^\n(]+))|(?:import +[^\n]+))", re.MULTILINE
)
_LATER = ("def ", "async def ", "class ", "@")
"""What begins a block whose imports are inside functions; a class of ours imports nothing in its own body."""


def imports_in(content: bytes, package: str) -> Source:
    """Return a module's imports alone; those inside functions are inside a function here too."""
    if b"import_module" in content or b"__import__" in content:  # imports by calls need a parse
        return read(content, package)
    now: list[str] = []
    later: list[str] = []
    for block in _TOP_LEVEL.split(_TEXTS.sub("''", content.decode())):
        if not block.startswith("if TYPE_CHECKING:"):
            hidden = block.startswith(_LATER)
            (later if hidden else now).extend(_IMPORT.findall(block))
    function = ["def later():", *(f"    {each}" for each in later)] if later else []
    return read("\n".join([*now, *function]), package)
