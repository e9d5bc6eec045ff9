"""Give each step of a plan its key, from the keys of the steps that it reads. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from wingspan.planning.forced import Again
from wingspan.planning.key import Inputs, step_key, sweep_key

if TYPE_CHECKING:
    from wingspan.planning.call import Call

Latest = Callable[[str, "Call"], tuple[str, tuple[str, ...]]]


class Keys(NamedTuple):
    """The keys of a plan's steps, by name.

    Parameters
    ----------
    inputs
        Place in the arguments -> (key of the maker, output).
    changed
        What the step's last result read that is different now.
    studies
        The key of each sweep's study: of its trials, however many of them there are.
    """

    keys: dict[str, str]
    inputs: dict[str, Inputs]
    changed: dict[str, tuple[str, ...]]
    studies: dict[str, str]


def step_keys(
    order: Iterable[str],
    calls: Mapping[str, "Call"],
    latest: Latest | None = None,
    again: Again | None = None,
) -> Keys:
    """Return the key of each step, and what it is made of.

    Parameters
    ----------
    order
        Gives producers before readers.
    latest
        Gives the key that a step's key has become by what its result read without declaring it: see `reads.resolve`.
    again
        Gives the key of a step that was forced.
    """
    found = Keys({}, {}, {}, {})
    keys = found.keys
    for name in order:
        call = calls[name]
        read = {place: (keys[step], output) for place, (step, output) in call.inputs.items()}
        keys[name] = step_key(call.base, read)
        found.inputs[name] = read
        found.changed[name] = ()
        if latest is not None:
            keys[name], found.changed[name] = latest(keys[name], call)
        if call.sweep is not None:
            found.studies[name] = keys[name]
            keys[name] = sweep_key(keys[name], call.sweep["budget"])
        if again is not None:
            keys[name] = again(name, keys[name], call.base)
            if name in found.studies and name in again.bases:
                found.studies[name] = sweep_key(found.studies[name], {"again": again.bases[name]})
    return found
