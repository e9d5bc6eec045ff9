"""Folds and validation rows: every row has one role, and a fold learns from its training rows alone."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.errors import SettingError, TableError
from wingspan.tabular.blocks import BLOCK_ROWS, iter_blocks, shards
from wingspan.tabular.evaluate import count_baseline, count_table, evaluation, merge_some
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.matrix import matrix
from wingspan.tabular.prepare import learn_part, merge_parts
from wingspan.tabular.split import TEST, SplitRule, assign, roles, test_mask, train_mask
from wingspan.tabular.train import train_table


def roles_of(table, rule):
    assignment = assign(table, rule)
    return np.concatenate(
        [roles(assignment, block, frame) for block, frame in enumerate(iter_blocks(table))]
    )


@pytest.fixture
def table(table_of):
    random = np.random.default_rng(0)
    rows = 3_000
    return table_of(
        pl.DataFrame(
            {
                "x": random.normal(size=rows),
                "kind": random.choice(["a", "b", "c"], rows, p=[0.9, 0.08, 0.02]),
                "who": random.integers(0, 300, rows),
                "day": random.integers(0, 500, rows),
                "y": random.normal(size=rows),
            }
        )
    )


@pytest.mark.parametrize(
    "how", [{"folds": 5}, {"validation": 0.25}, {"folds": 3, "test_size": 0.4}]
)
def test_folds_are_of_about_equal_size_and_leave_the_test_part_as_it_is(table, how):
    """The rows of the test are those that a split without folds has."""
    rule = SplitRule(**how)
    role = roles_of(table, rule)
    plain = SplitRule(test_size=rule.test_size)
    assert np.array_equal(role == TEST, roles_of(table, plain) == TEST)
    training = (role != TEST).sum()
    for number in range(1, rule.fold_count + 1):
        share = (role == number).sum() / training
        assert abs(share - (1 / rule.folds if rule.folds else rule.validation)) < 0.04
    assert (role == 0).any() == bool(rule.validation)


@given(st.integers(0, 2**31), st.sampled_from([0, 2, 3, 5]), st.sampled_from([0.0, 0.2]))
@settings(max_examples=15, deadline=None)
def test_every_training_row_is_in_one_fold(seed, folds, validation):
    """Training and test of each fold are apart, and together they are the training rows."""
    rule = SplitRule(seed=seed, folds=folds, validation=0.0 if folds else validation)
    limits = assign_nothing(rule)
    frame = pl.DataFrame({"x": np.arange(500)})
    training = train_mask(limits(rule), 0, frame)
    seen = np.zeros(500, np.int64)
    for each in rule.rules_of_folds:
        test, train = test_mask(limits(each), 0, frame), train_mask(limits(each), 0, frame)
        assert not (test & train).any()
        assert np.array_equal(test | train, training)
        seen += test
    assert (seen <= 1).all()
    if folds:
        assert np.array_equal(seen == 1, training)


def assign_nothing(rule):
    """Return what applies a plain hash, for which no table is read."""
    from wingspan.tabular.blocks import Table
    from wingspan.tabular.schema import Schema

    return lambda each: assign(Table(None, Schema(()), 0), each)


def test_stratified_folds_keep_the_shares_to_the_row(table):
    """Of each class a fifth of its rows, whatever its size."""
    rule = SplitRule(stratify="kind", folds=4)
    role = roles_of(table, rule)
    kinds = pl.concat(iter_blocks(table))["kind"].to_numpy()
    for kind in "abc":
        of_kind = role[kinds == kind]
        expected = len(of_kind) * 0.2
        for number in (TEST, 1, 2, 3, 4):
            assert abs((of_kind == number).sum() - expected) <= 1


def test_groups_stay_together(table):
    """All rows of a value have one role."""
    role = roles_of(table, SplitRule(column="who", folds=3))
    who = pl.concat(iter_blocks(table))["who"].to_numpy()
    assert all(len(np.unique(role[who == each])) == 1 for each in np.unique(who))


@pytest.mark.parametrize("how", [{"folds": 4}, {"validation": 0.2}, {}])
def test_time_goes_on_from_part_to_part(table, how):
    """Each part is later than the one before; a fold is trained on what was before it; ties stay together."""
    rule = SplitRule(time="day", **how)
    role = roles_of(table, rule)
    day = pl.concat(iter_blocks(table))["day"].to_numpy()
    order = [*range(rule.fold_count + 1), TEST]
    for one, two in itertools.pairwise(order):
        assert day[role == one].max() < day[role == two].min()
    assert abs((role == TEST).mean() - 0.2) < 0.02
    for each in rule.rules_of_folds:
        assignment = assign(table, each)
        frame = pl.concat(iter_blocks(table))
        train, test = train_mask(assignment, 0, frame), test_mask(assignment, 0, frame)
        assert day[train].max() < day[test].min()


def test_dates_divide_as_numbers_do(table_of):
    """By day."""
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 12, 31), eager=True)
    table = table_of(pl.DataFrame({"day": days, "y": range(len(days))}))
    role = roles_of(table, SplitRule(time="day"))
    assert (np.diff((role == TEST).astype(int)) >= 0).all()


def test_what_cannot_be_divided_is_refused(table, table_of):
    """With the option to change."""
    with pytest.raises(TableError, match="expected dates or numbers"):
        assign(table, SplitRule(time="kind"))
    few = table_of(pl.DataFrame({"t": [1, 1, 1, 2] * 10}), "few")
    with pytest.raises(TableError, match="different moments are too few"):
        assign(few, SplitRule(time="t", folds=3))
    holes = table_of(pl.DataFrame({"t": [1, None, 3, 2] * 10}), "holes")
    with pytest.raises(TableError, match="10 missing values"):
        assign(holes, SplitRule(time="t"))
    for wrong in ({"folds": 1}, {"validation": 1.0}, {"time": "t", "column": "x"}):
        with pytest.raises(SettingError):
            SplitRule(**wrong)
    with pytest.raises(SettingError, match="a test part alone"):
        SplitRule("sklearn", folds=5)


@pytest.mark.parametrize("time", [None, "day"])
def test_a_fold_learns_from_its_own_training_rows(table, time):
    """The mean is that of its rows, and its matrix has as many rows as it says."""
    rule = SplitRule(folds=3, time=time)
    part = learn_part(table, rule, choose_inputs(table, Wanted("y")))
    frame = pl.concat(iter_blocks(table))
    for number, each in enumerate(rule.rules_of_folds):
        prepared = merge_parts([part], number)
        mask = train_mask(assign(table, each), 0, frame)
        x = frame["x"].to_numpy()[mask]
        assert prepared.numbers[0].mean == pytest.approx(x.mean(), rel=1e-12)
        assert prepared.numbers[0].deviation == pytest.approx(x.std(), rel=1e-9)
        assert len(matrix(table, each, prepared, "train").x) == mask.sum() == prepared.training_rows
        assert len(matrix(table, each, prepared, "test").x) == prepared.test_rows


def test_shards_of_a_regression_with_folds_change_no_bit(table_of):
    """Three blocks, in one piece and in three: preparation, evaluation and baseline are equal."""
    random = np.random.default_rng(1)
    rows = 2 * BLOCK_ROWS + 1_000
    x = random.normal(size=rows)
    table = table_of(pl.DataFrame({"x": x, "y": x + random.normal(size=rows)}))
    rule = SplitRule(folds=2)
    inputs = choose_inputs(table, Wanted("y"))
    parts = [learn_part(table, rule, inputs, blocks) for blocks in shards(table, 3)]
    whole = [learn_part(table, rule, inputs)]
    for fold in (None, 0, 1):
        assert merge_parts(parts, fold) == merge_parts(whole, fold)
    pieces, at_once, bases = [], [], []
    for number, each in enumerate(rule.rules_of_folds):
        prepared = merge_parts(whole, number)
        model = train_table(table, each, prepared, "ridge")
        at_once.append(count_table(model, table, each, prepared))
        pieces += [count_table(model, table, each, prepared, blocks) for blocks in shards(table, 3)]
        bases.append(count_baseline(table, each, prepared))
    assert evaluation(merge_some(iter(pieces))) == evaluation(merge_some(iter(at_once)))
    assert evaluation(merge_some(iter(bases))).metric("r2").value == pytest.approx(0, abs=1e-4)
