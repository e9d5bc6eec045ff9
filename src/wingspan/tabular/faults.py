"""Find what is wrong with a CSV, and where.

The header is checked before reading, and rows if reading failed or looks odd.

Only these checks read text in Python; the header is a line, and rows are looked at when something is amiss.
"""

import codecs
import csv
import gzip
import io
import itertools
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from wingspan.errors import TableError, WingspanError
from wingspan.files import disk_errors
from wingspan.shown import counted
from wingspan.tabular.blocks import DISK_FULL
from wingspan.tabular.formats import refuse_other_formats

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_CHUNK = 1 << 20
_SAMPLE = 1 << 16
_OTHER_DELIMITERS = {";": "a semicolon", "\t": "a tab", "|": "a bar", ",": "a comma"}
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def check_header(file: Path, delimiter: str) -> list[str]:
    """Return the column names of a CSV.

    A column without a name is called ``Unnamed: 0`` and so on, as pandas does.

    Raises
    ------
    TableError
        An empty file, a wrong delimiter, a name given twice, lines that end with CR alone, or bytes that are not UTF-8.
    """
    where = f"{file}:1"
    refuse_other_formats(file)
    with _faults_of(file), _text(file) as text:
        start = text.read(_CHUNK)
    if "\r" in start and "\n" not in start:
        raise TableError(where, "its lines end with CR alone", "convert the line ends to LF")
    names = next(csv.reader(io.StringIO(start, newline=""), delimiter=delimiter), None)
    if not names:
        raise TableError(str(file), "the file is empty", "give a CSV with a header line")
    if len(names) == 1:
        for other, word in _OTHER_DELIMITERS.items():
            if other != delimiter and other in names[0]:
                problem = f"one column, whose name holds {word}: {names[0][:80]!r}"
                raise TableError(where, problem, f"read it with --delimiter {other!r}")
    named = [name or f"Unnamed: {index}" for index, name in enumerate(names)]
    counts = Counter(named)
    if twice := sorted(repr(name) for name, count in counts.items() if count > 1):
        problem = f"columns with the same name: {', '.join(twice)}"
        raise TableError(where, problem, "rename them in the header")
    return named


def start_of(file: Path) -> tuple[str, bool]:
    """Return the text that a file begins with, and whether the file is compressed."""
    with _faults_of(file), _text(file) as text:
        return text.read(_SAMPLE), _magic(file).startswith((_GZIP, _ZSTD))


def check_headers(files: Sequence[Path], delimiter: str) -> list[str]:
    """Return the column names of CSV files, which must be the same and in one order."""
    names = check_header(files[0], delimiter)
    for file in files[1:]:
        found = check_header(file, delimiter)
        if found != names:
            missing, extra = set(names) - set(found), set(found) - set(names)
            problem = f"its columns are not those of {files[0].name}: " + (
                f"missing {sorted(missing)}, not expected {sorted(extra)}"
                if missing or extra
                else f"in another order, {found}"
            )
            raise TableError(f"{file}:1", problem, "bring all files to the same columns")
    return names


def check_rows(files: Sequence[Path], delimiter: str, columns: int) -> bool:
    """Refuse rows of the wrong length, bytes that are not UTF-8, and unclosed quotes.

    Returns
    -------
    Whether there are blank lines in a table of several columns; they are not rows.
    """
    blank = [_check_file(file, delimiter, columns) for file in files]
    return any(blank)


def _check_file(file: Path, delimiter: str, columns: int) -> bool:
    with _faults_of(file):
        if columns == 1 or _is_regular(file, delimiter, columns):
            return False
        return _check_records(file, delimiter, columns)


def _is_regular(file: Path, delimiter: str, columns: int) -> bool:
    """Return whether the counts of delimiters and lines fit; check the encoding.

    They fit in most files, which then need no slower check.

    Reading refuses rows that are too long, so that no long row can make up for a short one.
    """
    delimiters = lines = 0
    last = b"\n"
    regular = True
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _bytes(file) as content:
        while chunk := content.read(_CHUNK):
            decoder.decode(chunk)
            delimiters += chunk.count(delimiter.encode())
            lines += chunk.count(b"\n")
            regular = regular and b'"' not in chunk
            last = chunk[-1:]
    decoder.decode(b"", final=True)
    lines += last != b"\n"
    return regular and delimiters == lines * (columns - 1)


def _check_records(file: Path, delimiter: str, columns: int) -> bool:
    """Look at every record for its number of fields; return whether there are blank lines."""
    blank = False
    with _text(file) as text:
        lines, copies = itertools.tee(text)
        records = csv.reader(lines, delimiter=delimiter, strict=True)
        line = 0
        try:
            for record in records:
                blank = blank or not record
                raw = "".join(itertools.islice(copies, records.line_num - line))
                if fault := _fault_of(record, raw, columns):
                    raise TableError(f"{file}:{line + 1}", *fault)
                line = records.line_num
        except csv.Error as error:
            problem = f"a quoted value does not end ({error})"
            raise TableError(f"{file}:{line + 1}", problem, "correct the quotes") from error
    return blank


