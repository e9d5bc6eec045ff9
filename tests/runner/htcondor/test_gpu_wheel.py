"""Whether the GPUs that jobs may meet can run the PyTorch that they get."""

from dataclasses import replace
from importlib.util import find_spec

import classad2
import pytest

import wingspan as ws
from wingspan.accesspoint.idle import Pool
from wingspan.accesspoint.matching import slots_of
from wingspan.runner.htcondor.check.gpu_wheel import Wheel, check_wheel, wheel_here
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.nodes import nodes_of

GPU_SLOT = """[
    Arch = "X86_64"; OpSys = "LINUX"; HasFileTransfer = true; State = "Unclaimed"; Cpus = 8; Memory = 99999; GPUs = 1;
    Requirements = true; GPUs_a = [ Capability = %s; GlobalMemoryMb = 40000 ]; AvailableGPUs = { GPUs_a }
]"""


def train(n: int) -> int:
    return n


@pytest.fixture
def nodes(tmp_path):
    """Give a function that makes the nodes of a step with these resources that imports PyTorch."""

    def make(**resources):
        p = ws.Pipeline("p")
        p.step(train, 1, resources=ws.Resources(**resources))
        plan = p.plan(tmp_path / "home")
        steps = tuple(replace(step, preload=("torch.nn",)) for step in plan.steps)
        return nodes_of(replace(plan, steps=steps), lambda step: ())

    return make


def checked(nodes, wheel, *capabilities):
    slots = slots_of(classad2.ClassAd(GPU_SLOT % capability) for capability in capabilities)
    return check_wheel(nodes, wheel, Profile(), Pool(slots, (), {}, {}, 1), "me")


@pytest.mark.parametrize(
    ("flags", "runs", "fails"),
    [
        (("sm_80",), (8.0, 8.6, 8.9), (7.5, 9.0)),
        (("sm_75", "compute_75"), (7.5, 8.0, 12.0), (7.0,)),
        (("sm_100", "sm_120"), (10.0, 12.1), (9.0, 11.0)),
        (("sm_90a", "strange"), (9.0,), (8.9, 9.1)),
        ((), (), (8.0,)),
    ],
)
def test_which_gpus_run_which_code(flags, runs, fails):
    """Compiled code runs within its major version, PTX on everything later."""
    wheel = Wheel("2.9", flags)
    assert [wheel.runs_on(capability) for capability in runs] == [True] * len(runs)
    assert [wheel.runs_on(capability) for capability in fails] == [False] * len(fails)


def test_gpus_without_code_are_found_with_the_request_that_avoids_them(nodes):
    """Only slots that the request matches count; the fix names the lowest capability that is good."""
    wheel = Wheel("2.9", ("sm_80", "sm_90"))
    (check,) = checked(nodes(gpus=1), wheel, 7.0, 8.6, 9.0)
    assert not check.ok
    assert "(sm_80, sm_90) has no code for GPUs of capability 7.0, which match" in check.found
    assert check.fix == "Resources(gpu_capability=8.6)"
    (check,) = checked(nodes(gpus=1, gpu_capability=8.0), wheel, 7.0, 8.6, 9.0)
    assert check.ok
    assert "2 slots that match" in check.found
    (check,) = checked(nodes(gpus=1), wheel, 8.0, 12.0)
    assert check.fix == "install a wheel that has code for them"


def test_a_wheel_without_cuda_is_found(nodes):
    """It would run on the processor while the GPU is held."""
    (check,) = checked(nodes(gpus=1), Wheel("2.9+cpu", ()), 8.0)
    assert "built without CUDA" in check.found
    assert checked(nodes(), Wheel("2.9+cpu", ()), 8.0) == []


def test_the_wheel_here_is_asked():
    """In a process of its own, so that planning never imports PyTorch."""
    found = wheel_here()
    assert (found is None) == (find_spec("torch") is None)
