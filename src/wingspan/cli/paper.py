"""Text for the terminal: no line is wider than the terminal, or than 80 columns without one."""

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from wingspan.cli.terminal import bare, end_unread
from wingspan.shown import brief, shown_name

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST = 200  # characters shown of a name


def columns() -> int:
    """Return how many characters a line has: of the terminal, as ``COLUMNS`` says, else 80."""
    return shutil.get_terminal_size((80, 24)).columns


def wrap(text: str, indent: str = "") -> str:
    """Return the text in lines that fit; those after the first begin with the indent."""
    width = max(columns(), len(indent) + 20)
    return textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False)


def label(name: str) -> str:
    """Return a step's name for a line of text.

    Control characters are written out; a long name is cut in the middle.
    """
    return brief(shown_name(name), _LONGEST)


def amount(value: float) -> str:
    """Return a number with three digits, or as a whole number.

    >>> amount(0.12345), amount(12345.6)
    ('0.123', '12,346')
    """
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def print_table(title: str, lines: list[dict[str, Any]]) -> None:
    """Print a title and a table whose columns are the keys of the first line.

    Print nothing if there are no lines.
    """
    if not lines:
        return
    if title:
        print(f"\n{title}")
    from rich.table import Table

    table = Table(*map(shown_name, lines[0]), box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for line in lines:
        table.add_row(*(shown_name(str(value)) for value in line.values()))
    console().print(table)


def console() -> "Console":
    """Return a console that prints texts as they are: brackets and colons are no markup."""
    from rich.console import Console

    width, out = columns(), bare(sys.stdout)
    made = Console(file=out, width=width, markup=False, emoji=False, highlight=False)
    made.on_broken_pipe = end_unread  # type: ignore[method-assign]  # it would exit with 1
    return made
