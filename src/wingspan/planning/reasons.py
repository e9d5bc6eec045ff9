"""Say why a step is not up to date, by comparing it with the last plan. Pure."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wingspan.shown import shown_name

if TYPE_CHECKING:
    from wingspan.planning.call import Call

_SHOWN = 3  # differences named in a reason

Folders = Callable[[str], Mapping[str, str]]


def nothing_known(_digest: str) -> Mapping[str, str]:
    """Return the files of a folder of which nothing is known."""
    return {}


def reasons(
    call: "Call",
    before: Mapping[str, Any] | None,
    keys: Mapping[str, str],
    previous: Mapping[str, Mapping[str, Any]],
    folders: Folders,
) -> list[str]:
    """Say why a step is not up to date, by comparing with the last plan."""
    if before is None:
        return ["new step"]
    now, old = call.components, before["components"]
    if old.get("format") != now["format"]:
        was = old.get("format", "unknown")
        return [f"the key format changed ({was} -> {now['format']}): every step runs once more"]
    found = [_difference(name, old.get(name), now.get(name), folders) for name in {**now, **old}]
    for place, (maker, output) in call.inputs.items():
        if before["inputs"].get(place) != [maker, output]:
            found.append(f"input {place} is now {maker}")
        elif previous.get(maker, {}).get("key") != keys[maker]:
            found.append(f"input {place}: {maker} changed")
    gone = [
        f"input {p}: {maker[0]} removed"
        for p, maker in before["inputs"].items()
        if p not in call.inputs
    ]
    found += gone
    return [text for text in found if text]


def _files_changed(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Name the first files in which a folder differs; nothing if either is not known."""
    if not old or not new:
        return ""
    names = sorted({name for name, _ in old.items() ^ new.items()})
    verbs = [
        "changed" if name in old and name in new else "added" if name in new else "removed"
        for name in names[:_SHOWN]
    ]
    shown = [f"{shown_name(n)} {verb}" for n, verb in zip(names, verbs, strict=False)]
    return listed([*shown, *names[_SHOWN:]])


def listed(differences: Sequence[str]) -> str:
    """Return the first differences as one text; empty if there are none."""
    if len(differences) == 1:
        return differences[0]
    more = f" and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return ", ".join(differences[:_SHOWN]) + more


def _difference(name: str, old: str | None, new: str | None, folders: Folders) -> str:
    """Name one changed component: values are shown, digests are not."""
    if old == new:
        return ""
    if old is None or new is None:
        if name.startswith("type "):
            return f"{name[5:]} is {f'now of type {new}' if old is None else f'no longer of type {old}'}"
        return f"{name} {'added' if old is None else 'removed'}"
    subject = name.removeprefix("distribution ")
    if "blake2b" in old or "blake2b" in new or len(old) == len(new) == 64:
        files = name.startswith("file ") and _files_changed(
            folders(old.rpartition(" ")[2]), folders(new.rpartition(" ")[2])
        )
        return f"{subject} changed{f' ({files})' if files else ''}"
    return f"{subject} {old} -> {new}"
