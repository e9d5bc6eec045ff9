"""Recognise files that are neither CSV nor Parquet, and say how to turn them into one.

A wrong format read as text fails far from its cause, or not at all.
"""

import codecs
from pathlib import Path

from wingspan.errors import TableError

_HEAD = 4096
_POLARS = 'python -c \'import polars as pl; pl.{}("{}").write_parquet("{}.parquet")\''
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EXCEL = (
    "save its sheet as CSV: in the spreadsheet program, or with "
    "libreoffice --headless --convert-to csv {}"
)
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (_OLE, "an Excel workbook (.xls)", _EXCEL),
    (b"ARROW1", "an Arrow (Feather) file", _POLARS.format("read_ipc", "{}", "table")),
    (b"Obj\x01", "an Avro file", _POLARS.format("read_avro", "{}", "table")),
    (b"SQLite format 3\x00", "an SQLite database", "export the table: sqlite3 -header -csv {} 'SELECT * FROM NAME' > table.csv"),
    (b"\x89HDF", "an HDF5 file", "export the table to CSV or Parquet with the program that wrote it"),
    (b"ORC", "an ORC file", "convert it to Parquet with the program that wrote it"),
    (b"$FL2", "an SPSS file", "export it to CSV from SPSS"),
    (b"<stata_dta>", "a Stata file", "export it to CSV: export delimited in Stata"),
    (b"%PDF", "a PDF", "extract its table to CSV first"),
    (b"\x80\x04\x95", "a Python pickle", "write the table to Parquet with the program that made it"),
    (b"\x80\x05\x95", "a Python pickle", "write the table to Parquet with the program that made it"),
    (b"BZh", "compressed with bzip2", "decompress it first: bunzip2 {}"),
    (b"\xfd7zXZ\x00", "compressed with xz", "decompress it first: unxz {}"),
)  # fmt: skip
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def refuse_other_formats(file: Path) -> None:
    """Refuse a file that is surely neither CSV nor Parquet.

    Raises
    ------
    TableError
        Its first bytes are those of another format, or text of another encoding.
    """
    with file.open("rb") as content:
        head = content.read(_HEAD)
    found = _workbook(head) or _by_magic(head) or _encoding(head) or _markup(head)
    if found:
        what, fix = found
        problem = f"expected CSV or Parquet, found {what}"
        raise TableError(str(file), problem, fix.replace("{}", str(file)))


def _encoding(head: bytes) -> tuple[str, str] | None:
    """Recognise UTF-16 and UTF-32, also without a mark.

    Every other byte of plain text is then 0.
    """
    name = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if name is None and head.count(b"\0") > len(head) // 4:
        name = "UTF-16LE" if head[1::2].count(0) > head[::2].count(0) else "UTF-16BE"
    if name is None:
        return None
    return f"text in {name}", f"convert it: iconv -f {name} -t UTF-8 {{}} > utf8.csv"


def _workbook(head: bytes) -> tuple[str, str] | None:
    if not head.startswith(_ZIP):
        return None
    if b"xl/" in head or b"[Content_Types].xml" in head:
        return "an Excel workbook (.xlsx)", _EXCEL
    if b"opendocument.spreadsheet" in head:
        return "an OpenDocument spreadsheet", _EXCEL
    return "a ZIP archive", "unpack it first: unzip {}"


def _by_magic(head: bytes) -> tuple[str, str] | None:
    return next(((what, fix) for magic, what, fix in _MAGIC if head.startswith(magic)), None)


def _markup(head: bytes) -> tuple[str, str] | None:
    """Recognise JSON, HTML and XML by their first characters."""
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if start.startswith((b'{"', b"[{", b"{\n", b"{ ", b"{\r")):
        lines = b"}\n{" in start or b"}\r\n{" in start
        reader = "read_ndjson" if lines else "read_json"
        return "JSON", "convert it first: " + _POLARS.format(reader, "{}", "table")
    if start[:1] == b"<" and start[:9].lower().startswith(
        (b"<!doctype", b"<html", b"<?xml", b"<table")
    ):
        return "HTML or XML", "save the table as CSV first"
    return None
