"""`Resources` -> the submit description of a node's job. Pure text.

The commands are those of the manual's page on condor_submit. A node's own facts come as VARS: ``inputs``, a comma-
separated list of file names that need no quoting, and ``steps``; its name is DAGMan's ``$(JOB)``.
"""

from collections.abc import Mapping

from wingspan.pipeline.resources import Resources
from wingspan.runner.htcondor.hold_policy import hold_policy
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.image import image_commands


def submit_description(
    asked: Resources,
    common: str = "",
    environment: str = "",
    profile: Profile | None = None,
    most: Mapping[str, int] | None = None,
) -> str:
    """Return the lines of one submit description; relative paths are in the folder of results.

    Parameters
    ----------
    common
        Files that every job gets, comma-separated.
    environment
        Name of the one that is the packed environment; empty if the machines have it.
    profile
        The pool's; its submit commands yield to those of `asked`.
    most
        ``memory`` and ``disk`` of the pool's largest slots, in MB, if known.

    Notes
    -----
    There is no ``transfer_output_files``: HTCondor brings back every new file of the sandbox's top folder. Naming
    them costs a 25.x starter five seconds a job, and a missing one a hold.
    """
    profile = profile or Profile()
    sent = ",".join(filter(None, ["../jobs/$(JOB).json", common, "$(inputs)"]))
    commands = {
        **image_commands(asked.image or profile.image, profile.shared),
        "executable": "job.sh",
        "arguments": f"$(JOB) {environment}".rstrip(),
        "initialdir": "results",
        "output": "../logs/$(JOB).out",
        "error": "../logs/$(JOB).err",
        "log": "../jobs.log",
        "request_cpus": str(asked.cpus),
        **_gpus(asked),
        **({"allowed_execute_duration": f"{asked.runtime_s:.0f}"} if asked.runtime_s else {}),
        "should_transfer_files": "YES",
        "when_to_transfer_output": "ON_EXIT",
        "transfer_input_files": sent,
        "My.WantRemoteUpdates": "true",  # a job of several steps says which one runs: progress_line
        "My.WingspanRun": '"$(run)"',
        "My.WingspanStep": '"$(steps)"',
        **hold_policy(asked, profile.hold_back_off_s, most),
        **profile.submit,
        **asked.submit,
    }
    return "".join(f"  {name} = {value}\n" for name, value in commands.items())


def _gpus(asked: Resources) -> dict[str, str]:
    commands = {"request_gpus": str(asked.gpus)} if asked.gpus else {}
    if asked.gpu_capability is not None:
        commands["gpus_minimum_capability"] = str(asked.gpu_capability)
    if asked.gpu_memory_mb is not None:
        commands["gpus_minimum_memory"] = str(asked.gpu_memory_mb)
    return commands


def commands_of(asked: Resources, profile: Profile) -> dict[str, str]:
    """Return the submit commands of a job that asks this, by name."""
    text = submit_description(asked, profile=profile)
    pairs = (line.strip().partition(" = ") for line in text.splitlines())
    return {name: value for name, _, value in pairs}
