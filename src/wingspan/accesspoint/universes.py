"""Which universe a job that runs on the access point itself may have."""

from typing import Final

from wingspan.accesspoint.bindings import bindings

LOCAL, SCHEDULER = "local", "scheduler"
_DEFAULT: Final = "TotalLocalJobsRunning < 200"


def universe_here() -> str:
    """Return ``local``, or ``scheduler`` where the access point starts no local jobs.

    DAGMan itself is a job of the scheduler universe, so that one is open wherever DAGMan works.
    """
    given = str(bindings().param.get("START_LOCAL_UNIVERSE", _DEFAULT))
    return LOCAL if _open(given) else SCHEDULER


def _open(expression: str) -> bool:
    """Return whether an expression holds where no such job runs; one that cannot be read does."""
    import classad2

    ad = classad2.ClassAd({"TotalLocalJobsRunning": 0, "TotalLocalJobsIdle": 1})
    try:
        return bool(classad2.ExprTree(expression).eval(ad))
    except (ValueError, RuntimeError, SyntaxError):
        return True
