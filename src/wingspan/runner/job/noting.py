"""Replace functions of Python by ones that also note their arguments with a `Recorder`.

The recorder so learns what a process reads. An audit hook would see more, but make every call of ``id`` twenty times
as slow.
"""

import builtins
import contextlib
import functools
import importlib.machinery
import io
import os
import sys
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from wingspan.runner.job.readers import watch_libraries
from wingspan.runner.job.reads import THROUGH, Recorder

_BOUND = {"bz2": "_builtin_open", "tarfile": "bltn_open", "tokenize": "_builtin_open"}
"""Modules that keep ``open`` under a name of their own from when they are imported."""
_HERE = frozenset({__file__, sys.modules[watch_libraries.__module__].__file__})


class _Noting:
    """Replaces a function: notes the arguments, then calls it.

    Like a builtin function, it never becomes a method.
    """

    def __init__(
        self, function: Callable[..., Any], note: Callable[..., None], recorder: Recorder
    ) -> None:
        self._function = function
        self._note = note
        self._recorder = recorder
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__name__ = self.__qualname__ = function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function has it
        if self._recorder.active:
            with contextlib.suppress(Exception):  # no fault in here may reach the step's code
                self._note(*args, **kwargs)
        return self._function(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._function, name)

    def __reduce__(self) -> str:
        return self.__name__


class _NotingAnswer(_Noting):
    """Notes after the call, and notes the answer too.

    A file that appears between a note and the call would make a note without the answer wrong.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the function has it
        if not self._recorder.active:
            return self._function(*args, **kwargs)
        there = False
        try:
            answer = self._function(*args, **kwargs)
            there = answer is not False
        finally:
            with contextlib.suppress(Exception):
                self._note(there, *args, **kwargs)
        return answer


@functools.cache
def watch() -> Recorder:
    """Return the recorder of this process; from the first call on, reads are noted with it.

    A template calls this before it forks jobs, as each job would copy all the memory that this changes.
    """
    recorder = Recorder()
    _watch_environment(recorder)
    _watch_files(recorder)
    watch_libraries(lambda path: recorder.opened(path) if recorder.active else None)
    return recorder


class _FileNotes:
    """What to note of the arguments of functions that open, list and move files."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def opened(self, file: object, mode: str = "r", *_: object, **__: object) -> None:
        """Note the arguments of ``open``."""
        updating = "+" in mode and "w" not in mode and "x" not in mode
        writing = not updating and not {"w", "a", "x"}.isdisjoint(mode)
        self._recorder.opened(file, writing=writing, updating=updating)

    def opened_by_flags(self, path: object, flags: int, *_: object, **__: object) -> None:
        """Note the arguments of ``os.open``."""
        mode = flags & os.O_ACCMODE
        updating = mode == os.O_RDWR and not flags & os.O_TRUNC
        writing = not updating and mode != os.O_RDONLY
        self._recorder.opened(path, writing=writing, updating=updating)

    def listed(self, path: object = None) -> None:
        """Note the argument of ``os.listdir`` and ``os.scandir``."""
        self._recorder.listed(path, _caller(sys._getframe(2)))  # noqa: SLF001

    def stated(self, there: object, path: object, *_: object, **__: object) -> None:
        """Note the argument and the answer of functions that look whether a file exists."""
        if not isinstance(path, int):
            self._recorder.stated(path, sys._getframe(2), there=bool(there))  # noqa: SLF001

    def accessed(
        self, there: object, path: object, mode: object = None, *_: object, **__: object
    ) -> None:
        """Note the argument of ``os.access``, and whether the file exists.

        A file that the process may not read, write or run exists all the same.
        """
        if not isinstance(path, int):
            found = bool(there) or mode != os.F_OK
            self._recorder.stated(path, sys._getframe(2), sized=False, there=found)  # noqa: SLF001

    def written(self, *paths: object, **_: object) -> None:
        """Note the arguments of functions that move and remove."""
        for path in paths:
            self._recorder.opened(path, writing=True)


