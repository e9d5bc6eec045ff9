"""Export a plan as a folder for ``condor_submit_dag``.

`dag_folder` names the files.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import SettingError
from wingspan.planning.plan import Plan
from wingspan.runner.htcondor.check.refuse import refuse
from wingspan.runner.htcondor.profile import AUTO, SEND, Profile
from wingspan.runner.htcondor.search.draw_ahead import draw_sweeps
from wingspan.runner.htcondor.write.folder import Facts, write_dag
from wingspan.runner.htcondor.write.image import images_of
from wingspan.runner.plan_file import save_plan
from wingspan.runner.run_folder import Home, RunFolder


def export(
    plan: Plan,
    folder: RunFolder,
    home: Home,
    profile: Profile | None = None,
    origin: Mapping[str, Any] | None = None,
) -> Path:
    """Write a run folder for submission by hand; return the path of its DAG.

    Parameters
    ----------
    origin
        See `Pipeline.origin`.

    Raises
    ------
    SettingError
        The folder exists and is not empty, or nothing is to run.
    """
    root = folder.root
    if root.exists() and any(root.iterdir()):
        raise SettingError(str(root), "expected a new or empty folder", "name another one")
    profile = profile or Profile()
    refuse(plan, profile, root)
    if not plan.to_run():
        problem = "nothing is to run: every step's result is in the store, so no DAG was written"
        raise SettingError(
            f"export of {plan.pipeline}", problem, "name steps to run again: --force STEP"
        )
    save_plan(plan, folder, home, origin=origin)
    inside = profile.environment == AUTO and bool(images_of(plan.to_run(), profile))
    send = profile.environment == SEND or inside
    facts = Facts(drawn=draw_sweeps(plan, home, folder.run_id))
    return write_dag(plan, root, folder, home, profile, send=send, facts=facts)
