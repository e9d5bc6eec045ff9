"""A small table as HTML, for notebooks. Pure."""

from collections.abc import Iterable, Sequence

from wingspan.shown import in_markup


def table_html(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a heading; every cell is text."""
    lines = ["".join(f"<th>{in_markup(name)}</th>" for name in head)]
    lines += ["".join(f"<td>{in_markup(str(cell))}</td>" for cell in row) for row in rows]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
