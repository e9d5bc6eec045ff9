"""Read what a click on a step shows from the step's own files."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from wingspan.errors import CorruptError, NotFoundError
from wingspan.report.amounts import megabytes, number, seconds, size, stamp
from wingspan.report.run_facts import RunFacts
from wingspan.report.step_facts import StepFacts
from wingspan.runner.events import DONE, FAILED, UNDER_WAY
from wingspan.runner.htcondor.hold_policy import MEANINGS
from wingspan.runner.run_folder import STDERR, STDOUT, read_result
from wingspan.runner.written import end_of, own_attempts, read_metrics, shown_lines
from wingspan.shown import brief
from wingspan.store.store import Store

if TYPE_CHECKING:
    from wingspan.runner.run import Run

_BYTES: Final = 1_200_000  # of all details together
_TAIL: Final = 60  # lines of output
_TRACE: Final = 40  # lines of a traceback
_LONGEST: Final = 400  # characters of a value
_MOST: Final = 2_000  # steps whose files are read

Details = dict[str, dict[str, Any]]


def step_id(name: str) -> str:
    """Return the id of a step's details, which is also the end of the page's address."""
    return f"step={name}"


def step_href(name: str) -> str:
    """Return the link to a step's details.

    >>> step_href("fit[a b,1]")
    '#step=fit[a%20b,1]'
    """
    return f"#{quote(step_id(name), safe='=[](),:@/', errors='replace')}"


def read_details(run: "Run", facts: RunFacts, *, output: bool = True) -> Details:
    """Return the details by id, failed and unfinished steps first, as many as fit.

    Parameters
    ----------
    output
        Also what the steps printed.
    """
    places = {step.name: place for place, step in enumerate(facts.steps)}
    wanted = sorted(facts.steps, key=lambda step: (_rank(step), places[step.name]))[:_MOST]
    done = {step.key: step.event.state == DONE for step in wanted}
    tried = own_attempts(run.home, run.folder, done)
    store = Store(run.home.store)
    found: Details = {}
    used = 0
    for step in wanted:
        attempts = tried.get(step.key, [])
        trace = _trace(run, step, attempts) if step.event.state == FAILED else ""
        parts = _parts(step, attempts, store, trace=trace, output=output)
        one = {"title": step.name, "parts": parts}
        used += len(json.dumps(one))
        if used > _BYTES:
            break
        found[step_id(step.name)] = one
    return found


def _rank(step: StepFacts) -> int:
    state = step.event.state
    return 0 if state == FAILED else 1 if state in UNDER_WAY else 2


def _trace(run: "Run", step: StepFacts, tried: list[Path]) -> str:
    """Return the traceback of a failed step; empty if it raised nothing."""
    result = read_result(tried[-1]) if tried else run.trail.sent(step.key)
    error = (result or {}).get("error") or {}
    return "\n".join(shown_lines(str(error.get("traceback", "")).rstrip(), _TRACE))


def _parts(
    step: StepFacts, tried: list[Path], store: Store, *, trace: str, output: bool
) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"title": "State", "pairs": _state(step)},
        {"title": "Traceback", "text": trace},
        {
            "title": "Inputs",
            "pairs": [[place, f"result of {of}"] for place, of in step.inputs],
            "links": [_need(step, of) for _, of in step.inputs],
        },
        {
            "title": "Input files",
            "rows": step.files,
            "columns": ["name", "path", "digest"],
        },
        {"title": "Parameters", "pairs": _brief(step.parameters)},
        {
            "title": "Outputs",
            "rows": _outputs(step, store),
            "columns": ["name", "is", "size", "digest"],
        },
        {"title": "Attempts", "rows": _attempts(step), "columns": _ATTEMPT},
        {"title": "Metrics logged", "pairs": _metrics(tried)},
        {"title": "Request", "pairs": _brief(step.asked)},
        {"title": "Code", "pairs": _brief(step.code)},
        {"title": "Packages", "pairs": _brief(step.packages)},
    ]
    for name, title in ((STDOUT, "Standard output"), (STDERR, "Standard error")):
        text = _tail(tried, name).replace(trace, "").strip() if output else ""
        parts.append({"title": f"{title}, last lines", "text": text})
    parts.append({"title": "Key", "text": step.key})
    return [part for part in parts if any(part.get(key) for key in ("pairs", "rows", "text"))]


def _need(step: StepFacts, of: str) -> str:
    """Return the name of the step that an input is a result of; empty if it is not known."""
    return max(
        (name for name in step.needs if f"{of}, ".startswith(f"{name}, ")), key=len, default=""
    )


def _state(step: StepFacts) -> list[list[str]]:
    event = step.event
    rows = [
        ["state", event.state],
        ["why it ran, or did not", step.reason],
        ["problem", event.problem],
        ["what to do", event.fix],
        ["note", event.note],
        ["ended" if event.wall_s else "since", stamp(event.time or None)],
        ["time", seconds(event.wall_s) if event.wall_s else ""],
        ["processor time", seconds(event.cpu_s) if event.cpu_s else ""],
        ["memory", megabytes(step.memory_mb or None)],
        ["taken over from", event.adopted],
    ]
    return [row for row in rows if row[1]]


def _outputs(step: StepFacts, store: Store) -> list[list[str]]:
    if step.event.state != DONE:
        return []
    try:
        made = store.result(step.key)
    except (NotFoundError, CorruptError):
        return []
    shown = made.get("shown") or {}
    return [
        [name, brief(str(shown.get(name, "")), _LONGEST), size(one.get("bytes", 0)), one["digest"]]
        for name, one in made["outputs"].items()
    ]


_ATTEMPT: Final = [
    "try",
    "machine",
    "queued",
    "input",
    "run",
    "output",
    "held",
    "ended by",
    "reason",
]


def _attempts(step: StepFacts) -> list[list[str]]:
    return [
        [
            str(one.number),
            one.host,
            *(
                seconds(each)
                for each in (one.queued_s, one.input_s, one.run_s, one.output_s, one.held_s)
            ),
            MEANINGS.get(one.outcome, one.outcome) or one.phase,
            brief(one.reason, _LONGEST),
        ]
        for one in step.attempts
    ]


def _metrics(tried: Iterable[Path]) -> list[list[str]]:
    metrics: Mapping[str, float] = read_metrics(tried)
    return [[name, number(float(value))] for name, value in list(metrics.items())[:50]]


def _tail(tried: list[Path], name: str) -> str:
    if not tried:
        return ""
    text, _ = end_of(tried[-1] / name)
    return brief("\n".join(shown_lines(text.rstrip(), _TAIL)), 6_000)


def _brief(rows: Iterable[tuple[str, str]]) -> list[list[str]]:
    return [[name, brief(value, _LONGEST)] for name, value in list(rows)[:200]]
