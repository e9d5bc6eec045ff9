"""The parts of a page, as frozen values. Text is plain text; only pictures are markup."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

Cell = str | tuple[str, float]  # text, and the number that it is sorted by


@dataclass(frozen=True, slots=True)
class Callout:
    """What a reader must see first: what happened, why, and what to do.

    Parameters
    ----------
    tone
        ``bad``, ``good``, ``busy`` or ``note``.
    lines
        Below the title: cause, place, what waits for it.
    fix
        What to do.
    commands
        What each is for, and the command to copy.
    more
        Text below a summary, such as a traceback: (summary, text, open).
    """

    block: ClassVar[str] = "callout"
    tone: str
    title: str
    lines: Sequence[str] = ()
    fix: str = ""
    commands: Sequence[tuple[str, str]] = ()
    more: Sequence[tuple[str, str, bool]] = ()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and values."""

    block: ClassVar[str] = "pairs"
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Lines:
    """A list of sentences."""

    block: ClassVar[str] = "lines"
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Picture:
    """An SVG that `wingspan.draw` made, which escapes all text in it.

    Parameters
    ----------
    tall
        It may be so large that it scrolls in a frame of its own.
    """

    block: ClassVar[str] = "picture"
    svg: str = field(repr=False)
    caption: str = ""
    tall: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that a reader can filter, sort and copy.

    Parameters
    ----------
    name
        Unique on the page.
    numeric
        Numbers of the columns that are aligned to the right.
    links
        By row: what a click on its first cell opens, an id on the page; empty for none.
    trials
        By row: the number of the trial, which is highlighted in all pictures.
    states
        Number of the column that holds a state; None for none.
    total
        How many rows there were before the table was cut; 0 for all of them.
    """

    block: ClassVar[str] = "table"
    name: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]] = field(repr=False)
    numeric: frozenset[int] = frozenset()
    links: Sequence[str] = field(default=(), repr=False)
    trials: Sequence[int] = field(default=(), repr=False)
    states: int | None = None
    total: int = 0


Block = Callout | Pairs | Lines | Picture | Table


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading; `name` is its id."""

    name: str
    title: str
    blocks: Sequence[Block]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Parameters
    ----------
    state
        Shown next to the title, such as ``failed``; empty for none.
    facts
        Below the title, in one line.
    lead
        The first screen.
    left_out
        What the page does not hold, and where it is found.
    details
        By id, what a click opens: JSON-able, see `wingspan.report.details`.
    """

    title: str
    state: str
    facts: Sequence[str]
    lead: Sequence[Block]
    sections: Sequence[Section]
    left_out: Sequence[str] = ()
    details: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
