"""Machine-learning workflows on HTCondor: declared in Python, run here or on a pool."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wingspan.errors import (
        ConflictError,
        CorruptError,
        DeclarationError,
        EventLogError,
        FormatError,
        NotFoundError,
        PoolError,
        ReadOnlyError,
        SettingError,
        SpaceError,
        StepFailedError,
        TableError,
        UnsupportedTypeError,
        UntrustedModelError,
        WingspanError,
    )
    from wingspan.pipeline.handles import Handle, zip
    from wingspan.pipeline.resources import Resources
    from wingspan.runner.job.early_stopping import EarlyStopping
    from wingspan.runner.job.inside import (
        checkpoint,
        checkpoint_file,
        log,
        should_stop,
    )
    from wingspan.runner.run import Run
    from wingspan.runner.runs import open_run, runs
    from wingspan.sweep.space import (
        beta,
        choice,
        int_uniform,
        log_normal,
        log_uniform,
        normal,
        uniform,
    )
    from wingspan.version import __version__
    from wingspan.workflow import Pipeline, submit

__all__ = [
    "ConflictError",
    "CorruptError",
    "DeclarationError",
    "EarlyStopping",
    "EventLogError",
    "FormatError",
    "Handle",
    "NotFoundError",
    "Pipeline",
    "PoolError",
    "ReadOnlyError",
    "Resources",
    "Run",
    "SettingError",
    "SpaceError",
    "StepFailedError",
    "TableError",
    "UnsupportedTypeError",
    "UntrustedModelError",
    "WingspanError",
    "__version__",
    "beta",
    "checkpoint",
    "checkpoint_file",
    "choice",
    "int_uniform",
    "log",
    "log_normal",
    "log_uniform",
    "normal",
    "open_run",
    "runs",
    "should_stop",
    "submit",
    "uniform",
    "zip",
]

_HOMES = {
    "__version__": "wingspan.version",
    "Handle": "wingspan.pipeline.handles",
    "zip": "wingspan.pipeline.handles",
    "Resources": "wingspan.pipeline.resources",
    "EarlyStopping": "wingspan.runner.job.early_stopping",
    "checkpoint": "wingspan.runner.job.inside",
    "checkpoint_file": "wingspan.runner.job.inside",
    "log": "wingspan.runner.job.inside",
    "should_stop": "wingspan.runner.job.inside",
    "Pipeline": "wingspan.workflow",
    "submit": "wingspan.workflow",
    "Run": "wingspan.runner.run",
    "open_run": "wingspan.runner.runs",
    "runs": "wingspan.runner.runs",
    "beta": "wingspan.sweep.space",
    "choice": "wingspan.sweep.space",
    "int_uniform": "wingspan.sweep.space",
    "log_normal": "wingspan.sweep.space",
    "log_uniform": "wingspan.sweep.space",
    "normal": "wingspan.sweep.space",
    "uniform": "wingspan.sweep.space",
    "ConflictError": "wingspan.errors",
    "CorruptError": "wingspan.errors",
    "DeclarationError": "wingspan.errors",
    "EventLogError": "wingspan.errors",
    "FormatError": "wingspan.errors",
    "NotFoundError": "wingspan.errors",
    "PoolError": "wingspan.errors",
    "ReadOnlyError": "wingspan.errors",
    "SettingError": "wingspan.errors",
    "SpaceError": "wingspan.errors",
    "StepFailedError": "wingspan.errors",
    "TableError": "wingspan.errors",
    "UnsupportedTypeError": "wingspan.errors",
    "UntrustedModelError": "wingspan.errors",
    "WingspanError": "wingspan.errors",
}


def __getattr__(name: str) -> object:
    """Load a public name on first use, so that ``import wingspan`` stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'wingspan' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
