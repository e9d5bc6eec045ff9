"""Event files: TensorBoard's own reader finds every point once; a writer killed at any byte is completed."""

import math
from dataclasses import replace

import pytest

from wingspan.errors import CorruptError
from wingspan.tracking import tensorboard
from wingspan.tracking.tracked import Compared, Row, Tracked

ROWS = (
    Row(0, 1700000000.0, {"loss": 0.5, "accuracy": 0.25}),
    Row(3, 1700000001.0, {"loss": 0.125}),
    Row(300, 1700000002.0, {"loss": math.nan, "ü/β": 1e300}),
)
ONE = Tracked("id", "fit[rate=0.1]", "run", "step", "running", rows=ROWS)


def test_tensorboards_own_reader_reads_it(tmp_path):
    """Names, steps, times and values."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    tensorboard.update(tmp_path, ONE)
    found = accumulator.EventAccumulator(str(tensorboard.event_file(tmp_path, ONE).parent))
    found.Reload()
    assert sorted(found.Tags()["scalars"]) == ["accuracy", "loss", "ü/β"]
    loss = [(each.step, each.wall_time, each.value) for each in found.Scalars("loss")]
    assert loss[:2] == [(0, 1700000000.0, 0.5), (3, 1700000001.0, 0.125)]
    assert math.isnan(loss[2][2])
    assert found.Scalars("ü/β")[0].value == math.inf


def test_a_file_that_was_cut_anywhere_is_completed_and_nothing_is_doubled(tmp_path):
    """Killed at any byte, and in any state before the last row: the same bytes as written at once."""
    tensorboard.update(tmp_path, ONE)
    path = tensorboard.event_file(tmp_path, ONE)
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        tensorboard.update(tmp_path, ONE)
        assert path.read_bytes() == whole
        assert tensorboard.compared(tmp_path, ONE) == Compared()
    path.write_bytes(whole[:-30])
    assert "3 points, logged: 5" in tensorboard.compared(tmp_path, ONE).problem
    other = (*ROWS[:1], Row(3, ROWS[1].time, {"loss": 0.25}), ROWS[2])
    tensorboard.update(tmp_path, replace(ONE, rows=other))
    said = tensorboard.compared(tmp_path, ONE).problem
    assert said.endswith("has other numbers, first loss at step 3")


def test_growing_rows_are_appended_in_place(tmp_path):
    """TensorBoard goes on reading the file that it has open."""
    tensorboard.update(tmp_path, replace(ONE, rows=ROWS[:1]))
    path = tensorboard.event_file(tmp_path, ONE)
    before = path.stat().st_ino
    tensorboard.update(tmp_path, ONE)
    assert path.stat().st_ino == before
    assert [point[:2] for point in tensorboard.read(path)] == [
        (0, "loss"), (0, "accuracy"), (3, "loss"), (300, "loss"), (300, "ü/β"),
    ]  # fmt: skip


def test_numbers_that_are_returned_are_points_too(tmp_path):
    """A step that logs nothing and returns a score has one point; what it used is none."""
    done = Tracked(
        "id", "score", "run", "step", "done", summary={"accuracy": 0.5, "wingspan/wall_s": 3.0}
    )
    tensorboard.update(tmp_path, done)
    assert tensorboard.read(tensorboard.event_file(tmp_path, done)) == [(0, "accuracy", 0.5)]


def test_a_damaged_file_is_said_to_be(tmp_path):
    """The message says how to write it again, and writing it again repairs it."""
    tensorboard.update(tmp_path, ONE)
    path = tensorboard.event_file(tmp_path, ONE)
    content = bytearray(path.read_bytes())
    content[50] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptError, match="wingspan track sync"):
        tensorboard.read(path)
    tensorboard.update(tmp_path, ONE)
    assert tensorboard.compared(tmp_path, ONE) == Compared()


def test_names_that_are_no_file_names_have_files_of_their_own(tmp_path):
    """A step of a map over paths, and one that looks like it."""
    names = ["fit[a/b]", "fit[a_b]", "fit[a%2Fb]"]
    files = {tensorboard.event_file(tmp_path, replace(ONE, name=name)) for name in names}
    assert {file.parent.parent for file in files} == {tmp_path}
    assert len(files) == 3
