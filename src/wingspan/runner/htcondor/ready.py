"""Before a plan goes to a pool: what must hold, and which steps share a job."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from wingspan.accesspoint.access import check_access
from wingspan.errors import SettingError
from wingspan.planning.fuse import fuse
from wingspan.planning.plan import Plan
from wingspan.planning.times import known_times
from wingspan.pool.personal import use_pool
from wingspan.runner.htcondor.check.command_check import check_submission, require_ok
from wingspan.runner.htcondor.check.preflight import check_outputs
from wingspan.runner.htcondor.check.preview import start_seconds
from wingspan.runner.htcondor.check.refuse import refuse
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.past_times import read_lasted
from wingspan.runner.run_folder import Home
from wingspan.store.store import Store


def require_pool(plan: Plan, profile: Profile, home: Home) -> None:
    """Refuse, before anything is written, a plan or a pool that cannot be used.

    A pool is refused that cannot be reached or does not accept this user.
    """
    outputs = check_outputs(plan.to_run())
    if not outputs.ok:
        raise SettingError("outputs of commands", outputs.found, outputs.fix)
    refuse(plan, profile, home.root)
    use_pool()
    check_access()
    require_ok(check_submission(plan.to_run(), profile))


def fused(
    plan: Plan, before: Mapping[str, Mapping[str, Any]], home: Home, profile: Profile
) -> Plan:
    """Return the plan with the jobs of a pool that its steps share."""
    records = partial(read_lasted, home, plan.pipeline)
    times = known_times(plan, before, Store(home.store).wall_time, records)
    start_s = start_seconds(plan, home, profile) if times else 0.0
    return fuse(plan, times, profile.task_time_s, start_s)
