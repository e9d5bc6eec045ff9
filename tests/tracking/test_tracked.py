"""Logged lines -> rows: the last attempt counts, steps rise, none is there twice."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wingspan.tracking.tracked import rows_of


def line(step, **metrics):
    return {"step": step, "time": 1.0, "metrics": metrics}


def test_a_later_attempt_replaces_the_steps_that_it_logs_again():
    """Attempt 2 goes on from the checkpoint of step 1; what attempt 1 logged of step 2 is gone, with all its names."""
    first = [line(0, a=1.0), line(1, a=2.0), line(2, a=3.0), line(2, b=9.0)]
    second = [line(2, a=4.0), line(3, a=5.0)]
    rows = [(row.step, row.values) for row in rows_of([first, second])]
    assert rows == [(0, {"a": 1.0}), (1, {"a": 2.0}), (2, {"a": 4.0}), (3, {"a": 5.0})]


def test_lines_of_one_step_are_one_row_and_lines_without_a_step_come_next():
    """Two calls for one epoch are one row; a call without a step is the next one."""
    rows = rows_of([[line(5, a=1.0), line(5, b=2.0), line(None, a=3.0)]])
    assert [(row.step, row.values) for row in rows] == [(5, {"a": 1.0, "b": 2.0}), (6, {"a": 3.0})]


def test_lines_that_say_nothing_are_passed_over():
    """Whatever else a record holds."""
    assert rows_of([[{"event": "x"}, {"metrics": 3}, {"metrics": {}}]]) == ()


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.lists(
            st.tuples(
                st.none() | st.integers(-3, 12), st.sampled_from("ab"), st.floats(allow_nan=False)
            ),
            max_size=12,
        ),
        max_size=4,
    )
)
def test_steps_rise_and_every_last_value_is_there(attempts):
    """Of each explicit step, each name that its last attempt logged has the value that was logged last."""
    rows = rows_of(
        [[line(step, **{name: value}) for step, name, value in each] for each in attempts]
    )
    steps = [row.step for row in rows]
    assert steps == sorted(set(steps))
    if any(step is None for each in attempts for step, _, _ in each):
        return
    expected = {}
    for number, each in enumerate(attempts):
        for step, name, value in each:
            if expected.get(step, (number,))[0] != number:
                del expected[step]
            expected.setdefault(step, (number, {}))[1][name] = value
    assert {row.step: row.values for row in rows} == {
        step: values for step, (_, values) in expected.items()
    }
