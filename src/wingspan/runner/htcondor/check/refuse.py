"""Refuse what HTCondor could not use of a plan and a profile, before files are written."""

from pathlib import Path

from wingspan.errors import SettingError
from wingspan.planning.plan import Plan
from wingspan.runner.htcondor.check.command_check import check_commands, require_ok
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.shared import (
    require,
)
from wingspan.runner.htcondor.words import folder_problem
from wingspan.runner.htcondor.write.image import images_of, require_image, steps_in
from wingspan.shown import shown_name


def refuse(plan: Plan, profile: Profile, root: Path) -> None:
    """Look at what a plan and a profile name, before anything is written.

    Parameters
    ----------
    root
        The folder of the DAG, or one above it.

    Raises
    ------
    SettingError, NotFoundError
        HTCondor could not use it.
    """
    if profile.shared is not None:
        require(profile.shared)
    for image in images_of(plan.to_run(), profile):
        require_image(image, profile.shared, steps_in(image, plan.to_run(), profile))
    require_ok(check_commands(plan.to_run(), profile))
    problem = folder_problem(root)
    if problem:
        raise SettingError(f"folder {shown_name(str(root))}", problem, "name another folder")
