"""Configure HTCondor's bindings for the pool of CONDOR_CONFIG, and explain their exceptions."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType

from wingspan.errors import PoolError, WingspanError, installing

LOOK = "look with: wingspan pool status"
RESTART = (
    "start it again: wingspan pool run condor_restart -daemon schedd; where others run the pool, "
    "wait, or ask its administrator"
)
_REFUSED = ("AUTHENTICATE", "SECMAN", "PERMISSION", "not authorized", "DENIED")
_GET_CREDENTIALS = (
    "run as the user the pool knows, get a token (condor_token_fetch), or ask its administrator"
)
# what the bindings' messages mean: a part of the text, what it says, what to do; the first that fits
_MEANINGS = (
    (
        (
            "Unable to locate",
            "Unable to determine collector",
            "Failed communication with collector",
        ),
        "no HTCondor pool can be reached",
        "start your own with: wingspan pool start; or set CONDOR_CONFIG to a pool's configuration",
    ),
    (
        ("did not respond",),
        "the access point does not answer",
        LOOK,
    ),
    (_REFUSED, "the pool does not accept these credentials", _GET_CREDENTIALS),
    (
        ("Failed to create job ad", "parse_up_to_q_line", "Parse error"),
        "the submit description is refused",
        "correct the submit command that is named",
    ),
    (
        ("Failed to start command",),  # what a daemon's refusal looks like to a ping
        "the access point does not answer, or does not accept you",
        "see whether it runs (condor_who), or ask its administrator for permission (ALLOW_WRITE)",
    ),
    (
        ("Failed to connect", "communication"),
        "the access point does not answer",
        LOOK,
    ),
)
_NO_ACCESS_POINT = (
    "the pool answers, but no access point (schedd) runs on this machine",
    "start it: wingspan pool run condor_on -daemon schedd; where others run the pool, ask its administrator",
)
_OTHER = ("the access point refuses", f"{LOOK}, and condor_q -held")


@lru_cache(maxsize=1)  # one, so that a change of CONDOR_CONFIG, also back, reads the configuration
def _load(config: str | None) -> ModuleType:
    try:
        import htcondor2
    except ImportError as error:
        where = f"HTCondor's Python bindings (for {config or 'the default pool'})"
        fix = installing("htcondor")
        raise PoolError(where, f"cannot be imported: {error}", fix) from error
    htcondor2.reload_config()
    module: ModuleType = htcondor2
    return module


def bindings() -> ModuleType:
    """Return the module htcondor2, configured for the pool that CONDOR_CONFIG names now."""
    return _load(os.environ.get("CONDOR_CONFIG"))


@contextmanager
def explained(action: str) -> Iterator[ModuleType]:
    """Yield the bindings; turn what they raise into a `PoolError` with a fix.

    Parameters
    ----------
    action
        What is tried, such as "submitting a job"; stands in the message.
    """
    module = bindings()
    try:
        yield module
    except WingspanError:
        raise
    except (module.HTCondorException, ValueError, RuntimeError) as error:
        text = " ".join(str(error).split())
        problem, fix = _meaning(text, module)
        where = f"{action}, configuration {os.environ.get('CONDOR_CONFIG', '/etc/condor')}"
        raise PoolError(where, f"{problem} ({text})", fix) from error


def _meaning(text: str, module: ModuleType) -> tuple[str, str]:
    """Return what a message of the bindings means, and what to do."""
    if "Unable to locate" in text and _pool_answers(module):
        return _NO_ACCESS_POINT
    found = (rest for parts, *rest in _MEANINGS if any(part in text for part in parts))
    problem, fix = next(found, _OTHER)
    return problem, fix


def credentials_fix(text: str) -> str:
    """Return the fix if HTCondor's message refuses the user's credentials; else empty.

    >>> credentials_fix("AUTHENTICATE:1003:Failed to authenticate")[:30]
    'run as the user the pool knows'
    """
    return _GET_CREDENTIALS if any(part in text for part in _REFUSED) else ""


def _pool_answers(module: ModuleType) -> bool:
    """Ask the collector for its own ad."""
    try:
        return bool(module.Collector().query(module.AdType.Collector, "true", ["Name"]))
    except (module.HTCondorException, ValueError, RuntimeError):
        return False


def plain(ad: Mapping[str, object], names: tuple[str, ...] = ()) -> dict[str, object]:
    """Return a ClassAd's attributes as Python values.

    Undefined attributes are left out. Expressions become text.
    """
    import classad2

    found = {}
    for name in names or tuple(ad):
        value = ad.get(name)
        if isinstance(value, classad2.ExprTree):
            value = str(value)
        if not (value is None or isinstance(value, classad2.Value)):
            found[name] = value
    return found
