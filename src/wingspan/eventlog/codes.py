"""Name the numbers of job events, holds, evictions and errno, as in HTCondor's manual.

Sources: the manual's pages "Job Event Log Codes", "Hold Reason Codes" and "Vacate Reason Codes";
`src/condor_utils/condor_event.h` and `condor_holdcodes.h` in HTCondor's source. What to do about a
hold is in `rules`.
"""

from enum import IntEnum


class EventNumber(IntEnum):
    """Number of an event, named as in HTCondor's bindings; from 100 on, of an execution point."""

    SUBMIT = 0
    EXECUTE = 1
    EXECUTABLE_ERROR = 2
    CHECKPOINTED = 3
    JOB_EVICTED = 4
    JOB_TERMINATED = 5
    IMAGE_SIZE = 6
    SHADOW_EXCEPTION = 7
    GENERIC = 8
    JOB_ABORTED = 9
    JOB_SUSPENDED = 10
    JOB_UNSUSPENDED = 11
    JOB_HELD = 12
    JOB_RELEASED = 13
    NODE_EXECUTE = 14
    NODE_TERMINATED = 15
    POST_SCRIPT_TERMINATED = 16
    GLOBUS_SUBMIT = 17
    GLOBUS_SUBMIT_FAILED = 18
    GLOBUS_RESOURCE_UP = 19
    GLOBUS_RESOURCE_DOWN = 20
    REMOTE_ERROR = 21
    JOB_DISCONNECTED = 22
    JOB_RECONNECTED = 23
    JOB_RECONNECT_FAILED = 24
    GRID_RESOURCE_UP = 25
    GRID_RESOURCE_DOWN = 26
    GRID_SUBMIT = 27
    JOB_AD_INFORMATION = 28
    JOB_STATUS_UNKNOWN = 29
    JOB_STATUS_KNOWN = 30
    JOB_STAGE_IN = 31
    JOB_STAGE_OUT = 32
    ATTRIBUTE_UPDATE = 33
    PRESKIP = 34
    CLUSTER_SUBMIT = 35
    CLUSTER_REMOVE = 36
    FACTORY_PAUSED = 37
    FACTORY_RESUMED = 38
    NONE = 39  # never written
    FILE_TRANSFER = 40
    RESERVE_SPACE = 41
    RELEASE_SPACE = 42
    FILE_COMPLETE = 43
    FILE_USED = 44
    FILE_REMOVED = 45
    DATAFLOW_JOB_SKIPPED = 46
    COMMON_FILES = 47
    EP_STARTUP = 100
    EP_READY = 101
    EP_RECONFIG = 102
    EP_SHUTDOWN = 103
    EP_REQUEST_CLAIM = 104
    EP_RELEASE_CLAIM = 105
    EP_ACTIVATE_CLAIM = 106
    EP_DEACTIVATE_CLAIM = 107
    EP_VACATE_CLAIM = 108
    EP_DRAIN = 109
    EP_RESOURCE_BREAK = 110
    EP_RESOURCE_MEND = 111


class HoldCode(IntEnum):
    """`HoldReasonCode`; the names are the labels of `NumHoldsByReason`."""

    Unspecified = 0
    UserRequest = 1
    GlobusGramError = 2
    JobPolicy = 3
    CorruptedCredential = 4
    JobPolicyUndefined = 5
    FailedToCreateProcess = 6
    UnableToOpenOutput = 7
    UnableToOpenInput = 8
    UnableToOpenOutputStream = 9
    UnableToOpenInputStream = 10
    InvalidTransferAck = 11
    TransferOutputError = 12  # in older versions DownloadFileError: the receiving side failed
    TransferInputError = 13  # in older versions UploadFileError: the sending side failed
    IwdError = 14
    SubmittedOnHold = 15
    SpoolingInput = 16
    JobShadowMismatch = 17
    InvalidTransferGoAhead = 18
    HookPrepareJobFailure = 19
    MissedDeferredExecutionTime = 20
    StartdHeldJob = 21
    UnableToInitUserLog = 22
    FailedToAccessUserAccount = 23
    NoCompatibleShadow = 24
    InvalidCronSettings = 25
    SystemPolicy = 26
    SystemPolicyUndefined = 27
    GlexecChownSandboxToUser = 28
    PrivsepChownSandboxToUser = 29
    GlexecChownSandboxToCondor = 30
    PrivsepChownSandboxToCondor = 31
    MaxTransferInputSizeExceeded = 32
    MaxTransferOutputSizeExceeded = 33
    JobOutOfResources = 34
    InvalidDockerImage = 35
    FailedToCheckpoint = 36
    EC2UserError = 37
    EC2InternalError = 38
    EC2AdminError = 39
    EC2ConnectionProblem = 40
    EC2ServerError = 41
    EC2InstancePotentiallyLost = 42
    PreScriptFailed = 43
    PostScriptFailed = 44
    SingularityTestFailed = 45
    JobDurationExceeded = 46
    JobExecuteExceeded = 47
    HookShadowPrepareJobFailure = 48
    CannotSwitchPrimaryGroup = 49  # in the source, not in the manual's table


