"""A sheet of pictures in rows, each in its own size, as one SVG."""

import re
from collections.abc import Sequence
from typing import Final

from wingspan.shown import in_markup

_TOP: Final = 30.0
_BOX: Final = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')


def sheet_svg(rows: Sequence[Sequence[str]], title: str) -> str:
    """Return the pictures, which are SVG themselves, below a title."""
    parts, top, widest = [], _TOP, 0.0
    for row in rows:
        left, deepest = 0.0, 0.0
        for picture in row:
            width, height = _size(picture)
            at = f'<svg x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" '
            parts.append(picture.strip().replace("<svg ", at, 1))
            left, deepest = left + width, max(deepest, height)
        top, widest = top + deepest, max(widest, left)
    name = in_markup(title)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {widest:g} {top:g}" role="img" '
        f'aria-label="{name}" font-family="sans-serif" fill="#333">'
        f'<text x="12" y="20" font-size="14" font-weight="bold">{name}</text>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def _size(picture: str) -> tuple[float, float]:
    found = _BOX.search(picture)
    if found is None:
        raise ValueError("expected a picture with a viewBox from 0 0")
    return float(found[1]), float(found[2])
