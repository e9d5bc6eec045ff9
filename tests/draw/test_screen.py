"""A terminal's text as a picture: columns, commands, characters of markup."""

from xml.etree import ElementTree as ET

import pytest

from wingspan.draw.screen import screen_svg

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return list(ET.fromstring(svg).iter(f"{SVG}text"))


def test_every_line_keeps_its_columns():
    """A line begins where its first character stands, and is as wide as it has characters."""
    prompt, first, second = texts(screen_svg("ls", ["ab", "", "    cdef"]))
    assert [node.text for node in (prompt, first, second)] == ["$ ls", "ab", "cdef"]
    indent = float(second.get("x")) - float(first.get("x"))
    assert indent == pytest.approx(2 * float(first.get("textLength")))
    assert float(second.get("y")) - float(first.get("y")) == 2 * 17


def test_text_is_text():
    """Markup in a line is shown, commands to copy have a colour of their own."""
    _, line, command = texts(screen_svg("x", ["a < b & c", "  -> condor_release 1.0"]))
    assert line.text == "a < b & c"
    assert command.get("fill") != line.get("fill")
