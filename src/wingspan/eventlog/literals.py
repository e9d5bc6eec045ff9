"""Convert ClassAd values from text to Python: numbers, strings, booleans, lists and ads.

All other text stays text.
"""

import re
from typing import Any, Final

_NUMBER: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_LONG: Final = 20  # digits; most values are shorter whole numbers, which need no parser
_NAME: Final = re.compile(r"\s*(?:([A-Za-z_][\w.]*)|'([^']*)')\s*=\s*")
_STRING: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_OLD_STRING: Final = re.compile(r'"((?:[^"\\]|\\"(?!\s*$)|\\)*)"', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\([0-7]{1,3}|.)", re.DOTALL)
_WORD: Final = re.compile(r"[A-Za-z_][\w.]*")
_WORDS: Final = {"true": True, "false": False, "undefined": None, "error": None}
_LETTERS: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Expression(str):
    """A ClassAd expression that is not a plain value, as written."""

    __slots__ = ()


def parse_value(text: str) -> Any:  # noqa: ANN401 - any ClassAd value
    """Return the value of one attribute of a job ad, as a log writes it on one line.

    Backslashes stand for themselves.
    """
    text = text.strip()
    if text.isdecimal() and len(text) < _LONG:
        return int(text)
    if text.startswith('"'):
        whole = _OLD_STRING.fullmatch(text)
        return whole[1].replace('\\"', '"') if whole else Expression(text)
    return parse_new(text)


def parse_new(text: str) -> Any:  # noqa: ANN401 - any ClassAd value
    """Return a value of the new ClassAd syntax, in which strings have escapes.

    An example is ``[ A = 1; B = { "x", 2.5 } ]``.
    """
    text = text.strip()
    try:
        value, stop = _value(text, 0)
    except (ValueError, RecursionError):
        return Expression(text)
    return value if not text[stop:].strip() else Expression(text)


def parse_line(line: str) -> tuple[str, Any] | None:
    """Return name and value of ``Name = value``; None if the line is something else."""
    name = _NAME.match(line)
    if not name or line[name.end() : name.end() + 1] in {"", "="}:
        return None
    return name[1] or name[2], parse_value(line[name.end() :])


def _value(text: str, at: int) -> tuple[Any, int]:
    start = text[at : at + 1]
    if start == '"':
        return _string(text, at)
    if start in {"[", "{"}:
        return _ad(text, at + 1) if start == "[" else _list(text, at + 1)
    if number := _NUMBER.match(text, at):
        written = number[0]
        plain = written.lstrip("+-").isdigit()
        return (int(written) if plain else float(written)), number.end()
    if not (word := _WORD.match(text, at)):
        raise ValueError(text)
    return _WORDS.get(word[0].lower(), Expression(word[0])), word.end()


def _string(text: str, at: int) -> tuple[str, int]:
    found = _STRING.match(text, at)
    if not found:
        raise ValueError(text)

    def plain(escape: re.Match[str]) -> str:
        code = escape[1]
        return chr(int(code, 8)) if code[0] in "01234567" else _LETTERS.get(code, code)

    return _ESCAPE.sub(plain, found[1]), found.end()


def _blanks(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _list(text: str, at: int) -> tuple[list[Any], int]:
    values: list[Any] = []
    at = _blanks(text, at)
    while text[at : at + 1] != "}":
        value, at = _value(text, at)
        values.append(value)
        at = _separator(text, at, ",", "}")
    return values, at + 1


def _ad(text: str, at: int) -> tuple[dict[str, Any], int]:
    values: dict[str, Any] = {}
    at = _blanks(text, at)
    while text[at : at + 1] != "]":
        name = _NAME.match(text, at)
        if not name:
            raise ValueError(text)
        values[name[1] or name[2]], at = _value(text, name.end())
        at = _separator(text, at, ";", "]")
    return values, at + 1


def _separator(text: str, at: int, separator: str, closing: str) -> int:
    at = _blanks(text, at)
    if text[at : at + 1] == separator:
        return _blanks(text, at + 1)
    if text[at : at + 1] != closing:
        raise ValueError(text)
    return at
