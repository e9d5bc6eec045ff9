"""Steps that do nothing, or rest, in a module of their own: what they cost beyond that is Wingspan's."""

import time


def nothing(n: int) -> int:
    """Do nothing."""
    return n


def rest(x: float) -> float:
    """Take 10 ms."""
    time.sleep(0.01)
    return x
