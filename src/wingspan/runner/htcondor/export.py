"""A plan -> a folder that ``condor_submit_dag`` takes; `dag_folder` names its files."""

from pathlib import Path

from wingspan.errors import SettingError
from wingspan.planning.plan import Plan
from wingspan.runner.htcondor.check.refuse import refuse
from wingspan.runner.htcondor.profile import AUTO, SEND, Profile
from wingspan.runner.htcondor.write.folder import write_dag
from wingspan.runner.htcondor.write.image import images_of
from wingspan.runner.plan_file import save_plan
from wingspan.runner.run_folder import Home, RunFolder


def export(plan: Plan, folder: RunFolder, home: Home, profile: Profile | None = None) -> Path:
    """Write a run folder for submission by hand; return the path of its DAG.

    Raises
    ------
    SettingError
        The folder exists and is not empty.
    """
    root = folder.root
    if root.exists() and any(root.iterdir()):
        raise SettingError(str(root), "expected a new or empty folder", "name another one")
    profile = profile or Profile()
    refuse(plan, profile, root)
    save_plan(plan, folder, home)
    inside = profile.environment == AUTO and bool(images_of(plan.to_run(), profile))
    send = profile.environment == SEND or inside
    return write_dag(plan, root, folder, home, profile, send=send)
