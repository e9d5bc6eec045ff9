"""``wingspan check``: what would go wrong on a pool, before anything is submitted."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.runs import Shared
from wingspan.errors import SettingError
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.planning.plan import Plan
    from wingspan.runner.htcondor.check.preflight import Check
    from wingspan.runner.run_folder import Home, RunFolder


def check(
    target: Annotated[
        str, typer.Argument(metavar="FILE[:NAME]|RUN", help="A pipeline, or a run of one.")
    ],
    on: Annotated[
        str, typer.Option("--on", metavar="POOL", help="htcondor, or a pool of wingspan.toml.")
    ] = "htcondor",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="K=V", help="A parameter of the pipeline.")
    ] = None,
    home: HomeOption = None,
    shared: Shared = None,
    probe: Annotated[
        bool, typer.Option("--probe", help="Test the shared folder with a small job.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Report what would go wrong on a pool; submit nothing.

    Checks the connection, requests, transfers, imports, secrets and folders.
    """
    from wingspan.runner.htcondor.check.check import check_plan
    from wingspan.runner.htcondor.profile import find_profile
    from wingspan.runner.run_folder import LOCAL

    if on == LOCAL:
        raise SettingError("--on local", "runs on this machine need no check", "name a pool")
    profile = find_profile(on, Path.cwd(), shared)
    if probe and profile.shared is None:
        problem = f"[pools.{on}] names no shared folder to try"
        raise SettingError(
            "--probe", problem, 'add shared = "/path" to it, or give --shared, or leave --probe out'
        )
    plan, place, folder = _plan(target, settings or [], home, on)
    checks = check_plan(plan, place, profile, folder, probe=probe)
    if as_json:
        print_json({"pool": on, "checks": [asdict(one) for one in checks]})
    else:
        print(_table(checks))
    if not all(one.ok for one in checks):
        raise typer.Exit(2)


def _plan(
    target: str, settings: list[str], home: Path | None, on: str
) -> tuple["Plan", "Home", "RunFolder | None"]:
    from wingspan.cli.target import load_pipeline, split_target
    from wingspan.runner.htcondor.runner import refreshed
    from wingspan.runner.plan_file import load_plan
    from wingspan.runner.run_folder import find_home
    from wingspan.runner.runs import open_run

    if split_target(target)[0].endswith(".py"):
        return load_pipeline(target, settings).plan(home, on=on), find_home(home), None
    run = open_run(target, home=home)
    return refreshed(load_plan(run.folder), run.home), run.home, run.folder


def _table(checks: "tuple[Check, ...]") -> str:
    lines = []
    for one in checks:
        word = "warning" if one.warning else "ok" if one.ok else "PROBLEM"
        lines.append(f"{word:7}  {one.name}: {one.found}")
        if not one.ok:
            lines.append(f"         -> {one.fix}")
    problems = sum(not one.ok for one in checks)
    verdict = counted(problems, "problem") if problems else "no problem found"
    return "\n".join([*lines, verdict])


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(check)
