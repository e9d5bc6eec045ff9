"""Write `Resources` as the submit description of a node's job. Pure.

The commands are those of the manual's page on condor_submit. What differs from node to node comes as VARS, so that all
nodes that ask for the same kind of machine share one description: ``inputs``, a comma-separated list of file names that
need no quoting, ``steps``, and the `amounts` of its request; its name is DAGMan's ``$(JOB)``.
"""

from collections.abc import Mapping

from wingspan.pipeline.resources import Resources
from wingspan.runner.htcondor.chirp_commands import WHY as CHANNEL
from wingspan.runner.htcondor.chirp_commands import channel_commands
from wingspan.runner.htcondor.hold_policy import WHY, amounts, hold_policy
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.image import image_commands

_WHY: Mapping[str, str] = {
    "executable": "One script for all jobs; what a job is to do stands in jobs/NODE.json.",
    "log": "All events, for `wingspan status` and `watch`; DAGMan keeps a log of its own.",
    "should_transfer_files": "No outputs are named: HTCondor brings back every new file of the job's folder.",
    "My.CommonInputFiles": "Sent once to each machine, and linked into each job's folder.",
    **CHANNEL,
}  # command -> why it is there, for readers of the file


def submit_description(  # noqa: PLR0913 - all that a job's description depends on
    asked: Resources,
    common: str = "",
    environment: str = "",
    profile: Profile | None = None,
    most: Mapping[str, int] | None = None,
    run: str = "",
    *,
    once: bool = False,
    lane: bool = False,
) -> str:
    """Return the lines of one submit description; relative paths are in the folder of results.

    Parameters
    ----------
    common
        Files that every job gets, comma-separated.
    environment
        The packed environment: its path, or its URL; empty if the machines have it.
    once
        HTCondor sends it once to each machine.
    profile
        The pool's; its submit commands yield to those of `asked`.
    most
        ``memory`` and ``disk`` of the pool's largest slots, in MB, if known.
    lane
        The job runs trials of a sweep.
    run
        The run's id, in characters that a job's ad holds.

    Notes
    -----
    There is no ``transfer_output_files``: HTCondor brings back every new file of the sandbox's top folder. Naming
    them costs a 25.x starter five seconds a job, and a missing one a hold.
    """
    profile = profile or Profile()
    each = "" if once else environment
    sent = ",".join(filter(None, ["../jobs/$(JOB).json", common, each, "$(inputs)"]))
    shared = {"My.CommonInputFiles": f'"{environment}"'} if once and environment else {}
    commands = {
        **image_commands(asked.image or profile.image, profile.shared),
        "executable": "job.sh",
        "arguments": f"$(JOB) {environment.rpartition('/')[2]}".rstrip(),
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
        **shared,
        **channel_commands(profile.chirp, lane=lane),
        "My.WingspanRun": f'"{run}"',
        "My.WingspanStep": '"$(steps)"',
        **hold_policy(profile.hold_back_off_s, most),
        **profile.submit,
        **asked.submit,
    }
    why = {**_WHY, **WHY, **dict.fromkeys(profile.submit, ""), **dict.fromkeys(asked.submit, "")}
    if profile.submit:
        why[next(iter(profile.submit))] = f"From the profile of the pool, {profile.name}."
    if asked.submit:
        why[next(iter(asked.submit))] = "From the steps' ws.Resources(submit=...)."
    return "".join(
        (f"  # {why[name]}\n" if why.get(name) else "") + f"  {name} = {value}\n"
        for name, value in commands.items()
    )


def _gpus(asked: Resources) -> dict[str, str]:
    commands = {"request_gpus": str(asked.gpus)} if asked.gpus else {}
    if asked.gpu_capability is not None:
        commands["gpus_minimum_capability"] = str(asked.gpu_capability)
    if asked.gpu_memory_mb is not None:
        commands["gpus_minimum_memory"] = str(asked.gpu_memory_mb)
    return commands


def description_alone(asked: Resources, profile: Profile) -> str:
    """Return the description of one job as a file of its own, without VARS of a DAG."""
    text = submit_description(asked, profile=profile)
    for name, value in amounts(asked).items():
        text = text.replace(f"$({name})", value)
    return text


def commands_of(asked: Resources, profile: Profile) -> dict[str, str]:
    """Return the submit commands of a job that asks this, by name."""
    lines = description_alone(asked, profile).splitlines()
    pairs = (line.strip().partition(" = ") for line in lines if not line.startswith("  #"))
    return {name: value for name, _, value in pairs}
