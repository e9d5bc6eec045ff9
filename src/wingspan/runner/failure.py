"""Why a job failed and what to do next: pure text from what was seen of it."""

import math
import re
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wingspan.errors import WingspanError
from wingspan.pipeline.resources import LEAST_FREE, Resources
from wingspan.runner.job.process import BROKEN
from wingspan.runner.run_folder import INPUTS, JOB, STDERR, STDOUT
from wingspan.runner.written import end_of, shown_lines
from wingspan.shown import brief, shown, shown_name

_MESSAGE = 2000  # characters shown of an exception's message; result.json has all
_TRACE = 200  # lines of a traceback shown
_TAIL, _STACK = 10, 40  # lines of output, or of a crash, shown
_NO_ROOM = ("No space left on device", "Disk quota exceeded")  # as the C library words them
_NOT_GIVEN = (
    "a step sees only the files that it is given: pass this one, or its folder, as an argument of type Path; "
    "or write it first"
)
_ENDS_THE_PROCESS = frozenset({"SystemExit", "KeyboardInterrupt", "GeneratorExit"})
_FATAL = "Fatal Python error: "  # begins what faulthandler writes
_FRAME = re.compile(r'  File "(.+)", line (\d+) in (.+)')
_OURS = str(Path(__file__).parent / "job/run.py")  # the frame that calls the step's function
_IN_QUOTES = re.compile(r"'([^']+)'$")
_NO_MODULE = re.compile(r"No module named '([^']+)'")
_NOT_INSTALLED = (
    "install {name}, or correct its name; jobs of a pool get the packages that a step's code imports by name: "
    "`import {name}` in its file; then run the command again"
)
_NEAR = 0.9  # of the request: an abort this close to the limit is a matter of memory
SPARE = 1.25  # of what was used: what to ask for
_GROWTH = 2.0  # growth after an out-of-memory kill: the real peak is unknown
_STEP_MB = 64


class Failure(NamedTuple):
    """Why a job did not end well.

    Parameters
    ----------
    error
        Class of the `WingspanError` if the input is wrong rather than the step; else empty.
    cause
        ``memory`` or ``disk`` if more of it would help; else empty.
    """

    problem: str
    fix: str
    error: str = ""
    cause: str = ""


def read_failure(found: Mapping[str, Any]) -> Failure:
    """Return a recorded failure, also one of a newer version, which may say more."""
    known = {name: str(found[name]) for name in Failure._fields if name in found}
    return Failure(**{"problem": "no reason is recorded", "fix": "wingspan logs", **known})


def refusal(error: WingspanError) -> Failure:
    """Return the failure of a step whose job could not be prepared, or whose result not kept."""
    return Failure(f"{error.where}: {error.problem}", error.fix, type(error).__qualname__)


def failure(
    result: Mapping[str, Any] | None,
    cause: str,
    sent: int | None,
    peak_mb: float,
    asked: Resources,
    *,
    code: int | None = None,
    crash: str = "",
) -> Failure:
    """Return why a job did not end well.

    Parameters
    ----------
    result
        Content of its result.json, or None if it wrote none.
    cause
        ``memory``, ``time``, ``stopped``, ``lost`` or ``exit``.
    sent
        Number of the signal that ended it, if one did.
    code
        Exit code of its process, if it ended by itself.
    crash
        Function, file and line in which the process crashed, if known.
    """
    if cause == "memory" or _out_of_memory(result, sent, peak_mb, asked):
        return _of_memory(cause, peak_mb, asked)
    if cause == "time":
        return Failure(
            f"ran longer than the {asked.runtime_s:g} s it asked for",
            "ask for more: ws.Resources(runtime=...)",
        )
    if result is not None and result["status"] != "ok":
        error = result["error"]
        if "bad_input" in error:
            given = error["bad_input"]
            problem = brief(f"{given['where']}: {given['problem']}", _MESSAGE)
            return Failure(problem, given["fix"], error["type"])
        if "failed" in error:
            return Failure(brief(error["failed"]["problem"], _MESSAGE), error["failed"]["fix"])
        return _raised(error)
    if sent is not None:
        name = signal.Signals(sent).name
        if crash:
            fix = "usually native code: check its arguments, or update that library; wingspan logs has the stack"
            return Failure(f"its process was ended by {name} in {crash}", fix)
        fix = "run the command again; if it repeats, look at its output: wingspan logs"
        return Failure(f"its process was ended by {name}", fix)
    if code == BROKEN:
        return Failure("its process could not run the step", "look at its output: wingspan logs")
    fix = "look at its output; a step must return, not call os._exit"
    with_code = "without an exit code" if code is None else f"with exit code {code}"
    return Failure(f"its process ended {with_code} and without a result", fix)