class VacateCode(IntEnum):
    """`VacateReasonCode`, the code of an eviction (event 004): the job goes back to the queue."""

    JobPolicyVacate = 1000
    SystemPolicyVacate = 1001
    ShadowException = 1002
    JobNotStarted = 1003
    UserVacateJob = 1004
    JobShouldRequeue = 1005
    FailedToActivateClaim = 1006
    StarterError = 1007
    ReconnectFailed = 1008
    ClaimDeactivated = 1009
    StartdVacateCommand = 1010
    StartdPreemptExpression = 1011
    StartdException = 1012
    StartdShutdown = 1013
    StartdDraining = 1014
    StartdCoalesce = 1015
    StartdHibernate = 1016
    StartdReleaseCommand = 1017
    StartdPreemptingClaimRank = 1018
    StartdPreemptingClaimUserPrio = 1019
    VMError = 1020
    ContainerError = 1021
    ScheddVacate = 1022
    JobRemoved = 1023
    ScratchDirError = 1024
    SuccessfulCheckpoint = 1025
    ActivationRefusedBadRequest = 1026
    ActivationRefusedNoMatch = 1027
    ActivationRefusedStillCleaning = 1028
    ActivationRefusedWorklifeExpired = 1029
    ActivationRefusedPreempted = 1030
    ActivationRefusedBroken = 1031
    ActivationRefusedNotIdle = 1032
    ActivationRefusedUnclaimed = 1033
    ActivationRefusedClaimNotFound = 1034
    ActivationRefusedOldClaim = 1035
    ActivationRefusedUnhealthy = 1036
    StartdRehoming = 1037  # in the source, not in the manual's table


# Linux numbers (asm-generic/errno*.h): access and execution points run Linux, this machine may not.
ERRNO = {
    1: ("EPERM", "operation not permitted"),
    2: ("ENOENT", "no such file or directory"),
    5: ("EIO", "input/output error"),
    7: ("E2BIG", "argument list too long"),
    8: ("ENOEXEC", "exec format error"),
    11: ("EAGAIN", "resource temporarily unavailable"),
    12: ("ENOMEM", "cannot allocate memory"),
    13: ("EACCES", "permission denied"),
    17: ("EEXIST", "file exists"),
    20: ("ENOTDIR", "not a directory"),
    21: ("EISDIR", "is a directory"),
    22: ("EINVAL", "invalid argument"),
    24: ("EMFILE", "too many open files"),
    26: ("ETXTBSY", "text file busy"),
    27: ("EFBIG", "file too large"),
    28: ("ENOSPC", "no space left on device"),
    30: ("EROFS", "read-only file system"),
    32: ("EPIPE", "broken pipe"),
    36: ("ENAMETOOLONG", "file name too long"),
    40: ("ELOOP", "too many levels of symbolic links"),
    62: ("ETIME", "timer expired"),
    71: ("EPROTO", "protocol error"),
    101: ("ENETUNREACH", "network is unreachable"),
    103: ("ECONNABORTED", "connection aborted"),
    104: ("ECONNRESET", "connection reset by peer"),
    107: ("ENOTCONN", "not connected"),
    110: ("ETIMEDOUT", "connection timed out"),
    111: ("ECONNREFUSED", "connection refused"),
    112: ("EHOSTDOWN", "host is down"),
    113: ("EHOSTUNREACH", "no route to host"),
    116: ("ESTALE", "stale file handle"),
    121: ("EREMOTEIO", "remote input/output error"),
    122: ("EDQUOT", "disk quota exceeded"),
}

