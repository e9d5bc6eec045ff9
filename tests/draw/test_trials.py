"""Pictures of trials: lines, parallel coordinates, bars, slices."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from wingspan.draw.frame import Axis, Frame, ends
from wingspan.draw.trials import (
    GOOD,
    GREY,
    Line,
    bars_svg,
    lines_svg,
    parallel_svg,
    slices_svg,
    thinned,
)

SVG = "{http://www.w3.org/2000/svg}"


def of(picture, kind):
    return list(ET.fromstring(picture).iter(f"{SVG}{kind}"))


def test_places_lie_where_their_values_say():
    """Also on a logarithmic axis, and where texts stand for numbers."""
    frame = Frame(0, 0, 100, 100, Axis("rate", 1e-4, 1.0, log=True), Axis("n", 0, 10))
    assert [frame.place((x, y)) for x, y in [(1e-4, 0), (0.01, 5), (1, 10)]] == [
        "0.0,100.0",
        "50.0,50.0",
        "100.0,0.0",
    ]
    assert [text for _, text in Axis("rate", 3e-5, 0.2, log=True).ticks()] == [
        "0.0001",
        "0.001",
        "0.01",
        "0.1",
    ]
    assert Axis("rate", 2.0, 8.0, log=True).ticks()
    assert Axis("name", -0.5, 1.5, choices=("a", "b")).ticks() == [(0.0, "a"), (1.0, "b")]


def test_what_matters_is_drawn_last_and_names_are_escaped():
    lines = [
        Line("best <b>", [(0, 1.0), (1, 0.2)], GOOD, over=2, width=2.5),
        Line("pruned", [(0, 99.0)], GREY),
        Line("plain", [(0, 1.0), (1, 0.5)], over=1),
    ]
    picture = lines_svg(Axis("step", 0, 1), Axis("loss", 0, 2), lines, "a & b")
    drawn = of(picture, "polyline")
    assert [each.get("stroke") for each in drawn][-1] == GOOD
    assert drawn[-1][0].text == "best <b>"
    dot = of(picture, "circle")[0]
    assert (dot.get("fill"), dot.get("cy")) == (GREY, "34.0")  # beyond the axis: at its end


def test_parallel_axes_bars_and_slices():
    axes = [
        Axis("rate", 1e-3, 1, log=True),
        Axis("kind", -0.5, 1.5, choices=("a", "b")),
        Axis("loss", 0, 1),
    ]
    lines = [Line("one", [(0, 0.1), (1, 1.0), (2, 0.5)])]
    picture = parallel_svg(axes, lines, "")
    assert of(picture, "polyline")[0].get("points") == "60.0,133.3 320.0,115.0 580.0,170.0"
    texts = [each.text for each in of(picture, "text")]
    assert {"rate", "kind", "a", "b", "0.001"} <= set(texts)
    bars = bars_svg({"rate": 0.75, "kind": 0.25}, "by")
    widths = [float(each.get("width")) for each in of(bars, "rect")]
    assert widths[0] == 3 * widths[1]
    assert "75%" in bars
    slices = slices_svg([(axes[0], [Line("one", [(0.1, 0.5)])])] * 4, axes[2], "")
    assert len(of(slices, "circle")) == 4
    assert of(parallel_svg(axes[:1], [], ""), "path")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500))
def test_a_thinned_line_keeps_its_ends_and_its_extremes(values):
    points = list(enumerate(values))
    few = thinned(points)
    assert len(few) <= 62
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert {min(values), max(values)} <= {y for _, y in few}
    assert list(few) == sorted(few)


def test_ends_are_never_equal():
    assert ends([]) == (0.0, 1.0)
    assert ends([3.0], least=0.5) == (3.0, 3.5)
    assert ends([3.0, 1.0]) == (1.0, 3.0)
