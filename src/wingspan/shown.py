"""Make text from outside safe to show.

One module knows which characters a terminal would act on.
"""

import re
from collections.abc import Iterable

_SEQUENCE = re.compile(  # colours, moves of the cursor; titles and links; other short ones
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]"
)
_UNSEEN = re.compile(  # control characters, changes of the writing direction, bytes that are not UTF-8
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


def shown(text: str) -> str:
    r"""Return a text without terminal sequences, with other control characters written out.

    Of a line that was overwritten, as progress bars do, the last state stays.

    >>> shown("10 %\r99 %\n\x1b[31mred\x1b[0m\x07")
    '99 %\nred\\x07'
    """
    if text.isascii() and text.isprintable():
        return text
    lines = _SEQUENCE.sub("", text.replace("\r\n", "\n")).split("\n")
    return "\n".join(_UNSEEN.sub(_written_out, _last_state(line)) for line in lines)


def written_out(text: str) -> str:
    r"""Return a text with its control characters, but for ends of lines and tabs, written out.

    >>> written_out("\x1b[2J")
    '\\x1b[2J'
    """
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub(_written_out, text)


def brief(text: str, most: int) -> str:
    """Return a text cut in the middle where it has more characters than `most`.

    >>> brief("a" * 50 + "b" * 50, 10)
    'aaaaa [90 characters] bbbbb'
    """
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} [{len(text) - 2 * half:,} characters] {text[-half:]}"


def in_markup(text: str) -> str:
    """Return a text on one line for HTML and SVG."""
    from html import escape

    return escape(shown_name(text))


def shown_name(name: str) -> str:
    r"""Return a name on one line: every control character is written out.

    >>> shown_name("fit[a\tb]")
    'fit[a\\tb]'
    """
    if name.isascii() and name.isprintable():
        return name
    return _UNSEEN.sub(_written_out, name.replace("\t", "\\t").replace("\n", "\\n"))


def one_line(text: str) -> str:
    r"""Return a text made safe to show, with its line breaks as spaces.

    >>> one_line("two\n  lines")
    'two lines'
    """
    return " ".join(shown(text).split())


def listed(names: Iterable[str], most: int = 4) -> str:
    """Return the first names, each once, and how many more there are.

    >>> listed(["a", "b", "a", "c"], 2)
    'a, b and 1 more'
    """
    each = list(dict.fromkeys(names))
    more = f" and {len(each) - most} more" if len(each) > most else ""
    return ", ".join(map(shown_name, each[:most])) + more


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(7300)
    '2 h 1 min'
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 72 else f"{hours // 24:,} d {hours % 24} h"


def counted(count: int, word: str) -> str:
    """Return a count with its noun.

    >>> counted(1, "step"), counted(1200, "step"), counted(2, "class"), counted(0, "entry")
    ('1 step', '1,200 steps', '2 classes', '0 entries')
    """
    if count == 1:
        return f"1 {word}"
    if word.endswith(("s", "x", "ch")):
        return f"{count:,} {word}es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{count:,} {word[:-1]}ies"
    return f"{count:,} {word}s"


def unseen(name: str) -> str:
    """Return the first character of a name that one line cannot show; empty if all can be shown."""
    found = "".join(_UNSEEN.findall(name)) or "".join(each for each in name if each in "\t\n")
    return found[:1]


def _last_state(line: str) -> str:
    return next((part for part in reversed(line.split("\r")) if part), "")


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode()
