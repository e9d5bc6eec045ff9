"""Check users' submit commands: their form, and whether Wingspan writes them itself.

A command becomes one line of a submit description, so nothing in it may begin another line.
"""

import re
from collections.abc import Iterator, Mapping

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
_MACROS = {
    "inputs",
    "steps",
    "memory_mb",
    "disk_kb",
    "run",
    "job",
    "retry",
}  # of each node of a DAG
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


# Commands that condor_submit 25.14 uses in the vanilla and container universes; it warns of others.
_USED = """
    accounting_group accounting_group_user allow_arguments_v1 allow_environment_v1 allowed_execute_duration
    allowed_job_duration append_files aws_access_key_id_file aws_region aws_secret_access_key_file batch_id batch_name
    buffer_block_size buffer_files buffer_size checkpoint_destination compress_files concurrency_limits
    concurrency_limits_expr container_is_common container_service_names container_target_dir core_size
    cron_day_of_month cron_day_of_week cron_hour cron_minute cron_month cron_prep_time cron_window cuda_version
    dag_node_name dagman_job_id dagman_log deferral_prep_time deferral_time deferral_window
    delegate_job_gsi_credentials_lifetime description disk_usage docker_network_type docker_override_entrypoint
    docker_pull_policy dont_encrypt_input_files dont_encrypt_output_files ec2_access_key_id ec2_secret_access_key
    email_attributes encrypt_execute_directory encrypt_input_files encrypt_output_files env environment
    erase_output_and_error_on_restart fetch_files file_remaps gpus_maximum_capability gpus_minimum_runtime
    gs_access_key_id_file gs_secret_access_key_file hold hold_kill_sig image_size input interactive_args
    interactive_executable item jar_files java_vm_args java_vm_arguments java_vm_arguments2 job_ad_information_attrs
    job_batch_id job_description job_lease_duration job_machine_attrs job_machine_attrs_history_length
    job_materialize_limit job_materialize_max_idle job_max_retries job_max_vacate_time job_prio job_set job_set_name
    job_starter_debug job_starter_log job_success_exit_code keep_claim_idle kill_sig kill_sig_timeout
    last_match_list_length leave_in_queue leave_job_in_queue load_profile local_files log_xml manifest manifest_desired
    manifest_dir match_list_length materialize_max_idle max_idle max_job_retirement_time max_materialize max_retries
    max_transfer_input_mb max_transfer_output_mb mount_under_scratch next_job_start_delay nice_user noop_job
    noop_job_exit_code noop_job_exit_signal notification notify_user on_evict_checks on_exit_hold on_exit_hold_reason
    on_exit_hold_subcode on_exit_remove output_destination output_directory parallel_script_shadow
    parallel_script_starter periodic_hold periodic_hold_reason periodic_hold_subcode periodic_release periodic_remove
    periodic_vacate preferences primary_unix_group prio priority project_name public_input_files rank remote_initialdir
    remote_iwd remove_kill_sig require_gpus requirements retry_request_disk retry_request_memory
    retry_request_memory_increase retry_request_memory_max retry_until run_as_owner s3_access_key_id_file
    s3_secret_access_key_file scitokens_file shell skip_filechecks skip_if_dataflow stack_size starter_debug starter_log
    stdin stream_err stream_error stream_in stream_input stream_out stream_output submit_event_notes
    submit_event_notes_attrs submit_event_user_notes success_exit_code tool_daemon_args tool_daemon_cmd
    tool_daemon_error tool_daemon_input tool_daemon_output ulog_execute_attrs use_oauth_services use_scitokens
    use_x509userproxy want_graceful_removal want_job_networking x509userproxy
"""
_KNOWN = frozenset(_USED.split())
_KNOWN_PLAIN = {name.replace("_", "") for name in _KNOWN} | _PLAIN.keys()
_FAMILIES = re.compile(r"transfer_.*|.+_container_port|.+_oauth_(?:permissions|resource).*")
_NOT_RESOURCES = {"request_cpu", "request_gpu", "request_gpu_memory", "request_gpus_memory"}
_CALLED = re.compile(r"\$\$?\(\s*(\w+)")  # a macro in a value

