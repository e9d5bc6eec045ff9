"""The prose of messages, docstrings and guides keeps to plain English and to the field's own words."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/wingspan"
HEAD = 90  # characters of the first line of a docstring
BANNED = re.compile(
    r"\b(tell|tells|told|telling|untold|anew|lest|nobody|somebody|whoever|beside|behind|in vain|as ever|let be|so many|"
    r"of its like|gone on from|taken in|there is none|(?<!there )is no (?!longer|more|limit)[a-z]+)\b",
    re.IGNORECASE,
)
ALLOWED = re.compile(r"\bstudy\.tell\b|\btell\(|ask and tell|user nobody", re.IGNORECASE)
PROSE = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def packages():
    """Return the packages, and the modules that stand by themselves."""
    return sorted(path for path in SOURCE.iterdir() if path.suffix == ".py" or path.is_dir())


def modules(place):
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def banned_in(text):
    """Return the banned words of a text."""
    return [found[0] for found in BANNED.finditer(ALLOWED.sub("", text))]


def words_of(source):
    """Return each name, text and comment of a module, with its line."""
    kinds = (tokenize.NAME, tokenize.STRING, tokenize.COMMENT)
    kinds += (tokenize.FSTRING_MIDDLE,) if hasattr(tokenize, "FSTRING_MIDDLE") else ()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in kinds:
            yield token.start[0], _dotted(token) if token.type == tokenize.NAME else token.string


def _dotted(token):
    """Return a name with what stands before its dots, as words: Optuna's `study.tell` is its own."""
    found = re.search(r"[\w.]*$", token.line[: token.end[1]])
    return (found[0] if found else token.string).replace("_", " ")


def heads_of(source):
    """Return the first line of each docstring, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield getattr(node, "lineno", 1), docstring.partition("\n")[0]


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_pages_use_plain_words(page):
    lines = page.read_text().splitlines()
    found = [(number, word) for number, line in enumerate(lines, 1) for word in banned_in(line)]
    assert found == []


@pytest.mark.parametrize("package", packages(), ids=lambda place: place.name)
def test_modules_use_plain_words(package):
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {word}"
        for path in modules(package)
        for line, text in words_of(path.read_text())
        for word in banned_in(text)
    ]
    assert found == []


@pytest.mark.parametrize("package", packages(), ids=lambda place: place.name)
def test_docstring_heads_are_short(package):
    """The first line of a docstring is read in lists and in editors: one short sentence, without arrows."""
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {head}"
        for path in modules(package)
        for line, head in heads_of(path.read_text())
        if len(head) > HEAD or "->" in head
    ]
    assert found == []
