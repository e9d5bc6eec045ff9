"""Turn a hold's reason into a template, in which details of one job are masked."""

import re
from typing import Final

_MASKS: Final = tuple(
    (re.compile(pattern), mask)
    for pattern, mask in (
        (r"<[0-9a-fA-F.\[\]:-]+:\d+(?:\?[^>\s]*)?>", "<ADDRESS>"),
        (r"\b[a-z][a-z0-9+.-]{1,15}://[^\s'\"|;,)]+", "<URL>"),
        (r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", "<ID>"),
        (r"\b(?:slot|backfill)\d+(?:_\d+)?@[\w.@-]*[\w-]", "<SLOT>"),
        (r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*\b", "<NAME>"),
        (r"(?<=\(by user )[^)\s]+(?=\))", "<NAME>"),
        (r"(?<![\w/.<>])~?(?:/[^\s'\"|:;,()\]<>]+)+/?", "<PATH>"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "<HOST>"),
        (r"\b(?:[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?\.){2,}[A-Za-z]{2,}(?::\d+)?\b", "<HOST>"),
        (r"\b(?:\d{4}-\d\d-\d\d|\d\d/\d\d)[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?\b", "<TIME>"),
        (r"\b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{8,}\b", "<ID>"),
        (r"(?<![\w.])[-+]?\d+(?:\.\d+)*(?:[eE][-+]?\d+)?", "<N>"),
        (r"(?<=[A-Za-z_])\d+", "<N>"),
        (r"\s+", " "),
    )
)


def mask(text: str) -> str:
    """Return a reason with its numbers, paths, hosts, slots, users, ids and times masked.

    Masking a template changes nothing. Numbers that distinguish causes (``errno 2``, ``error code 22``) are masked
    too: they are the hold's sub-code.
    """
    for pattern, mark in _MASKS:
        text = pattern.sub(mark, text)
    return text.strip()
