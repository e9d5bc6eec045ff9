"""Make the job ad that condor_submit would make of submit commands, without submitting.

The ad holds what matching reads.

The clauses that condor_submit adds to Requirements are those of 25.14. The bindings cannot make ads without submitting.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wingspan.accesspoint.bindings import bindings
from wingspan.errors import SettingError

if TYPE_CHECKING:
    from classad2 import ClassAd

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9+.-]*)://")
_KB = {"K": 1, "M": 1024, "G": 1024**2, "T": 1024**3}
# submit command -> attribute, and the unit of a number without one
_REQUESTS = {
    "request_cpus": ("RequestCpus", None),
    "request_memory": ("RequestMemory", "M"),
    "request_disk": ("RequestDisk", "K"),
    "request_gpus": ("RequestGPUs", None),
}
_GPU_LIMITS = {
    "gpus_minimum_capability": ("GPUsMinCapability", "Capability >= GPUsMinCapability"),
    "gpus_maximum_capability": ("GPUsMaxCapability", "Capability <= GPUsMaxCapability"),
    "gpus_minimum_memory": ("GPUsMinMemory", "GlobalMemoryMb >= GPUsMinMemory"),
}


def job_ad(submit_commands: Mapping[str, str], owner: str) -> "ClassAd":
    """Return the ad of a vanilla job that transfers its files.

    Raises
    ------
    SettingError
        A command's value is not a ClassAd expression.
    """
    import classad2

    commands = {name.lower(): value for name, value in submit_commands.items()}
    ad = classad2.ClassAd({"JobUniverse": 5, "JobStatus": 1, "Owner": owner})
    own = {name: value for name, value in submit_commands.items() if name.startswith(("+", "My."))}
    for name, value in own.items():
        ad[name.removeprefix("+").removeprefix("My.")] = _expression(name, value)
    for command, (attribute, unit) in _REQUESTS.items():
        if command in commands:
            ad[attribute] = _amount(command, commands[command], unit)
    if limits := commands.get("concurrency_limits"):
        ad["ConcurrencyLimits"] = limits
    if "request_gpus" in commands:
        ad["RequireGPUs"] = _expression("require_gpus", " && ".join(_gpu_clauses(commands, ad)))
    ad["Requirements"] = _expression("requirements", " && ".join(_requirements(commands)))
    return ad


def _gpu_clauses(commands: Mapping[str, str], ad: "ClassAd") -> list[str]:
    parts = [f"({commands['require_gpus']})"] if "require_gpus" in commands else []
    for command, (attribute, clause) in _GPU_LIMITS.items():
        if command in commands:
            unit = "M" if "memory" in command else None
            ad[attribute] = _amount(command, commands[command], unit)
            parts.append(clause)
    return parts or ["true"]


def _requirements(commands: Mapping[str, str]) -> list[str]:
    asked = commands.get("requirements", "").strip()
    names = {name.lower() for name in re.findall(r"[A-Za-z_]\w*", asked)}
    image, settings = commands.get("container_image"), bindings().param
    parts = [f"({asked})"] if asked else []
    if "arch" not in names:
        parts.append(f'TARGET.Arch == "{settings["ARCH"]}"')
    if image is None and not any(name.startswith("opsys") for name in names):
        parts.append(f'TARGET.OpSys == "{settings["OPSYS"]}"')
    if image is not None:
        parts += ["TARGET.HasContainer", f"TARGET.{_container(image)}"]
    parts.append("TARGET.HasFileTransfer")
    urls = _SCHEME.findall(commands.get("transfer_input_files", ""))
    parts += [
        f'stringListIMember("{scheme}",TARGET.HasFileTransferPluginMethods)'
        for scheme in dict.fromkeys(urls)
    ]
    if "request_gpus" in commands:
        parts.append("countMatches(MY.RequireGPUs, TARGET.AvailableGPUs) >= RequestGPUs")
    return parts


def _container(image: str) -> str:
    """Return the attribute of slots that run this kind of image."""
    if image.startswith("docker://"):
        return "HasDockerURL"
    return "HasSIF" if image.endswith(".sif") else "HasSandboxImage"


def _amount(command: str, value: str, unit: str | None) -> object:
    """Return a number in the attribute's unit, or the expression that the command gives."""
    found = _SIZE.fullmatch(value.strip())
    if found is None or (unit is None and found[2]):
        return _expression(command, value)
    number = float(found[1])
    if unit is not None:
        number *= _KB[found[2].upper() or unit] / _KB[unit]
    return -int(-number // 1) if unit or number.is_integer() else number


def _expression(command: str, text: str) -> object:
    import classad2

    try:
        return classad2.ExprTree(text)
    except (classad2.ClassAdException, ValueError) as error:
        problem = f"expected a ClassAd expression, found {text!r}"
        raise SettingError(f"submit command {command}", problem, "correct it") from error
