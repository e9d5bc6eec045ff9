"""ClassAd expressions taken apart."""

import pytest

from wingspan.accesspoint.expressions import clauses, readable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("true", []),
        ("(TRUE)", []),
        ("a", ["a"]),
        ("((a) && (b && (c)))", ["a", "b", "c"]),
        ("(a) && (b)", ["a", "b"]),
        ("(a || b) && c", ["a || b", "c"]),
        ("a && b || c", ["a && b || c"]),
        ("a && b ? c : d", ["a && b ? c : d"]),
        ("a ?: b && c", ["a ?: b && c"]),
        ("a =?= undefined && b", ["a =?= undefined", "b"]),
        ('name == "x && (y" && f(a && b)', ['name == "x && (y"', "f(a && b)"]),
        (r'n == "a\" && b" && c', [r'n == "a\" && b"', "c"]),
        ("member(x, {a && b}) && c", ["member(x, {a && b})", "c"]),
        ("'odd name' && c", ["'odd name'", "c"]),
        ("(a", ["(a"]),
    ],
)
def test_an_expression_is_split_where_all_must_be_true(text, expected):
    """Only the outermost ``&&`` splits, and only where nothing binds less than it."""
    assert clauses(text) == expected


def test_expressions_are_shown_as_people_write_them():
    """Line breaks and numbers with sixteen digits, as HTCondor prints them, are for machines."""
    assert readable("max(\n  { 1.250000000000000E+00,\n 2 })") == "max( { 1.25, 2 })"
    assert readable("x >= 1.0E+20") == "x >= 1e+20"
