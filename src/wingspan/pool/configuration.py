"""Write the text of a personal pool's HTCondor configuration.

The functions are pure: they write no files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Intervals, in seconds, that suit a pool with one user; HTCondor's defaults suit a thousand.
# A step then waits 2-3 s for its start, where the defaults make it wait for the next minute.
TUNED = {
    "NEGOTIATOR_INTERVAL": 1,
    "NEGOTIATOR_MIN_INTERVAL": 1,
    "NEGOTIATOR_CYCLE_DELAY": 0,
    "SCHEDD_INTERVAL": 1,
    "SCHEDD_MIN_INTERVAL": 0,
    "UPDATE_INTERVAL": 2,
    "POLLING_INTERVAL": 1,
    "PERIODIC_EXPR_INTERVAL": 2,
    "MAX_PERIODIC_EXPR_INTERVAL": 2,
    "STARTER_UPDATE_INTERVAL": 2,
    "STARTER_INITIAL_UPDATE_INTERVAL": 1,
    "DAGMAN_USER_LOG_SCAN_INTERVAL": 1,
    # 25.14: a starter that asks whether the job may start before the shadow has seen its own file
    # transfer end asks again 5 s later; writing a longer log makes it lose that race less often
    # (24 jobs with files: 11-21 s, then 6-8 s; 95 kB of log a job)
    "STARTER_DEBUG": "D_ALL",
}

_PERMISSIONS = [
    "READ",
    "WRITE",
    "DAEMON",
    "ADMINISTRATOR",
    "NEGOTIATOR",
    "CONFIG",
    "ADVERTISE_MASTER",
    "ADVERTISE_STARTD",
    "ADVERTISE_SCHEDD",
]


@dataclass(frozen=True, slots=True)
class Owner:
    """The account of the daemons.

    `home` is the jobs' HOME where that differs from the account's.
    """

    name: str
    home: Path | None = None


def settings_text(settings: Mapping[str, object]) -> str:
    """Return ``NAME = value`` lines."""
    return "".join(f"{name} = {value}\n" for name, value in settings.items())


def pool_configuration(
    release: Path,
    folder: Path,
    owner: Owner,
    *,
    cpus: int | None = None,
    memory_mb: int | None = None,
    tuned: bool = True,
    extra: Mapping[str, object] | str = "",
) -> str:
    """Return the configuration of a pool whose daemons, files and traffic belong to one user.

    Parameters
    ----------
    release
        RELEASE_DIR of the daemons.
    folder
        LOCAL_DIR: logs, job queue, sandboxes, locks and keys lie below it.
    owner
        The only account that may read or change anything in this pool.
    cpus, memory_mb
        What the one partitionable slot offers; default: what HTCondor detects.
    tuned
        Short intervals (`TUNED`), else HTCondor's defaults.
    extra
        More settings, which win.
    """
    inner = "/condor" if (release / "libexec/condor").is_dir() else ""  # Debian's layout
    offered = {"NUM_CPUS": cpus, "MEMORY": memory_mb}
    parts = [
        settings_text(_places(release, folder, inner)),
        "use ROLE: Personal\n",
        "use POLICY: Always_Run_Jobs\n",
        "use POLICY: Hold_If_Memory_Exceeded\n",
        "use FEATURE: PartitionableSlot\n",
        "use FEATURE: GPUs\n",
        settings_text(_loopback(folder)),
        settings_text({f"ALLOW_{name}": f"{owner.name}@*" for name in _PERMISSIONS}),
        settings_text(_nothing_outside()),
        "JOB_DEFAULT_LEASE_DURATION = 300\n",  # how long jobs of a crashed pool are waited for
        settings_text({name: value for name, value in offered.items() if value is not None}),
        settings_text(_job_home(owner.home) if owner.home else {}),
        settings_text(TUNED if tuned else {}),
        extra if isinstance(extra, str) else settings_text(extra),
    ]
    return "\n".join(parts)


def _places(release: Path, folder: Path, inner: str) -> dict[str, object]:
    return {
        "RELEASE_DIR": release,
        "BIN": "$(RELEASE_DIR)/bin",
        "SBIN": "$(RELEASE_DIR)/sbin",
        "LIB": f"$(RELEASE_DIR)/lib{inner}",
        "LIBEXEC": f"$(RELEASE_DIR)/libexec{inner}",
        "SHARE": f"$(RELEASE_DIR)/share{inner}",
        "LOCAL_DIR": folder,
        "LOG": "$(LOCAL_DIR)/log",
        "SPOOL": "$(LOCAL_DIR)/spool",
        "EXECUTE": "$(LOCAL_DIR)/execute",
        "LOCK": "$(LOCAL_DIR)/lock",
        "RUN": "$(LOCAL_DIR)/run",
        "ETC": "$(LOCAL_DIR)/keys",
        "LOCAL_CONFIG_FILE": "",
        "LOCAL_CONFIG_DIR": "",
        "USER_CONFIG_FILE": "",
    }


def _job_home(home: Path) -> dict[str, object]:
    return {"STARTER_SETS_HOME_ENV": False, "STARTER_JOB_ENVIRONMENT": f'"HOME={home}"'}


def _loopback(folder: Path) -> dict[str, object]:
    """Return settings for authenticated traffic on 127.0.0.1, on a free port.

    Authentication is by the file system.
    """
    return {
        "NETWORK_INTERFACE": "127.0.0.1",
        "BIND_ALL_INTERFACES": False,
        "CONDOR_HOST": "127.0.0.1",
        "COLLECTOR_HOST": "127.0.0.1:0",
        "SHARED_PORT_PORT": 0,
        "COLLECTOR_ADDRESS_FILE": "$(LOG)/.collector_address",
        "SCHEDD_ADDRESS_FILE": "$(LOG)/.schedd_address",
        "SEC_DEFAULT_AUTHENTICATION": "REQUIRED",
        "SEC_DEFAULT_AUTHENTICATION_METHODS": "FS",
        "FS_LOCAL_DIR": folder / "run",
        "SEC_PASSWORD_DIRECTORY": "$(LOCAL_DIR)/keys",
        "SEC_TOKEN_DIRECTORY": "$(LOCAL_DIR)/keys",
        "SEC_TOKEN_SYSTEM_DIRECTORY": "$(LOCAL_DIR)/keys",
        # lets the tools work for root too, outside the daemons' user namespace (see personal.py)
        "CONDOR_IDS": "0.0",
    }


def _nothing_outside() -> dict[str, object]:
    """Return settings that stop the daemons from running or querying anything else here."""
    return {
        "MAIL": "/bin/true",
        "SENDMAIL": "/bin/true",
        "JAVA": "",  # its test leaves a folder in /tmp
        "DOCKER": "",  # at start the daemons would prune the user's own containers
        "VM_GAHP_SERVER": "",
        "HIBERNATION_PLUGIN": "",
        "BENCHMARKS_JOBLIST": "",
    }
