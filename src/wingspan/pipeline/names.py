"""Check the names that users give, and turn them into names of files.

A name is shown as it was given; what is made of it as a file, a folder or a word of HTCondor's is plain ASCII.
"""

import re
from functools import lru_cache

from wingspan.errors import DeclarationError
from wingspan.files import digest_bytes
from wingspan.shown import shown_name, unseen

LONGEST = 200  # characters of a pipeline's name
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+")
_CUT = 60  # characters of a name that are kept in a file's name
_DIGITS = 12


def check_pipeline_name(name: object, place: str) -> None:
    """Refuse a pipeline name that cannot be shown or stored.

    Raises
    ------
    DeclarationError
        It is not text, is empty or too long, or has control characters or bytes that are not UTF-8.
    """
    problem = _problem(name)
    if problem:
        fix = 'give a short name on one line: ws.Pipeline("loans")'
        raise DeclarationError(place, f"pipeline name {_brief(name)} {problem}", fix)


def _problem(name: object) -> str:
    if not isinstance(name, str):
        return f"is invalid: expected text, found {type(name).__qualname__}"
    if not name.strip():
        return "is empty"
    if len(name) > LONGEST:
        return f"has {len(name)} characters, at most {LONGEST} are possible"
    wrong = unseen(name)
    return f"has the character {wrong!a}, which cannot be shown" if wrong else ""


def _brief(name: object) -> str:
    text = shown_name(repr(name))
    return text if len(text) <= _CUT else f"{text[:_CUT]}..."


def file_part(name: str) -> str:
    """Return a readable part of a file or folder name.

    Different names may have the same part.

    >>> file_part("team/loans")
    'team_loans'
    """
    return _OTHER.sub("_", name)[:_CUT].strip("._-") or "unnamed"


@lru_cache(maxsize=4096)  # outputs of many steps have the same
def file_word(name: str) -> str:
    """Return the name of a file or folder for a name; different names have different ones.

    >>> file_word("loans"), file_word("../loans")
    ('loans', 'loans-f48edf9b8384')
    """
    part = file_part(name)
    digest = digest_bytes(name.encode(errors="surrogatepass")).partition(":")[2]
    return part if part == name else f"{part}-{digest[:_DIGITS]}"
