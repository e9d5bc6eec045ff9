"""A file of another format or encoding is refused by its name, with a command that turns it into a table."""

import io
import sqlite3
import zipfile

import polars as pl
import pytest

from wingspan.errors import TableError
from wingspan.tabular.formats import refuse_other_formats
from wingspan.tabular.read import ReadOptions, read_table

CSV = "a,b\n1,x\n2,y\n"


def workbook(entry):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(entry, "<x/>")
    return held.getvalue()


def database(path):
    connection = sqlite3.connect(path)
    connection.execute("create table t (a)")
    connection.commit()
    connection.close()
    return path.read_bytes()


FORMATS = {
    "xlsx": (workbook("[Content_Types].xml"), "Excel", "libreoffice"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Excel", "libreoffice"),
    "ods": (workbook("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), "OpenDocument", "csv"),
    "zip": (workbook("a.csv"), "ZIP", "unzip"),
    "utf16": (CSV.encode("utf-16"), "UTF-16", "iconv -f UTF-16 "),
    "utf16le": (CSV.encode("utf-16-le"), "UTF-16LE", "iconv -f UTF-16LE"),
    "utf16be": (CSV.encode("utf-16-be"), "UTF-16BE", "iconv -f UTF-16BE"),
    "utf32": (CSV.encode("utf-32"), "UTF-32", "iconv -f UTF-32"),
    "json": (b'[{"a": 1}, {"a": 2}]', "JSON", "read_json"),
    "jsonl": (b'{"a": 1}\n{"a": 2}\n', "JSON", "read_ndjson"),
    "html": (b"<!DOCTYPE html><table></table>", "HTML", "CSV"),
    "bz2": (b"BZh91AY&SY", "bzip2", "bunzip2"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_other_formats_are_named_with_a_way_out(tmp_path, name):
    """The message names the format and a command; the name of the file does not matter."""
    content, kind, way = FORMATS[name]
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(TableError, match=kind) as caught:
        read_table(path, tmp_path / "out")
    assert way in caught.value.fix
    assert "{" not in caught.value.fix
    assert not (tmp_path / "out/table.parquet").exists()


def test_libraries_files_are_recognised(tmp_path):
    """Feather and SQLite as they are really written."""
    pl.DataFrame({"a": [1]}).write_ipc(tmp_path / "a.feather")
    with pytest.raises(TableError, match="Feather"):
        refuse_other_formats(tmp_path / "a.feather")
    database(tmp_path / "a.db")
    with pytest.raises(TableError, match="SQLite"):
        refuse_other_formats(tmp_path / "a.db")


@pytest.mark.parametrize(
    "text", [CSV, "\ufeff" + CSV, "{a,b\n1,2\n", "PK,b\n1,2\n", "<a>,b\n1,2\n"]
)
def test_plain_tables_pass(tmp_path, text):
    """A header that only looks odd is a header."""
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    assert read_table(path, tmp_path / "out").rows >= 1


@pytest.mark.parametrize("column", ["12,x\0y\n", "1\0,x\n"])
def test_a_nul_is_refused_by_its_line(tmp_path, column):
    """Also where it would turn a number into text."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n" + b"1,x\n" * 3 + column.encode() + b"1,x\n" * 3)
    with pytest.raises(TableError, match=r"a\.csv:5: a value holds the character NUL"):
        read_table(path, tmp_path / "out")


@pytest.mark.parametrize("given", [r"\t", "tab", "TAB", "\t"])
def test_a_delimiter_may_be_named(tmp_path, given):
    r"""``\t`` as a shell passes it, and the name."""
    path = tmp_path / "a.tsv"
    path.write_text("a\tb\n1\t2\n")
    assert read_table(path, tmp_path / "out", options=ReadOptions(given)).schema.names == ("a", "b")
    assert ReadOptions("semicolon").delimiter == ";"


def test_whole_numbers_beyond_64_bits_stay_text_wherever_they_come(tmp_path):
    """Also after the rows that the types are guessed from: none loses a digit."""
    last = 2**63 + 1
    path = tmp_path / "a.csv"
    path.write_text("id\n" + "".join(f"{n}\n" for n in range(12_000)) + f"{last}\n")
    table = read_table(path, tmp_path / "out")
    assert table.schema.column("id").dtype == "String"
    assert pl.read_parquet(table.data)["id"][-1] == str(last)
