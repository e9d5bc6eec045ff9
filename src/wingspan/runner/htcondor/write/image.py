"""Write the submit commands that run jobs in a container image.

The image is a reference, or a file that is sent or read in place.

::

    docker://python:3.12     the machine that runs the job fetches it
    osdf:///ospool/a.sif     likewise, by HTCondor's file transfer: any URL that it can transfer
    /images/a.sif            a file: sent with each job; below the shared folder it is read where it is
    /cvmfs/images/a          of the machines that run jobs
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from wingspan.errors import NotFoundError, SettingError
from wingspan.planning.plan import PlannedStep
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.shared import below
from wingspan.runner.htcondor.words import in_list
from wingspan.shown import shown_name
from wingspan.user_paths import user_path

_THERE = "/cvmfs/"  # mounted on execution points; HTCondor itself never sends what is below


def image_commands(image: str | None, shared: Path | None) -> dict[str, str]:
    """Return the submit commands for an image.

    >>> image_commands("docker://python:3.12", None)
    {'universe': 'container', 'container_image': 'docker://python:3.12'}
    """
    if not image:
        return {"universe": "vanilla"}
    file = _file(image)
    commands = {"universe": "container", "container_image": str(file or image)}
    if file is not None and _in_place(file, shared):
        commands["transfer_container"] = "false"
    return commands


def images_of(steps: Iterable[PlannedStep], profile: Profile) -> list[str]:
    """Return the images that some steps run in, each once."""
    return list(dict.fromkeys(image for step in steps if (image := _image(step, profile))))


def steps_in(image: str, steps: Iterable[PlannedStep], profile: Profile) -> list[str]:
    """Return the names of the steps that run in an image."""
    return [step.name for step in steps if _image(step, profile) == image]


def _image(step: PlannedStep, profile: Profile) -> str | None:
    return step.resources.get("image") or profile.image


def require_image(image: str, shared: Path | None, steps: Sequence[str] = ()) -> int:
    """Look for an image that is a file; return the bytes of it that are sent with each job.

    Parameters
    ----------
    steps
        Names of the steps that run in it, for the message.

    Raises
    ------
    NotFoundError
        It is not there.
    SettingError
        It is a folder that would have to be sent, which HTCondor cannot, or a list of files cannot hold its name.
    """
    file = _file(image)
    where = f"image {shown_name(image)}"
    of = f", image of step {shown_name(steps[0])}" if steps else ""
    if not in_list(str(file or image)):
        problem = f"its name has a character that a list of files cannot hold{of}"
        raise SettingError(where, problem, "rename it: use letters, digits and ._+-/:@ only")
    if file is None or str(file).startswith(_THERE):
        return 0
    if not file.exists():
        fix = 'correct the path; of an image in a registry the reference begins with "docker://"'
        raise NotFoundError(where, f"there is no file {file}{of}", fix)
    if _in_place(file, shared):
        return 0
    if file.is_dir():
        fix = f"build a file of it, apptainer build image.sif {file}, or put it below the shared folder"
        raise SettingError(where, f"a folder cannot be sent with jobs{of}", fix)
    return file.stat().st_size


def _file(image: str) -> Path | None:
    """Return the file that an image is; None if it is a reference."""
    return None if "://" in image else user_path(image).absolute()


def _in_place(file: Path, shared: Path | None) -> bool:
    return shared is not None and below(file, shared)
