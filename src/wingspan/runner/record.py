"""The record of a run: its events as JSON lines, in the order they happened."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from wingspan.runner.events import StepEvent
from wingspan.runner.run_folder import RunFolder
from wingspan.tracking import record

_NAMES = tuple(one.name for one in fields(StepEvent))


def write_event(folder: RunFolder, event: StepEvent) -> None:
    """Append an event to the run's record, without empty fields."""
    entry = {name: value for name in _NAMES if (value := getattr(event, name)) not in ("", 0, 0.0)}
    record.append(folder.record, entry)


def read_events(folder: RunFolder) -> dict[str, StepEvent]:
    """Return the last event of each step from a run's record."""
    return {event.step: event for event in read_all_events(folder)}


def read_all_events(folder: RunFolder) -> Iterator[StepEvent]:
    """Yield a run's events in the order they were recorded."""
    yield from read_new_events(folder, 0)[0]


def read_new_events(folder: RunFolder, offset: int) -> tuple[list[StepEvent], int]:
    """Return the events after an offset of the record, and the offset to continue from."""
    entries, end = record.read_new(folder.record, offset)
    return [_event(entry) for entry in entries if "step" in entry], end


def _event(entry: dict[str, Any]) -> StepEvent:
    try:
        return StepEvent(**entry)
    except TypeError:  # of a newer version, which records more
        return StepEvent(**{name: entry[name] for name in _NAMES if name in entry})
