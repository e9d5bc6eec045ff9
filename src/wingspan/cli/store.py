"""``wingspan store``: check stored results, and remove old ones."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson, HomeOption
from wingspan.errors import CorruptError, SettingError
from wingspan.shown import counted
from wingspan.user_paths import user_path

if TYPE_CHECKING:
    from wingspan.runner.run_folder import Home

app = typer.Typer(
    help="Stored results: remove old ones, find damaged ones.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


@app.command()
def gc(
    older_than: Annotated[
        str, typer.Option(help="Age, such as 12h, 30d or 4w; younger results are kept.")
    ] = "30d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count; remove nothing.")] = False,
    shared: Annotated[
        Path | None,
        typer.Option(
            help="Clean this folder, which a pool's machines share, in place of a project."
        ),
    ] = None,
    home: HomeOption = None,
    as_json: AsJson = False,
) -> None:
    """Remove old results that nothing needs any more.

    The last plan of each pipeline and runs that go on need their results. Results with keys of an older version
    cannot be found again and are removed after a day. In a shared folder, files of finished runs and environments
    that no run needs are removed.
    """
    from wingspan.planning.key import FORMAT
    from wingspan.runner.run_folder import find_home
    from wingspan.store.store import Store

    age_s = seconds(older_than)
    if shared is not None:
        _gc_shared(user_path(shared).absolute(), age_s, dry=dry_run, as_json=as_json)
        return
    place = find_home(home)
    store = Store(place.store)
    count, size = store.gc(needed_keys(place), age_s, key_format=FORMAT, dry=dry_run)
    if as_json:
        print_json({"results": count, "bytes": size, "removed": not dry_run})
    else:
        verb = "would remove" if dry_run else "removed"
        print(f"{verb} {counted(count, 'result')}, {size / 1e6:,.1f} MB, from {place.store}")


def _gc_shared(shared: Path, age_s: float, *, dry: bool, as_json: bool) -> None:
    from wingspan.runner.htcondor.leftovers import clean_shared

    found = clean_shared(shared, age_s, dry=dry)
    if as_json:
        folders = [{"path": str(one.path), "kept": one.kept, "bytes": one.size} for one in found]
        print_json({"folders": folders, "removed": not dry})
        return
    gone = [one for one in found if not one.kept]
    for one in found:
        if one.kept:
            print(f"kept {one.path}: {one.kept}")
    verb, size = "would remove" if dry else "removed", sum(one.size for one in gone)
    print(f"{verb} {counted(len(gone), 'folder')}, {size / 1e6:,.1f} MB, from {shared}")


def seconds(text: str) -> float:
    """Return the seconds of a duration such as ``30d``.

    Raises
    ------
    SettingError
        The text is not a number with a unit.
    """
    number, unit = text[:-1], text[-1:]
    if unit not in _SECONDS or not number.replace(".", "", 1).isdecimal():
        fix = f"give a number and a unit: {', '.join(f'1{unit}' for unit in _SECONDS)}"
        raise SettingError("--older-than", f"expected a duration, found {text!r}", fix)
    return float(number) * _SECONDS[unit]


def needed_keys(home: "Home") -> frozenset[str]:
    """Return the keys of each pipeline's last plan, and of every run that goes on.

    The keys of a sweep's trials are in its study. A plan of an older version needs none, as its keys cannot recur.

    Raises
    ------
    CorruptError
        A plan or a study cannot be read; then nothing must be removed.
    """
    from wingspan.runner.plan_file import load_plan, steps_in
    from wingspan.runner.run_folder import RunFolder
    from wingspan.runner.runners import trail_of
    from wingspan.sweep.study import keys_of

    keys: set[str] = set()
    studies: set[str] = set()
    for path in sorted((home.root / "history").glob("*.json")):
        try:
            planned = steps_in(json.loads(path.read_bytes())).values()
            keys |= {facts["key"] for facts in planned if _found_again(facts)}
            studies |= {facts["study"] for facts in planned if "study" in facts}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            fix = "remove the file; the next plan of this pipeline writes it again"
            raise CorruptError(str(path), f"cannot be read: {error}", fix) from error
    for run_id in home.run_ids():
        folder = RunFolder(home.runs / run_id)
        if folder.driven() or trail_of(folder, home).under_way:
            plan = load_plan(folder)
            keys |= {step.key for step in plan.steps}
            studies |= {step.sweep["study"] for step in plan.steps if step.sweep is not None}
    trials = (keys_of(home.studies / study) for study in studies)
    return frozenset(keys.union(*trials))


def _found_again(facts: dict[str, Any]) -> bool:
    from wingspan.planning.key import FORMAT

    return bool(facts["components"].get("format") == str(FORMAT))


@app.command()
def check(home: HomeOption = None, as_json: AsJson = False) -> None:
    """Read every byte of the store and report damage.

    Exits with 1 if any result is damaged.
    """
    from wingspan.runner.run_folder import find_home
    from wingspan.store.store import Store

    place = find_home(home)
    found = list(Store(place.store).check())
    if as_json:
        rows = [{"where": e.where, "problem": e.problem, "fix": e.fix} for e in found]
        print_json(rows)
    else:
        for error in found:
            print(error)
        state = f"{len(found)} damaged" if found else "no damage"
        print(
            f"{place.store}: {state}" if place.store.is_dir() else f"{place.store}: no results yet"
        )
    if found:
        raise typer.Exit(1)
