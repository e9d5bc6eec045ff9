"""Machine-learning workflows on HTCondor: declared in Python, run on this machine or on a pool."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wingspan.pipeline.handles import Handle, zip
    from wingspan.pipeline.resources import Resources
    from wingspan.runner.inside import checkpoint, checkpoint_file, log, should_stop
    from wingspan.runner.run import Run, open_run
    from wingspan.workflow import Pipeline, submit

__all__ = [
    "Handle",
    "Pipeline",
    "Resources",
    "Run",
    "checkpoint",
    "checkpoint_file",
    "log",
    "open_run",
    "should_stop",
    "submit",
    "zip",
]

_HOMES = {
    "Handle": "wingspan.pipeline.handles",
    "zip": "wingspan.pipeline.handles",
    "Resources": "wingspan.pipeline.resources",
    "checkpoint": "wingspan.runner.inside",
    "checkpoint_file": "wingspan.runner.inside",
    "log": "wingspan.runner.inside",
    "should_stop": "wingspan.runner.inside",
    "Pipeline": "wingspan.workflow",
    "Run": "wingspan.runner.run",
    "open_run": "wingspan.runner.run",
    "submit": "wingspan.workflow",
}


def __getattr__(name: str) -> object:
    """Load a public name on first use, so that ``import wingspan`` stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'wingspan' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
