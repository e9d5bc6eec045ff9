"""The runners by name; no other module names all of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wingspan.errors import SettingError
from wingspan.runner.protocol import Runner, Trail
from wingspan.runner.run_folder import LOCAL, Home, RunFolder

if TYPE_CHECKING:
    from wingspan.planning.plan import Plan


def runner_on(
    on: str = LOCAL,
    shared: Path | None = None,
    jobs: int | None = None,
    pool: Mapping[str, object] | None = None,
) -> Runner:
    """Return the runner of a place.

    Parameters
    ----------
    on
        ``local``: this machine; ``htcondor``: the pool; else the name of a pool in ``wingspan.toml``.
    shared
        A folder that a pool's machines share, in place of the profile's.
    jobs
        Most jobs at once, here or in the queue of a pool; None is the place's own limit.
    pool
        Keys of the pool's profile for this run, in place of those of ``wingspan.toml``.

    Raises
    ------
    NotFoundError
        There is no pool of this name.
    SettingError
        The pool's profile, or an option, is wrong.
    """
    if on != LOCAL:
        from wingspan.runner.htcondor.profile import find_profile
        from wingspan.runner.htcondor.runner import HTCondorRunner

        return HTCondorRunner(find_profile(on, Path.cwd(), shared, pool), jobs)
    if shared is not None or pool:
        name, what = (
            ("pool", "profile") if shared is None else (f"shared {shared}", "shared folder")
        )
        problem = f"a run on this machine has no use for a {what}"
        raise SettingError(name, problem, "name a pool: --on, or leave it out")
    from wingspan.runner.local.runner import LocalRunner

    return LocalRunner(jobs=jobs)


def trail_of(folder: RunFolder, home: Home, plan: "Plan | None" = None) -> Trail:
    """Return the trail of a run; its plan is read when needed, unless given."""
    if folder.on != LOCAL:
        from wingspan.runner.htcondor.trail import DagTrail

        return DagTrail(folder, home, plan)
    from wingspan.runner.local.trail import LocalTrail

    return LocalTrail(folder)
