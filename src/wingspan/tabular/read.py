"""Convert a CSV or Parquet table, once, to a `Table` on disk.

A `Table` is Parquet with one row group per block, and a schema.

Every pass after this one reads Parquet. A CSV may be compressed (gz, zst); several files, or a folder of files of one
format, are one table in the order of their names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from wingspan.errors import NotFoundError, TableError
from wingspan.files import aside, json_text, write_atomically
from wingspan.tabular.blocks import Table, has_our_blocks, iter_blocks, write_blocks
from wingspan.tabular.csv_files import ReadOptions, csv_to_parquet
from wingspan.tabular.faults import explained, place_of
from wingspan.tabular.marks import apply_marks
from wingspan.tabular.schema import Schema, check, infer_schema

__all__ = ["ReadOptions", "read_table", "source_files"]

_SUFFIXES: dict[str, Literal["CSV", "Parquet"]] = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".parquet": "Parquet",
    ".pq": "Parquet",
}
_COMPRESSED = {".gz", ".zst"}


def read_table(
    source: Path | Sequence[Path],
    folder: Path,
    *,
    options: ReadOptions | None = None,
    expected: Schema | None = None,
) -> Table:
    """Read a table into `folder`: ``table.parquet`` and ``schema.json``.

    A Parquet file that this function wrote is used where it lies.

    Parameters
    ----------
    source
        A file, a folder, or several files.
    expected
        The columns that a model was trained with: columns of a CSV are then read as those types, not inferred.

    Raises
    ------
    NotFoundError
        A file is not there.
    TableError
        The content cannot be read, with the place; nothing is written then.
    """
    import polars as pl

    options = options or ReadOptions()
    files, form = source_files(source)
    if form == "Parquet" and not options.marked and _is_ours(files):
        data = files[0]
        rows = _row_count(data, files)
    else:
        data = folder / "table.parquet"
        with aside(data) as path:
            if form == "CSV":
                csv_to_parquet(files, options, path, expected)
            else:
                _parquet_to_parquet(files, path)
            if options.marked:
                apply_marks(path, options)
            rows = _row_count(path, files)
    unread = Table(data, Schema(()), rows)
    dtypes = dict(pl.scan_parquet(data).collect_schema())
    schema = infer_schema(iter_blocks(unread), dtypes, options.max_categories)
    write_atomically(folder / "schema.json", json_text(schema.as_json()))
    return Table(data, schema, rows)


def _is_ours(files: list[Path]) -> bool:
    with explained(files):
        return len(files) == 1 and has_our_blocks(files[0])


def _row_count(data: Path, files: list[Path]) -> int:
    import polars as pl

    rows = int(pl.scan_parquet(data).select(pl.len()).collect().item())
    if not rows:
        fix = "give a table with rows"
        raise TableError(place_of(files), "there is a header, but not one row", fix)
    return rows


def source_files(source: Path | Sequence[Path]) -> tuple[list[Path], Literal["CSV", "Parquet"]]:
    """Return the files of a table in order, and their one format.

    Hidden files, and those whose name starts with ``_``, are passed over in a folder.
    """
    if isinstance(source, Path):
        files = _folder_files(source) if source.is_dir() else [source]
    else:
        files = list(source)
    if not files:
        raise TableError(str(source), "there is no file in it", "give CSV or Parquet files")
    for file in files:
        if not file.is_file():
            near = sorted(p.name for p in file.parent.glob("*") if p.suffix in _SUFFIXES)[:5]
            fix = f"{file.parent} has {', '.join(near)}" if near else "check the path"
            raise NotFoundError(str(file), "there is no such file", fix)
    forms = {file: _format(file) for file in files}
    if len(set(forms.values())) > 1:
        listed = ", ".join(f"{file.name} ({form})" for file, form in list(forms.items())[:6])
        fix = "give files of one format, or a folder that holds nothing else"
        raise TableError(place_of(files), f"files of different formats: {listed}", fix)
    return files, forms[files[0]]


def _folder_files(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] not in "._")
    odd = [p.name for p in files if _suffix(p) not in _SUFFIXES]
    if odd:
        expected = "expected CSV or Parquet files"
        fix = "move it elsewhere, or name the files"
        raise TableError(str(folder), f"{expected}, found {', '.join(odd[:6])}", fix)
    return files


def _suffix(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _format(file: Path) -> Literal["CSV", "Parquet"]:
    with file.open("rb") as content:
        magic = content.read(4)
    return "Parquet" if magic == b"PAR1" else _SUFFIXES.get(_suffix(file), "CSV")


def _parquet_to_parquet(files: list[Path], data: Path) -> None:
    """Write Parquet files as one with our blocks.

    Categoricals become text, and decimals become floats.
    """
    import polars as pl
    from polars import selectors

    with explained(files):
        schemas = [_parquet_schema(file) for file in files]
        for file, schema in zip(files[1:], schemas[1:], strict=True):
            check(schemas[0], schema, where=str(file))
        rows = pl.scan_parquet(list(files), glob=False, hive_partitioning=False)
        text = (selectors.categorical() | selectors.enum()).cast(pl.String)
        write_blocks(rows.with_columns(text, selectors.decimal().cast(pl.Float64)), data)


def _parquet_schema(file: Path) -> Schema:
    import polars as pl

    return infer_schema([], dict(pl.scan_parquet(file, glob=False).collect_schema()), 0)