def _watch_files(recorder: Recorder) -> None:
    notes = _FileNotes(recorder)
    original = builtins.open
    noting = _Noting(original, notes.opened, recorder)
    for module in (builtins, io, sys.modules["_io"]):
        module.open = noting  # type: ignore[attr-defined]
    for name, bound in _BOUND.items():
        if getattr(sys.modules.get(name), bound, None) is original:
            setattr(sys.modules[name], bound, noting)
    noted: dict[str, Callable[..., None]] = {"open": notes.opened_by_flags}
    noted |= dict.fromkeys(("listdir", "scandir"), notes.listed)
    noted |= dict.fromkeys(
        ("rename", "replace", "remove", "unlink", "rmdir", "mkdir"), notes.written
    )
    for name, note in noted.items():
        function = getattr(os, name)
        _can_do_the_same(function, _Noting(function, note, recorder))
    for name, note in (("stat", notes.stated), ("lstat", notes.stated), ("access", notes.accessed)):
        function = getattr(os, name)
        _can_do_the_same(function, _NotingAnswer(function, note, recorder))
    _watch_loaders(recorder)


def _can_do_the_same(function: Any, noting: _Noting) -> None:  # noqa: ANN401
    """Replace a function of `os` by one that notes, also in the sets such as ``os.supports_fd``."""
    noting.__module__ = "os"  # where `pickle` finds it, as a step may send it to other processes
    setattr(os, function.__name__, noting)
    for can in (
        os.supports_dir_fd,
        os.supports_fd,
        os.supports_follow_symlinks,
        os.supports_effective_ids,
    ):
        if function in can:
            can.add(noting)


def _watch_loaders(recorder: Recorder) -> None:
    """Note data of packages that is read by the loader of the package."""
    loader: Any = importlib.machinery.SourceFileLoader.__mro__[1]
    get_data = loader.get_data

    def get_data_and_note(self: Any, path: str) -> bytes:  # noqa: ANN401
        if recorder.active:
            recorder.opened(path)
        content: bytes = get_data(self, path)
        return content

    loader.get_data = get_data_and_note


def _watch_environment(recorder: Recorder) -> None:
    """Note the names that are read from ``os.environ``, or that all are."""
    kind: Any = type(os.environ)
    get, put, iterate = kind.__getitem__, kind.__setitem__, kind.__iter__

    def get_and_note(environment: Any, key: Any) -> Any:  # noqa: ANN401 - as os has it
        value = None
        try:
            value = get(environment, key)
        finally:
            if recorder.active and isinstance(key, str | bytes):
                text = None if value is None else os.fsdecode(value)
                recorder.asked(os.fsdecode(key), text, _caller(sys._getframe(1)))  # noqa: SLF001
        return value

    def put_and_note(environment: Any, key: Any, value: Any) -> None:  # noqa: ANN401
        put(environment, key, value)
        if recorder.active:
            recorder.set(os.fsdecode(key))

    def iterate_and_note(environment: Any) -> Iterator[Any]:  # noqa: ANN401
        if recorder.active:
            held = {os.fsdecode(name): os.fsdecode(v) for name, v in environment._data.items()}  # noqa: SLF001
            recorder.asked_for_all(held, _caller(sys._getframe(1)))  # noqa: SLF001
        found: Iterator[Any] = iterate(environment)
        return found

    kind.__getitem__, kind.__setitem__, kind.__iter__ = get_and_note, put_and_note, iterate_and_note


def _caller(frame: FrameType | None) -> FrameType | None:
    """Return the frame that called modules such as ``os`` and ``pathlib``."""
    while frame is not None and frame.f_code.co_filename in THROUGH:
        frame = frame.f_back
    return frame


def without_notes(error: BaseException) -> None:
    """Remove the frames of these functions from the tracebacks of an exception and its causes."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        # as the base class does it: a frozen dataclass refuses the assignment
        BaseException.with_traceback(each, _without(each.__traceback__))
        waiting += [each.__cause__, each.__context__]


def _without(trace: TracebackType | None) -> TracebackType | None:
    kept: list[TracebackType] = []
    while trace is not None:
        if trace.tb_frame.f_code.co_filename not in _HERE:
            kept.append(trace)
        trace = trace.tb_next
    for one, following in zip(kept, [*kept[1:], None], strict=True):
        one.tb_next = following
    return kept[0] if kept else None
