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
    """The picture is as wide as its widest row; the first day of a course is on its axis."""
    course = Panel(
        "course", "day", "Brier", {"x": [(1.7e9, 0.2), (1.7e9 + 864_000, 0.1)]}, dates=True
    )
    picture = curves_svg([[course, course], [course]])
    assert 'viewBox="0 0 880 600"' in picture
    assert len(re.findall(">11-14<", picture)) == 3


def test_nothing_to_draw_and_one_value():
    """A line without points, and one whose values are all equal, make a picture too."""
    assert len(lines(curves_svg([[Panel("", "", "", {"none": [], "one": [(3.0, 0.0)]})]]))) == 2
    assert lines(curves_svg([])) == []
