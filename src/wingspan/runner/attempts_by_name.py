"""Name the attempts of a run by its steps and trials."""

from collections.abc import Mapping

from wingspan.eventlog.attempt import Attempt
from wingspan.planning.plan import PlannedStep, is_sweep


def by_name(
    steps: Mapping[str, PlannedStep], found: Mapping[str, list[Attempt]]
) -> dict[str, list[Attempt]]:
    """Return attempts by the names of steps and trials, from those of `Trail.attempts`."""
    trials: dict[str, dict[str, list[Attempt]]] = {}
    for key, tried in found.items():
        sweep, bracket, call = key.partition("[")
        if bracket:
            trials.setdefault(sweep, {})[f"[{call}"] = tried
    named = {}
    for name, step in steps.items():
        if step.key in found:
            named[name] = found[step.key]
        of = trials.get(step.key, {}) if is_sweep(step) else {}
        named |= {f"{name}{call}": tried for call, tried in of.items()}
    return named
