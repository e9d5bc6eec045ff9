"""Prefix counts, against counting by hand."""

import numpy as np
import pytest

from wingspan.advisor.holds.prefix import first_of, mark, number_by_first


@pytest.fixture
def case():
    """Return marked rows of ten groups (and of nobody), values and a clock, and queries."""
    draw = np.random.default_rng(3)
    group = draw.integers(-1, 10, 400)
    rows = np.flatnonzero(draw.random(400) < 0.4)
    values = draw.integers(0, 1000, 400)
    clock = np.cumsum(draw.exponential(10.0, 400))
    return rows, group, values, clock, draw.integers(-1, 12, 200), draw.integers(0, 401, 200)


def above(rows, group, of, row):
    return [mine for mine in rows if group[mine] == of >= 0 and mine < row]


def test_counts_agree_with_counting(case):
    """Count, sum, largest, first and last are those of the group's own marks above the row."""
    rows, group, values, _, of, at = case
    marks = mark(rows, group[rows], 401)
    known = [above(rows, group, *query) for query in zip(of, at, strict=True)]
    assert marks.count(of, at).tolist() == [len(each) for each in known]
    assert marks.total(values, of, at).tolist() == [values[each].sum() for each in known]
    assert marks.highest(values, of, at).tolist() == [
        max(values[each], default=-1) for each in known
    ]
    assert marks.first(of, at).tolist() == [min(each, default=-1) for each in known]
    assert marks.last(of, at).tolist() == [max(each, default=-1) for each in known]


def test_decay_agrees_with_counting(case):
    """A decayed count is the sum of each mark's halvings."""
    rows, group, _, clock, of, at = case
    now = clock[np.maximum(at - 1, 0)]
    found = mark(rows, group[rows], 401).decayed(clock, 50.0, of, at, now)
    expected = [
        sum(0.5 ** ((time - clock[mine]) / 50.0) for mine in above(rows, group, *query))
        for *query, time in zip(of, at, now, strict=True)
    ]
    assert np.allclose(found, expected)


def test_nothing_marked_counts_nothing():
    """Without marks all counts are 0, and there is no first or last."""
    none, asked = np.empty(0, np.int64), np.array([0, 1])
    marks = mark(none, none, 10)
    assert marks.count(asked, asked).tolist() == [0, 0]
    assert marks.last(asked, asked).tolist() == marks.first(asked, asked).tolist() == [-1, -1]
    assert marks.decayed(np.arange(10.0), 1.0, asked, asked, asked * 1.0).tolist() == [0, 0]


def test_numbers_count_up_as_things_appear():
    """What comes later never changes a number."""
    one, two = np.array([7, 3, 7, 3, 9]), np.array([1, 1, 1, 2, 1])
    assert number_by_first(one, two).tolist() == [0, 1, 0, 2, 3]
    assert first_of(one, two).tolist() == [True, True, False, True, True]


@pytest.mark.parametrize("most", [5, 10**6, 2**45])
def test_numbers_agree_with_a_dictionary(most):
    """Close together, far apart, or so far that a table of them would not fit: the numbers are the same."""
    draw = np.random.default_rng(4)
    columns = [draw.choice(draw.integers(-3, most, 6), 300) for _ in range(3)]
    numbers: dict[tuple[int, ...], int] = {}
    expected = [numbers.setdefault(row, len(numbers)) for row in zip(*columns, strict=True)]
    assert number_by_first(*columns).tolist() == expected


def test_ids_at_the_end_of_their_type():
    """Logs have ids of -1 and of the largest int32: both are numbers like others."""
    ids = np.array([2**31 - 1, -1, 0, 2**31 - 1], np.int32)
    assert number_by_first(ids, ids).tolist() == [0, 1, 2, 0]
    assert number_by_first(np.abs(ids)).tolist() == [0, 1, 2, 0]
