"""Draw values from the seed and the trial's number alone.

These are the searches that learn nothing: grid, random and quasi-random. Pure.
"""

import hashlib
import warnings
from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any

from wingspan.sweep.distributions import Json
from wingspan.sweep.space import Space

_LEAST = 2.0**-53


def seed_of(seed: int, *parts: object) -> int:
    """Derive a 32-bit seed for one purpose from the study's seed."""
    text = ":".join(map(str, (seed, *parts)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


def random_shares(space: Space, seed: int, number: int) -> dict[str, float]:
    """Return one number between 0 and 1 for each searched parameter."""
    source = Random(seed_of(seed, "random", number))
    return {each.name: max(source.random(), _LEAST) for each in space.searched}


def quasi_random_shares(space: Space, seed: int, place: int) -> dict[str, float]:
    """Return one point of a scrambled Sobol sequence, which fills the space evenly."""
    names = [each.name for each in space.searched]
    if not names:
        return {}
    row = _sobol(len(names), seed_of(seed, "sobol"), place // _CHUNK)[place % _CHUNK]
    return {
        name: min(max(float(u), _LEAST), 1 - _LEAST) for name, u in zip(names, row, strict=True)
    }


_CHUNK = 64


@lru_cache(maxsize=4)
def _sobol(dimensions: int, seed: int, chunk: int) -> Any:  # noqa: ANN401 - an array of NumPy
    """Return one chunk of the sequence, an array of (64, dimensions)."""
    from scipy.stats import qmc

    with warnings.catch_warnings():  # a chunk's size is a power of 2, its start is not
        warnings.simplefilter("ignore", UserWarning)
        engine = qmc.Sobol(dimensions, scramble=True, rng=seed)
        if chunk:  # SciPy cannot go forward by 0
            engine.fast_forward(chunk * _CHUNK)
        return engine.random(_CHUNK)


def grid_values(space: Space, place: int) -> dict[str, Json]:
    """Return one combination of the grid, by dotted name.

    The last parameter changes first.
    """
    found: dict[str, Json] = {}
    for each in reversed(space.dimensions):
        values = each.distribution.values() or []
        place, which = divmod(place, len(values))
        found[each.name] = values[which]
    return found


def flat_values(space: Space, shares: Mapping[str, float]) -> dict[str, Json]:
    """Return the value of each parameter, by dotted name."""
    return {
        each.name: each.distribution.quantile(shares.get(each.name, 0.5))
        for each in space.dimensions
    }
