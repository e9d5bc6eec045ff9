"""What templates import before they fork jobs."""

from collections.abc import Iterable

from wingspan.planning.plan import PlannedStep

_LIGHT = frozenset({"wingspan.workflow"})  # a file that declares a pipeline imports it
# NumPy imports its random numbers at their first use, which is the seed of each job: half of what a small job costs.
_ARRAYS = _LIGHT | {"numpy", "numpy.random", "wingspan.store.arrays"}
_TABLES = _ARRAYS | {"polars"}
_MODELS = _TABLES | {"scipy.special", "sklearn.linear_model", "sklearn.tree", "skops.io"}


def preload(libraries: Iterable[str], module: str) -> frozenset[str]:
    """Return the modules that the template of a step should import.

    There are few kinds, so that few templates serve all steps.
    """
    names = set(libraries)
    light = _LIGHT | (
        {module} if module.startswith("wingspan.") else set()
    )  # Wingspan's own, which no user has changed
    if "torch" in names:
        return light | _ARRAYS | {"torch"}
    if names & {"sklearn", "skops", "scipy"}:
        return light | _MODELS
    return light | _TABLES if names & {"polars", "numpy", "pandas"} else light


def preload_of(step: PlannedStep) -> frozenset[str]:
    """Return the modules that the template of a planned step should import."""
    return preload(step.preload, str(step.action.get("module", "")))
