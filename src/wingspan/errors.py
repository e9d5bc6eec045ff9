"""Every exception of Wingspan.

::

    WingspanError                 where, what is wrong, what to do next
    +-- DeclarationError          a pipeline or a step is declared wrongly          (ValueError)
    +-- UnsupportedTypeError      no codec stores values of this type               (TypeError)
    +-- SettingError              an option or a configuration value is wrong       (ValueError)
    +-- NotFoundError             a run, step, model, file or column is not there   (KeyError)
    +-- TableError                a table cannot be read or does not fit its schema (ValueError)
    +-- StepFailedError           a step's job ended without its result             (RuntimeError)
    +-- CorruptError              stored bytes are not those that were written      (ValueError)
    +-- FormatError               written by a newer, or another, format            (ValueError)
    +-- UntrustedModelError       a model file asks for code that is not trusted    (ValueError)
    +-- ConflictError             another process, or other content, is in the way  (RuntimeError)
    +-- SpaceError                the disk is full                                  (OSError)
    +-- ReadOnlyError             a file or folder may not be written               (OSError)
    +-- PoolError                 HTCondor is missing, unreachable or refuses       (RuntimeError)
    +-- EventLogError             a file is not a job event log                     (ValueError)
"""

from collections.abc import Iterable

from wingspan.shown import listed, shown_name, written_out

_NAMED = 30  # names that a hint lists


class WingspanError(Exception):
    """What went wrong, in three parts; the command line prints them and exits with 2.

    Parameters
    ----------
    where
        File and line, step, run, column: whatever leads the reader to the place.
    problem
        What was expected and what was found.
    fix
        What to do next.
    """

    def __init__(self, where: str, problem: str, fix: str) -> None:
        super().__init__(
            where, problem, fix
        )  # fields are args, so that it survives a process boundary
        self.where = where
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return (
            f"{shown_name(self.where)}: {written_out(self.problem)}\n  -> {written_out(self.fix)}"
        )

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the message, with the traceback of a step but not ours."""
        return [f"{type(self).__name__}: {self}"]


class DeclarationError(WingspanError, ValueError):
    """A pipeline or a step is declared wrongly."""


class UnsupportedTypeError(WingspanError, TypeError):
    """No codec stores values of this type."""


class SettingError(WingspanError, ValueError):
    """An option or a configuration value is wrong."""


class NotFoundError(WingspanError, KeyError):
    """A run, step, model, file or column is not there."""


class TableError(WingspanError, ValueError):
    """A table cannot be read, or does not fit its schema."""


class StepFailedError(WingspanError, RuntimeError):
    """A step's job ended without its result."""


class CorruptError(WingspanError, ValueError):
    """Stored bytes are not those that were written."""


class FormatError(WingspanError, ValueError):
    """A file was written by a newer, or by another, format."""


class UntrustedModelError(WingspanError, ValueError):
    """A model file asks for code that is not trusted."""


class ConflictError(WingspanError, RuntimeError):
    """Another process, or other content, is in the way."""


class SpaceError(WingspanError, OSError):
    """The disk is full."""


class ReadOnlyError(WingspanError, OSError):
    """A file or folder may not be written."""


class PoolError(WingspanError, RuntimeError):
    """HTCondor is missing, unreachable, or refuses."""


class EventLogError(WingspanError, ValueError):
    """A file is not a job event log."""


def near(name: object, known: Iterable[str]) -> str:
    """Return a hint: the known names that are close to a misspelt one, or all of them."""
    from difflib import get_close_matches

    known = [str(k) for k in known]
    close = list(map(shown_name, get_close_matches(str(name), known, n=3)))
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"there is: {listed(known, _NAMED) or 'nothing'}"


def installing(extra: str) -> str:
    """Return the command that installs an extra of Wingspan, which no package index has yet.

    >>> installing("tables")
    "in the clone of Wingspan: pip install '.[tables]'"
    """
    return f"in the clone of Wingspan: pip install '.[{extra}]'"
