"""Files become one Parquet table, in order; a file that cannot be read is refused with its place."""

import csv
import gzip
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.errors import NotFoundError, SettingError, SpaceError, TableError
from wingspan.tabular.blocks import BLOCK_ROWS, iter_blocks, shards
from wingspan.tabular.read import ReadOptions, read_table
from wingspan.tabular.schema import Schema


@pytest.fixture
def read(tmp_path):
    """Write bytes to a file and read it as a table."""

    def read(content, name="a.csv", **options):
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        expected = options.pop("expected", None)
        how = ReadOptions(**options)
        return read_table(path, tmp_path / "out", options=how, expected=expected)

    return read


def rows_of(table):
    return pl.concat(iter_blocks(table)).rows()


def kinds_of(table):
    return {column.name: column.kind for column in table.schema.columns}


def refused(read, content, name="a.csv", **options):
    """Return the message of the refusal; nothing was written, and the file is as it was."""
    with pytest.raises(TableError) as caught:
        read(content, name, **options)
    return str(caught.value)


def test_columns_get_kinds(read):
    """Numbers, booleans, dates, categories and long texts are told apart."""
    lines = [f"{i},{i / 2},{i % 2 == 0},2024-01-{i + 1:02},{'ab'[i % 2]},t{i}\n" for i in range(20)]
    table = read(("n,f,b,d,c,t\n" + "".join(lines)).encode(), max_categories=10)
    assert kinds_of(table) == {
        "n": "number",
        "f": "number",
        "b": "boolean",
        "d": "date",
        "c": "category",
        "t": "text",
    }
    assert table.schema.column("c").categories == ("a", "b")
    assert table.rows == 20


def test_the_schema_is_written_beside_the_table(read):
    """``schema.json`` gives the schema back."""
    table = read(b"a,b\n1,x\n2,\n")
    text = (table.data.parent / "schema.json").read_text()
    assert Schema.from_json(json.loads(text)) == table.schema
    assert [column.nullable for column in table.schema.columns] == [False, True]


def test_rows_keep_their_order_over_blocks(tmp_path):
    """A row's id is its position, block by block, and each block but the last is full."""
    rows = 2 * BLOCK_ROWS + 17
    path = tmp_path / "many.csv"
    pl.DataFrame({"n": np.arange(rows)}).write_csv(path)
    table = read_table(path, tmp_path / "out")
    blocks = list(iter_blocks(table))
    assert [len(block) for block in blocks] == [BLOCK_ROWS, BLOCK_ROWS, 17]
    assert pl.concat(blocks)["n"].to_list() == list(range(rows))
    (last,) = iter_blocks(table, ["n"], range(2, 3))
    assert last["n"][0] == 2 * BLOCK_ROWS


def test_shards_cover_all_blocks(tmp_path):
    """Shards are ranges without overlap that cover every block; none is empty."""
    path = tmp_path / "many.csv"
    pl.DataFrame({"n": np.arange(4 * BLOCK_ROWS + 1)}).write_csv(path)
    table = read_table(path, tmp_path / "out")
    for count in (1, 2, 3, 5, 9):
        cut = shards(table, count)
        assert [block for shard in cut for block in shard] == list(table.blocks)
        assert all(cut)


@pytest.mark.parametrize("pack", ["plain", "gz", "zst"])
def test_compressed_files_are_the_same_table(tmp_path, pack):
    """A CSV, its gz and its zst give one table."""
    content = b"a,b\n" + b"".join(b"%d,x%d\n" % (i, i % 3) for i in range(5000))
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    if pack == "gz":
        path = tmp_path / "a.csv.gz"
        path.write_bytes(gzip.compress(content))
    if pack == "zst":
        path = tmp_path / "a.csv.zst"
        pl.read_csv(tmp_path / "a.csv").lazy().sink_csv(path, compression="zstd")
    table = read_table(path, tmp_path / "out")
    assert table.rows == 5000
    assert rows_of(table)[4999] == (4999, "x1")


