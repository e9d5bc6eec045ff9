"""The parts of a page, as frozen values. Text is plain text; only pictures are markup."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, ClassVar

_EMPTY = ("", ("", 0))  # cells
_LOOKED = 500  # rows of a table whose texts are measured
_SHORT, _LONG = 30, 48  # characters
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
    each
        Below its caption: what differs among those it is about.
    """

    block: ClassVar[str] = "callout"
    tone: str
    title: str
    lines: Sequence[str] = ()
    fix: str = ""
    commands: Sequence[tuple[str, str]] = ()
    more: Sequence[tuple[str, str, bool]] = ()
    each: "Table | None" = None


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
        By row: where a click on its first cell leads, ``#`` and an id; empty for nowhere.
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

    def filled(self) -> "Table":
        """Return the table without the columns that are empty in every row."""
        kept = [
            place
            for place in range(len(self.columns))
            if place == 0 or any(row[place] not in _EMPTY for row in self.rows)
        ]
        new = {old: place for place, old in enumerate(kept)}
        return replace(
            self,
            columns=[self.columns[place] for place in kept],
            rows=[[row[place] for place in kept] for row in self.rows],
            numeric=frozenset(new[place] for place in self.numeric if place in new),
            states=None if self.states is None else new.get(self.states),
        )

    def widths(self) -> list[str]:
        """Return how wide each column is: ``s`` for short texts, ``w`` for long ones, else ``m``."""
        longest = [0] * len(self.columns)
        for row in self.rows[:_LOOKED]:
            for place, cell in enumerate(row):
                longest[place] = max(
                    longest[place], len(cell if isinstance(cell, str) else cell[0])
                )
        return ["s" if most <= _SHORT else "w" if most > _LONG else "m" for most in longest]


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

    def tables(self) -> Iterator[Table]:
        """Yield all its tables."""
        blocks = chain(self.lead, *(section.blocks for section in self.sections))
        for block in blocks:
            if isinstance(block, Table):
                yield block
            elif isinstance(block, Callout) and block.each is not None:
                yield block.each