# Commands whose value is an expression; the others are words, numbers and lists.
_EXPRESSIONS = frozenset({name.replace("_", "") for name in (
    "allowed_execute_duration", "allowed_job_duration", "concurrency_limits_expr", "deferral_time",
    "gpus_maximum_capability", "gpus_minimum_runtime", "job_lease_duration", "job_max_vacate_time", "job_prio",
    "keep_claim_idle", "leave_in_queue", "leave_job_in_queue", "max_job_retirement_time", "max_retries",
    "max_transfer_input_mb", "max_transfer_output_mb", "next_job_start_delay", "nice_user", "noop_job",
    "noop_job_exit_code", "noop_job_exit_signal", "on_exit_hold", "on_exit_hold_reason", "on_exit_hold_subcode",
    "on_exit_remove", "periodic_hold", "periodic_hold_reason", "periodic_hold_subcode", "periodic_release",
    "periodic_remove", "periodic_vacate", "preferences", "prio", "priority", "rank", "require_gpus", "requirements",
    "retry_until", "success_exit_code", "want_graceful_removal",
)})  # fmt: skip


def is_expression(name: str) -> bool:
    """Return whether the value of a submit command, or attribute, is an expression."""
    plain = name.lower().replace("_", "")
    return bool(attribute_of(name)) or plain in _EXPRESSIONS or plain.startswith("request")


def unknown_commands(commands: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the commands that HTCondor would ignore, with the likely intended ones.

    condor_submit warns of the same ones.

    >>> list(unknown_commands({"requirments": "x", "+Note": "1", "mem": "5", "rank": "$(mem)"}))
    [('requirments', 'did you mean requirements?')]
    """
    called = {name.lower() for value in commands.values() for name in _CALLED.findall(value)}
    for name in commands:
        plain = name.lower()
        if attribute_of(name) or plain in called or _FAMILIES.fullmatch(plain):
            continue
        if plain.replace("_", "") in _KNOWN_PLAIN:
            continue
        hint = _near(plain)
        resource = plain.startswith("request_") and plain not in _NOT_RESOURCES
        if not resource or any(own in hint for own in OWNED_SUBMIT_COMMANDS):
            yield name, hint or "see the manual of condor_submit; attributes begin with +"


def _near(name: str) -> str:
    """Return the likely meaning of a misspelt command: close in spelling, or sharing a word."""
    from difflib import get_close_matches

    known = _KNOWN | OWNED_SUBMIT_COMMANDS
    cutoff = 0.85 if name.startswith("request_") else 0.75
    close = get_close_matches(name, sorted(known), 1, cutoff)
    if not close:
        words = [word for word in name.split("_") if len(word) > 4 and word != "request"]
        alike = (one for one in known if not {*one.split("_")}.isdisjoint(words))
        close = sorted(alike, key=lambda one: (one not in OWNED_SUBMIT_COMMANDS, one))[:1]
    if not close:
        return ""
    instead = _INSTEAD.get(close[0])
    return f"did you mean {close[0]}?{f' Use {instead}' if instead else ''}"


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


def parameters_named(text: str) -> str:
    """Return which parameters set the commands that a text names; empty if it names none.

    >>> parameters_named("request_memory: ask for at most 5 MB")
    'request_memory is Resources(memory=) of a step'
    """
    named = [command for command in _INSTEAD if re.search(rf"\b{command}\b", text)]
    return ", ".join(f"{command} is {_INSTEAD[command]}" for command in named)


def attribute_of(name: str) -> str:
    """Return the job attribute that ``+Name`` or ``My.Name`` sets; empty for a command."""
    found = _NAME.fullmatch(name)
    prefix = found["attribute"] if found else None
    return name[len(prefix) :] if prefix else ""


def owned_command(name: str) -> str:
    """Return the command of Wingspan's own that a name spells; empty if it spells another."""
    plain = (attribute_of(name) or name).lower().replace("_", "")
    if plain.startswith("transfer") and not attribute_of(name):
        return _PLAIN.get(plain, plain)
    return _PLAIN.get(plain, "")
