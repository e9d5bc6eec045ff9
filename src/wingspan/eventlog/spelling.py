"""Spell hold texts as the rules of `rules.toml` expect them.

People write `can't`, `OOMKilled` and `memmory`. The rules then need one spelling of each word.
"""

import re
from functools import cache
from typing import Final

_JOINT: Final = re.compile(
    r"_|(?<=[a-z])(?=[A-Z][a-z])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})"
)  # OOMKilled
_SHORT: Final = re.compile(
    r"\b(ca|wo|do|does|did|is|are|was|were|has|have|had|could|would|should)(?:n['\u2019]t|(?<!wo)(?<!ca)nt)\b",
    re.IGNORECASE,
)
_WRAPPER: Final = re.compile(  # what stands before the text that says the cause
    r"^.*job wrapper failed to execute the job:|^.*\bglobus error 7:|^.*\bgram error 7:|^.*HOOK_\w+ \([^)]*\) failed \([^)]*\):",
    re.IGNORECASE | re.DOTALL,
)
_COMMAND: Final = re.compile(
    r"^.*submission command failed.{0,60}\(stderr:", re.IGNORECASE | re.DOTALL
)
_WHOLE: Final = {"ca": "can", "wo": "will"}
_WORD: Final = re.compile(r"[A-Za-z]{5,}")
_OFTEN_MISSPELT: Final = (
    "access", "account", "allocated", "allocation", "allowed", "attempts", "authentication", "available", "certificate",
    "checksum", "connection", "container", "credential", "credentials", "directory", "duration", "exceed", "exceeded",
    "exceeding", "exceeds", "executable", "execute", "execution", "exhausted", "expired", "interpreter",
    "invalid", "kerberos", "killed", "limit", "machine", "maximum", "memory", "missing", "occurred", "permission",
    "permitted", "processor", "received", "requested", "requirements", "resource", "resources", "restarted",
    "runtime", "scratch", "storage", "successful", "transfer", "transferred", "unavailable", "unreachable",
    "virtual", "wallclock", "walltime", "working",
)  # fmt: skip


def written_out(text: str) -> str:
    """Return a text with `cannot`, `is not` and others instead of their short forms."""
    text = _SHORT.sub(_write_out, text)
    return text.replace("can not", "cannot")


def _write_out(found: re.Match[str]) -> str:
    verb = found[1].lower()
    return f"{_WHOLE.get(verb, verb)} not"


def quoted(text: str) -> str:
    """Return what a wrapper, hook or gateway quotes from another program.

    A text without such a quotation is returned as it is.
    """
    return _COMMAND.sub("submission command: ", _WRAPPER.sub("", text))


def spelt(text: str) -> str:
    """Return a text with names such as `max_run_time` in single words, and slips corrected."""
    return _WORD.sub(_corrected, _JOINT.sub(" ", text))


def _corrected(found: re.Match[str]) -> str:
    return _slips().get(found[0].lower(), found[0])


@cache
def _slips() -> dict[str, str]:
    """Return the words that are often misspelt, by their misspelt forms.

    A letter is missing, doubled or swapped with the next; the first and the last stay.
    """
    found: dict[str, str] = {}
    for word in _OFTEN_MISSPELT:
        for at in range(1, len(word) - 1):
            before, letter, after = word[:at], word[at], word[at + 1 :]
            found[before + after] = found[before + letter + letter + after] = word
            if len(after) > 1:
                found[before + after[0] + letter + after[1:]] = word
    return {slip: word for slip, word in found.items() if slip not in _OFTEN_MISSPELT}
