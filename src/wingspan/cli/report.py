"""``wingspan report``: one HTML file about a run."""

from pathlib import Path
from typing import Annotated

import typer

from wingspan.cli.options import HomeOption
from wingspan.cli.runs import check_file

Target = Annotated[str, typer.Argument(metavar="[RUN]", help="Id of a run, or 'last'.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE.html", help="File to write [default: report-ID.html]."),
]
Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]


def report(
    target: Target = "last", out: Out = None, show: Open = False, home: HomeOption = None
) -> None:
    """Write a report of a run: one HTML file that needs no network.

    It begins with what failed and what to do.
    """
    from wingspan.report.write import page_of_run, write_page
    from wingspan.runner.runs import open_run

    run = open_run(target, home=home).collect()
    file = out or Path(f"report-{run.run_id}.html")
    check_file("--out", file)
    write_page(page_of_run(run), file)
    print(file)
    if show:
        import webbrowser

        webbrowser.open(file.absolute().as_uri())


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)
