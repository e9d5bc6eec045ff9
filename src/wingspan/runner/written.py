"""Read what a run's steps have written besides results: output, and metrics of ``ws.log``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from wingspan.runner.logged import Curves, add_points, entry_of
from wingspan.runner.run_folder import METRICS, STDERR, STDOUT, WORK, Home, RunFolder
from wingspan.shown import brief, shown
from wingspan.tracking import record
from wingspan.tracking.wandb_file import history_file, read_history

_END = 1 << 18  # bytes of a file that are read to show its end
_LINES = 1000
_LONGEST = 2000  # characters of a line that are shown


class Metric(float):
    """The last value of a metric; `curve` has every value, as ``(step, value)``."""

    curve: tuple[tuple[int, float], ...]

    def __new__(cls, curve: Iterable[tuple[int, float]]) -> Self:
        """Make the metric of a curve that has at least one value."""
        points = tuple(curve)
        metric = super().__new__(cls, points[-1][1])
        metric.curve = points
        return metric

    def __getnewargs__(self) -> tuple[tuple[tuple[int, float], ...]]:  # type: ignore[override]
        return (self.curve,)


def last_attempts(home: Home, run: RunFolder, keys: Iterable[str]) -> dict[str, list[Path]]:
    """Return each key's attempts, oldest first, of this run or the last run that has some."""
    missing = set(keys)
    found: dict[str, list[Path]] = {}
    others = (RunFolder(home.runs / run_id) for run_id in reversed(home.run_ids()))
    for folder in (run, *others):
        steps = folder.root / "steps"
        here = {entry.name for entry in steps.iterdir()} & missing if steps.is_dir() else set()
        found |= {key: folder.attempts(key) for key in here}
        missing -= here
        if not missing:
            break
    return found


def own_attempts(home: Home, run: RunFolder, done: Mapping[str, bool]) -> dict[str, list[Path]]:
    """Return each key's attempts in this run, or for an up-to-date step in the run that made it."""
    found = last_attempts(home, run, done)
    here = run.root / "steps"
    return {key: of for key, of in found.items() if done[key] or of[-1].parents[1] == here}


def end_of(file: Path, begin: int = 0) -> tuple[str, int]:
    """Return the end of a file as text, in whole lines if possible, and the bytes before it.

    Bytes that are not UTF-8 are written out.

    Parameters
    ----------
    begin
        Bytes at the beginning to leave out.
    """
    if not file.exists():
        return "", 0
    with file.open("rb") as opened:
        before = max(opened.seek(0, 2) - _END, begin)
        opened.seek(before)
        content = opened.read(_END)
    first = content.find(b"\n") + 1 if before > begin else 0
    return content[first:].decode(errors="backslashreplace"), before + first


def shown_lines(text: str, most: int = _LINES) -> list[str]:
    """Return the last lines of a text without control characters; long lines are cut."""
    return [brief(line, _LONGEST) for line in shown(text).splitlines()[-most:]]


def read_output(attempts: Sequence[Path]) -> str:
    """Return the output of a step's last attempt: standard output, then standard error."""
    files = [folder / name for folder in attempts[-1:] for name in (STDOUT, STDERR)]
    return "".join(file.read_text(errors="replace") for file in files if file.exists())


def read_metrics(attempts: Iterable[Path]) -> dict[str, Metric]:
    """Return the metrics that a step's attempts have logged, oldest attempt first."""
    return as_metrics(read_curves(attempts))


def read_curves(attempts: Iterable[Path]) -> Curves:
    """Return the curves that a step's attempts have logged, oldest attempt first.

    A newer value of the same step, such as an epoch after a restart, replaces the older one.
    """
    curves: Curves = {}
    for attempt in attempts:
        for line in logged_lines(attempt):
            add_points(curves, line)
    return curves


def joined(
    older: Mapping[str, Mapping[int, float]], newer: Mapping[str, Mapping[int, float]]
) -> Curves:
    """Return the curves of both; if both have a value, the newer one counts."""
    curves = {name: dict(points) for name, points in older.items()}
    for name, points in newer.items():
        kept = curves.get(name, {})
        curves[name] = {at: value for at, value in kept.items() if at not in points} | dict(points)
    return curves


def as_metrics(curves: Mapping[str, Mapping[int, float]]) -> dict[str, Metric]:
    """Return the metrics of curves."""
    return {name: Metric(points.items()) for name, points in curves.items()}


def logged_lines(attempt: Path) -> Iterator[Mapping[str, object]]:
    """Yield what an attempt has logged, also that of W&B's client in a script."""
    yield from record.read(attempt / METRICS)
    file = history_file(attempt / WORK)
    yield from map(entry_of, read_history(file) if file is not None else ())
