"""Store Matplotlib figures as a PNG and an SVG file; they come back as a `Picture`.

Equal figures give equal bytes.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PNG, _SVG = "figure.png", "figure.svg"
_UNDATED = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


@dataclass(frozen=True, slots=True)
class Picture:
    """What is stored of a figure: two files. A notebook shows it.

    Parameters
    ----------
    png, svg
        Where the files are.
    """

    png: Path
    svg: Path

    def _repr_png_(self) -> bytes:
        return self.png.read_bytes()

    def _repr_svg_(self) -> str:
        return self.svg.read_text()


def write(value: "Figure", path: Path) -> None:
    """Draw a figure into both files, at its own resolution."""
    import matplotlib as mpl

    path.mkdir()
    with mpl.rc_context({"svg.hashsalt": "wingspan"}):
        for name in (_PNG, _SVG):
            form = name.partition(".")[2]
            value.savefig(path / name, format=form, dpi="figure", metadata=_UNDATED[form])


def read(path: Path, _record: dict[str, Any], _trusted: frozenset[str]) -> Picture:
    """Return where the files are."""
    return Picture(path / _PNG, path / _SVG)
