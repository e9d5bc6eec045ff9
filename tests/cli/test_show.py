"""``wingspan show`` prints any result, and writes it whole or not at all."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from wingspan.cli.show import show
from wingspan.errors import NotFoundError, SettingError, StepFailedError

VALUES = """
    from datetime import date
    from pathlib import Path
    from typing import Any, NamedTuple

    import numpy as np
    import polars as pl
    import wingspan as ws

    class Split(NamedTuple):
        train: list[int]
        test: list[int]

    def table() -> pl.DataFrame:
        return pl.DataFrame({"name": ["a", "b"], "n": [1, 2], "rate": [0.5, None]})

    def nested() -> pl.DataFrame:
        return pl.DataFrame({"n": [[1], [2, 3]]})

    def lazy(n: int) -> pl.LazyFrame:
        return pl.LazyFrame({"n": range(n)})

    def column() -> pl.Series:
        return pl.Series("n", [1, 2])

    def array() -> np.ndarray:
        return np.arange(6.0).reshape(3, 2)

    def cube() -> np.ndarray:
        return np.zeros((2, 2, 2))

    def scores() -> dict[str, float]:
        return {"auc": 0.5, "loss": float("nan")}

    def mixed(n: int) -> dict[str, Any]:
        return {"when": date(2026, 1, 2), "n": n, "table": pl.DataFrame({"a": [1]})}

    def text() -> str:
        return "first\\x1b[31m\\nsecond\\n"

    def long() -> list[int]:
        return list(range(500))

    def content() -> bytes:
        return b"abc"

    def file() -> Path:
        Path("made.txt").write_text("made")
        return Path("made.txt")

    def folder() -> Path:
        Path("many").mkdir()
        Path("many/a.txt").write_text("a")
        return Path("many")

    def split() -> Split:
        return Split([1, 2], [3])

    def score(n: int) -> dict[str, float]:
        return {"auc": n / 2, "n": float(n)}

    def bad() -> int:
        return 1 // 0

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("values")
        for function in (table, nested, column, array, cube, scores, text, long, content, file, folder, split):
            p.step(function)
        p.step(lazy, 30)
        p.step(mixed, 3)
        p.map(score, over={"n": [1, 2]})
        p.step(bad)
        return p
