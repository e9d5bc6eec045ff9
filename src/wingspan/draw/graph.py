"""Steps and what they need -> a picture of the graph, as SVG. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

_COLORS = {
    "done": "#2e8b57",
    "running": "#1f77b4",
    "failed": "#c0392b",
    "skipped": "#d4a017",
    "stopped": "#8e6bb0",
    "waiting": "#8a8f98",
}
_HEIGHT, _GAP, _SPACE, _MARGIN = 34, 14, 46, 12
_LETTER = 6.6  # width of a character of 11 px text, on average
_SMALL_LETTER = 5.4
_WIDEST = 34  # characters shown of a name
_SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Node:
    """One box: its name, its state (which gives the colour), a second line, and the names of the boxes it needs."""

    name: str
    state: str = "waiting"
    note: str = ""
    needs: tuple[str, ...] = ()


def graph_svg(nodes: Sequence[Node]) -> str:
    """Return an SVG with the nodes in columns, each right of all it needs; needs that are no node are left out."""
    columns = _ordered(_columns(nodes), nodes)
    by_name = {node.name: node for node in nodes}
    widths = [max(map(_width, (by_name[name] for name in column))) for column in columns]
    tallest = max((len(column) for column in columns), default=0)
    total = tallest * (_HEIGHT + _GAP) - _GAP
    places: dict[str, tuple[float, float, float]] = {}
    x = float(_MARGIN)
    for column, width in zip(columns, widths, strict=True):
        height = len(column) * (_HEIGHT + _GAP) - _GAP
        for row, name in enumerate(column):
            places[name] = (x, _MARGIN + (total - height) / 2 + row * (_HEIGHT + _GAP), width)
        x += width + _SPACE
    edges = [
        _edge(places[need], places[node.name])
        for node in nodes
        for need in node.needs
        if need in places
    ]
    boxes = [_box(by_name[name], place) for name, place in places.items()]
    size = f'width="{x - _SPACE + _MARGIN:.0f}" height="{total + 2 * _MARGIN:.0f}"'
    style = 'font-family="system-ui, sans-serif" font-size="11"'
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', *edges, *boxes, "</svg>"]
    )


def _columns(nodes: Sequence[Node]) -> list[list[str]]:
    """Return the names by length of the longest path that leads to them; nodes come after what they need."""
    depth: dict[str, int] = {}
    for node in nodes:
        depth[node.name] = 1 + max(
            (depth[need] for need in node.needs if need in depth), default=-1
        )
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name, column in depth.items():
        columns[column].append(name)
    return columns


def _ordered(columns: list[list[str]], nodes: Sequence[Node]) -> list[list[str]]:
    """Order each column by the mean place of its neighbours, a few times over, so that few edges cross."""
    needs = {node.name: node.needs for node in nodes}
    readers: dict[str, list[str]] = {}
    for node in nodes:
        for need in node.needs:
            readers.setdefault(need, []).append(node.name)
    for sweep in range(_SWEEPS):
        near: Mapping[str, Iterable[str]] = needs if sweep % 2 == 0 else readers
        place = {
            name: row - len(column) / 2 for column in columns for row, name in enumerate(column)
        }
        columns = [
            sorted(column, key=lambda name: _mean(place, near.get(name, ()), name))
            for column in columns
        ]
    return columns


def _mean(place: Mapping[str, float], neighbours: Iterable[str], name: str) -> float:
    found = [place[one] for one in neighbours if one in place]
    return sum(found) / len(found) if found else place[name]


def _width(node: Node) -> float:
    return max(len(_short(node.name)) * _LETTER, len(node.note) * _SMALL_LETTER) + 26


def _short(name: str) -> str:
    return name if len(name) <= _WIDEST else f"{name[: _WIDEST - 1]}…"


def _edge(start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    x1, y1 = start[0] + start[2], start[1] + _HEIGHT / 2
    x2, y2 = end[0], end[1] + _HEIGHT / 2
    bend = (x1 + x2) / 2
    path = f"M{x1:.0f},{y1:.0f} C{bend:.0f},{y1:.0f} {bend:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
    return f'<path d="{path}" fill="none" stroke="#9aa0a6" stroke-width="1.2"/>'


def _box(node: Node, place: tuple[float, float, float]) -> str:
    x, y, width = place
    color = _COLORS.get(node.state, _COLORS["waiting"])
    middle = y + (_HEIGHT / 2 + 4 if not node.note else 15)
    frame = f'rx="6" fill="white" stroke="{color}" stroke-width="1.6"'
    lines = [
        f"<title>{escape(node.name)}: {escape(node.state)} {escape(node.note)}</title>",
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_HEIGHT}" {frame}/>',
        f'<rect x="{x:.0f}" y="{y:.0f}" width="5" height="{_HEIGHT}" rx="2" fill="{color}"/>',
        f'<text x="{x + 13:.0f}" y="{middle:.0f}" fill="#202124">{escape(_short(node.name))}</text>',
    ]
    if node.note:
        note = f'fill="#5f6368" font-size="9">{escape(node.note)}</text>'
        lines.append(f'<text x="{x + 13:.0f}" y="{y + 27:.0f}" {note}')
    return f"<g>{''.join(lines)}</g>"
