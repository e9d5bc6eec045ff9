"""Split ClassAd expressions at ``&&``, make them readable, and check them."""

import re

_TOKEN = re.compile(
    r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|=\?=|\?:|&&|\|\||[()\[\]{}?]|.', re.DOTALL
)
_FLOAT = re.compile(r"\b\d\.\d+E[+-]\d+\b")
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


def clauses(expression: str) -> list[str]:
    """Return the parts of an expression that must all be true, without outer parentheses.

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


_MACRO = re.compile(r"\$(?:\$|\w*)\([^()]*\)")
_WORDS = re.compile(
    r"""(?P<value>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[KMGTkmgt]?\b|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[A-Za-z_]\w*)
    |(?P<sign>=\?=|=!=|&&|\|\||==|!=|<=|>=|>>>|>>|<<|\?:|[-+*/%<>&|^!~?:.,(){}=;\[\]])
    |(?P<wrong>\S)""",
    re.VERBOSE,
)
_BINARY = {
    "=?=", "=!=", "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", ">>>", ">>",
    "<<", "?:", "?", ".", "is", "isnt",
}  # fmt: skip
_BETWEEN = {",", ":", "=", ";"}  # the last two in a record
_PREFIX = {"+", "-", "!", "~", "."}
_PAIRS = {")": "(", "]": "[", "}": "{"}
_EMPTY = {"()", "{}", "[]"}


def expression_problem(text: str) -> str:
    """Return what is wrong with an expression, and the column; empty if nothing is wrong.

    HTCondor's bindings decide, where they are installed. Macros are taken for values.

    >>> expression_problem("JobStatus ==")
    'expected a value after ==, found the end (column 13)'
    """
    plain = _MACRO.sub(lambda found: "1".ljust(len(found[0])), text)
    try:
        import classad2
    except ImportError:
        return _syntax_problem(plain)
    try:
        classad2.ExprTree(plain)
    except (classad2.ClassAdException, ValueError):
        if plain != text:  # a macro may stand for anything
            return ""
        return _syntax_problem(plain) or "HTCondor cannot parse it"
    return ""


def _syntax_problem(text: str) -> str:
    """Find the first place where a value or an operator is missing, or a bracket."""
    open_at: list[tuple[str, int]] = []
    last, due = "", True  # whether a value has to come
    for found in _WORDS.finditer(text):
        word, column = found[0], found.start() + 1
        wanted = _wanted(word, last, open_at, due=due)
        if found["wrong"] or wanted:
            return f"{f'{wanted}, ' if wanted else ''}found {word} (column {column})"
        if word in _PAIRS.values():
            open_at.append((word, column))
        if word in _PAIRS:
            open_at.pop()
        due = word.lower() in _BINARY or not (found["value"] or word in _PAIRS)
        last = word
    if due:
        return f"{_value_after(last)}, found the end (column {len(text.rstrip()) + 1})"
    return f"{open_at[-1][0]} is not closed (column {open_at[-1][1]})" if open_at else ""


def _wanted(word: str, last: str, open_at: list[tuple[str, int]], *, due: bool) -> str:
    """Return what should have come instead of a word; empty if it may be there."""
    within = open_at[-1][0] if open_at else ""
    binary = word.lower() in _BINARY or word in _BETWEEN
    if word in _PAIRS:
        if within != _PAIRS[word]:
            return f"expected {_PAIRS[word]} before it"
        return _value_after(last) if due and last + word not in _EMPTY else ""
    if word in {"=", ";"} and within != "[":
        return "expected == to compare"
    if due:
        return _value_after(last) if binary and word not in _PREFIX else ""
    texts = last[:1] == word[:1] == '"'  # HTCondor joins them
    return "" if binary or texts or word in {"(", "["} else "expected an operator"


def _value_after(last: str) -> str:
    return f"expected a value after {last}" if last else "expected a value"
