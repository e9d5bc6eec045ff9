"""Figures of matplotlib are kept as a PNG and an SVG file; equal figures have equal bytes."""

import subprocess
import sys

import numpy as np
import pytest

from wingspan.errors import UnsupportedTypeError
from wingspan.store.annotation import read_return
from wingspan.store.codec import check_type, decode, encode
from wingspan.store.figures import Picture

figure = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed here")


def drawn(shift=0.0):
    """Return a figure with lines, a legend, text, an image, and a clip path."""
    made = figure.Figure(figsize=(3, 2))
    left, right = made.subplots(1, 2)
    x = np.linspace(0, 6, 50)
    left.plot(x, np.sin(x + shift), label="sine $x^2$")
    left.scatter(x, np.cos(x), c=x)
    left.legend()
    right.imshow(np.arange(12).reshape(3, 4))
    return made


def test_a_figure_comes_back_as_a_picture(tmp_path):
    """What is read shows itself in a notebook, lies in two files, and may be stored again."""
    record = encode({"plot": drawn()}, tmp_path / "value")
    found = decode(tmp_path / "value", record)["plot"]
    assert isinstance(found, Picture)
    assert found._repr_png_().startswith(b"\x89PNG")
    assert "<svg" in found._repr_svg_()
    assert found.png.read_bytes() == found._repr_png_()
    again = decode(tmp_path / "again", encode(found, tmp_path / "again"))
    assert again._repr_svg_() == found._repr_svg_()


DRAW = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_figures import drawn
from wingspan.store.codec import encode
print(encode(drawn(), Path(sys.argv[2]))["digest"])
"""


def test_equal_figures_have_equal_bytes_in_every_process(tmp_path):
    """No date, no version and no id of an object is in the files; another figure has other bytes."""
    here = {encode(drawn(), tmp_path / name)["digest"] for name in ("a", "b")}
    script = [sys.executable, "-c", DRAW, __file__.rpartition("/")[0], str(tmp_path / "c")]
    there = subprocess.run(script, capture_output=True, text=True, check=True).stdout.strip()
    assert here == {there}
    assert encode(drawn(1.0), tmp_path / "d")["digest"] != there


def test_axes_are_refused_with_the_way_out(tmp_path):
    """Who returns the axes reads how to get the figure."""
    with pytest.raises(UnsupportedTypeError, match=r"axes\.figure"):
        encode(drawn().axes[0], tmp_path / "value")


def test_a_step_may_declare_a_figure():
    """The annotation is accepted."""

    def plot() -> figure.Figure:
        """Do nothing."""

    check_type(read_return(plot))
