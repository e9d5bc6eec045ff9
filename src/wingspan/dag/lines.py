"""Split a DAG file into commands as DAGMan does.

Comments, continued lines and inline descriptions are handled.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wingspan.errors import DeclarationError, NotFoundError

_INLINE = {"JOB", "FINAL", "SERVICE", "PROVISIONER", "SUBMIT-DESCRIPTION"}
_OPENING = re.compile(r"(\S+)\s+(\{|@=(\S+))\s*(.*)", re.DOTALL)
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class Line:
    """One command.

    `keyword` is in capitals, with ``-`` written as ``_``. `body` is the inline description, if any.
    """

    place: str
    keyword: str
    rest: str
    body: str | None = None

    def words(self) -> list[str]:
        """Return the words after the keyword; double quotes hold words together."""
        return [found[1] if found[2] is None else found[2] for found in _WORD.finditer(self.rest)]

    def error(self, problem: str, fix: str) -> DeclarationError:
        """Return an error that names this line."""
        return DeclarationError(self.place, f"{self.keyword}: {problem}", fix)


def read_lines(file: Path, folder: Path, within: tuple[Path, ...] = ()) -> Iterator[Line]:
    """Yield the commands of a file and of all it includes.

    Parameters
    ----------
    folder
        What the names of included files are relative to: where DAGMan runs.

    Raises
    ------
    NotFoundError
        The file, or an included one, is not there.
    DeclarationError
        An inline description has no end; files include one another in a circle.
    """
    for line in _commands(file, read_text(file)):
        if line.keyword != "INCLUDE":
            yield line
            continue
        named = line.words()
        if len(named) != 1:
            raise line.error(
                f"expected one file, found {line.rest!r}", "write INCLUDE FILE, one to a line"
            )
        other = folder / named[0]
        if other in (*within, file):
            raise line.error(f"{named[0]} includes itself", "leave out one INCLUDE of the circle")
        try:
            yield from read_lines(other, folder, (*within, file))
        except NotFoundError as error:
            raise NotFoundError(line.place, f"INCLUDE: {error.problem}", error.fix) from error


def read_text(file: Path) -> str:
    """Return a DAG file's text; bytes that are not UTF-8 are kept."""
    try:
        return file.read_text(errors="surrogateescape")
    except OSError as error:
        problem = f"{file} cannot be read: {error.strerror}"
        raise NotFoundError(str(file), problem, "give the path of a DAG file") from error


def _commands(file: Path, text: str) -> Iterator[Line]:
    lines = enumerate(text.split("\n"), 1)
    for number, raw in lines:
        joined = raw.strip()
        if not joined or joined.startswith("#"):
            continue
        while joined.endswith("\\"):  # blank lines and comments in between are left out
            following = (more.strip() for _, more in lines)
            joined = f"{joined[:-1]} " + next(
                (one for one in following if one and one[0] != "#"), ""
            )
        keyword, *rest = joined.split(maxsplit=1)
        name = keyword.upper().replace("_", "-")
        line = Line(f"{file}:{number}", name, rest[0] if rest else "")
        opening = _OPENING.fullmatch(line.rest) if name in _INLINE else None
        yield line if opening is None else _with_body(line, opening, lines)


def _with_body(line: Line, opening: re.Match[str], lines: Iterator[tuple[int, str]]) -> Line:
    """Return the command with its inline description; what follows the end are its options."""
    node, start, tag, same_line = opening.groups()
    end = "}" if start == "{" else f"@{tag}"
    body = [same_line] if same_line else []
    for _, text in lines:
        stripped = text.strip()
        if stripped.startswith(end):
            options = stripped[len(end) :].strip()
            return Line(line.place, line.keyword, f"{node} {options}".strip(), "\n".join(body))
        body.append(text)
    raise line.error(
        f"expected a line {end} that ends the description of {node}, found the end of the file",
        f"put {end} alone on the line after the description",
    )
