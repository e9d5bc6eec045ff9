"""Steps that make the same call are one job: with one request, and with the same hashes of texts."""

import os
import subprocess
import sys

import pytest

import wingspan as ws
from wingspan.errors import DeclarationError
from wingspan.runner.htcondor.export import export
from wingspan.runner.run_folder import Home, RunFolder

# What its jobs and commands run is covered by other tests.


def fit(number: int) -> int:
    return number


def texts(number: int) -> list[str]:
    return [str(hash("text")), *{f"text {n}" for n in range(number)}]


def two(first, second, **options):
    p = ws.Pipeline("two")
    p.step(fit, 1, name="first", resources=ws.Resources(**first), **options)
    p.step(fit, 1, name="second", resources=ws.Resources(**second))
    return p


@pytest.mark.parametrize(
    ("first", "second", "one", "said"),
    [
        ({"memory": "4GB"}, {"memory": "1GB"}, {"memory": 4096}, "memory 4GB"),
        ({"memory": "4GB"}, {}, {"memory": 4096}, "memory 4GB"),
        ({}, {"memory": "1GB"}, {}, "memory not stated"),
        ({"disk": "9GB"}, {"disk": "12GB"}, {"disk": 12288}, "disk 12GB"),
        ({"gpus": 2}, {"gpus": 1, "gpu_memory": "8GB"}, {"gpus": 2, "gpu_memory": 8192},
         "gpus 2, gpu_memory 8GB"),
        ({"gpus": 1, "gpu_capability": 8.0}, {"gpus": 1, "gpu_capability": 7},
         {"gpus": 1, "gpu_capability": 8.0}, "gpu_capability 8.0"),
        ({"runtime": "1h"}, {"runtime": "2h"}, {"runtime": 7200}, "runtime 2h"),
        ({"runtime": "1h"}, {}, {}, "runtime not stated"),
        ({"expected": "1min"}, {"expected": "90s"}, {"expected": 90}, "expected 90s"),
    ],
)  # fmt: skip
def test_requests_of_one_key_are_merged_by_maximum(first, second, one, said, tmp_path):
    """Whichever comes first; both steps get the same, and the plan says so."""
    for p in (two(first, second), two(second, first)):
        plan = p.plan(home=tmp_path)
        assert [step.resources for step in plan.steps] == [one, one]
        assert plan.notes == (f"first, second make the same call: it runs once, with {said}",)
        assert f"note: {plan.notes[0]}" in repr(plan)


def test_retries_of_one_key_are_merged_and_equal_requests_are_not_mentioned(tmp_path):
    """The largest number of retries holds; 2048 MB is 2 GB."""
    plan = two({}, {}, retries=5).plan(home=tmp_path)
    assert [step.retries for step in plan.steps] == [5, 5]
    assert plan.notes == ("first, second make the same call: it runs once, with retries 5",)
    assert two({"memory": "2GB"}, {"memory": 2048}).plan(home=tmp_path).notes == ()


def test_more_cores_are_another_key(tmp_path):
    """Thread counts change results, so they are part of the key and nothing is merged."""
    plan = two({"cpus": 1}, {"cpus": 2, "memory": "4GB"}).plan(home=tmp_path)
    assert len({step.key for step in plan.steps}) == 2
    assert plan.notes == ()


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"submit": {"rank": "Mips"}}, {"submit": {"rank": "Disk"}}, "command rank = Disk, not M"),
        ({"submit": {"rank": "Mips"}}, {}, r"command rank = \(none\), not Mips"),
        ({"image": "docker://a"}, {"image": "docker://b"}, "image docker://b, not docker://a"),
        ({}, {"image": "docker://b"}, "image docker://b, not none"),
    ],
)
def test_what_has_no_maximum_must_be_the_same(first, second, said, tmp_path):
    """The error names both steps and where they are declared."""
    place = rf"{__file__}:\d+"
    both = rf"^{place}: step second: it makes the same call as step first \({place}\), with "
    with pytest.raises(DeclarationError, match=f"{both}.*{said}"):
        two(first, second).plan(home=tmp_path)
    assert two(first, first).plan(home=tmp_path).notes == ()


def test_the_larger_request_reaches_the_job_and_is_printed(project):
    """`wingspan plan` and `wingspan run` print the note; the job gets the memory of the larger request."""
    project(
        "one.py",
        """
        import wingspan as ws

        def fit(number: int) -> int:
            return number

        def pipeline() -> ws.Pipeline:
            p = ws.Pipeline("one")
            for name, memory in (("large", "3GB"), ("small", "1GB")):
                p.step(fit, 1, name=name, resources=ws.Resources(memory=memory))
            return p
        """,
    )
    told = "note: large, small make the same call: it runs once, with memory 3GB"
    for command in ("plan", "run"):
        done = subprocess.run(
            [sys.executable, "-m", "wingspan", command, "one.py:pipeline"],
            cwd=project.folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert told in " ".join((done.stdout + done.stderr).split())
    steps = ws.open_run(home=project.folder / ".wingspan").steps
    assert {step.resources["memory"] for step in steps.values()} == {3072}


def test_hashes_of_texts_are_the_same_in_every_job(tmp_path):
    """A step that goes through a set of texts gives the same list in any run, from any process."""
    alone = [sys.executable, "-c", "print(hash('text'))"]
    fixed = subprocess.run(
        alone, env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True
    )
    p = ws.Pipeline("hashes")
    p.step(texts, 20)
    found = [p.run(home=tmp_path / name)["texts"] for name in ("a", "b")]
    assert found[0] == found[1]
    assert found[0][0] == fixed.stdout.strip()


def test_a_job_that_is_run_alone_has_the_same_hashes(tmp_path):
    """The command of a failure's report, from a shell with other hashes."""
    p = ws.Pipeline("alone")
    p.step(texts, 20)
    run = p.run(home=tmp_path)
    attempt = run.folder.attempts(run.steps["texts"].key)[-1]
    result = attempt / "result.json"
    before = result.read_text()
    for seed in ("random", "7"):
        result.unlink(missing_ok=True)
        command = [sys.executable, "-m", "wingspan.runner.job", str(attempt)]
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True)
        digest = result.read_text().partition('"digest":')[2][:80]
        assert digest == before.partition('"digest":')[2][:80]


def test_a_pool_job_fixes_the_hashes_before_python_starts(tmp_path):
    """The templates there are forked from its process."""
    p = ws.Pipeline("pool")
    p.step(texts, 20)
    export(p.plan(home=tmp_path), RunFolder(tmp_path / "out"), Home(tmp_path))
    scripts = list((tmp_path / "out").rglob("job.sh"))
    assert scripts
    for script in scripts:
        lines = script.read_text().splitlines()
        assert lines.index("export PYTHONHASHSEED=0") < next(
            number for number, line in enumerate(lines) if "htcondor.execution_point" in line
        )
