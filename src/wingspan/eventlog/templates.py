"""Turn a hold's reason into a template, in which details of one job are masked."""

import re
from collections.abc import Iterable
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

_DIGITS: Final = str.maketrans("0123456789", "7777777777")


def mask(text: str) -> str:
    """Return a reason with its numbers, paths, hosts, slots, users, ids and times masked.

    Masking a template changes nothing. Numbers that distinguish causes (``errno 2``, ``error code 22``) are masked
    too: they are the hold's sub-code.
    """
    for pattern, mark in _MASKS:
        text = pattern.sub(mark, text)
    return text.strip()


def masks(texts: Iterable[str]) -> dict[str, str]:
    """Return the template of each reason; reasons that differ in digits alone are masked once.

    All digits are alike to the masks, so such reasons have one template, unless it keeps a digit.
    """
    alike: dict[str, str] = {}
    found: dict[str, str] = {}
    for text in dict.fromkeys(texts):
        key = text.translate(_DIGITS)
        if key not in alike:
            alike[key] = mask(key)
        found[text] = mask(text) if "7" in alike[key] else alike[key]
    return found