def _raised(error: Mapping[str, Any]) -> Failure:
    """Return the failure of a step that has raised an exception."""
    kind, message = error["type"], brief(error["message"], _MESSAGE)
    where = f" ({error['where']})" if error["where"] else ""
    problem = f"{kind}: {message}{where}" if message else f"{kind}{where}"
    if any(words in message for words in _NO_ROOM):
        return Failure(problem, "free some space, then run the command again", cause="disk")
    if _not_given(error):
        return Failure(problem, _NOT_GIVEN)
    if kind == "ModuleNotFoundError" and (missing := _NO_MODULE.search(message)):
        return Failure(problem, _NOT_INSTALLED.format(name=missing[1].partition(".")[0]))
    if kind in _ENDS_THE_PROCESS:
        return Failure(
            problem, "a step must return, not end the process: return its result instead"
        )
    return Failure(problem, "correct the code, then run the command again")


def _of_memory(cause: str, peak_mb: float, asked: Resources) -> Failure:
    """Return the failure of a step that reached its memory limit, or this machine's."""
    limit_mb = asked.memory_limit_mb
    more = request_mb(peak_mb, asked.memory_mb)
    ask = f'resources=ws.Resources(memory="{more}MB")'
    if limit_mb is not None:
        used = f"used {peak_mb:,.0f} MB of memory, it asked for {limit_mb:,} MB"
        return Failure(used, f"ask for more: {ask}", cause="memory")
    scarce = (
        f"used {peak_mb:,.0f} MB of memory, more than any other step here, when the machine had less than "
        f"{LEAST_FREE:.0%} of its memory free; the step states no memory"
        if cause == "memory"
        else f"the machine could not give it more memory; it held {peak_mb:,.0f} MB"
    )
    fix = f"state what it needs, so that it starts only where that much is free: {ask}"
    return Failure(scarce, fix, cause="memory")


def crashed_in(errors: Path) -> str:
    """Return the function, file and line of a crash, from faulthandler's text; else nothing."""
    frames = [line for line in _crash(end_of(errors)[0]) if line.startswith("  File ")]
    found = _FRAME.match(frames[0]) if frames else None
    return f"{found[3]} ({found[1]}:{found[2]})" if found else ""


def _crash(text: str) -> list[str]:
    """Return the lines of the last crash: signal and Python stack down to the step's function."""
    _, mark, rest = text.rpartition(_FATAL)
    if not mark:
        return []
    lines = rest.partition("\nExtension modules:")[0].rstrip().splitlines()
    ours = (place for place, line in enumerate(lines) if _OURS in line)
    return [f"{mark}{lines[0]}", *lines[1 : next(ours, len(lines))]]


def _not_given(error: Mapping[str, Any]) -> bool:
    """Return whether a step looked near its folder, inputs or code for a file it was not given."""
    if error.get("next_to_code"):
        return True
    name = _IN_QUOTES.search(error["message"])
    missing = error["type"] == "FileNotFoundError" and name is not None
    return missing and (not name[1].startswith("/") or f"/{INPUTS}/" in name[1])  # type: ignore[index]  # is not None


