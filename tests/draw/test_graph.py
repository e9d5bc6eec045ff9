"""The picture of a graph shows every step, its state and what it needs."""

import re
import xml.etree.ElementTree as ET

from wingspan.draw.graph import Node, graph_svg

NODES = [
    Node("read", "done", "0.5 s"),
    Node("fit[a<b]", "failed", "memory", ("read",)),
    Node("fit[tree]", "running", "", ("read",)),
    Node("choose", "waiting", "", ("fit[a<b]", "fit[tree]", "elsewhere")),
]


def test_every_step_is_a_box_and_every_need_an_edge():
    """Needs that are no step are left out; names are escaped; the text is well-formed XML."""
    picture = graph_svg(NODES)
    root = ET.fromstring(picture)
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}g")) == 4
    assert len(root.findall(f"{space}path")) == 4
    assert "fit[a&lt;b]" in picture


def test_what_is_needed_lies_to_the_left():
    """Columns go by the longest path, so no edge points back."""
    for start, end in re.findall(r'd="M(\d+),\d+ C[^"]* (\d+),\d+"', graph_svg(NODES)):
        assert int(start) < int(end)


def test_states_have_colours_of_their_own():
    """A failed step is told from a finished one."""
    assert len(set(re.findall(r'stroke="(#\w+)" stroke-width="1.6"', graph_svg(NODES)))) == 4


def test_an_empty_graph_is_an_empty_picture():
    """No steps, no error."""
    assert ET.fromstring(graph_svg([])) is not None


def test_a_wide_graph_is_drawn_in_linear_time():
    """A thousand steps side by side are one column."""
    nodes = [Node("one"), *(Node(f"step{i}", needs=("one",)) for i in range(1000))]
    assert graph_svg(nodes).count("<g>") == 1001


def test_no_edge_passes_behind_a_box():
    """What is needed several columns on goes through a lane: no point of any edge lies inside a box."""
    nodes = [Node("a", note="n"), Node("b", needs=("a",)), Node("c" * 20, needs=("b",))]
    nodes += [Node("d", needs=("a", "c" * 20)), Node("e", needs=("a", "b", "d"))]
    picture = graph_svg(nodes)
    frames = re.findall(r'<rect x="(\d+)" y="(\d+)" width="(\d+)" height="34" rx="6"', picture)
    boxes = [tuple(map(int, frame)) for frame in frames]
    assert len(boxes) == 5
    for path in re.findall(r'd="M([^"]*)"', picture):
        numbers = [tuple(map(float, pair.split(","))) for pair in re.findall(r"\d+,\d+", path)]
        letters = re.findall("[CL]", path)
        at, rest, points = numbers[0], numbers[1:], []
        for letter in letters:
            taken, rest = (rest[:3], rest[3:]) if letter == "C" else (rest[:1], rest[1:])
            controls = [at, *taken] if letter == "C" else [at, at, taken[-1], taken[-1]]
            for step in range(1, 20):
                t = step / 20
                weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3]
                points.append(
                    [sum(w * c[k] for w, c in zip(weights, controls, strict=True)) for k in (0, 1)]
                )
            at = taken[-1]
        assert not [
            (px, py)
            for px, py in points
            for x, y, width in boxes
            if x + 1 < px < x + width - 1 and y - 1 < py < y + 35
        ]
