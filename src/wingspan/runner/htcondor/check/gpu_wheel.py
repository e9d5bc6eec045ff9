"""Check whether the installed PyTorch can run on the GPUs that jobs may get.

A kernel compiled for capability 8.0 (``sm_80``) runs on 8.0 and on higher minor versions of 8; code in PTX
(``compute_80``) is compiled on arrival for that capability and every higher one. PyTorch has no other way to a GPU:
"no kernel image is available for execution on the device".
"""

import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wingspan.accesspoint.idle import Pool
from wingspan.accesspoint.matching import slots_text
from wingspan.accesspoint.request import job_ad
from wingspan.runner.htcondor.check.preflight import Check
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.nodes import Node
from wingspan.runner.htcondor.write.submit_description import commands_of
from wingspan.shown import listed

_FLAG = re.compile(r"(sm|compute)_(\d+)(\d)([a-z]?)")  # the last digit is the minor version
_ASK = """
import torch
flags = torch._C._cuda_getArchFlags() if torch.version.cuda else ""
print(torch.__version__, flags or "")
"""
_ASK_S = 120.0


@dataclass(frozen=True, slots=True)
class Wheel:
    """A PyTorch: its version and the flags it was compiled with, such as ``sm_80``.

    A build without GPU support has no flags.
    """

    version: str
    flags: tuple[str, ...]

    def runs_on(self, capability: float) -> bool:
        """Say whether a GPU of this capability can run it."""
        device = divmod(round(capability * 10), 10)
        return any(_runs(flag, device) for flag in self.flags)


def _runs(flag: str, device: tuple[int, int]) -> bool:
    found = _FLAG.fullmatch(flag)
    if found is None:
        return False
    kind, major, minor, only = found.groups()
    made = (int(major), int(minor))
    if only:  # sm_90a: for this one capability
        return made == device
    return made <= device if kind == "compute" else made[0] == device[0] and made[1] <= device[1]


def wheel_here() -> Wheel | None:
    """Ask the PyTorch of this environment, in a process of its own; None if it has none."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK], capture_output=True, text=True, timeout=_ASK_S, check=False
    )
    words = done.stdout.split()
    return Wheel(words[0], tuple(words[1:])) if done.returncode == 0 and words else None


def with_torch(nodes: Iterable[Node]) -> list[Node]:
    """Return the nodes that ask for GPUs and import PyTorch."""
    return [
        node
        for node in nodes
        if node.asked.gpus
        and any(name.partition(".")[0] == "torch" for step in node.steps for name in step.preload)
    ]


def check_wheel(
    nodes: Sequence[Node], wheel: Wheel, profile: Profile, pool: Pool, owner: str
) -> list[Check]:
    """Compare the wheel with the GPUs of the slots that each node's request matches."""
    return [_check(node, wheel, profile, pool, owner) for node in with_torch(nodes)]


def _check(node: Node, wheel: Wheel, profile: Profile, pool: Pool, owner: str) -> Check:
    title = f"GPU code for {listed([step.name for step in node.steps])}"
    if not wheel.flags:
        problem = f"torch {wheel.version} here is built without CUDA, and GPUs are asked for"
        return Check(title, False, problem, "install a wheel with CUDA, or ask for no GPU")
    ad = job_ad(commands_of(node.asked, profile), owner)
    matching = [slot for slot in pool.slots if ad.symmetricMatch(slot.empty)]
    found = {
        float(gpu["Capability"]) for slot in matching for gpu in slot.gpus if "Capability" in gpu
    }
    bad = sorted(capability for capability in found if not wheel.runs_on(capability))
    if not bad:
        text = f"torch {wheel.version} runs on the GPUs of {slots_text(len(matching))} that match"
        return Check(title, True, text)
    made = ", ".join(wheel.flags)
    values = ", ".join(f"{capability:.1f}" for capability in bad)
    problem = (
        f"torch {wheel.version} ({made}) has no code for GPUs of capability {values}, which match"
    )
    good = sorted(found - set(bad))
    above = [capability for capability in good if capability > bad[-1]]
    fix = (
        f"Resources(gpu_capability={above[0]:.1f})"
        if above
        else "install a wheel that has code for them"
    )
    return Check(title, False, problem, fix)
