"""How much memory is free on this machine, and in the control groups that hold this process.

A step that states no memory may use all that is free. It is ended only when little is left, before the system kills a
process of its own choice.
"""

from collections.abc import Iterator
from pathlib import Path

_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
_V2 = ("memory.max", "memory.current", "")


def free_share(root: Path = Path("/")) -> float:
    """Return the smallest free share of memory; 1 if it is unknown. `root` has proc and sys."""
    return min([_of_machine(root), *map(_of_group, _groups(root))])


def _of_machine(root: Path) -> float:
    values = dict(_pairs(root / "proc/meminfo"))
    total, available = values.get("MemTotal:", 0), values.get("MemAvailable:")
    return available / total if total and available is not None else 1.0


def _groups(root: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """Yield the folders of the control groups that limit this process, innermost first."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    mounted = root / "sys/fs/cgroup"
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top, kind = (mounted / "memory", _V1) if controllers else (mounted, _V2)
        inner = top / name.lstrip("/")
        for folder in (inner, *inner.parents):
            if not folder.is_relative_to(top):
                break
            yield folder, kind


def _of_group(group: tuple[Path, tuple[str, str, str]]) -> float:
    """Return the free share of a group; cached files count as free."""
    folder, (limit_name, used_name, prefix) = group
    try:
        limit = int((folder / limit_name).read_text())
        used = int((folder / used_name).read_text())
    except (OSError, ValueError):  # ValueError: "max", no limit
        return 1.0
    known = dict(_pairs(folder / "memory.stat"))
    cached = sum(known.get(f"{prefix}{kind}_file", 0) for kind in ("active", "inactive"))
    return 1.0 - (used - cached) / limit if limit else 1.0


def _pairs(path: Path) -> Iterator[tuple[str, int]]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[1].isdigit():
            yield words[0], int(words[1])


def killed_for_memory(root: Path = Path("/")) -> int:
    """Return how many processes the system has killed for lack of memory since it started."""
    return dict(_pairs(root / "proc/vmstat")).get("oom_kill", 0)