_ERRNO_CODES = {6, 7, 8, 9, 10, 12, 13, 14}
_TRANSFER_CODES = {12, 13}
_PLUGIN_FAULTS = {  # sub-codes of evictions, not of holds: condor_holdcodes.h
    -1001: "the file-transfer plug-in was not found",
    -1002: "the file-transfer plug-in is not operational",
    -1003: "the file-transfer plug-in could not be executed",
    -1004: "the file-transfer plug-in gave no result",
}
_SUBCODES = {
    (34, 102): "memory",
    (34, 104): "disk",
    (37, 1): "public key file not defined",
    (37, 2): "private key file not defined",
    (37, 4): "grid resource string lacks the EC2 service URL",
    (37, 9): "failed to authenticate",
    (37, 10): "the SSH key pair cannot be used with this type of server",
    (37, 20): "the request was cancelled",
    (38, 3): "grid resource type is not EC2",
    (38, 5): "grid resource type is not set",
    (38, 7): "grid job id is not for EC2",
    (38, 21): "unexpected remote job status",
    (39, 6): "EC2_GAHP is not defined",
    (40, 11): "while creating an SSH key pair",
    (40, 12): "while starting an on-demand instance",
    (40, 17): "while requesting a spot instance",
    (41, 13): "abnormal instance termination reason",
    (41, 14): "unrecognised instance termination reason",
    (41, 22): "the resource was down for too long",
    (42, 15): "connection error while terminating an instance",
    (42, 16): "an instance could not be terminated, too many tries",
    (42, 17): "connection error while terminating a spot request",
    (42, 18): "a spot request could not be terminated, too many tries",
    (42, 19): "the spot request was purged before it had an instance id",
}


def event_name(number: int) -> str:
    """Return the event's name in the bindings; ``EVENT_057`` of a number newer than this table."""
    return EventNumber(number).name if is_known(number) else f"EVENT_{number:03}"


def is_known(number: int) -> bool:
    """Return whether this table has an event."""
    return number in _EVENT_NUMBERS


def hold_name(code: int) -> str:
    """Return the label of a hold code or vacate code; ``Other`` for one newer than this table."""
    if code in _HOLD_CODES:
        return HoldCode(code).name
    return VacateCode(code).name if code in _VACATE_CODES else "Other"


def is_vacate(code: int, subcode: int) -> bool:
    """Return whether the codes mean an eviction, after which HTCondor itself tries again."""
    return code <= 0 or code >= VacateCode.JobPolicyVacate or subcode <= -1000


def plugin_exit_code(code: int, subcode: int) -> int | None:
    """Return the exit code of the file-transfer plug-in, which the sub-code holds times 256.

    >>> plugin_exit_code(13, 256)
    1
    """
    if code in _TRANSFER_CODES and subcode >= 256 and subcode % 256 == 0:
        return subcode // 256
    return None


def subcode_meaning(code: int, subcode: int) -> str:
    """Return what a sub-code adds to its code, in words; empty if it adds nothing.

    >>> subcode_meaning(12, 2)
    'errno 2, ENOENT: no such file or directory'
    """
    plugin = plugin_exit_code(code, subcode)
    if plugin is not None:
        return f"the file-transfer plug-in ended with exit code {plugin}"
    if code in _TRANSFER_CODES and subcode == 62:
        return "the file-transfer plug-in took too long (62, ETIME)"
    if code in _ERRNO_CODES and subcode in ERRNO:
        name, text = ERRNO[subcode]
        return f"errno {subcode}, {name}: {text}"
    if code in {19, 48} and subcode != 0:
        return f"killed by signal {-subcode}" if subcode < 0 else f"exit code {subcode}"
    return _PLUGIN_FAULTS.get(subcode, _SUBCODES.get((code, subcode), ""))


_EVENT_NUMBERS = frozenset(EventNumber)
_HOLD_CODES = frozenset(HoldCode)
_VACATE_CODES = frozenset(VacateCode)
