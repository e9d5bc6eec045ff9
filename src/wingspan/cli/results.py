"""A run's results in a few lines: short values, and the metrics that its steps logged."""

import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from wingspan.errors import CorruptError, NotFoundError
from wingspan.shown import counted, shown_name

if TYPE_CHECKING:
    from wingspan.runner.run import Run

_ROWS = 20  # steps and maps that are listed
_LABELS = 6  # steps of a map that are listed one by one
_METRICS = 5  # metrics of one step


def results_lines(run: "Run") -> list[str]:
    """Return a line for each short result and each step that logged metrics, at most some 40."""
    groups = _groups(run)
    names = [name for members in groups.values() for name in members[:_LABELS]]
    results = _results(run, names)
    metrics = _metrics(run, names)
    lines = _section("results", groups, results, "show")
    lines += _section("metrics", groups, metrics, "logs --metrics")
    more = len(run.steps) - sum(len(members) for members in groups.values())
    return [
        *lines,
        *(
            [f"  and {counted(more, 'more step')}: wingspan show STEP"]
            if more > 0 and lines
            else []
        ),
    ]


def _groups(run: "Run") -> dict[str, list[str]]:
    """Return the steps by map or by name; of many, only those that no other step reads."""
    groups: dict[str, list[str]] = {}
    for name in run.steps:
        groups.setdefault(name.partition("[")[0], []).append(name)
    if len(groups) <= _ROWS:
        return groups
    read = {key for step in run.steps.values() for key in step.needs}
    last = {
        name: members
        for name, members in groups.items()
        if not any(run.steps[member].key in read for member in members)
    }
    return dict(list(last.items())[-_ROWS:])


def _results(run: "Run", names: Iterable[str]) -> dict[str, str]:
    """Return the result of each step as text, without those that are None."""
    from wingspan.runner.job.brief import brief_result
    from wingspan.store.store import Store

    store = Store(run.home.store)
    found = {}
    for name in names:
        try:
            found[name] = brief_result(store.result(run.steps[name].key))
        except (NotFoundError, CorruptError):
            continue
    return {name: text for name, text in found.items() if text}


def _metrics(run: "Run", names: Iterable[str]) -> dict[str, str]:
    """Return the last values that each step has logged."""
    from wingspan.runner.written import last_attempts, read_metrics

    keys = {name: run.steps[name].key for name in names}
    tried = last_attempts(run.home, run.folder, keys.values())
    found = {}
    for name, key in keys.items():
        logged = list(read_metrics(tried.get(key, ())).items())
        if logged:
            texts = [f"{shown_name(metric)} {value:.6g}" for metric, value in logged[:_METRICS]]
            more = [f"and {len(logged) - _METRICS} more"] if len(logged) > _METRICS else []
            found[name] = ", ".join(texts + more)
    return found


def _section(
    title: str, groups: Mapping[str, list[str]], texts: Mapping[str, str], command: str
) -> list[str]:
    """Return a line for each step; for the rest of a map, one with the command to print it."""
    rows: list[tuple[str, str]] = []
    for name, members in groups.items():
        given = [member for member in members[:_LABELS] if member in texts]
        rows += [(shown_name(member), texts[member]) for member in given]
        if given and len(members) > _LABELS:
            more = name if command == "show" else members[_LABELS]
            printed = f"wingspan {command} {shlex.quote(shown_name(more))}"
            rest = f"and {len(members) - _LABELS} more: {printed}"
            rows.append((shown_name(f"{name}[...]"), rest))
    width = min(max((len(name) for name, _ in rows), default=0), 40)
    return [f"{title}:", *(f"  {name:{width}}  {text}" for name, text in rows)] if rows else []
