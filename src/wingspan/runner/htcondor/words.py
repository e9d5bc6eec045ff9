"""Check and rename texts for HTCondor's lists, lines and paths. Pure."""

import re
from pathlib import Path

from wingspan.shown import shown_name, unseen

_IN_LIST = re.compile(r"[^\s,;\"'\\$`{}\x00-\x1f\x7f]+")  # without commas, quotes, macros, blanks
_MACRO = re.compile(r"\$\w*\(")
_IN_BATCH_NAMES = frozenset(" -_.:,+=@/()[]")


def in_list(text: str) -> bool:
    """Return whether a path or URL can stand in a list of files as it is."""
    return bool(_IN_LIST.fullmatch(text)) and not unseen(text)


def argument(word: str) -> str:
    """Return the value of ``arguments`` that gives a program one word.

    >>> print(argument('a "b" c'))
    "'a ""b"" c'"
    """
    quoted = word.replace('"', '""').replace("'", "''").replace("$", "$(DOLLAR)")
    return f"\"'{quoted}'\""


def folder_problem(folder: Path) -> str:
    """Return why DAGMan cannot work in a folder of this name; empty if it can.

    The paths in a DAG are relative to its folder; the folder's own path is expanded as macros are.
    """
    text = str(folder)
    wrong = unseen(text)
    if wrong:
        return f"the path {shown_name(text)} has the character {wrong!a}"
    macro = _MACRO.search(text)
    if macro:
        return f"the path {text} has {macro[0]!r}, which HTCondor would take for a macro"
    return f"the path {text} has a backslash at the end of a name" if "\\/" in f"{text}/" else ""


def batch_name(pipeline: str) -> str:
    """Return the batch name of a pipeline's jobs.

    It is the pipeline's name, with ``_`` for what DAGMan does not quote in it.
    """
    return "".join(c if c.isalnum() or c in _IN_BATCH_NAMES else "_" for c in pipeline)
