"""Describe the progress of a sweep in one line."""

import time

from wingspan.sweep.study import Study

_LONGEST = 60  # characters of parameters
_MINUTE, _HOUR = 60.0, 3600.0


def progress_note(seen: Study, trials: int, running: int, since: tuple[float, int]) -> str:
    """Return trials by state, the best one so far, the time left, and slot time used and saved.

    Parameters
    ----------
    since
        When this run began with the sweep, and how many trials had ended then, for an estimate of the time left.
    """
    counts = seen.counts
    ended = sum(count for state, count in counts.items() if state != "running")
    parts = [f"{ended} of {trials} trials"]
    parts += [f"{counts[state]} {state}" for state in ("pruned", "failed") if counts.get(state)]
    parts += [f"{running} running"] if running else []
    best = seen.best
    if best is not None:
        given = ", ".join(f"{name}={_short(value)}" for name, value in best.parameters.items())
        more = "..." if len(given) > _LONGEST else ""
        parts.append(f"best {seen.spec.metric} {best.value:.6g} at {given[:_LONGEST]}{more}")
    began, before = since
    rate_s = (time.time() - began) / (ended - before) if ended > before else 0.0
    left = rate_s * (trials - ended) if running else 0.0
    parts += [f"about {duration(left)} left"] if left > 1 else []
    parts.append(f"{duration(seen.used_s)} of slot time used")
    parts += [f"{duration(seen.saved_s)} saved"] if seen.saved_s >= 1 else []
    return ", ".join(parts)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def duration(seconds: float) -> str:
    """Return a time in the unit that fits.

    >>> duration(5400.0), duration(90.0), duration(0.25)
    ('1.5 h', '1.5 min', '0.2 s')
    """
    if seconds >= _HOUR:
        return f"{seconds / _HOUR:.3g} h"
    return f"{seconds / _MINUTE:.3g} min" if seconds >= _MINUTE else f"{seconds:.1f} s"
