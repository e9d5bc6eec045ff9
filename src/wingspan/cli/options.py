"""Options that many commands take, declared once so that names and help agree everywhere."""

from pathlib import Path
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of results and runs [default: .wingspan].")
]
