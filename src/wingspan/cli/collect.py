"""``wingspan collect``: bring back results of a DAG that was exported and submitted by hand."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from wingspan.cli.options import HomeOption
from wingspan.cli.paper import label
from wingspan.shown import counted, one_line


def collect(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder that `wingspan plan --export` wrote.")
    ],
    home: HomeOption = None,
) -> None:
    """Bring back the results that an exported DAG has finished so far."""
    from wingspan.errors import NotFoundError
    from wingspan.runner.events import UNDER_WAY, WAITING
    from wingspan.runner.htcondor.follow import exported as dag
    from wingspan.runner.run import Run
    from wingspan.runner.run_folder import RunFolder, find_home

    run = Run(RunFolder(folder.absolute()), find_home(home))
    if not run.folder.plan.exists():
        fix = "name the folder that `wingspan plan FILE --export FOLDER` wrote"
        raise NotFoundError(str(folder), "there is no exported DAG here", fix)
    events = dag.collect(run.folder, run.home)
    for name, event in events.items():
        print(f"{event.state:8} {label(name)}  {one_line(event.problem or event.note)}".rstrip())
    for name, event in events.items():
        if event.state == "failed":
            print(f"\n{run.report(name)}", file=sys.stderr)
    again = dict.fromkeys(event.fix for event in events.values() if event.state == "stopped")
    for fix in again:
        print(f"  -> {fix}", file=sys.stderr)
    waiting = sum(event.state in {WAITING, *UNDER_WAY} for event in events.values())
    ended = _dag_ended(run.folder.root)
    if waiting:
        print(_unfinished(run.folder.root, waiting, ended=ended), file=sys.stderr)
    failed = any(event.state == "failed" for event in events.values())
    if failed or again or (waiting and ended):
        raise typer.Exit(1)


def submission(dag: Path) -> str:
    """Return the command that submits a DAG from its folder, as its paths are relative."""
    from wingspan.runner.htcondor.write.dag_file import submission_in

    return f"cd {shlex.quote(str(dag.parent))} && {submission_in(dag)}"


def _dag_ended(folder: Path) -> bool | None:
    """Return whether DAGMan has left the queue since the last submission.

    None if the DAG was never submitted.
    """
    from wingspan.runner.htcondor.dag_folder import DagFolder
    from wingspan.runner.htcondor.follow.dag_logs import dag_over

    dag = DagFolder(folder)
    return dag_over(dag) if dag.dagman_log.exists() else None


def _unfinished(folder: Path, waiting: int, *, ended: bool | None) -> str:
    """Return what to do about an exported DAG with steps that have no result."""
    from wingspan.runner.htcondor.dag_folder import DagFolder
    from wingspan.runner.htcondor.follow.dag_logs import dagman_says

    dag = DagFolder(folder)
    steps = counted(waiting, "step")
    submit = submission(dag.dag)
    if ended is None:
        return f"the DAG was never submitted\n  -> {submit}"
    if not ended:
        return (
            f"{steps} without a result yet; the DAG is in the queue\n  -> condor_q shows its jobs"
        )
    said = dagman_says(dag)
    why = next(iter(said.refused.values()), "") or said.error
    problem = f"{dag.dag}: the DAG has ended, {steps} without a result{': ' if why else ''}{why}"
    return f"error: {problem}\n  -> {dag.dagman_out} says more; then {submit}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(collect)