"""


@pytest.fixture(scope="module")
def folder_of_values(tmp_path_factory):
    """Run the pipeline once for all tests."""
    import textwrap

    folder = tmp_path_factory.mktemp("values")
    (folder / "values_.py").write_text(textwrap.dedent(VALUES))
    code = "import values_; values_.pipeline().run(check=False)"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)
    return folder


@pytest.fixture
def values(folder_of_values, monkeypatch):
    monkeypatch.chdir(folder_of_values)
    monkeypatch.syspath_prepend(folder_of_values)
    return folder_of_values


def printed(capsys, step, **options):
    show(step, **options)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("step", "parts"),
    [
        ("table", ["table 2 x 3", "│ a ", "┆ null"]), ("lazy", ["table that is computed", "│ 9 "]), ("column", ["column of 2 rows"]),
        ("array", ["array 3 x 2 float64", "[4. 5.]"]), ("scores", ['"auc": 0.5', '"loss": null']),
        ("mixed", ["when: 2026-01-02", "n: 3", "table: table 1 x 1"]), ("text", ["first\nsecond"]),
        ("long", ["  198,", "more lines: --out FILE writes all"]), ("content", ["3 bytes\n61 62 63"]), ("file", ["made.txt  4 bytes"]),
        ("folder", ["1 file", "a.txt  1 byte"]), ("split", ['"train": [', '"test": [']), ("split.test", ["[\n  3\n]"]),
        ("score", ['"1": {', '"auc": 0.5']), ("score[2]", ['"auc": 1.0']),
    ],
)  # fmt: skip
def test_every_kind_of_result_is_printed(values, capsys, step, parts):
    """Bounded, and nothing in it acts on the terminal."""
    told = printed(capsys, step)
    for part in parts:
        assert part in told
    assert "\x1b" not in told
    assert told.count("\n") <= 202


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("table", [{"name": "a", "n": 1, "rate": 0.5}, {"name": "b", "n": 2, "rate": None}]), ("column", [1, 2]),
        ("array", [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), ("scores", {"auc": 0.5, "loss": None}),
        ("mixed", {"when": "2026-01-02", "n": 3, "table": [{"a": 1}]}), ("split", {"train": [1, 2], "test": [3]}),
        ("score", {"1": {"auc": 0.5, "n": 1.0}, "2": {"auc": 1.0, "n": 2.0}}), ("lazy", [{"n": n} for n in range(30)]),
    ],
)  # fmt: skip
def test_json_is_for_a_program(values, capsys, step, expected):
    """Strict JSON: nan is null."""
    told = printed(capsys, step, as_json=True)
    assert json.loads(told, parse_constant=pytest.fail) == expected


def rows(file, separator=","):
    with file.open(newline="") as lines:
        return list(csv.reader(lines, delimiter=separator))


def test_a_result_is_written_in_the_format_of_the_files_name(values, capsys, tmp_path):
    """CSV, Parquet, JSON, JSON lines, NumPy, text, bytes, and the file or folder itself."""
    frame = pl.DataFrame({"name": ["a", "b"], "n": [1, 2], "rate": [0.5, None]})
    assert printed(capsys, "table", out=tmp_path / "t.parquet") == f"{tmp_path / 't.parquet'}\n"
    assert pl.read_parquet(tmp_path / "t.parquet").equals(frame)
    show("table", out=tmp_path / "t.CSV")
    assert rows(tmp_path / "t.CSV") == [["name", "n", "rate"], ["a", "1", "0.5"], ["b", "2", ""]]
    show("table", out=tmp_path / "t.tsv")
    assert rows(tmp_path / "t.tsv", "\t")[1] == ["a", "1", "0.5"]
    show("table", out=tmp_path / "t.jsonl")
    lines = (tmp_path / "t.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == frame.to_dicts()
    show("lazy", out=tmp_path / "l.csv")
    assert len(rows(tmp_path / "l.csv")) == 31
    show("column", out=tmp_path / "c.json")
    assert json.loads((tmp_path / "c.json").read_text()) == [{"n": 1}, {"n": 2}]
    show("array", out=tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").tolist() == [[0, 1], [2, 3], [4, 5]]
    show("array", out=tmp_path / "a.csv")
    assert rows(tmp_path / "a.csv")[2] == ["4.0", "5.0"]
    show("text", out=tmp_path / "text.md")
    assert (tmp_path / "text.md").read_text() == "first\x1b[31m\nsecond\n"
    show("content", out=tmp_path / "content")
    assert (tmp_path / "content").read_bytes() == b"abc"
    show("file", out=tmp_path / "other.name")
    assert (tmp_path / "other.name").read_text() == "made"
    show("folder", out=tmp_path / "copied")
    assert (tmp_path / "copied" / "a.txt").read_text() == "a"
    show("score", out=tmp_path / "s.csv")
    assert rows(tmp_path / "s.csv") == [
        ["name", "auc", "n"],
        ["1", "0.5", "1.0"],
        ["2", "1.0", "2.0"],
    ]
    show("scores", out=tmp_path / "s.json")
    assert json.loads((tmp_path / "s.json").read_text()) == {"auc": 0.5, "loss": None}


def test_a_file_is_replaced_with_force_alone(values, capsys, tmp_path):
    """And what was there stays when it cannot be written."""
    out = tmp_path / "t.csv"
    out.write_text("mine")
    with pytest.raises(SettingError, match="the file exists\n  -> add --force"):
        show("table", out=out)
    with pytest.raises(SettingError, match=r"cannot be written as \.csv") as refused:
        show("nested", out=out, force=True)
    assert "write it as .tsv, .parquet, .json, .jsonl" in refused.value.fix
    assert out.read_text() == "mine"
    show("table", out=out, force=True)
    assert out.read_text().startswith("name,n,rate")
    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("step", "file", "told"),
    [
        ("table", "t.npy", "table 2 x 3 cannot be written as .npy\n  -> name a file that ends with .csv, .tsv, .parquet"),
        ("cube", "c.csv", "cannot be written as .csv\n  -> name a file that ends with .npy, .json"),
        ("scores", "s", "cannot be written to a file without an ending\n  -> name a file that ends with .json, .csv"),
        ("long", "no/such/l.json", "there is no folder"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_says_what_can(values, tmp_path, step, file, told):
    """Nothing is left over."""
    with pytest.raises(SettingError, match=told.replace(".", r"\.")):
        show(step, out=tmp_path / file)
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_is_not_there_or_failed_is_told(values):
    """With names that are near, or the traceback."""
    with pytest.raises(NotFoundError, match="did you mean table"):
        show("tabel")
    with pytest.raises(NotFoundError, match="has no field 'tset'\n  -> did you mean test"):
        show("split.tset")
    with pytest.raises(StepFailedError, match="ZeroDivisionError"):
        show("bad")


def test_models_are_written_as_the_store_keeps_them(tmp_path):
    """A scikit-learn model is a skops file."""
    linear = pytest.importorskip("sklearn.linear_model")
    from wingspan.cli.result_file import write_value
    from wingspan.cli.values import text_of

    model = linear.LogisticRegression(C=2.0).fit([[0.0], [1.0]], [0, 1])
    assert text_of(model) == "LogisticRegression\nLogisticRegression(C=2.0)"
    write_value(model, tmp_path / "m.skops")
    import skops.io

    names = skops.io.get_untrusted_types(file=tmp_path / "m.skops")
    assert skops.io.load(tmp_path / "m.skops", trusted=names).C == 2.0
    with pytest.raises(SettingError, match=r"name a file that ends with \.skops"):
        write_value(model, tmp_path / "m.json")


def test_tables_of_pandas_are_shown_and_written(tmp_path):
    """An index that is not counted is a column."""
    pd = pytest.importorskip("pandas")
    from wingspan.cli.result_file import write_value
    from wingspan.cli.values import text_of

    frame = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="key"))
    assert text_of(frame).startswith("table 2 x 1\n")
    write_value(frame, tmp_path / "t.csv")
    assert rows(tmp_path / "t.csv") == [["key", "n"], ["a", "1"], ["b", "2"]]
    write_value(frame["n"].reset_index(drop=True), tmp_path / "s.csv")
    assert rows(tmp_path / "s.csv") == [["n"], ["1"], ["2"]]


def test_the_command_is_there(values):
    """In a process of its own, from the values' folder."""
    command = [sys.executable, "-m", "wingspan", "show", "split.train", "--json"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert json.loads(told.stdout) == [1, 2]
