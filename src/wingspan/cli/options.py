"""Options that many commands take: each is declared once, so that its name and its help are the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of results and runs [default: .wingspan].")
]
