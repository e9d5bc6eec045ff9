"""The words of one line of a DAG file, checked: what was expected, and what was found."""

import re
from collections.abc import Iterable

from wingspan.dag.lines import Line
from wingspan.errors import near

_VARIABLE = re.compile(r"""\s*([^\s=]+)\s*=\s*("((?:[^"\\]|\\.)*)"|'([^']*)'|[^\s"']\S*)""")
WHOLE = {  # words after a command about the whole DAG: fewest, most, which words may follow the first
    "CONFIG": (1, 1, ()),
    "DOT": (1, 9, ("UPDATE", "DONT-UPDATE", "OVERWRITE", "DONT-OVERWRITE", "INCLUDE")),
    "JOBSTATE-LOG": (1, 1, ()),
    "NODE-STATUS-FILE": (1, 3, ("ALWAYS-UPDATE",)),
}


def words_of(line: Line, fewest: int, form: str, most: int | None = None) -> list[str]:
    """Return the words after a command; `form` says what is expected of them."""
    words = line.words()
    if len(words) < fewest or (most is not None and len(words) > most):
        found = repr(line.rest) if words else "nothing"
        raise line.error(f"expected {form}, found {found}", f"write {line.keyword} {form}")
    return words


def number_of(line: Line, text: str, what: str, least: int | None = None) -> int:
    """Return a whole number, `what` of the line it is."""
    if not re.fullmatch(r"[+-]?[0-9]+", text) or (least is not None and int(text) < least):
        above = "" if least is None else f", {least} or more"
        raise line.error(f"expected {what}, found {text!r}", f"give a whole number{above}")
    return int(text)


def option_of(line: Line, words: list[str], name: str) -> int | None:
    """Return the number after an option that may end the line."""
    if not words:
        return None
    if words[0].upper().replace("_", "-") != name or len(words) != 2:
        raise line.error(f"expected {name} NUMBER, found {' '.join(words)!r}", "correct the line")
    return number_of(line, words[1], f"a number after {name}")


def folder_of(line: Line, options: list[str], flags: set[str]) -> tuple[str, set[str]]:
    """Return what stands after DIR, and which of the flags are there."""
    folder, found, rest = "", set(), list(options)
    while rest:
        word = rest.pop(0)
        if word.upper() == "DIR":
            if not rest:
                raise line.error("no folder after DIR", "write DIR FOLDER")
            folder = rest.pop(0)
        elif word.upper() in flags:
            found.add(word.upper())
        else:
            raise line.error(f"{word!r} is not expected", near(word.upper(), ["DIR", *flags]))
    return folder, found


def variables_of(line: Line, text: str) -> list[tuple[str, str]]:
    """Return the macros of a line of VARS, names and values without their quotes."""
    found, place = [], 0
    while text[place:].strip():
        match = _VARIABLE.match(text, place)
        if match is None:
            problem = f'expected name="value", found {text[place:].strip()!r}'
            raise line.error(problem, 'write VARS NODE name="value"; inside, \\" is a quote')
        name, raw, quoted, single = match.groups()
        if name.lower().startswith("queue"):
            raise line.error(f"the name {name} begins with queue", "give the macro another name")
        value = raw if quoted is None and single is None else single
        found.append((name, re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else value))
        place = match.end()
    if not found:
        raise line.error("no macro", 'write VARS NODE name="value"')
    return found


def in_splice(splice: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of a splice's nodes outside it."""
    return tuple(f"{splice}+{name}" for name in names)


def category_of(splice: str, name: str) -> str:
    """Return the name of a splice's category outside it; one that begins with + is everybody's."""
    return name.removeprefix("+") if name.startswith("+") else f"{splice}+{name}"


def whole_words(line: Line) -> list[str]:
    """Return the words of a command about the whole DAG, see `WHOLE`."""
    fewest, most, allowed = WHOLE[line.keyword]
    words = words_of(line, fewest, "FILE", most)
    rest = [word.upper().replace("_", "-") for word in words[1:]]
    for place, word in enumerate(rest):
        number = line.keyword == "NODE-STATUS-FILE" and word.isdecimal()
        named = place > 0 and rest[place - 1] == "INCLUDE"
        if word not in allowed and not number and not named:
            raise line.error(f"{words[1 + place]!r} is not expected", near(word, allowed))
    return words
