"""ClassAd expressions as text: taken apart at ``&&``, and made readable. Pure."""

import re

_TOKEN = re.compile(
    r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|=\?=|\?:|&&|\|\||[()\[\]{}?]|.', re.DOTALL
)
_FLOAT = re.compile(r"\b\d\.\d+E[+-]\d+\b")
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


def clauses(expression: str) -> list[str]:
    """Return the parts of an expression that must all be true, without the parentheses around them.

    >>> clauses('((Arch == "X86_64") && (a || b)) && Memory > 1')
    ['Arch == "X86_64"', 'a || b', 'Memory > 1']
    """
    text = _bare(expression.strip())
    parts = _parts(text)
    if len(parts) == 1:
        return parts if text and text.lower() != "true" else []
    return [clause for part in parts for clause in clauses(part)]


def _parts(text: str) -> list[str]:
    """Split at the outermost ``&&``; not at all where ``||`` or a condition binds less."""
    depth, parts = 0, [""]
    for token in _TOKEN.findall(text):
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0 and token in {"||", "?", "?:"}:
            return [text]
        if depth == 0 and token == "&&":
            parts.append("")
        else:
            parts[-1] += token
    return parts


def _bare(text: str) -> str:
    """Take away parentheses around the whole."""
    while text.startswith("("):
        depth, seen = 0, 0
        for token in _TOKEN.findall(text):
            depth += (token in _OPEN) - (token in _CLOSE)
            seen += len(token)
            if depth == 0:
                break
        if depth or seen < len(text):
            break
        text = text[1:-1].strip()
    return text


def readable(expression: str) -> str:
    """Return an expression on one line, with numbers as people write them.

    >>> readable("Capability >= 9.000000000000000E+00")
    'Capability >= 9.0'
    """
    line = " ".join(expression.split())
    return _FLOAT.sub(lambda found: repr(float(found[0])), line)
