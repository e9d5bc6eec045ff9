"""Advice is given in the terms of the interface in use."""

import pytest

import wingspan as ws
from wingspan.pipeline.resources import Resources
from wingspan.runner.advice import hint_in_terms_of, in_terms_of
from wingspan.runner.failure import failure

PYTHON = 'ask for more: resources=ws.Resources(memory="4096MB")'


@pytest.mark.parametrize(
    ("command", "fix", "told"),
    [
        ("", PYTHON, PYTHON),
        ("run", PYTHON, PYTHON),
        ("exec", PYTHON, "ask for more: --memory 4096MB"),
        ("train", PYTHON, "ask for more: --memory 4096MB"),
        ("predict", PYTHON, "ask for more: --memory 4096MB"),
        ("exec", "ask for more: ws.Resources(runtime=...)", "ask for more: --runtime RUNTIME"),
        ("train", "ask for more: ws.Resources(disk=...)", "use a machine with more disk, such as one of a pool: --on POOL"),
        ("exec", "correct the code", "correct the code"),
    ],
)  # fmt: skip
def test_a_command_is_advised_by_its_options(command, fix, told):
    """Python keeps `Resources`."""
    assert in_terms_of(command, fix) == told


def test_the_advice_of_a_failure_is_understood():
    """What a step that is over its memory is told, of every command that states memory."""
    why = failure(None, "memory", 9, 900.0, Resources(memory="512MB"))
    for command in ("exec", "train", "predict"):
        told = in_terms_of(command, why.fix)
        assert "--memory 1856MB" in told
        assert "Resources" not in told


def test_hints_are_options_too():
    hint = 'asked for 8,192 MB, used 100 MB: memory="128MB"'
    assert hint_in_terms_of("exec", hint) == "asked for 8,192 MB, used 100 MB: --memory 128MB"
    assert hint_in_terms_of("run", hint) == hint
    assert hint_in_terms_of("exec", "used 1, asked for 4: cpus=1").endswith("--cpus 1")


def test_a_run_knows_what_started_it(project):
    """Its events, reports and failures are in the terms of that."""
    project.write(slow="import time\ndef slow() -> int:\n    time.sleep(30)\n    return 1\n")
    for command, told in (("", "ws.Resources(runtime=...)"), ("exec", "--runtime RUNTIME")):
        p = ws.Pipeline("slow")
        p.origin = {"command": command}
        p.step(project.fresh("slow").slow, resources=ws.Resources(runtime="1s"))
        run = p.run(check=False)
        assert told in run.events["slow"].fix
        assert told in run.report("slow")
