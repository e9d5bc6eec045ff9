"""What of the interpreter and libraries would travel to the jobs of a plan; nothing is packed or sent."""

from wingspan.accesspoint.versions import sends_common_files, versions
from wingspan.errors import PoolError
from wingspan.planning.plan import Plan
from wingspan.pool.personal import use_pool
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.shared import ENVIRONMENTS
from wingspan.runner.htcondor.write.environment import environment_of, travels
from wingspan.runner.htcondor.write.travel import way_of
from wingspan.runner.run_folder import Home


def travel_text(plan: Plan, home: Home, profile: Profile) -> str:
    """Return how many bytes of the environment travel, and from where; empty where none does, or no pool is reached."""
    steps = plan.to_run()
    if not steps:
        return ""
    try:
        use_pool()
        if not travels(profile, steps):
            return ""
        once = sends_common_files(versions().access_point)
    except PoolError:
        return ""
    way, environment = way_of(profile, once=once), environment_of(steps)
    archive = environment.archive_in(home.root / ENVIRONMENTS)
    if archive.exists():
        return f"environment: {way.text(archive.stat().st_size, len(plan.groups))}"
    size = environment.estimated_bytes()
    return f"environment: {way.text(size, len(plan.groups), 'about ')}"