def test_several_files_and_folders_are_one_table(tmp_path):
    """Files follow one another, a folder's in the order of their names; types fit all of them."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "b.csv").write_text("a,b\n2.5,y\n")
    (folder / "a.csv").write_text("a,b\n1,x\n")
    (folder / "_SUCCESS").write_text("")
    assert rows_of(read_table(folder, tmp_path / "o1")) == [(1.0, "x"), (2.5, "y")]
    files = [folder / "b.csv", folder / "a.csv"]
    assert rows_of(read_table(files, tmp_path / "o2")) == [(2.5, "y"), (1.0, "x")]


def test_parquet_is_read(tmp_path):
    """Parquet of any row groups becomes a table; categoricals become text."""
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame({"n": range(300), "c": ["x", "y", "z"] * 100})
    frame.with_columns(pl.col("c").cast(pl.Categorical)).write_parquet(path, row_group_size=7)
    table = read_table(path, tmp_path / "out")
    assert kinds_of(table) == {"n": "number", "c": "category"}
    assert rows_of(table) == frame.rows()


def test_a_table_that_was_read_is_not_written_again(read, tmp_path):
    """Parquet with our blocks is used where it lies."""
    first = read(b"a,b\n1,x\n")
    again = read_table(first.data, tmp_path / "again")
    assert again == first
    assert not (tmp_path / "again" / "table.parquet").exists()


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"\xef\xbb\xbfa,b\n1,x\n", [(1, "x")]),
        (b"a,b\r\n1,x\r\n2,y\r\n", [(1, "x"), (2, "y")]),
        (b'a,b\n1,"x\ny"\n2,"p""q"\n', [(1, "x\ny"), (2, 'p"q')]),
        (b"a,b\n1,x", [(1, "x")]),
        (b"a,b\n\n1,\n\n2,y\n\n", [(1, None), (2, "y")]),
        (b"a,b\nNA,x\n2,null\n", [(None, "x"), (2, None)]),
        (b",b\n0,x\n", [(0, "x")]),
    ],
    ids=["bom", "crlf", "quotes", "no last newline", "blank", "null words", "index"],
)
def test_usual_variants_are_read(read, content, rows):
    """BOM, CRLF, newlines in quotes, blank lines, words for nothing and an index column are no fault."""
    assert rows_of(read(content)) == rows


def test_an_index_column_without_a_name_is_called_as_by_pandas(read):
    """The column that pandas writes first has a name."""
    assert read(b",b\n0,x\n").schema.names == ("Unnamed: 0", "b")


def test_a_type_fits_every_row_not_only_the_sample(read):
    """What the first rows suggest gives way to later rows; a column that starts empty gets its type."""
    head = "".join(f"{i},1,,true\n" for i in range(11_000))
    table = read(f"a,b,c,d\n{head}0.5,x,7,maybe\n".encode())
    assert kinds_of(table) == {"a": "number", "b": "category", "c": "number", "d": "category"}
    assert rows_of(table)[-1] == (0.5, "x", 7, "maybe")
    assert rows_of(table)[0] == (0.0, "1", None, "true")


def test_no_two_attempts_write_the_same_file(read, monkeypatch):
    """After an error a thread of polars may open its file once more, and would cut off that of the next attempt."""
    import polars as pl

    sink, files = pl.LazyFrame.sink_parquet, []

    def recorded(self, path, **how):
        files.append(path)
        return sink(self, path, **how)

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", recorded)
    table = read(b"a,b\n" + b"1,2\n" * 20_000 + b"x,2\n")
    assert table.rows == 20_001
    assert len(set(files)) == len(files) == 3
    assert sorted(p.name for p in table.data.parent.iterdir()) == ["schema.json", "table.parquet"]


def test_long_whole_numbers_stay_as_they_are(read):
    """A number beyond 64 bits is kept as text, not rounded."""
    table = read(b"a\n123456789012345678901234567890\n1\n")
    assert rows_of(table)[0] == ("123456789012345678901234567890",)


def test_declared_types_win_over_the_look_of_new_data(read):
    """With a training schema, a category of digits stays a category, and a number without values a number."""
    training = read(b"zip,n,b\n01,1,true\nA,2,false\n").schema
    table = read(b"zip,n,b\n01,,false\n02,,\n", expected=training)
    assert kinds_of(table) == {"zip": "category", "n": "number", "b": "boolean"}
    assert rows_of(table) == [("01", None, False), ("02", None, None)]


def test_values_that_are_not_of_the_declared_type_are_shown(read):
    """A number column with text in new data is refused, with the row and the value."""
    training = read(b"n,b\n1,true\n2,false\n").schema
    message = refused(read, b"n,b\n1,true\nhigh,yes\n", expected=training)
    assert "column 'n' was Float64, row 2 has 'high'" in message
    assert "column 'b' was Boolean, row 2 has 'yes'" in message


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"", ["the file is empty"]),
        (b"\n\n", ["the file is empty"]),
        (b"a,b\n", ["not one row"]),
        (b"a;b\n1;2\n", [":1:", "semicolon", "delimiter ';'"]),
        (b"a\tb\n1\t2\n", [":1:", "a tab", "delimiter '\\t'"]),
        (b"a,b\n1,x\n2,y,3\n", [":3:", "expected 2 fields, found 3"]),
        (b"a,b,c\n1,x,2\n2\n3,z,4\n", [":3:", "expected 3 fields, found 1"]),
        (b'a,b\n"p\nq",x\n2\n', [":4:", "expected 2 fields, found 1"]),
        (b'a,b\n1,"x\n2,y\n', [":2:", "quoted value does not end"]),
        (b'a,b\n1,x\n2,5" pipe\n3,y\n', [":3:", "quote within a value", "double those in it"]),
        (b"a,b\n1,x\n2,\xe9\n", [":3:", "0xe9 at offset 10", "iconv"]),
        (b"a\xe9,b\n1,x\n", [":1:", "0xe9 at offset 1"]),
        (b"a,b,a,b\n1,2,3,4\n", [":1:", "same name: 'a', 'b'"]),
        (b"a,b\r1,x\r2,y\r", [":1:", "CR alone"]),
    ],
    ids=str,
)
def test_a_bad_file_is_refused_with_its_place(read, tmp_path, content, parts):
    """Each fault has one message that tells the line, what was expected and found; nothing is left over."""
    message = refused(read, content)
    assert str(tmp_path / "in" / "a.csv") in message
    for part in parts:
        assert part in message
    assert "\n  -> " in message
    assert not list((tmp_path / "out").glob("*"))
    assert (tmp_path / "in" / "a.csv").read_bytes() == content


def test_bad_bytes_are_found_beyond_the_first_megabyte(read):
    """The offset and the line count from the start of the file, across what is read at once."""
    good = "é,x\n".encode() * 300_000
    message = refused(read, b"a,b\n" + good + b"\xff,y\n")
    assert f":300002: byte 0xff at offset {4 + len(good)}" in message


def test_bad_rows_of_compressed_files_are_found(read, tmp_path):
    """A ragged row has its line in gz and zst, too."""
    content = b"a,b\n" + b"1,x\n" * 1000 + b"7\n"
    assert ":1002: expected 2 fields, found 1" in refused(read, gzip.compress(content), "a.csv.gz")
    lines = pl.DataFrame({"a,b": content.decode().split("\n")[1:-1]})
    path = tmp_path / "b.csv.zst"
    lines.lazy().sink_csv(path, quote_style="never", compression="zstd")
    message = refused(read, path.read_bytes(), "a.csv.zst")
    assert ":1002: expected 2 fields, found 1" in message


def test_a_truncated_gz_is_refused(read):
    """Half a download is named as such."""
    content = gzip.compress(np.random.default_rng(1).bytes(3_000_000).hex().encode())
    head = gzip.compress(b"a,b\n" + b"1,x\n" * 500_000)
    assert "cut off or damaged" in refused(read, head[: len(head) // 2], "a.csv.gz")
    assert "cut off or damaged" in refused(read, content[:1000], "b.csv.gz")


def test_a_truncated_parquet_file_is_refused(read, tmp_path):
    """So is half a Parquet file."""
    path = tmp_path / "good.parquet"
    pl.DataFrame({"a": range(1000)}).write_parquet(path)
    assert "a.parquet" in refused(read, path.read_bytes()[:-100], "a.parquet")


def test_a_missing_file_names_those_there_are(tmp_path):
    """The message lists tables in the same folder."""
    (tmp_path / "loans.csv").write_text("a\n1\n")
    with pytest.raises(NotFoundError, match=r"loans\.csv"):
        read_table(tmp_path / "loan.csv", tmp_path / "out")


def test_a_folder_of_mixed_files_is_refused(tmp_path):
    """Neither two formats, nor files that are no tables, nor no file at all."""
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(TableError, match="no file in it"):
        read_table(folder, tmp_path / "out")
    (folder / "a.csv").write_text("a\n1\n")
    pl.DataFrame({"a": [1]}).write_parquet(folder / "b.parquet")
    with pytest.raises(TableError, match=r"a\.csv \(CSV\), b\.parquet \(Parquet\)"):
        read_table(folder, tmp_path / "out")
    (folder / "notes.md").write_text("x")
    with pytest.raises(TableError, match=r"found notes\.md"):
        read_table(folder, tmp_path / "out")


def test_files_of_different_columns_are_refused(tmp_path):
    """The file and its columns are named, also when only their order differs."""
    one, two, three = (tmp_path / f"{n}.csv" for n in "abc")
    one.write_text("x,y\n1,2\n")
    two.write_text("x,z\n1,2\n")
    three.write_text("y,x\n1,2\n")
    with pytest.raises(TableError, match=r"b\.csv:1: .*missing \['y'\], not expected \['z'\]"):
        read_table([one, two], tmp_path / "out")
    with pytest.raises(TableError, match=r"c\.csv:1: .*another order"):
        read_table([one, three], tmp_path / "out")


def test_a_delimiter_is_one_character():
    """Another length is refused when it is given."""
    with pytest.raises(SettingError, match="expected one ASCII character"):
        ReadOptions(delimiter="||")


def test_a_wrong_column_name_lists_the_close_ones(read):
    """Reading a column that is not there names those like it."""
    table = read(b"income,b\n1,x\n")
    with pytest.raises(NotFoundError, match="did you mean 'income'"):
        next(iter_blocks(table, ["incom"]))


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 1 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]
    if (
        not shutil.which("mount")
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip("mounting a small file system needs the rights of root")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, small_disk):
    """The message names the folder, and no half table stays."""
    path = tmp_path / "large.csv"
    pl.DataFrame({"x": np.random.default_rng(1).random(400_000)}).write_csv(path)
    with pytest.raises(SpaceError, match=r"no space left to write table\.parquet"):
        read_table(path, small_disk / "out")
    assert not list((small_disk / "out").iterdir())


def test_reading_imports_no_library_before_it_is_called():
    """Importing the module loads neither polars nor scikit-learn."""
    code = (
        "import sys, wingspan.tabular.prepare, wingspan.tabular.transform, wingspan.tabular.read\n"
    )
    code += "print([n for n in ('polars', 'sklearn', 'pandas') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_memory_stays_bounded(tmp_path):
    """Reading a table ten times as long needs hardly more anonymous memory."""
    code = Path(__file__).with_name("peak_of_read.py")
    peaks = []
    for rows in (200_000, 2_000_000):
        path = tmp_path / f"{rows}.csv"
        frame = pl.DataFrame({"n": np.arange(rows), "x": np.arange(rows) / 7, "c": ["a"] * rows})
        frame.write_csv(path)
        done = subprocess.run(
            [sys.executable, code, path, tmp_path / f"o{rows}"],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 200


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")),
            st.integers(),
            st.floats(width=64),
        ),
        min_size=1,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_csv_module_writes_is_read_back(rows):
    """Text with quotes, delimiters and line ends, whole numbers of any size and floats come back as they were."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([("t", "n", "x"), *(("=" + text, n, x) for text, n, x in rows)])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(out.getvalue().encode())
        frame = pl.concat(iter_blocks(read_table(path, Path(folder) / "out")))
    assert frame["t"].to_list() == ["=" + text for text, _, _ in rows]
    assert [int(n) for n in frame["n"]] == [n for _, n, _ in rows]
    assert frame["x"].to_list() == [None if x != x else x for _, _, x in rows]  # noqa: PLR0124


def test_columns_without_a_name_are_called_as_pandas_calls_them(tmp_path):
    """Also several; two that have one name then are refused."""
    path = tmp_path / "t.csv"
    path.write_text(",a,\n1,2,x\n3,4,y\n")
    table = read_table(path, tmp_path / "out")
    assert table.schema.names == ("Unnamed: 0", "a", "Unnamed: 2")
    path.write_text(",Unnamed: 0\n1,2\n")
    with pytest.raises(TableError, match="columns with the same name: 'Unnamed: 0'"):
        read_table(path, tmp_path / "out")
