"""Labels of axes are round, within the axis, and few."""

from datetime import UTC, datetime

import pytest

from wingspan.draw.ticks import elapsed_ticks, number_ticks, time_ticks


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (0, 4, ["0", "1", "2", "3", "4"]),
        (-3, 12_000, ["0", "5,000", "10,000"]),
        (0.012, 0.034, ["0.015", "0.02", "0.025", "0.03"]),
    ],
)
def test_numbers_are_round(low, high, labels):
    """Steps of 1, 2 or 5 and zeros, from end to end."""
    assert [label for _, label in number_ticks(low, high)] == labels


@pytest.mark.parametrize(
    "span", [1, 50, 3600, 100_000, 86_400 * 40, 86_400 * 5000, 86_400 * 40_000]
)
def test_times_are_few_and_differ(span):
    """From a second to a century: at most six instants, inside the span, no two with one label."""
    start = datetime(2024, 2, 28, 22, 13, 20, tzinfo=UTC).timestamp()
    found = time_ticks(start, start + span)
    assert 1 <= len(found) <= 6
    assert all(start <= at <= start + span for at, _ in found)
    assert len({label for _, label in found}) == len(found)


def test_the_day_stands_where_it_changes():
    """The first label and the first of another day name it."""
    start = datetime(2024, 2, 28, 21, tzinfo=UTC).timestamp()
    labels = [label for _, label in time_ticks(start, start + 6 * 3600)]
    assert labels == ["02-28 22:00", "02-29 00:00", "02:00"]


@pytest.mark.parametrize("span", [0.01, 1.9, 2, 50, 181, 3600, 100_000, 86_400 * 40, 86_400 * 5000])
def test_lengths_of_time_are_few_and_differ(span):
    """From a hundredth of a second to years: they begin at 0 and lie inside the span."""
    found = elapsed_ticks(span)
    assert 2 <= len(found) <= 6
    assert found[0][0] == 0
    assert all(0 <= at <= span for at, _ in found)
    assert len({label for _, label in found}) == len(found)
