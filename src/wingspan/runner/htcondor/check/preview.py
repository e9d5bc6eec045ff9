"""Estimate what of the interpreter and libraries would travel to a plan's jobs.

Nothing is packed or sent.
"""

from wingspan.accesspoint.versions import sends_common_files, versions
from wingspan.errors import PoolError
from wingspan.planning.plan import Plan
from wingspan.pool.personal import use_pool
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.shared import ENVIRONMENTS
from wingspan.runner.htcondor.write.environment import environment_of
from wingspan.runner.htcondor.write.travel import Way, travels, way_of
from wingspan.runner.run_folder import Home


def travel_text(plan: Plan, home: Home, profile: Profile) -> str:
    """Return how many bytes of the environment travel, and from where.

    Empty if none travels, or if no pool can be reached.
    """
    found = _look(plan, home, profile)
    if found is None:
        return ""
    way, size, about = found
    return f"environment: {way.text(size, len(plan.groups), about)}"


def start_seconds(plan: Plan, home: Home, profile: Profile) -> float:
    """Return about how long each job takes to get its environment; 0 if none travels."""
    found = _look(plan, home, profile)
    return 0.0 if found is None else found[0].start_s(found[1])


def _look(plan: Plan, home: Home, profile: Profile) -> tuple[Way, int, str] | None:
    """Return how the environment travels and its bytes.

    A word such as ``about`` goes before estimated bytes.
    """
    steps = plan.to_run()
    if not steps:
        return None
    try:
        use_pool()
        if not travels(profile, steps):
            return None
        once = sends_common_files(versions().access_point)
    except PoolError:
        return None
    way, environment = way_of(profile, once=once), environment_of(steps)
    archive = environment.archive_in(home.root / ENVIRONMENTS)
    if archive.exists():
        return way, archive.stat().st_size, ""
    return way, environment.estimated_bytes(), "about "
