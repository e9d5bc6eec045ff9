"""Encode features and the release in question as numbers for a network.

Numbers become their rank among the training rows, from -1 to 1, and a second column marks missing ones. Codes and
frequent templates become a column each. Values that are not in the training rows change no column's meaning.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.models.baselines import Releases, as_released
from wingspan.advisor.models.calibrate import Curve
from wingspan.advisor.samples.features import CATEGORIES
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.errors import FormatError

_ASKED: Final = ("released_after_s", "released_blindly")
_POINTS: Final = 33  # of a column's ranks
_CODES: Final = 60
_TEMPLATES: Final = 200
_CONTEXT: Final = ("cluster_", "host_", "site_", "access_point_", "template_", "code_")


@dataclass(frozen=True, slots=True)
class Encoding:
    """The meaning of the columns.

    Attributes
    ----------
    names
        Names in the table of features.
    ranks
        Name of each number in use, and the curve from it to its rank; those of the release come last.
    codes, templates
        The frequent ones, which have their own column.
    """

    names: tuple[str, ...] = field(repr=False)
    ranks: tuple[tuple[str, Curve], ...] = field(repr=False)
    codes: tuple[int, ...]
    templates: tuple[str, ...] = field(repr=False)

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return 2 * len(self.ranks) + len(self.codes) + len(self.templates)

    def __call__(self, samples: Samples, rows: Rows, releases: Releases) -> NDArray[np.float32]:
        """Return the facts of some rows for some releases.

        Raises
        ------
        FormatError
            The features differ from those in training.
        """
        if self.names != samples.features.names:
            problem = "was trained with other features than this version makes"
            raise FormatError("advisor", problem, "train it again with `wingspan holds train`")
        out = np.zeros((len(rows), self.width), np.float32)
        for place, (name, curve) in enumerate(self.ranks):
            value = _number(samples, rows, releases, name)
            unknown = np.isnan(value)
            out[:, 2 * place] = np.where(unknown, 0.0, curve(np.where(unknown, 0.0, value)))
            out[:, 2 * place + 1] = unknown
        first = 2 * len(self.ranks)
        _mark(out, first, self.codes, [code for code, _, _ in samples.causes], samples.cause[rows])
        texts = [text for _, _, text in samples.causes]
        _mark(out, first + len(self.codes), self.templates, texts, samples.cause[rows])
        return out


def fit_encoding(samples: Samples, rows: Rows, *, context: bool = True) -> Encoding:
    """Learn ranks, codes and templates from rows; without `context`, of job and hold alone."""
    names = samples.features.names
    numbers = [each for each in names if each not in CATEGORIES]
    kept = [each for each in numbers if context or not each.startswith(_CONTEXT)]
    releases = as_released(samples, rows)
    ranks = tuple(
        (name, _rank_curve(_number(samples, rows, releases, name))) for name in (*kept, *_ASKED)
    )
    causes = [samples.causes[cause] for cause in samples.cause[rows].tolist()]
    codes = Counter(code for code, _, _ in causes).most_common(_CODES)
    texts = Counter(text for _, _, text in causes).most_common(_TEMPLATES)
    return Encoding(
        names, ranks, tuple(code for code, _ in codes), tuple(text for text, _ in texts)
    )


def encoding_from_json(content: dict[str, Any]) -> Encoding:
    """Return an encoding from the output of `dataclasses.asdict`.

    Garbled content raises Python's own errors.
    """
    return Encoding(
        tuple(content["names"]),
        tuple(
            (str(name), Curve(tuple(curve["scores"]), tuple(curve["values"])))
            for name, curve in content["ranks"]
        ),
        tuple(int(code) for code in content["codes"]),
        tuple(str(text) for text in content["templates"]),
    )


def _number(samples: Samples, rows: Rows, releases: Releases, name: str) -> Reals:
    if name in _ASKED:
        return releases.after_s if name == _ASKED[0] else releases.blind
    return samples.features.column(name)[rows].astype(np.float64)


def _rank_curve(values: Reals) -> Curve:
    """Return the curve through the quantiles; a frequent value gets the middle of its ranks."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Curve((0.0,), (0.0,))
    points = np.quantile(known, np.linspace(0, 1, _POINTS), method="nearest")
    edges, first, count = np.unique(points, return_index=True, return_counts=True)
    middle = (first + (count - 1) / 2) / (_POINTS - 1)
    return Curve(tuple(edges.tolist()), tuple((2 * middle - 1).tolist()))


def _mark(
    out: NDArray[np.float32],
    first: int,
    known: Sequence[object],
    of_cause: Sequence[object],
    cause: Rows,
) -> None:
    """Set the column, from `first` on, of each row's value; unknown values set none."""
    places = {value: first + place for place, value in enumerate(known)}
    column = np.array([places.get(value, -1) for value in of_cause], np.int64)[cause]
    found = np.flatnonzero(column >= 0)
    out[found, column[found]] = 1.0
