"""Equal failures are one message."""

from wingspan.runner.alike import alike, names_of
from wingspan.runner.events import StepEvent


def failed(number, problem):
    return StepEvent(0.0, f"fit[{number}]", "k", "failed", problem=problem)


def test_problems_that_differ_in_numbers_and_quoted_text_are_the_same():
    """Sixty of them are one group, in order."""
    events = [failed(n, f"ValueError: no '{n}.csv' with {n / 7} (loans.py:12)") for n in range(60)]
    (group,) = alike(events)
    assert group == events
    assert names_of(group) == "fit[0], fit[1], fit[2] and 57 more"
    assert names_of(group[:2]) == "fit[0], fit[1]"


def test_other_words_lines_and_states_are_other_problems():
    """An exception raised on another line is another fault."""
    events = [
        failed(1, "ValueError: no 1 (loans.py:12)"),
        failed(2, "ValueError: no 1 (loans.py:13)"),
        failed(3, "TypeError: no 1 (loans.py:12)"),
        StepEvent(0.0, "x", "k", "held", problem="ValueError: no 1 (loans.py:12)"),
        failed(4, "ValueError: no 2 (loans.py:12)"),
    ]
    assert [[event.step for event in group] for group in alike(events)] == [
        ["fit[1]", "fit[4]"], ["fit[2]"], ["fit[3]"], ["x"],
    ]  # fmt: skip
