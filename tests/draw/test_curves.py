"""Pictures of curves."""

import re
from xml.etree import ElementTree as ET

from wingspan.draw.curves import Panel, curves_svg

SVG = "{http://www.w3.org/2000/svg}"


def lines(picture):
    """Return the points of each line."""
    found = ET.fromstring(picture).iter(f"{SVG}polyline")
    return [[tuple(map(float, p.split(","))) for p in each.get("points").split()] for each in found]


def test_points_lie_where_their_values_say():
    """Up is more, right is later; names are escaped; a unit panel has its diagonal from corner to corner."""
    panel = Panel(
        "a < b", "said", "seen", {"model": [(0.0, 0.1), (0.5, 0.5), (1.0, 0.9)]}, unit=True
    )
    picture = curves_svg([[panel]])
    diagonal, model = lines(picture)
    assert diagonal == [(62.0, 240.0), (420.0, 40.0)]
    assert model[1] == (241.0, 140.0)
    assert model[0][1] > model[1][1] > model[2][1]
    assert "a &lt; b" in picture


def test_panels_stand_in_rows_and_dates_are_dates():
    """The picture is as wide as its widest row; days of a course are on its axis, each once."""
    course = Panel(
        "course", "day", "Brier", {"x": [(1.7e9, 0.2), (1.7e9 + 864_000, 0.1)]}, dates=True
    )
    picture = curves_svg([[course, course], [course]])
    assert 'viewBox="0 0 880 600"' in picture
    days = re.findall(r">(\d\d-\d\d)<", picture)
    assert days == [*("11-15", "11-17", "11-19", "11-21", "11-23")] * 3


def test_few_points_are_seen():
    """Each is a dot, also where all are one; a panel without points says so; a course of an hour has its times."""
    one = Panel("one", "", "", {"x": [(0.1, 0.0)] * 3}, unit=True)
    picture = curves_svg([[one, Panel("none", "", "", {"x": []}, unit=True)]])
    assert picture.count("<circle") == 3
    assert picture.count("nothing to show") == 1
    hour = Panel("hour", "", "", {"x": [(1.7e9, 0.2), (1.7e9 + 3600, 0.1)]}, dates=True)
    labels = re.findall(r">([\d: -]+:\d\d)<", curves_svg([[hour]]))
    assert labels[0] == "11-14 22:15"
    assert labels[1:] == ["22:30", "22:45", "23:00"]


def test_nothing_to_draw_and_one_value():
    """A line without points, and one whose values are all equal, make a picture too."""
    assert len(lines(curves_svg([[Panel("", "", "", {"none": [], "one": [(3.0, 0.0)]})]]))) == 2
    assert lines(curves_svg([])) == []
