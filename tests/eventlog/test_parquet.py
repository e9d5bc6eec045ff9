"""Parquet: what was written is read back the same, also in parts."""

import numpy as np
import pytest

from wingspan.errors import FormatError, NotFoundError
from wingspan.eventlog.events import COLUMNS
from wingspan.eventlog.parquet import append_parquet, join, read_parquet, write_parquet
from wingspan.eventlog.read import read_events

DAY = "2025-11-04 20:29:03"
SUBMIT = "000 ({}.000.000) {} Job submitted from host: <10.0.0.1:1?alias={}>\n...\n"
HELD = "012 ({}.000.000) {} Job was held.\n\twhy\n\tCode 3 Subcode 4\n...\n"


def read(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    return read_events(tmp_path / name)


def same(one, two):
    assert (one.files, one.access_points, one.damage) == (two.files, two.access_points, two.damage)
    for name in COLUMNS:
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


def test_there_and_back(tmp_path):
    """Columns, files, damage and access points survive."""
    text = (
        SUBMIT.format(1, DAY, "ap")
        + "what?\n...\n"
        + HELD.format(1, DAY)
        + HELD.format(1, DAY)[:20]
    )
    events = read(tmp_path, "log", text)
    write_parquet(events, tmp_path / "events.parquet")
    same(read_parquet(tmp_path / "events.parquet"), events)


def test_named_columns_for_others(tmp_path):
    """Other programs find hold codes under their name, null where there is none."""
    import polars as pl

    events = read(tmp_path, "log", SUBMIT.format(1, DAY, "ap") + HELD.format(1, DAY))
    write_parquet(events, tmp_path / "events.parquet")
    frame = pl.read_parquet(tmp_path / "events.parquet")
    assert frame["hold_code"].to_list() == [None, 3]
    assert frame["hold_subcode"].to_list() == [None, 4]


def test_parts(tmp_path):
    """Appended parts read as one; another access point's job stays another job."""
    one = read(tmp_path, "one", SUBMIT.format(1, DAY, "a"))
    two = read(tmp_path, "two", SUBMIT.format(1, DAY, "b") + HELD.format(1, DAY))
    for events in (one, two, one.take([])):
        append_parquet(events, tmp_path / "parts")
    found = read_parquet(tmp_path / "parts")
    same(found, join([one, two]))
    assert found.access_points == ("a", "b")
    assert found.access_point.tolist() == [0, 1, 1]
    assert found.file.tolist() == [0, 1, 1]


def test_other_files(tmp_path):
    """A file that is not there, or not ours, is an error that names it."""
    import polars as pl

    with pytest.raises(NotFoundError, match="nothing"):
        read_parquet(tmp_path / "nothing.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(FormatError, match="other"):
        read_parquet(tmp_path / "other.parquet")
