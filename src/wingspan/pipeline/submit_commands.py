"""Check the submit commands that users give: their form, and whether Wingspan writes them itself.

A command becomes one line of a submit description, so nothing in it may begin another line.
"""

import re

from wingspan.shown import shown_name, unseen

# What Wingspan writes into every submit description itself; anything else a user may set.
OWNED_SUBMIT_COMMANDS = frozenset({
    "universe", "executable", "arguments", "output", "error", "log", "queue", "initialdir",
    "request_cpus", "request_memory", "request_disk", "request_gpus", "gpus_minimum_capability",
    "gpus_minimum_memory", "container_image", "should_transfer_files", "when_to_transfer_output",
    "transfer_input_files", "transfer_output_files", "transfer_output_remaps", "transfer_executable",
    "preserve_relative_paths", "getenv", "want_io_proxy", "checkpoint_exit_code", "transfer_checkpoint_files",
})  # fmt: skip
_OTHER_NAMES = {  # of the same commands, without underscores
    "args": "arguments", "iwd": "initialdir", "jobiwd": "initialdir", "stdout": "output", "out": "output",
    "stderr": "error", "err": "error", "userlog": "log", "cmd": "executable", "jobuniverse": "universe",
    "transferin": "transfer_input_files", "transferout": "transfer_output_files",
    "transferinput": "transfer_input_files", "transferoutput": "transfer_output_files",
    "transfercheckpoint": "transfer_checkpoint_files",
    "successcheckpointexitcode": "checkpoint_exit_code", "dockerimage": "container_image",
}  # fmt: skip
_PLAIN = {name.replace("_", ""): name for name in OWNED_SUBMIT_COMMANDS} | _OTHER_NAMES
_NAME = re.compile(r"(?P<attribute>\+|(?i:my)\.)?[A-Za-z_][A-Za-z0-9_]*")
_LANGUAGE = {
    "if",
    "elif",
    "else",
    "endif",
    "include",
    "use",
    "warning",
}  # words that begin a line of their own
_MACROS = {"inputs", "steps", "run", "job", "retry"}  # of each node of a DAG
_OWN = "wingspan"  # attributes of jobs that begin so
_INSTEAD = {
    "container_image": "Resources(image=) of a step, or the key image of a pool",
    "request_cpus": "Resources(cpus=) of a step",
    "request_memory": "Resources(memory=) of a step",
    "request_disk": "Resources(disk=) of a step",
    "request_gpus": "Resources(gpus=) of a step",
    "gpus_minimum_capability": "Resources(gpu_capability=) of a step",
    "gpus_minimum_memory": "Resources(gpu_memory=) of a step",
}


def command_problem(name: str, value: str) -> str:
    """Return what is wrong with a submit command's name or value; empty if it may be written.

    >>> command_problem("rank", "Mips"), command_problem("request_memory", "2GB")
    ('', 'request_memory is written by Wingspan itself; use Resources(memory=) of a step')
    """
    if not _NAME.fullmatch(name):
        return f"expected the name of a submit command, found {shown_name(repr(name))}"
    owned = owned_command(name)
    if owned:
        instead = _INSTEAD.get(owned)
        fix = f"use {instead}" if instead else "leave it out"
        known_as = "" if name == owned else f" (it is {owned})"
        return f"{name} is written by Wingspan itself; {fix}{known_as}"
    if name.lower() in _LANGUAGE | _MACROS:
        return (
            f"{name} is not the name of a submit command, but has a meaning of its own; rename it"
        )
    attribute = attribute_of(name)
    if attribute.lower().startswith(_OWN):
        return f"{name} is an attribute of Wingspan's own; leave it out"
    wrong = unseen(value.replace("\t", " "))
    if wrong:
        return f"{name}: expected one line of text, found the character {wrong!a} in it"
    if value.rstrip().endswith("\\"):
        return f"{name}: a backslash at the end would take the next line in"
    return "" if value.strip() else f"{name}: expected one line of text, found {value!r}"


def attribute_of(name: str) -> str:
    """Return the attribute that ``+Name`` or ``My.Name`` sets in a job's ad; empty for a command."""
    found = _NAME.fullmatch(name)
    prefix = found["attribute"] if found else None
    return name[len(prefix) :] if prefix else ""


def owned_command(name: str) -> str:
    """Return the command of Wingspan's own that a name stands for, by any of its spellings; empty if none."""
    plain = (attribute_of(name) or name).lower().replace("_", "")
    if plain.startswith("transfer") and not attribute_of(name):
        return _PLAIN.get(plain, plain)
    return _PLAIN.get(plain, "")
