"""Draw the text of a terminal as SVG, for guides: every character keeps its column."""

from collections.abc import Sequence
from typing import Final

from wingspan.shown import in_markup

_CELL: Final = 7.8  # pixels across a character
_LINE: Final = 17  # pixels from one line to the next
_EDGE: Final = 14
_TITLE: Final = 30
_SIZE: Final = 13
_FONTS: Final = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"
_COMMAND: Final = "#1b6ec2"
_INK: Final = "#1f2328"
_GREY: Final = "#6b7280"


def screen_svg(command: str, lines: Sequence[str]) -> str:
    """Return a picture of a command and the lines that it printed.

    Each line has its exact width (``textLength``), so columns stay aligned in any monospaced font. Commands to copy,
    which begin with ``->``, are coloured.
    """
    width = round(max(map(len, [f"$ {command}", *lines])) * _CELL + 2 * _EDGE)
    height = _TITLE + _LINE * len(lines) + _EDGE + _LINE
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-size="{_SIZE}"'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONTS}" role="img">'
    parts = [
        opening,
        f"<title>{in_markup(command)}</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#fbfbfa" stroke="#d0d7de"/>',
        _text(f"$ {command}", _TITLE, _GREY),
    ]
    for number, line in enumerate(lines, 1):
        colour = _COMMAND if line.lstrip().startswith("->") else _INK
        parts.append(_text(line, _TITLE + _LINE * number, colour))
    return "\n".join([*filter(None, parts), "</svg>"]) + "\n"


def _text(line: str, y: int, colour: str) -> str:
    bare = line.rstrip()
    words = bare.lstrip()
    if not words:
        return ""
    x = _EDGE + (len(bare) - len(words)) * _CELL
    size = f'textLength="{len(words) * _CELL:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{x:.1f}" y="{y}" {size} fill="{colour}" xml:space="preserve">{in_markup(words)}</text>'