def _fault_of(record: list[str], raw: str, columns: int) -> tuple[str, str] | None:
    if raw.count('"') % 2:
        problem = f"a quote within a value that is not quoted: {raw.strip()[:80]!r}"
        return problem, "put the value into quotes, and double those in it"
    if record and len(record) != columns:
        problem = f"expected {counted(columns, 'field')}, found {len(record)}"
        return problem, "correct the line; a value that holds the delimiter needs quotes"
    return None


@contextmanager
def _faults_of(file: Path) -> Iterator[None]:
    """Turn errors of reading bytes and text into a `TableError` that names the place."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _encoding_fault(file) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _compression_fault(file, error) from error


def _encoding_fault(file: Path) -> TableError:
    offset, line = 0, 1
    fix = "convert it, for example with: iconv -f LATIN1 -t UTF-8"
    pending = b""
    with _bytes(file) as content:
        while chunk := content.read(_CHUNK):
            held = pending + chunk
            try:
                pending = held[codecs.utf_8_decode(held, "strict", False)[1] :]
            except UnicodeDecodeError as error:
                line += held.count(b"\n", 0, error.start)
                byte = f"byte 0x{held[error.start]:02x} at offset {offset + error.start}"
                return TableError(f"{file}:{line}", f"{byte} is not UTF-8", fix)
            done = len(held) - len(pending)
            line += held.count(b"\n", 0, done)
            offset += done
    return TableError(f"{file}:{line}", "it ends within a UTF-8 character", fix)


def _compression_fault(file: Path, error: Exception) -> TableError:
    problem = f"the compressed data is cut off or damaged ({error})"
    return TableError(str(file), problem, "copy or download the file again")


@contextmanager
def explained(files: Sequence[Path]) -> Iterator[None]:
    """Turn an error of polars or the system into one that names the file.

    A full disk is not the files' fault, and goes on as it is.
    """
    import polars as pl

    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        raise _explain(error, files) from error


def _explain(error: Exception, files: Sequence[Path]) -> WingspanError:
    if isinstance(error, WingspanError):
        return error
    where = place_of(files)
    if isinstance(error, OSError) and error.errno is not None:
        return TableError(
            where, f"cannot be read: {error.strerror}", "check the file and its rights"
        )
    compressed = [file for file in files if _magic(file).startswith((_GZIP, _ZSTD))]
    if isinstance(error, OSError) and compressed:
        return _compression_fault(compressed[0], error)
    text = " ".join(str(error).split("\n\n")[0].split())
    return TableError(where, text, "check that all files have the same columns and format")


def refuse_nul(files: Sequence[Path]) -> None:
    """Refuse files that hold the character NUL, by the place of the first one."""
    for file in files:
        line = 1
        with _bytes(file) as content:
            while chunk := content.read(_CHUNK):
                if (found := chunk.find(b"\0")) >= 0:
                    line += chunk.count(b"\n", 0, found)
                    fix = f"remove it: tr -d '\\000' < {file} > clean.csv"
                    raise TableError(f"{file}:{line}", "a value holds the character NUL", fix)
                line += chunk.count(b"\n")


def place_of(files: Sequence[Path]) -> str:
    """Return the file, or the folder of several, for a message."""
    return str(files[0] if len(files) == 1 else files[0].parent)


def _magic(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(4)


@contextmanager
def _bytes(file: Path) -> Iterator[IO[bytes]]:
    """Open the content of a file, decompressed."""
    magic = _magic(file)
    with disk_errors(file):
        if magic.startswith(_GZIP):
            with gzip.open(file, "rb") as unpacked:
                yield io.BufferedReader(unpacked)
        elif magic.startswith(_ZSTD):
            yield io.BufferedReader(_Lines(file))
        else:
            with file.open("rb") as content:
                yield content


class _Lines(io.RawIOBase):
    """The decompressed bytes of a zstd file.

    Polars decompresses it, and replaces bytes that are not UTF-8 by U+FFFD.
    """

    def __init__(self, file: Path) -> None:
        import polars as pl

        lines = pl.scan_csv(
            file,
            has_header=False,
            new_columns=["line"],
            separator="\x1f",
            quote_char=None,
            infer_schema=False,
            encoding="utf8-lossy",
            glob=False,
        )
        self._batches = lines.collect_batches(maintain_order=True)
        self._left = b""

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` as far as the next lines go; return the number of bytes, 0 at the end."""
        while not self._left:
            batch = next(self._batches, None)
            if batch is None:
                return 0
            self._left = ("\n".join(batch["line"].fill_null("")) + "\n").encode()
        taken = self._left[: memoryview(buffer).nbytes]
        memoryview(buffer).cast("B")[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)


@contextmanager
def _text(file: Path) -> Iterator[IO[str]]:
    with _bytes(file) as content, io.TextIOWrapper(content, "utf-8-sig", newline="") as text:
        yield text
