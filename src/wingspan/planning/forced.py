"""Give a forced step a key of its own, since a stored result never changes.

The functions are pure.
"""

from collections.abc import Callable, Iterable, Mapping

from wingspan.planning.key import forced_key


class Again:
    """Gives the keys of steps that the user has forced to run again, before and with this plan.

    Parameters
    ----------
    counts
        How often each key was forced before.
    names
        Steps that are forced now.
    stored
        Returns those of some keys whose result is there; what is not there runs anyway.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        names: frozenset[str],
        stored: Callable[[Iterable[str]], frozenset[str]],
    ) -> None:
        self._counts = counts
        self.names = names
        self._stored = stored
        self.raised: dict[str, int] = {}  # the counts that this plan makes larger
        self.bases: dict[str, str] = {}  # of forced steps, by name

    def __call__(self, name: str, key: str, base: str) -> str:
        """Return the key that a step has instead of its own."""
        count = self.raised.get(key, self._counts.get(key, 0))
        if name in self.names and key not in self.raised:
            now = forced_key(key, base, count)[0] if count else key
            if self._stored([now]):
                count = self.raised[key] = count + 1
        if not count:
            return key
        forced, self.bases[name] = forced_key(key, base, count)
        return forced
