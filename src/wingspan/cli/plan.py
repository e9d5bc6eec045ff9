"""``wingspan plan``: print what would run and why, or export it as a DAG to submit by hand."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.collect import submission
from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.cli.paper import label, wrap
from wingspan.cli.runs import (
    Force,
    Jobs,
    NoFuse,
    On,
    PoolKeys,
    Settings,
    Shared,
    Target,
    Touch,
    Until,
    check_folder,
    pool_keys,
)
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.planning.plan import Plan
    from wingspan.runner.htcondor.profile import Profile


def plan(
    target: Target,
    step: Annotated[
        str | None, typer.Argument(metavar="[STEP]", help="Explain this step or map in full.")
    ] = None,
    settings: Settings = None,
    home: HomeOption = None,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write the steps to run as a DAG into this folder."),
    ] = None,
    as_json: AsJson = False,
    on: On = "local",
    no_fuse: NoFuse = False,
    shared: Shared = None,
    until: Until = None,
    force: Force = None,
    touch: Touch = False,
    jobs: Jobs = None,
    pool: PoolKeys = None,
) -> None:
    """Print what would run and why; run nothing.

    For a pool, also print which steps share a job. --jobs and --pool also apply to --export.
    """
    from wingspan.cli.target import is_step, last_target, load_pipeline
    from wingspan.runner.run_folder import LOCAL

    if step is None and not settings and is_step(target):
        target, settings, step = *last_target(home), target
    pipeline = load_pipeline(target, settings or [])
    keys, away = pool_keys(pool), on != LOCAL
    made = pipeline.plan(
        home, on=on, fuse=not no_fuse, until=until, force=force, pool=keys if away else None
    )
    known = away or shared is not None or jobs is not None or keys is not None
    profile = _profile(on, shared, jobs, keys) if known else None
    if away and profile is not None:
        _require_parsed(made, profile)
    if touch:
        print(_touch_text(made, home, force))
        return
    if step is not None:
        _print_step(made, step, as_json=as_json)
        return
    if export is not None:
        dag = _export(made, export, home, profile, pipeline.origin)
        print(f"submit: {submission(dag)}", file=sys.stderr)
    if as_json:
        print_json(_plan_json(made, jobs=away))
    else:
        print(_plan_text(made))
        if away and profile is not None:
            print(_jobs_text(made) + _travel_text(made, home, profile))


def _print_step(made: "Plan", step: str, *, as_json: bool) -> None:
    """Explain one step, or each step of a map."""
    names = [f"{step}[{label}]" for label in made.maps.get(step, ())] or [step]
    if as_json:
        found = [_step_json(made, name) for name in names]
        print_json(found[0] if names == [step] else found)
    else:
        print("\n".join(made.explain(name) for name in names))


def _plan_json(made: "Plan", *, jobs: bool) -> dict[str, object]:
    """Return a plan for a program; with its jobs if `jobs`."""
    steps = [
        {"step": step.name, "key": step.key, "run": not step.done, "reason": step.reason}
        for step in made.steps
    ]
    found: dict[str, object] = {"pipeline": made.pipeline, "steps": steps, "notes": made.notes}
    if not jobs:
        return found
    groups = [{"keys": list(group), "why": made.why.get(group[0], "")} for group in made.groups]
    return {**found, "jobs": groups}


def _profile(
    on: str, shared: Path | None, jobs: int | None, keys: dict[str, object] | None
) -> "Profile":
    """Return the profile of the pool that a plan is for; the default one for this machine."""
    from wingspan.runner.htcondor.profile import DEFAULT, find_profile
    from wingspan.runner.run_folder import LOCAL

    found = find_profile(DEFAULT if on == LOCAL else on, Path.cwd(), shared, keys)
    return found if jobs is None else replace(found, max_jobs=jobs)


def _require_parsed(made: "Plan", profile: "Profile") -> None:
    """Refuse submit commands that HTCondor cannot parse, as such a plan cannot run."""
    from wingspan.runner.htcondor.check.command_check import check_commands, require_ok

    require_ok(check_commands(made.to_run(), profile))


def _touch_text(made: "Plan", home: Path | None, force: list[str] | None) -> str:
    """Return which steps ``run --touch`` would mark as up to date."""
    from wingspan.errors import SettingError
    from wingspan.runner.run_folder import find_home
    from wingspan.runner.touch import last_results

    if force:
        problem = "it keeps the last results, but --force makes new ones"
        raise SettingError("--touch", problem, "leave one of them out")
    names = ", ".join(map(label, last_results(made, find_home(home)))) or "none"
    return wrap(f"{made.pipeline}: --touch would keep the last results of: {names}", "  ")


def _step_json(made: "Plan", name: str) -> dict[str, object]:
    """Return all facts of one step for a program."""
    from wingspan.planning.explain import changes

    step = made[name]
    before = made.previous.get(name)
    changed = () if before is None else changes(step, before)
    return {
        "step": name,
        "key": step.key,
        "run": not step.done,
        "reason": step.reason,
        "changes": [{"part": part, "was": was, "is": now} for part, was, now in changed],
        "explanation": made.explain(name),
    }


def _travel_text(made: "Plan", home: Path | None, profile: "Profile") -> str:
    from wingspan.runner.htcondor.check.preview import travel_text
    from wingspan.runner.run_folder import find_home

    text = travel_text(made, find_home(home), profile)
    return f"\n{wrap(text, '  ')}" if text else ""


def _jobs_text(made: "Plan") -> str:
    names = {step.key: label(step.name) for step in made.steps}
    lines = [counted(len(made.groups), "job")]
    for group in made.groups:
        steps = [names[key] for key in group]
        shown = ", ".join(steps[:6]) + (f" and {len(steps) - 6} more" if len(steps) > 6 else "")
        why = f": {made.why[group[0]]}" if group[0] in made.why else ""
        lines.append(wrap(f"  {shown}{why}", "    "))
    return "\n".join(lines)


def _export(
    made: "Plan",
    folder: Path,
    home: Path | None,
    profile: "Profile | None",
    origin: dict[str, Any],
) -> Path:
    from wingspan.runner.htcondor import export as dag
    from wingspan.runner.run_folder import RunFolder, find_home

    check_folder("--export", folder)
    return dag.export(made, RunFolder(folder.absolute()), find_home(home), profile, origin)


def _plan_text(made: "Plan") -> str:
    names = [label(step.name) for step in made.steps]
    width = max(map(len, names), default=0)
    lines = [
        wrap(f"  {'-' if step.done else 'run':4} {name:{width}}  {step.reason}", " " * 9)
        for name, step in zip(names, made.steps, strict=True)
    ]
    counts = f"{len(made.to_run())} of {counted(len(made.steps), 'step')} to run"
    notes = [wrap(f"note: {note}", "  ") for note in made.notes]
    return "\n".join([f"{made.pipeline}: {counts}", *lines, *notes])


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)
