"""Word a hold as HTCondor does: code, sub-code and text for a kind of fault and a dialect.

A kind is what went wrong; it never says why (several causes share a kind, several kinds share a
text). The dialect is the version of the access point or the policy of the site: the same kind has
other codes and words there. The texts are made after those in public event logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Stage = Literal["submit", "input", "start", "run", "output"]


@dataclass(frozen=True, slots=True)
class Wording:
    """Code, sub-code and the template of a reason; `error` is the remote error (021) before it."""

    code: int
    subcode: int
    reason: str
    error: str = ""


_AP_IN = "Transfer input files failure at access point {ap} while sending files to execution point {slot}. Details: "
_AP_OUT = "Transfer output files failure at access point {ap} while receiving files from execution point {slot}. Details: "
_EP_IN = "Transfer input files failure at execution point {slot} while receiving files from access point {ap}. Details: "
_EP_OUT = "Transfer output files failure at execution point {slot} while sending files to access point {ap}. Details: "
_URL_IN = "Transfer input files failure at execution point {slot} using protocol osdf. Details: "
_URL_OUT = "Transfer output files failure at execution point {slot} using protocol osdf. Details: "
_OLD_IN = "Error from {slot}: SHADOW at {ap_ip} failed to send file(s) to <{ip}:{port}>: error "
_OLD_IN_END = "; STARTER failed to receive file(s) from <{ap_ip}:9618>"
_OLD_OUT = "Error from {slot}: STARTER at {ip} failed to send file(s) to <{ap_ip}:9618>"
_OLD_OUT_END = "; SHADOW failed to receive file(s) from <{ip}:{port}>"
_SENDING = (
    "Failed to transfer files: SHADOW at {ap_ip} failed to send file(s) to <{ip}:{port}>: |Error: "
)
_RECEIVING = "STARTER at {ip} failed to send file(s) to <{ap_ip}:9618>: |Error: "


def _in(code: int, what: str) -> tuple[Wording, Wording]:
    """Return new and old words for input that the access point could not read."""
    new = Wording(13, code, _AP_IN + what, _SENDING + what + _OLD_IN_END)
    return new, Wording(13, code, _OLD_IN + what + _OLD_IN_END)


def _out(code: int, what: str) -> tuple[Wording, Wording]:
    """Return new and old words for output that the execution point could not send.

    The old ones say 13.
    """
    new = Wording(12, code, _EP_OUT + what, _RECEIVING + what + _OLD_OUT_END)
    return new, Wording(13, code, f"{_OLD_OUT}: error {what}{_OLD_OUT_END}")


def _write(code: int, what: str) -> tuple[Wording, Wording]:
    """Return new and old words for output that the access point could not write."""
    old = f"{_OLD_OUT}; SHADOW at {{ap_ip}} failed to write to file {{home}}/{{output}}: {what}"
    new = f"writing to file {{home}}/{{output}}: {what}"
    return Wording(12, code, _AP_OUT + new, f"{_RECEIVING}{new}"), Wording(12, code, old)


def _same(*wordings: Wording) -> tuple[Wording, ...]:
    return wordings


_ATTEMPTS = (
    "Pelican Client Error: Attempt #3: from {cache}:8443: transfer error: Unable to read (...Path...); timer expired "
    "(1m{tenth}s elapsed, 3m{tenth}s since start); Attempt #2: from {cache2}:8443: transfer error: Unable to read "
    "(...Path...); timer expired (1m{tenth}s elapsed, 2m{tenth}s since start) (Version: 7.1{digit}.{digit}) "
    "( URL file = {url} )|"
)
_NO_SOURCE = (
    "failed to get namespace information for remote URL {url}: error while querying the director at "
    "https://osdf-director.osg-htc.org: Contact.Director Error: Error code 3001: 404: No sources found for the "
    "requested path: no origins found for the requested namespace '{url_path}': Request ID: {hex} ( URL file = {url} )|"
)
_DIRECTOR = (
    "failed to get namespace information for remote URL {url}: error while querying the director at "
    "https://osdf-director.osg-htc.org: Transfer.DirectorTimeout Error: Error code 6005: net/http: timeout awaiting "
    "response headers ( URL file = {url} )|"
)
_SIZE = (
    "Pelican Client Error: from {cache}:8443: download completed but received size {number}b does not match expected "
    "size {bigger}b ({tenth}s since start) (Version: 7.19.{digit}) ( URL file = {url} )|"
)
_NO_FILE = "(errno 2) No such file or directory"
_READ = "reading from file {home}/{file}: "
_EXECUTE = "Error from {slot}: Failed to execute '{command}' with arguments {arguments}: "
_EXECUTE_SCRATCH = "Error from {slot}: Failed to execute '{scratch}/condor_exec.exe': "

# kind -> wordings; which of them is the dialect's choice: index 0 new, 1 old, or site by site
WORDINGS: Mapping[str, tuple[Wording, ...]] = {
    # flaws of jobs
    "input_missing": _in(2, _READ + _NO_FILE),
    "url_wrong": _same(Wording(13, 256, _URL_IN + _NO_SOURCE)),
    "folder_gone": _same(Wording(14, 2, "Cannot access initial working directory {home}: No such file or directory")),
    "stdout_denied": _same(
        Wording(7, 13, "Error from {slot}: Failed to open '{home}/{stdout}' as standard output: Permission denied (errno 13)"),
    ),
    "image_wrong": _same(
        Wording(35, 0, "Error from {slot}: Cannot start container: invalid image name: {image}: manifest unknown"),
        Wording(45, 0, "Error from {slot}: Singularity test failed: FATAL: could not open image {image}: image not found"),
    ),
    "too_large": _same(
        Wording(32, 0, "TransferInputSizeMB ({number}) is greater than MAX_TRANSFER_INPUT_MB (5000) at submit time"),
    ),
    "policy_undefined": _same(
        Wording(5, 0, "The job attribute PeriodicHold expression '(MemoryUsage > {mb}) && (Stage > 1)' evaluated to UNDEFINED"),
    ),
    "exec_missing": _same(Wording(6, 2, _EXECUTE + "(errno=2: 'No such file or directory')")),
    "exec_format": _same(Wording(6, 8, _EXECUTE_SCRATCH + "(errno=8: 'Exec format error')")),
    "exec_denied": _same(Wording(6, 13, _EXECUTE + "(errno=13: 'Permission denied')")),
    "output_missing": _out(2, "reading from file {scratch}/{output}: " + _NO_FILE),
    "output_folder": _write(2, _NO_FILE),
    "quota": _same(
        *_write(122, "(errno 122) Disk quota exceeded"),
        Wording(9, 122, "Error from {slot}: StreamHandler: stdout: couldn't write to {stdout}: Disk quota exceeded (-1!={number})"),
    ),
    "bad_exit": _same(
        Wording(3, 0, "The job attribute OnExitHold expression '(ExitBySignal == true) || (ExitCode != 0)' evaluated to TRUE"),
        Wording(3, 1, "job exited with code 1, held for inspection"),
    ),
    "memory": _same(
        Wording(34, 102, "Error from {slot}: Job has gone over cgroup memory limit of {mb} megabytes. Last measured usage: {peak} megabytes.  Consider resubmitting with a higher request_memory."),
        Wording(34, 0, "Error from {slot}: Job has encountered an out-of-memory event."),
        Wording(21, 102, "Error from {slot}: memory usage exceeded request_memory"),
        Wording(21, 1001, "Error from {slot}: peak memory usage exceeded {mb} MB"),
        Wording(26, 103, "Memory usage exceeded request_memory"),
        Wording(26, 0, "Job used more memory than requested: {peak} MB of {mb} MB"),
    ),
    "disk": _same(
        Wording(21, 103, "Error from {slot}: disk usage exceeded request_disk"),
        Wording(26, 104, "Disk usage exceeded request_disk"),
        Wording(34, 104, "Error from {slot}: Job has used more disk than allocated: {number} KB"),
    ),
    "cpus": _same(
        Wording(26, 102, "Excessive CPU usage. Job used {digit} CPUs, while request_cpus=1. Please verify that the code is configured to use a limited number of cpus/threads, and matches request_cpus."),
        Wording(26, 120, "CPU usage exceeded request_cpus ({digit} > 1)"),
    ),
    "execute_time": _same(
        Wording(47, 0, "The job exceeded allowed execute duration of {limit}"),
        Wording(46, 0, "The job exceeded allowed job duration of {limit}"),
        Wording(3, 42, "ran longer than {limit_s} s"),
    ),
    "starts": _same(
        Wording(26, 0, "The system macro SYSTEM_PERIODIC_HOLD expression '(NumJobStarts > {starts})' evaluated to TRUE"),
    ),
    # what people do
    "by_user": _same(Wording(1, 0, "via condor_hold (by user {user})")),
    "submitted_held": _same(Wording(15, 0, "submitted on hold at user's request")),
    "spooling": _same(Wording(16, 0, "Spooling input data files")),
    # outages of access points
    "ap_gone": _in(2, _READ + _NO_FILE),
    "ap_stale": _in(116, _READ + "(errno 116) Stale file handle"),
    "ap_io": _in(5, _READ + "(errno 5) Input/output error"),
    "ap_write_stale": _write(116, "(errno 116) Stale file handle"),
    "ap_write_io": _write(5, "(errno 5) Input/output error"),
    "ap_full": _write(28, "(errno 28) No space left on device"),
    "ap_queue": _in(110, "(errno 110) Connection timed out: failed to connect to transfer queue manager"),
    "ap_credential": _same(Wording(4, 0, "Failed to refresh credential of user {user}: the token issuer did not answer")),
    # outages of sites and hosts
    "site_full": _same(
        Wording(13, 28, _EP_IN + "writing to file {scratch}/{file}: (errno 28) No space left on device"),
    ),
    "site_read_only": _same(
        Wording(13, 30, _EP_IN + "writing to file {scratch}/{file}: (errno 30) Read-only file system"),
        Wording(13, 5, _EP_IN + "writing to file {scratch}/{file}: (errno 5) Input/output error"),
    ),
    "site_network": _out(104, "(errno 104) Connection reset by peer"),
    "site_exec": _same(
        Wording(6, 116, _EXECUTE_SCRATCH + "(errno=116: 'Stale file handle')"),
        Wording(6, 5, _EXECUTE_SCRATCH + "(errno=5: 'Input/output error')"),
    ),
    "site_library": _same(Wording(6, 2, _EXECUTE + "(errno=2: 'No such file or directory')")),
    "site_container": _same(
        Wording(45, 0, "Error from {slot}: Singularity test failed: FATAL: container creation failed: mount proc: no space left"),
        Wording(45, 0, "Error from {slot}: Singularity test failed: FATAL: could not open image {image}: Transport endpoint is not connected"),
        Wording(45, 0, "Error from {slot}: Singularity test failed: FATAL: could not open image {image}: image not found"),
    ),
    "site_memory": _same(Wording(34, 0, "Error from {slot}: Job has encountered an out-of-memory event.")),
    "site_hook": _same(Wording(19, 1, "Error from {slot}: prepare job hook failed with exit code 1")),
    "site_policy": _same(
        Wording(21, 1001, "Error from {slot}: machine policy: scratch file system is not healthy"),
    ),
    "site_plugin": _same(
        Wording(13, 11, _EP_IN + "receiving file {scratch}/{file}: FILETRANSFER:1:FILETRANSFER: plugin for type osdf not found!"),
        Wording(13, 256, _EP_IN + "file transfer plugin stash_plugin exited with code 1, unable to open output file {scratch}/.stash_plugin.out"),
    ),
    "site_output": _out(2, "reading from file {scratch}/{output}: " + _NO_FILE),
    # outages of plug-ins and what they speak to
    "osdf_timer": _same(Wording(13, 256, _URL_IN + _ATTEMPTS)),
    "osdf_director": _same(Wording(13, 256, _URL_IN + _DIRECTOR)),
    "osdf_no_source": _same(Wording(13, 256, _URL_IN + _NO_SOURCE)),
    "osdf_size": _same(Wording(13, 256, _URL_IN + _SIZE)),
    "osdf_slow": _same(Wording(13, 62, _URL_IN + "file transfer plugin stash_plugin timed out ( URL file = {url} )|")),
    "osdf_output": _same(Wording(12, 256, _URL_OUT + "transfer error: 503 service unavailable ( URL file = {url} )|")),
}  # fmt: skip

# kind -> weight, by cause; the stage at which a kind strikes
BUGS: Mapping[str, float] = {
    "bad_exit": 5.0, "input_missing": 5.0, "output_missing": 4.0, "exec_missing": 2.4, "exec_format": 2.0,
    "url_wrong": 1.6, "quota": 1.0, "output_folder": 0.8, "exec_denied": 0.4, "folder_gone": 0.4,
    "stdout_denied": 0.4, "image_wrong": 0.5, "too_large": 0.3, "policy_undefined": 0.15,
}  # fmt: skip
SITE_FAULTS: Mapping[str, float] = {
    "site_full": 2.0, "site_read_only": 1.5, "site_network": 1.5, "site_exec": 1.0, "site_library": 1.0,
    "site_container": 1.6, "site_memory": 0.8, "site_hook": 0.3, "site_policy": 0.4, "site_plugin": 1.2, "site_output": 0.6,
}  # fmt: skip
ACCESS_POINT_FAULTS: Mapping[str, float] = {
    "ap_gone": 1.5, "ap_stale": 1.5, "ap_io": 1.0, "ap_write_stale": 1.2, "ap_write_io": 1.0, "ap_full": 1.0,
    "ap_queue": 1.0, "ap_credential": 0.8,
}  # fmt: skip
PLUGIN_FAULTS: Mapping[str, float] = {
    "osdf_timer": 3.0, "osdf_director": 2.0, "osdf_no_source": 1.5, "osdf_size": 0.8, "osdf_slow": 0.8, "osdf_output": 1.2,
}  # fmt: skip

STAGES: Mapping[str, Stage] = {
    "too_large": "submit", "policy_undefined": "submit",
    "input_missing": "input", "url_wrong": "input", "folder_gone": "input", "stdout_denied": "input", "image_wrong": "input",
    "exec_missing": "start", "exec_format": "start", "exec_denied": "start",
    "output_missing": "output", "output_folder": "output", "quota": "output", "bad_exit": "output",
    "ap_gone": "input", "ap_stale": "input", "ap_io": "input", "ap_queue": "input", "ap_credential": "input",
    "ap_write_stale": "output", "ap_write_io": "output", "ap_full": "output",
    "site_full": "input", "site_read_only": "input", "site_plugin": "input", "site_exec": "start", "site_library": "start",
    "site_container": "start", "site_hook": "start", "site_memory": "run", "site_policy": "run",
    "site_network": "output", "site_output": "output",
    "osdf_timer": "input", "osdf_director": "input", "osdf_no_source": "input", "osdf_size": "input", "osdf_slow": "input",
    "osdf_output": "output",
}  # fmt: skip


_PAIRED = frozenset(
    kind for kind, both in WORDINGS.items() if len(both) == 2 and both[0].error
)  # new and old words of an access point
_BY_SITES = (
    4  # of the wordings for memory, those of execution points; the others are access points'
)


def wording(kind: str, *, old: bool, policy: int, site: int) -> Wording:
    """Return the words for a kind of fault where it happened.

    Parameters
    ----------
    old
        The access point runs an old version.
    policy
        0: execution points watch the memory; else the access point does, and this chooses its words.
    site
        Chooses the site's words.
    """
    choices = WORDINGS[kind]
    if kind in _PAIRED:
        return choices[old]
    if kind == "memory":
        by_policy = _BY_SITES + policy % (len(choices) - _BY_SITES)
        return choices[by_policy if policy else site % _BY_SITES]
    return choices[site % len(choices)]
