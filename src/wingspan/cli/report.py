"""``wingspan report``: one HTML file about a run, two runs, a model or event logs."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.models import MODELS
from wingspan.cli.models import Folder as Models
from wingspan.cli.options import HomeOption
from wingspan.cli.runs import check_file
from wingspan.errors import NotFoundError, SettingError

if TYPE_CHECKING:
    from wingspan.report.page import Page
    from wingspan.runner.run import Run

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN [RUN]|MODEL|LOG...]",
        help="One run or two, a deployed model or its folder, event logs [default: last run].",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE.html", help="File to write [default: report-NAME.html]."),
]
Redact = Annotated[
    bool,
    typer.Option("--redact", help="Replace users, hosts, paths and values of parameters."),
]
Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]


def report(
    targets: Targets = None,
    out: Out = None,
    show: Open = False,
    redact: Redact = False,
    models: Models = MODELS,
    home: HomeOption = None,
) -> None:
    """Write a report: one HTML file that needs no network.

    The report of a run begins with what failed and what to do.
    """
    from wingspan.report.write import write_page

    name, make = _subject(targets or ["last"], models, home)
    file = out or Path(f"report-{name}.html")
    check_file("--out", file)
    write_page(make(redact=redact), file)
    print(file)
    if show:
        import webbrowser

        webbrowser.open(file.absolute().as_uri())


def _subject(
    targets: Sequence[str], models: Path, home: Path | None
) -> "tuple[str, Callable[..., Page]]":
    """Return a name for the file, and the function that makes the page."""
    from wingspan.pipeline.names import file_part
    from wingspan.report import write

    paths = [Path(target) for target in targets]
    if all(path.exists() and not _is_run(path) for path in paths):
        if len(paths) == 1 and (paths[0] / "bundle.json").exists():
            folder = paths[0].absolute()
            name = f"{folder.parent.name}@{folder.name}"
            return file_part(name), partial(write.page_of_model, paths[0], name)
        return file_part(paths[0].name), partial(write.page_of_logs, paths)
    if len(targets) > 2:
        fix = "give one run, two runs, or logs alone"
        raise SettingError("wingspan report", f"found {len(targets)} things to report on", fix)
    if len(targets) == 2:
        one, other = (_run(target, home) for target in targets)
        return f"{one.run_id}-{other.run_id}", partial(write.page_of_two, one, other)
    return _run_or_model(targets[0], models, home)


def _run_or_model(
    target: str, models: Path, home: Path | None
) -> "tuple[str, Callable[..., Page]]":
    from wingspan.pipeline.names import file_part
    from wingspan.report import write
    from wingspan.tabular.deploy import find_deployed

    try:
        run = _run(target, home)
    except NotFoundError as error:
        try:
            found = find_deployed(models, target)
        except NotFoundError:
            if target == "last":
                raise error from None
            problem = f"no run, model or file is called {target!r}"
            fix = "`wingspan runs` and `wingspan models list` list runs and models; or name an event log"
            raise NotFoundError("wingspan report", problem, fix) from error
        name = found.reference
        return file_part(name), partial(write.page_of_model, found.folder, name)
    return run.run_id, partial(write.page_of_run, run)


def _is_run(path: Path) -> bool:
    """Return whether a folder is that of a run or of an exported DAG."""
    return (path / "plan.jsonl").exists()


def _run(target: str, home: Path | None) -> "Run":
    """Return a run with the results that a pool has finished so far."""
    from wingspan.runner.run import Run
    from wingspan.runner.run_folder import RunFolder, find_home
    from wingspan.runner.runs import open_run

    folder = Path(target)
    if _is_run(folder):
        return Run(RunFolder(folder.absolute()), find_home(home)).collect()
    return open_run(target, home=home).collect()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)