def _out_of_memory(
    result: Mapping[str, Any] | None, sent: int | None, peak_mb: float, asked: Resources
) -> bool:
    """Return whether a job aborted near its limit, as libraries do if an allocation is refused."""
    raised = result is not None and result.get("error", {}).get("type") in {
        "MemoryError",
        "_ArrayMemoryError",
    }
    limit_mb = asked.memory_limit_mb
    crashed = sent in {signal.SIGABRT, signal.SIGSEGV}
    return raised or (crashed and limit_mb is not None and peak_mb > _NEAR * limit_mb)


def too_large(kind: str, most_mb: int) -> str:
    """Return what to do about a job that needs more ``memory`` or ``disk`` than any slot has."""
    return (
        f"no slot that meets the rest of the request has more {kind} than {most_mb:,} MB: reduce the step's {kind}, "
        "or use a pool with larger machines (--on)"
    )


def out_of_disk(
    used_mb: float, free_mb: float, asked_mb: int, host: str, most_mb: int | None = None
) -> Failure:
    """Return the failure of a job on a machine whose disk is full.

    Parameters
    ----------
    used_mb, free_mb
        What the job's files used there, and what was left.
    most_mb
        Disk of the pool's largest slot, if known.
    """
    problem = (
        f"the disk of {host} is full: its job's files took {used_mb:,.0f} MB, "
        f"{free_mb:,.1f} MB were left; it asked for {asked_mb:,} MB"
    )
    if used_mb < asked_mb:  # others have filled it
        return Failure(
            problem, "run the command again; another machine may have enough disk", cause="disk"
        )
    more = int(max(2 * asked_mb, 1.5 * used_mb))
    if most_mb is not None and more > most_mb:
        return Failure(problem, too_large("disk", most_mb), cause="disk")
    return Failure(problem, f'ask for more: resources=ws.Resources(disk="{more}MB")', cause="disk")


def report(
    name: str,
    result: Mapping[str, Any] | None,
    title: tuple[str, str, str],
    attempt: Path,
    inputs: Mapping[str, Any],
    *,
    output: bool = True,
) -> str:
    """Return a step's report: traceback, inputs, last `output`, the command to rerun it alone.

    `title` has the step's state, the problem and the fix; the last two may be empty.
    """
    state, problem, fix = title
    lines = [f"step {shown_name(name)} {state}{f': {shown(problem)}' if problem else ''}"]
    lines += [f"  -> {shown(fix)}"] if fix else []
    if result is not None and result.get("error", {}).get("traceback"):
        lines += ["", *shown_lines(result["error"]["traceback"].rstrip(), _TRACE)]
    given = [f"  {shown_name(place)} = {shown_name(value)}" for place, value in inputs.items()]
    lines += ["", "inputs:", *given] if given else []
    for file in (STDOUT, STDERR) if output else ():
        tail = _tail(
            attempt / file,
            skip=result["error"]["traceback"] if result and "error" in result else "",
        )
        lines += ["", f"last lines of {attempt / file}:", *tail] if tail else []
    if not (attempt / JOB).exists():  # its job ran elsewhere, or never
        return "\n".join(lines)
    alone = f"{shlex.quote(sys.executable)} -m wingspan.runner.job {shlex.quote(str(attempt))}"
    return "\n".join([*lines, "", f"run it alone: {alone}"])


def _tail(path: Path, skip: str) -> list[str]:
    text, _ = end_of(path)
    text = text.replace(skip, "") if skip else text
    crash = _crash(text)[:_STACK]
    return [f"  {line}" for line in crash or shown_lines(text.rstrip(), _TAIL)]


def request_mb(used_mb: float, over_mb: float | None = None) -> int:
    """Return the MB to request.

    Parameters
    ----------
    over_mb
        The request of a job that was ended for exceeding it; else None.
    """
    most = SPARE * used_mb if over_mb is None else _GROWTH * max(used_mb, over_mb)
    return max(math.ceil(most / _STEP_MB), 1) * _STEP_MB
