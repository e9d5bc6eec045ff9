"""Every warning about a table appears where it should, and not on the clean table that nearly has the fault."""

import json
import re
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from wingspan.tabular.clean import Rules, clean
from wingspan.tabular.csv_files import NULL_VALUES, ReadOptions
from wingspan.tabular.inputs import Wanted, choose_inputs
from wingspan.tabular.number_texts import numbers_in
from wingspan.tabular.preparation import Treatment
from wingspan.tabular.prepare import learn_part, learn_preparation, merge_parts
from wingspan.tabular.read import read_table
from wingspan.tabular.split import SplitRule
from wingspan.tabular.survey import Survey, survey

ROWS = 400


def base(seed=0):
    """Return a clean table of two classes."""
    random = np.random.default_rng(seed)
    x, z = random.normal(size=ROWS), random.normal(size=ROWS)
    return {
        "x": x,
        "z": z,
        "kind": random.choice(list("abc"), ROWS),
        "y": np.where(x + random.normal(size=ROWS) > 0, "yes", "no"),
    }


def with_column(name, values):
    return lambda: {**base(), name: values(np.random.default_rng(7))}


def numbers_as(how):
    return with_column(
        "price", lambda random: [how(v) for v in random.uniform(1_000, 90_000, ROWS)]
    )


def target(values):
    return lambda: {**base(), "y": values(np.random.default_rng(7), base())}


def rows_of(count, positives=0.5):
    def made():
        table = {name: values[:count] for name, values in base().items()}
        table["y"] = np.where(np.arange(count) < count * positives, "yes", "no")
        return {name: np.random.default_rng(3).permutation(v) for name, v in table.items()}

    return made


def doubled(share, few=False):
    """Return a table in which a share of the rows is there twice; with `few`, of columns of few values alone."""

    def made():
        table = base()
        if few:
            table = {"kind": table["kind"], "flag": table["x"] > 0, "y": table["y"]}
        count = int(ROWS * share)
        return {name: np.concatenate([values, values[:count]]) for name, values in table.items()}

    return made


def banded(noise):
    """Return a regression whose target is nearly that of its band."""
    rows = base()
    level = np.select([rows["kind"] == "a", rows["kind"] == "b"], [1.5, 3.5], 9.5)
    y = level + np.random.default_rng(2).normal(0, noise, ROWS)
    return {**rows, "band": rows["kind"], "kind": rows["y"], "y": y}


def is_yes(rows):
    return (rows["y"] == "yes").astype(int)


