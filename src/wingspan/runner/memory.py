"""How much memory the processes of a job hold, from ``/proc``."""

from pathlib import Path

_FIELDS = (b"Private_Dirty:", b"Private_Hugetlb:", b"Swap:")


def tree_memory_mb(pid: int) -> float:
    """Return the memory in MB that only this process and its descendants hold; 0 if they are gone.

    Pages shared with another process count for none: so a job is not charged for what its template gave it. Unchanged
    pages of files do not count either: the system takes them back when it needs them.
    """
    total = 0
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_bytes()
            waiting += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        total += sum(
            int(line.split()[1]) for line in rollup.splitlines() if line.startswith(_FIELDS)
        )
    return total / 1024
