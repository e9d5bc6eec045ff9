"""Read what a click on a step shows from the step's own files."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wingspan.errors import CorruptError, NotFoundError
from wingspan.report.amounts import megabytes, number, seconds, size, stamp
from wingspan.report.run_facts import RunFacts
from wingspan.report.step_facts import StepFacts
from wingspan.runner.events import DONE, FAILED, UNDER_WAY
from wingspan.runner.htcondor.hold_policy import MEANINGS
from wingspan.runner.run_folder import STDERR, STDOUT
from wingspan.runner.written import end_of, own_attempts, read_metrics, shown_lines
from wingspan.shown import brief
from wingspan.store.store import Store

if TYPE_CHECKING:
    from wingspan.runner.run import Run

_BYTES: Final = 1_200_000  # of all details together
_TAIL: Final = 60  # lines of output
_LONGEST: Final = 400  # characters of a value
_MOST: Final = 2_000  # steps whose files are read

Details = dict[str, dict[str, Any]]


def step_id(place: int) -> str:
    """Return the id on the page of a step, by its place in the plan."""
    return f"step-{place}"


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
        one = {"title": step.name, "parts": _parts(step, tried.get(step.key, []), store, output)}
        used += len(json.dumps(one))
        if used > _BYTES:
            break
        found[step_id(places[step.name])] = one
    return found


def _rank(step: StepFacts) -> int:
    state = step.event.state
    return 0 if state == FAILED else 1 if state in UNDER_WAY else 2


def _parts(step: StepFacts, tried: list[Path], store: Store, output: bool) -> list[dict[str, Any]]:
    parts = [
        {"title": "State", "pairs": _state(step)},
        {"title": "Inputs", "pairs": [[place, f"result of {of}"] for place, of in step.inputs]},
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
        text = _tail(tried, name) if output else ""
        parts.append({"title": f"{title}, last lines", "text": text})
    parts.append({"title": "Key", "text": step.key})
    return [part for part in parts if any(part.get(key) for key in ("pairs", "rows", "text"))]


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
