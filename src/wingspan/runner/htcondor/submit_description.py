"""`Resources` -> the submit description of a step's node. Pure text.

The commands are those of the manual's page on condor_submit. A node's own facts come as VARS: ``key``, ``inputs`` and
``outputs``, comma-separated lists of file names that need no quoting.
"""

from wingspan.pipeline.resources import Resources

LOST = 3  # how often a job is started again unless it ended with the exit code of a failed step
FAILED_EXIT = 1


def submit_description(asked: Resources) -> str:
    """Return the lines of one submit description; relative paths are in the folder of results."""
    commands = {
        "universe": "vanilla",
        "executable": "job.sh",
        "arguments": "$(key) $(outputs)",
        "initialdir": "results",
        "output": "../logs/$(key).$(RETRY).out",
        "error": "../logs/$(key).$(RETRY).err",
        "request_cpus": str(asked.cpus),
        "request_memory": f"{asked.memory_mb}MB",
        "request_disk": f"{asked.disk_mb}MB",
        **_gpus(asked),
        **({"container_image": asked.image} if asked.image else {}),
        **({"allowed_execute_duration": f"{asked.runtime_s:.0f}"} if asked.runtime_s else {}),
        "should_transfer_files": "YES",
        "when_to_transfer_output": "ON_EXIT",
        "transfer_input_files": "../jobs/$(key).job,$(inputs)",
        "transfer_output_files": "$(key).json,$(outputs)",
        **asked.submit,
    }
    return "".join(f"  {name} = {value}\n" for name, value in commands.items())


def _gpus(asked: Resources) -> dict[str, str]:
    commands = {"request_gpus": str(asked.gpus)} if asked.gpus else {}
    if asked.gpu_capability is not None:
        commands["gpus_minimum_capability"] = str(asked.gpu_capability)
    if asked.gpu_memory is not None:
        commands["gpus_minimum_memory"] = str(asked.gpu_memory)
    return commands
