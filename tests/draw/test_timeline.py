"""The timeline picture says what the counts say."""

from xml.etree import ElementTree as ET

from wingspan.draw.timeline import timeline_svg

SVG = "{http://www.w3.org/2000/svg}"


def test_areas_and_labels():
    """One area a kind, stacked to the highest total, with the times at the ends."""
    text = timeline_svg(
        [0.0, 60.0, 120.0], {"running": [0, 2, 1], "held": [0, 1, 3]}, title="a < b"
    )
    root = ET.fromstring(text)
    assert [area.find(f"{SVG}title").text for area in root.iter(f"{SVG}polygon")] == [
        "running",
        "held",
    ]
    labels = [label.text for label in root.iter(f"{SVG}text")]
    assert {"a < b", "4", "0", "1970-01-01 00:00:00 UTC", "1970-01-01 00:02:00 UTC"} <= set(labels)


def test_axes_have_round_labels_between_their_ends():
    """Hours below and round counts beside, none over another's place."""
    text = timeline_svg([0.0, 43_200.0, 86_400.0], {"running": [0, 37, 12]})
    labels = [label.text for label in ET.fromstring(text).iter(f"{SVG}text")]
    assert {"0", "10", "20", "30", "37"} <= set(labels)
    assert {"06:00", "12:00", "18:00"} <= set(labels)
    assert len(labels) == len(set(labels))


def test_nothing_to_show():
    """Without times it is an empty picture, not an error."""
    assert ET.fromstring(timeline_svg([], {"running": []})).tag == f"{SVG}svg"
