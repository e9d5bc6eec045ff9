"""Turn a page into HTML. The template engine escapes every text; nothing is loaded."""

import base64
import hashlib
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from wingspan.report.page import Cell, Page, Section, Table
from wingspan.shown import written_out
from wingspan.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

FIRST: Final = 100  # rows of a table that are there before the script runs, and in print
MOST: Final = 10_000_000  # bytes of a page
_IN_BACKTICKS: Final = re.compile(r"`([^`]+)`")
_VIEW: Final = re.compile(r'viewBox="0 0 (\d+) ')
_ROWS: Final = (10_000, 2_000, 200)  # of a table, the next where the page is still too large


def render(page: Page) -> str:
    """Return the page as one HTML file of at most `MOST` bytes, which says what it leaves out."""
    text = ""
    for rows in _ROWS:
        text = _html(_cut(page, rows))
        if len(text.encode()) <= MOST:
            return text
        page = replace(page, details={}, left_out=(*page.left_out, _TOO_LARGE))
    return _html(replace(_cut(page, _ROWS[-1]), sections=page.sections[:1]))


_TOO_LARGE: Final = "The page was too large: details of steps and rows of tables are left out."


def _cut(page: Page, rows: int) -> Page:
    """Return the page with at most `rows` rows in each table."""
    sections = []
    for section in page.sections:
        blocks = [
            replace(block, rows=block.rows[:rows], total=block.total or len(block.rows))
            if isinstance(block, Table) and len(block.rows) > rows
            else block
            for block in section.blocks
        ]
        sections.append(Section(section.name, section.title, blocks, section.note))
    return replace(page, sections=sections)


def _html(page: Page) -> str:
    script = _resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=page,
            style=_resource("page.css"),
            script=script,
            digest=digest,
            first=FIRST,
            version=__version__,
            written=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            data={
                "tables": {table.name: _rows_of(table) for table in page.tables()},
                "details": _shown(page.details),
            },
        )
    )


def _rows_of(table: Table) -> dict[str, Any]:
    """Return what the script needs of a table."""
    return {
        "rows": [[_plain(cell) for cell in row] for row in table.rows],
        "links": list(table.links[: len(table.rows)]),
        "trials": list(table.trials[: len(table.rows)]),
        "states": table.states,
        "numeric": sorted(table.numeric),
        "widths": table.widths(),
    }


def _plain(cell: Cell) -> str | list[str | float | None]:
    if isinstance(cell, str):
        return written_out(cell)
    text, key = cell
    return [written_out(text), key if math.isfinite(key) else None]


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _shown(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with the control characters of its texts written out."""
    if isinstance(value, str):
        return written_out(value)
    if isinstance(value, Mapping):
        return {name: _shown(each) for name, each in value.items()}
    return [_shown(each) for each in value] if isinstance(value, list | tuple) else value


def _with_code(text: str) -> "Markup":
    """Return a text as markup: what stands between backticks is code, all of it is escaped."""
    from markupsafe import Markup

    parts = _IN_BACKTICKS.split(written_out(text))
    made = (
        Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts)
    )
    return Markup("").join(made)


def _width(svg: str) -> str:
    """Return the width that a picture was drawn for, in pixels: it is shown no larger."""
    found = _VIEW.search(svg)
    return found[1] if found else "600"


def _row_link(links: Sequence[str], number: int) -> str:
    return links[number] if number < len(links) else ""


def _resource(name: str) -> str:
    return (files("wingspan.report") / "templates" / name).read_text()


def _finalized(value: object) -> object:
    """Write out the control characters of a text, before the template escapes it."""
    return written_out(value) if type(value) is str else value


def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("wingspan.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["cell"] = _text
    made.filters["width"] = _width
    made.filters["with_code"] = _with_code
    made.globals["row_link"] = _row_link
    return made
