"""Before a plan goes to a pool: what must hold, which steps share jobs, and whether a run does just this already."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import SettingError
from wingspan.runner.run_folder import LOCAL, Home, RunFolder
from wingspan.store.store import Store

if TYPE_CHECKING:
    from wingspan.planning.plan import Plan
    from wingspan.runner.htcondor.profile import Profile
    from wingspan.runner.run import Run


def warn_of_commands(plan: "Plan", on: str) -> None:
    """Report submit commands that HTCondor does not know; they are hardly what the user meant."""
    if on == LOCAL and not any("submit" in step.resources for step in plan.steps):
        return
    from logging import getLogger

    from wingspan.runner.htcondor.check.command_check import command_warnings
    from wingspan.runner.htcondor.profile import find_profile

    profile = None if on == LOCAL else find_profile(on, Path.cwd())
    for text in command_warnings(plan.steps, profile):
        getLogger("wingspan.runner").warning("warning: %s", text)


def usable_profile(on: str, shared: str | Path | None) -> "Profile":
    """Return a pool's profile after a look into the folder that its machines share."""
    from wingspan.runner.htcondor.profile import find_profile
    from wingspan.runner.htcondor.shared import require

    found = find_profile(on, Path.cwd(), None if shared is None else Path(shared))
    if found.shared is not None:
        require(found.shared)
    return found


def require_pool(plan: "Plan", profile: "Profile", home: Home) -> None:
    """Refuse what a pool cannot do, a pool that cannot be reached or does not take this user, before anything is written."""
    from wingspan.accesspoint.access import check_access
    from wingspan.pool.personal import use_pool
    from wingspan.runner.htcondor.check.command_check import check_submission, require_ok
    from wingspan.runner.htcondor.check.preflight import check_outputs
    from wingspan.runner.htcondor.check.refuse import refuse

    outputs = check_outputs(plan.to_run())
    if not outputs.ok:
        raise SettingError("outputs of commands", outputs.found, outputs.fix)
    refuse(plan, profile, home.root)
    use_pool()
    check_access()
    require_ok(check_submission(plan.to_run(), profile))


def fused(plan: "Plan", before: Mapping[str, Mapping[str, Any]], home: Home, on: str) -> "Plan":
    """Return the plan with the jobs of a pool that its steps share."""
    from wingspan.planning.fuse import fuse as fuse_steps
    from wingspan.planning.times import known_times
    from wingspan.runner.htcondor.check.preview import start_seconds
    from wingspan.runner.htcondor.profile import find_profile
    from wingspan.runner.lasted import read_lasted

    records = partial(read_lasted, home, plan.pipeline)
    times = known_times(plan, before, Store(home.store).wall_time, records)
    profile = find_profile(on, Path.cwd())
    start_s = start_seconds(plan, home, profile) if times else 0.0
    return fuse_steps(plan, times, profile.task_time_s, start_s)


def catch_up_all(home: Home, pipeline: str) -> None:
    """Bring in what the unfinished runs of a pipeline have left in a pool."""
    for run_id in home.run_ids():
        folder = RunFolder(home.runs / run_id)
        if folder.complete.exists() or not folder.dags.is_dir() or folder.driven():
            continue
        if folder.header["pipeline"] == pipeline:
            from wingspan.runner.htcondor.follow.follower import catch_up

            catch_up(folder, home)


def run_in_the_pool(plan: "Plan", on: str, home: Home) -> "Run | None":
    """Return the run that does just this already, if there is one."""
    from wingspan.runner.events import RUNNING
    from wingspan.runner.run import Run

    wanted = {step.key for step in plan.to_run()}
    for run_id in reversed(home.run_ids() if wanted else []):
        run = Run(RunFolder(home.runs / run_id), home)
        if run.folder.on != on or run.folder.complete.exists():
            continue
        if not run.folder.dags.is_dir() and not run.folder.driven():  # nothing was submitted
            continue
        if wanted <= {step.key for step in run.steps.values()} and run.state == RUNNING:
            return run
    return None
