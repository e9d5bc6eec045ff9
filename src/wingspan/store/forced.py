"""Which results the user does not want any more: a forced step gets a new key each time.

An entry of the store never changes, so the new result has a key of its own. `.again.jsonl` in the store says how often
each key was forced; what reads the step follows, by its own key.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from wingspan.files import disk_errors, json_text

FILE = ".again.jsonl"


def read_again(store: Path) -> dict[str, int]:
    """Return how often each key was forced; a torn line is passed over."""
    try:
        lines = (store / FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return {}
    found: dict[str, int] = {}
    for line in lines:
        try:
            entry = json.loads(line)
            found[entry["key"]] = max(entry["again"], found.get(entry["key"], 0))
        except (ValueError, TypeError, KeyError):
            continue
    return found


def write_again(store: Path, counts: Mapping[str, int]) -> None:
    """Note how often some keys were forced."""
    if not counts:
        return
    lines = "".join(f"{json_text({'key': key, 'again': count})}\n" for key, count in counts.items())
    with disk_errors(store):
        handle = os.open(store / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, lines.encode())
        finally:
            os.close(handle)
