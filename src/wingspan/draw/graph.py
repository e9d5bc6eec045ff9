"""Draw steps and their needs as a graph, in SVG."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from wingspan.shown import in_markup, shown_name

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
_LANE = 8  # height that an edge takes where it passes a column

Spot: TypeAlias = tuple[str, int]  # a box in its column, or its name's lane in a later one
Place: TypeAlias = tuple[float, float, float]  # left end, height of the middle, width


@dataclass(frozen=True, slots=True)
class Node:
    """One box: its name, its state (which sets the colour), a second line, and its needs.

    Parameters
    ----------
    href
        Target of a click on it; empty for none.
    """

    name: str
    state: str = "waiting"
    note: str = ""
    needs: tuple[str, ...] = ()
    href: str = ""


def graph_svg(nodes: Sequence[Node]) -> str:
    """Return an SVG with the nodes in columns, each to the right of its needs.

    Needs that are not nodes are left out.

    What is needed several columns on has a lane in the columns between, so that no edge crosses a box.
    """
    depth = _depths(nodes)
    before = _before(nodes, depth)
    columns = _ordered(_columns(depth, before), before)
    by_name = {node.name: node for node in nodes}
    places = _places(columns, depth, by_name)
    edges = [
        _edge([places[need, at] for at in range(depth[need], column)], places[node.name, column])
        for node, column in ((node, depth[node.name]) for node in nodes)
        for need in _known(node, depth)
    ]
    boxes = [_box(by_name[name], places[name, at]) for name, at in depth.items()]
    right = max((x + width for x, _, width in places.values()), default=0)
    low = max((y for _, y, _ in places.values()), default=0) + _HEIGHT / 2
    size = f'width="{right + _MARGIN:.0f}" height="{low + _MARGIN:.0f}"'
    style = 'role="group" aria-label="Steps" font-family="system-ui, sans-serif" font-size="11"'
    return "\n".join(
        [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', *edges, *boxes, "</svg>"]
    )


def _known(node: Node, depth: Mapping[str, int]) -> list[str]:
    return [need for need in node.needs if need in depth]


def _depths(nodes: Sequence[Node]) -> dict[str, int]:
    """Return the column of each name: the length of the longest path to it."""
    depth: dict[str, int] = {}
    for node in nodes:
        depth[node.name] = 1 + max((depth[need] for need in _known(node, depth)), default=-1)
    return depth


def _before(nodes: Sequence[Node], depth: Mapping[str, int]) -> dict[Spot, list[Spot]]:
    """Return the ties of each box, and of each lane, to the column before."""
    found: dict[Spot, list[Spot]] = {}
    for node in nodes:
        column = depth[node.name]
        needs = _known(node, depth)
        found[node.name, column] = [(need, column - 1) for need in needs]
        for need in needs:
            for lane in range(depth[need] + 1, column):
                found[need, lane] = [(need, lane - 1)]
    return found


def _columns(depth: Mapping[str, int], spots: Iterable[Spot]) -> list[list[Spot]]:
    columns: list[list[Spot]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for spot in spots:
        columns[spot[1]].append(spot)
    return columns


def _ordered(columns: list[list[Spot]], before: Mapping[Spot, Sequence[Spot]]) -> list[list[Spot]]:
    """Order each column by the mean position of its neighbours, so that few edges cross."""
    after: dict[Spot, list[Spot]] = {}
    for spot, ties in before.items():
        for tie in ties:
            after.setdefault(tie, []).append(spot)
    for sweep in range(_SWEEPS):
        near: Mapping[Spot, Sequence[Spot]] = before if sweep % 2 == 0 else after
        place = {
            spot: row - len(column) / 2 for column in columns for row, spot in enumerate(column)
        }
        columns = [
            sorted(column, key=lambda spot: _mean(place, near.get(spot, ()), spot))
            for column in columns
        ]
    return columns


def _mean(place: Mapping[Spot, float], neighbours: Sequence[Spot], spot: Spot) -> float:
    found = [place[one] for one in neighbours]
    return sum(found) / len(found) if found else place[spot]


def _places(
    columns: Sequence[Sequence[Spot]], depth: Mapping[str, int], by_name: Mapping[str, Node]
) -> dict[Spot, Place]:
    """Return the left end, the middle's height and the width of each box and lane."""

    def height(spot: Spot) -> int:
        return _HEIGHT if depth[spot[0]] == spot[1] else _LANE

    totals = [sum(height(spot) + _GAP for spot in column) - _GAP for column in columns]
    places: dict[Spot, Place] = {}
    x = float(_MARGIN)
    for column, total in zip(columns, totals, strict=True):
        width = max(_width(by_name[name]) for name, at in column if depth[name] == at)
        y = _MARGIN + (max(totals) - total) / 2
        for spot in column:
            places[spot] = (x, y + height(spot) / 2, width)
            y += height(spot) + _GAP
        x += width + _SPACE
    return places


def _width(node: Node) -> float:
    return max(len(_short(node.name)) * _LETTER, len(node.note) * _SMALL_LETTER) + 26


def _short(name: str) -> str:
    plain = shown_name(name)
    return plain if len(plain) <= _WIDEST else f"{plain[: _WIDEST - 1]}…"


def _edge(start: Sequence[Place], end: Place) -> str:
    """Return a line from the first place's right, through the lanes after it, to the end's left."""
    path = f"M{start[0][0] + start[0][2]:.0f},{start[0][1]:.0f}"
    for (x, y1, width), (x2, y2, _) in pairwise([*start, end]):
        x1 = x + width
        bend = (x1 + x2) / 2
        path += f" L{x1:.0f},{y1:.0f}" if x != start[0][0] else ""
        path += f" C{bend:.0f},{y1:.0f} {bend:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"
    return f'<path d="{path}" fill="none" stroke="#9aa0a6" stroke-width="1.2"/>'


def _box(node: Node, place: Place) -> str:
    x, middle, width = place
    y = middle - _HEIGHT / 2
    color = _COLORS.get(node.state, _COLORS["waiting"])
    line = y + (_HEIGHT / 2 + 4 if not node.note else 15)
    frame = f'rx="6" fill="white" stroke="{color}" stroke-width="1.6"'
    lines = [
        f"<title>{in_markup(node.name)}: {in_markup(node.state)} {in_markup(node.note)}</title>",
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{_HEIGHT}" {frame}/>',
        f'<rect x="{x:.0f}" y="{y:.0f}" width="5" height="{_HEIGHT}" rx="2" fill="{color}"/>',
        f'<text x="{x + 13:.0f}" y="{line:.0f}" fill="#202124">{in_markup(_short(node.name))}</text>',
    ]
    if node.note:
        note = f'fill="#5f6368" font-size="9">{in_markup(node.note)}</text>'
        lines.append(f'<text x="{x + 13:.0f}" y="{y + 27:.0f}" {note}')
    if node.href:
        return f'<a href="{in_markup(node.href)}"><g>{"".join(lines)}</g></a>'
    return f"<g>{''.join(lines)}</g>"