CASES = {  # name -> (code of the warning, column, table that has it, table that nearly has it)
    "decimal comma": ("numbers_as_text", "price", numbers_as(lambda v: f"{v:.2f}".replace(".", ",")), numbers_as(lambda v: f"{v:.2f}")),
    "thousands comma": ("numbers_as_text", "price", numbers_as(lambda v: f"{v:,.2f}"), numbers_as(lambda v: f"{int(v) % 7},x")),
    "thousands point": ("numbers_as_text", "price", numbers_as(lambda v: f"{int(v * 99):,}".replace(",", ".")), numbers_as(lambda v: f"{int(v) % 9}.{int(v) % 7}.{int(v) % 5}")),
    "thousands space": ("numbers_as_text", "price", numbers_as(lambda v: f"{int(v):,}".replace(",", " ")), numbers_as(lambda v: f"{int(v) % 7} street")),
    "currency before": ("numbers_as_text", "price", numbers_as(lambda v: f"${v:,.0f}"), numbers_as(lambda v: f"${'abc'[int(v) % 3]}")),
    "currency after": ("numbers_as_text", "price", numbers_as(lambda v: f"{v:.2f} €"), numbers_as(lambda v: f"{int(v) % 9} kg")),
    "negative amounts": ("numbers_as_text", "price", numbers_as(lambda v: f"({v:,.2f}) USD" if v > 40_000 else f"{v:,.2f} USD"), numbers_as(lambda v: f"({int(v) % 9})a")),
    "percent": ("numbers_as_text", "price", numbers_as(lambda v: f"{v / 1000:.1f}%"), numbers_as(lambda v: f"{int(v) % 9}-{int(v) % 9 + 10}%")),
    "a word among numbers": ("numbers_as_text", "price", numbers_as(lambda v: "?" if v > 85_000 else f"{v:.1f}"), numbers_as(lambda v: f"A{int(v) % 40}")),
    "rupees": ("numbers_as_text", "price", numbers_as(lambda v: f"₹{v:,.2f}"), numbers_as(lambda v: f"№{int(v) % 9}")),
    "crowns": ("numbers_as_text", "price", numbers_as(lambda v: f"{v:.0f} kr"), numbers_as(lambda v: f"{int(v) % 9} krill")),
    "a target of percentages": ("numbers_as_text", "y", target(lambda r, b: [f"{n % 8}%" for n in range(ROWS)]), target(lambda r, b: [f"{n % 8}x" for n in range(ROWS)])),
    "yes and 1": ("spellings", "open", with_column("open", lambda r: [["Yes", "no", "1", "0"][n % 4] for n in range(ROWS)]), with_column("open", lambda r: [["Yes", "no", "maybe"][n % 3] for n in range(ROWS)])),
    "classes of yes and 1": ("spellings", "y", target(lambda r, b: [["yes", "no", "1", "0"][n % 4] for n in range(ROWS)]), target(lambda r, b: [["yes", "no", "1", "0", "2"][n % 5] for n in range(ROWS)])),
    "whole floats that count rows": ("id", "serial", with_column("serial", lambda r: np.arange(ROWS) + 5_000.0), with_column("serial", lambda r: np.arange(ROWS) + 5_000.5)),
    "whole floats as a target": ("whole_target", "y", target(lambda r, b: r.integers(0, 90, ROWS) * 1.0), target(lambda r, b: r.integers(0, 90, ROWS) * 1.5)),
    "dates of three formats": ("dates_as_text", "day", with_column("day", lambda r: [[f"2024-03-{n % 28 + 1:02d}", f"{n % 28 + 1:02d}/03/2024", f"Mar {n % 28 + 1} 2024"][n % 3] for n in range(ROWS)]), with_column("day", lambda r: [[f"A-2024-{n % 28}", f"{n % 9}/11 red"][n % 2] for n in range(ROWS)])),
    "days before months": ("dates_as_text", "day", with_column("day", lambda r: [f"{n % 28 + 1:02d}/03/2024" for n in range(ROWS)]), with_column("day", lambda r: [f"2024/03/{n % 28 + 1:02d}" for n in range(ROWS)])),
    "a date that does not exist": ("dates_as_text", "day", with_column("day", lambda r: ["2024-02-31" if n == 9 else f"2024-03-{n % 28 + 1:02d}" for n in range(ROWS)]), with_column("day", lambda r: [f"2024-03-{n % 28 + 1:02d}" for n in range(ROWS)])),
    "months": ("dates_as_text", "month", with_column("month", lambda r: [f"2024-{n % 12 + 1:02d}" for n in range(ROWS)]), with_column("month", lambda r: [f"2024-{n % 14 + 1:02d}" for n in range(ROWS)])),
    "times with and without an offset": ("dates_as_text", "at", with_column("at", lambda r: [f"2024-03-04 {n % 24:02d}:{n % 60:02d}:00{'+02:00' * (n % 2)}" for n in range(ROWS)]), with_column("at", lambda r: [f"2024-03-04 {n % 24:02d}:{n % 60:02d}:00" for n in range(ROWS)])),
    "dates as numbers": ("dates_as_numbers", "day", with_column("day", lambda r: [20240301 + n % 28 for n in range(ROWS)]), with_column("day", lambda r: [20240301 + n % 40 for n in range(ROWS)])),
    "times of several zones": ("time_zone", "at", with_column("at", lambda r: [f"2024-03-04T{n % 24:02d}:{n % 60:02d}:00{['Z', '+02:00', '-05:00'][n % 3]}" for n in range(ROWS)]), with_column("at", lambda r: [f"2024-03-04T{n % 24:02d}:{n % 60:02d}:00" for n in range(ROWS)])),
    "values of two spellings": ("spellings", "town", with_column("town", lambda r: [["Bern", " bern", "Genf"][n % 3] for n in range(ROWS)]), with_column("town", lambda r: [["Bern", "Berne", "Genf"][n % 3] for n in range(ROWS)])),
    "classes of two spellings": ("spellings", "y", target(lambda r, b: [["yes", "Yes", "no"][n % 3] for n in range(ROWS)]), target(lambda r, b: [["yes", "yess", "no"][n % 3] for n in range(ROWS)])),
    "a number that counts rows": ("id", "serial", with_column("serial", lambda r: np.arange(ROWS) + 5_000), with_column("serial", lambda r: r.integers(0, 10**9, ROWS))),
    "an id by its name": ("id", "customer_id", with_column("customer_id", lambda r: r.permutation(10**6)[:ROWS]), with_column("customer_id", lambda r: r.integers(0, ROWS // 2, ROWS))),
    "the index of pandas": ("id", "Unnamed: 0", with_column("Unnamed: 0", lambda r: np.arange(ROWS)), with_column("Unnamed: 0", lambda r: np.arange(ROWS) % 12)),
    "a text for each row": ("id", "email", with_column("email", lambda r: [f"u{n}@x.org" for n in range(ROWS)]), with_column("email", lambda r: [f"u{n * 0.85:.0f}@x.org" for n in range(ROWS)])),
    "a column 95 % distinct": ("id", "code_no", with_column("code_no", lambda r: r.permutation(ROWS * 9)[:ROWS]), with_column("code_no", lambda r: np.concatenate([r.permutation(ROWS * 9)[: ROWS - 20], np.full(20, 7)]))),
    "constant text": ("constant", "same", with_column("same", lambda r: ["a"] * ROWS), with_column("same", lambda r: ["a"] * (ROWS - 5) + ["b"] * 5)),
    "constant number": ("constant", "same", with_column("same", lambda r: [3] * ROWS), with_column("same", lambda r: [3] * (ROWS - 5) + [4] * 5)),
    "empty column": ("constant", "same", with_column("same", lambda r: [None] * ROWS), with_column("same", lambda r: [None] * (ROWS // 2) + ["a", "b"] * (ROWS // 4))),
    "a leak by name": ("leak", "result", lambda: {**base(), "result": np.where(base()["y"] == "yes", "paid", "lost")}, lambda: {**base(), "result": np.where((base()["y"] == "yes") ^ (np.random.default_rng(1).random(ROWS) < 0.05), "paid", "lost")}),
    "a leak by a threshold": ("leak", "score", lambda: {**base(), "score": is_yes(base()) + np.random.default_rng(1).uniform(0, 0.9, ROWS)}, lambda: {**base(), "score": is_yes(base()) + np.random.default_rng(1).uniform(0, 1.15, ROWS)}),
    "a leak of a regression": ("leak", "cents", lambda: {**base(), "y": base()["x"] * 10, "x": base()["z"], "cents": np.round(base()["x"] * 1000)}, lambda: {**base(), "y": base()["x"] * 10, "x": base()["z"], "cents": base()["x"] + np.random.default_rng(1).normal(0, 0.25, ROWS)}),
    "a leak by groups": ("leak", "band", lambda: banded(0.05), lambda: banded(0.8)),
    "duplicates": ("duplicates", None, doubled(0.3), doubled(0.0)),
    "duplicates by chance": ("duplicates", None, doubled(0.5), doubled(0.5, few=True)),
    "a small test part": ("small_test", None, rows_of(100), rows_of(200)),
    "few test rows of a class": ("small_class", None, rows_of(380, 0.06), rows_of(380, 0.25)),
    "no positive test row": ("absent_class", None, rows_of(380, 0.006), rows_of(380, 0.25)),
    "a rare class": ("rare_class", None, rows_of(380, 0.015), rows_of(380, 0.25)),
    "a whole number of many values": ("whole_target", "y", target(lambda r, b: r.integers(0, 90, ROWS)), target(lambda r, b: r.integers(0, 15, ROWS))),
    "rows without a target": ("missing_target", "y", target(lambda r, b: [None if n % 50 == 0 else y for n, y in enumerate(b["y"].tolist())]), target(lambda r, b: b["y"])),
}  # fmt: skip


def looked_at(tmp_path, made) -> Survey:
    path = tmp_path / "t.csv"
    pl.DataFrame(made(), strict=False).write_csv(path)
    table = read_table(path, tmp_path / "out")
    rule = SplitRule(seed=5)
    prepared = learn_preparation(table, rule, target="y", rules=Rules(missing_target="drop"))
    return survey(table, rule, prepared)


def has(found, code, column):
    return any(each.code == code and each.column == column for each in found.findings)


@pytest.mark.parametrize("name", CASES)
def test_a_warning_appears_where_it_should_and_only_there(tmp_path, name):
    """With the option that changes it; the near miss has no warning of this kind about the column."""
    code, column, bad, clean = CASES[name]
    (tmp_path / "bad").mkdir()
    found = looked_at(tmp_path / "bad", bad)
    assert has(found, code, column), found.findings
    finding = next(each for each in found.findings if each.code == code)
    assert finding.fix
    (tmp_path / "clean").mkdir()
    near = looked_at(tmp_path / "clean", clean)
    assert not has(near, code, column), near.findings


def test_there_are_enough_made_tables():
    """At least 25, each with its near miss."""
    assert len(CASES) >= 25


def test_a_clean_table_has_no_warning_and_every_column_its_use(tmp_path):
    """Kind, missing, distinct and use of each column; a survey is JSON."""
    found = looked_at(tmp_path, base)
    assert not found.findings
    assert [(c.name, c.used) for c in found.columns] == [
        ("x", "number"), ("z", "number"), ("kind", "category of 3"), ("y", "target"),
    ]  # fmt: skip
    assert found.columns[2].distinct == 3
    assert Survey.from_json(found.as_json()) == found


@pytest.mark.parametrize(
    ("texts", "options", "values"),
    [
        (["1,5", "2,25", "-3,0"], {"decimal": ","}, [1.5, 2.25, -3.0]),
        (["1.234,5", "12", "1.000.000"], {"decimal": ",", "thousands": "."}, [1234.5, 12.0, 1e6]),
        (["1,234", "12.5", "1,000,000"], {"thousands": ","}, [1234.0, 12.5, 1e6]),
        (
            ["$1,234", "($12.50)", "$ 3"],
            {"numbers": ("v",), "thousands": ","},
            [1234.0, -12.5, 3.0],
        ),
        (["12 %", "7.5%", "0%"], {"numbers": ("v",)}, [12.0, 7.5, 0.0]),
        (["₹12", "Rs. 7.5", "$.5"], {"numbers": ("v",)}, [12.0, 7.5, 0.5]),
        (
            ["1 200,5 kr", "zł 7,5", "3 kr."],
            {"numbers": ("v",), "decimal": ","},
            [1200.5, 7.5, 3.0],
        ),
        (["12", "?", "7"], {"null_values": (*NULL_VALUES, "?")}, [12.0, None, 7.0]),
    ],
)
def test_the_options_that_are_named_read_the_numbers(tmp_path, texts, options, values):
    """What the warning says to give is what turns the column into numbers, also for new rows."""
    pl.DataFrame({"v": texts, "t": ["a", "b", "c"]}).write_csv(tmp_path / "t.csv")
    how = ReadOptions(**options)
    table = read_table(tmp_path / "t.csv", tmp_path / "out", options=how)
    assert table.schema.column("v").kind == "number"
    assert pl.read_parquet(table.data)["v"].cast(float).to_list() == values
    again = read_table(
        tmp_path / "t.csv",
        tmp_path / "new",
        options=ReadOptions().with_marks(how.marks_of()) if how.marked else how,
        expected=table.schema,
    )
    assert again.schema.column("v").kind == "number"


@pytest.mark.parametrize(
    ("form", "read"),
    [
        (lambda day: f"{day:02d}/03/2024", True),  # it could not be March of another day
        (lambda day: f"03/{day:02d}/24", True),
        (lambda day: f"{day:02d} March 2024", True),
        (lambda day: int(f"202403{day:02d}"), True),
        (lambda day: f"{day % 12 + 1:02d}/{day % 12 + 1:02d}/2024", False),
    ],
    ids=["day first", "month first", "words", "number", "either"],
)
def test_the_rule_that_is_named_reads_the_dates(tmp_path, form, read):
    """As no date is read without it whose day and month may be taken for one another."""
    days = [n % 28 + 1 for n in range(84)]
    pl.DataFrame({"day": map(form, days), "y": ["a", "b"] * 42}).write_csv(tmp_path / "t.csv")
    table = read_table(tmp_path / "t.csv", tmp_path / "out")
    assert table.schema.column("day").kind != "date"
    found = survey(table, SplitRule(), learn_preparation(table, SplitRule(), target="y"))
    fix = next(each.fix for each in found.findings if each.code.startswith("dates_as"))
    assert ("if the month comes first" in fix) is not read
    rules = Rules.from_json(json.loads(fix.partition("--rules FILE with ")[2].split(" (or")[0]))
    cleaned = clean(pl.read_parquet(table.data), rules)
    assert cleaned.counts == {"day: not a date, made missing": 0}
    if read:
        assert cleaned.frame["day_weekday"].to_list() == [
            date(2024, 3, d).weekday() + 1 for d in days
        ]


def test_dates_are_read_alike_however_the_file_is_read(tmp_path):
    """Times of a zone, without seconds, and after many empty rows, where another column misleads the sample."""
    rows = [f"{'' if n < 200 else '2024-03-04'},2024/03/04,2024-03-04T10:30,2024-03-04 10:30:00+02:00,{n}"
            for n in range(300)]  # fmt: skip
    for name, last in (("sampled", "1"), ("exact", "x")):
        path = tmp_path / f"{name}.csv"
        path.write_text("\n".join(["late,day,minute,zone,n", *rows, f",,,,{last}", ""]))
        frame = pl.read_parquet(read_table(path, tmp_path / name).data)
        assert frame.dtypes[:4] == [pl.Date, pl.Date, pl.Datetime("us"), pl.Datetime("us", "UTC")]
        assert frame.row(250)[:3] == (
            date(2024, 3, 4),
            date(2024, 3, 4),
            datetime(2024, 3, 4, 10, 30),  # noqa: DTZ001 - it has no zone
        )
        assert frame.row(250)[3].hour == 8


def test_texts_that_are_not_all_numbers_stay_texts(tmp_path):
    """A wrong group of digits, a second comma: the column is not a number; a named one is refused by its row."""
    pl.DataFrame({"v": ["1,5", "1,5,2", "x"]}).write_csv(tmp_path / "t.csv")
    table = read_table(tmp_path / "t.csv", tmp_path / "out", options=ReadOptions(decimal=","))
    assert table.schema.column("v").kind == "category"
    with pytest.raises(Exception, match="row 2 has '1,5,2'"):
        read_table(
            tmp_path / "t.csv", tmp_path / "o", options=ReadOptions(decimal=",", numbers=("v",))
        )


def test_codes_may_be_declared_categories(tmp_path):
    """A number that is a name is a feature for each value, of CSV and Parquet, leading zeros kept."""
    frame = pl.DataFrame({"zip": ["01234", "99999", "01234"], "y": ["a", "b", "a"]})
    frame.write_csv(tmp_path / "t.csv")
    table = read_table(
        tmp_path / "t.csv", tmp_path / "out", options=ReadOptions(categories=("zip",))
    )
    assert table.schema.column("zip").categories == ("01234", "99999")
    pl.DataFrame({"zip": [1, 2, 1]}).write_parquet(tmp_path / "t.parquet")
    table = read_table(
        tmp_path / "t.parquet", tmp_path / "p", options=ReadOptions(categories=("zip",))
    )
    assert table.schema.column("zip").categories == ("1", "2")


def test_ways_of_writing_numbers_are_told_apart():
    """The option that the warning names is that of most values."""
    assert "--decimal , --thousands ." in numbers_in(["1.234,5", "2.000", "7.500.000"])[1]
    assert numbers_in(["1,234", "2,500", "12,000,000"])[1].endswith("--thousands ,")
    assert numbers_in(["1,5", "2,75", "3,1"])[1].endswith("--decimal ,")
    assert numbers_in(["$1,200.5", "$3", "$7"])[1].endswith("--numbers {} --thousands ,")
    assert numbers_in(["1.200,5 €", "3 €", "7 €"])[1].endswith(
        "--numbers {} --decimal , --thousands ."
    )
    assert numbers_in(["7,5 %", "3 %", "1 %"])[1].endswith("--numbers {} --decimal ,")
    assert numbers_in(["CHF 1'200.50", "CHF 3", "CHF 7"])[1].endswith('--thousands "\'"')
    assert numbers_in(["a", "b", "c"]) is None
    assert numbers_in(["1", "2"]) is None


def test_groups_and_weights_are_said_to_be_used(tmp_path):
    """A row without a group is in one with the others that have none."""
    frame = pl.DataFrame(base()).with_row_index("g").with_columns(pl.col("g") // 5, w=pl.lit(1))
    for name, g in (("whole", pl.col("g")), ("holes", pl.when(pl.col("g") > 30).then("g"))):
        frame.with_columns(g).write_parquet(tmp_path / f"{name}.parquet")
        table = read_table(tmp_path / f"{name}.parquet", tmp_path / name)
        rule = SplitRule(column="g")
        wanted = Wanted("y", ("g",), treatment=Treatment(weight="w"))
        part = learn_part(table, rule, choose_inputs(table, wanted))
        found = survey(table, rule, merge_parts([part]))
        used = {column.name: column.used for column in found.columns}
        assert used["g"] == "dropped: its groups are kept together"
        assert used["w"] == "dropped: the weights of rows"
        assert has(found, "missing_group", "g") is (name == "holes")


def test_many_classes_of_one_fault_are_one_warning(tmp_path):
    """Named by their number and the first ones; the table of 40 classes has no page of lines."""
    found = looked_at(tmp_path, target(lambda r, b: [f"c{k}" for k in r.integers(0, 40, ROWS)]))
    small = [each for each in found.findings if each.code == "small_class"]
    assert len(small) == 1
    assert re.match(r"test rows of \d\d classes, such as 'c", small[0].message)
    assert small[0].message.endswith("too few to judge them by")
    assert small[0].blocks
