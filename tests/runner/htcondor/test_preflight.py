"""What can be found before a submission, without a pool."""

from pathlib import Path

import numpy as np
import pytest

import wingspan as ws
from wingspan.runner.htcondor.check.check import check_shared, sizes_of
from wingspan.runner.htcondor.check.preflight import (
    check_imports,
    check_outputs,
    check_references,
    check_run_folder,
    check_secrets,
    check_transfer,
    listed,
    megabytes,
    secrets_in,
)
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.nodes import nodes_of
from wingspan.runner.htcondor.write.submit_description import commands_of
from wingspan.runner.prepare import constants_of
from wingspan.runner.run_folder import Home


def load(table: Path) -> bytes:
    return table.read_bytes()


def fit(data: bytes, weights: np.ndarray, api_key: str = "", pad_token: str = "x") -> int:
    return len(data) + len(weights)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def planned(home, csv, **fit_with):
    """Give the plan of two steps, one that reads a file and one that gets an array."""
    p = ws.Pipeline("p")
    p.step(fit, p.step(load, csv), np.zeros(1000), **fit_with)
    return p.plan(home.root)


def nodes_and_sizes(plan, home):
    return nodes_of(plan, lambda step: sorted(constants_of(step))), sizes_of(plan, home, None)


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"x" * 3_000_000)
    return path


def test_bytes_of_inputs_and_constants_are_counted(home, csv):
    """Files, arrays and what every job gets count; results that are not made yet do not."""
    nodes, sizes = nodes_and_sizes(planned(home, csv), home)
    (check,) = check_transfer(nodes, sizes, each_bytes=10)
    assert check.ok
    assert check.facts["jobs"] == 2
    assert check.facts["most_bytes"] == 3_000_010
    assert 3_000_020 + 8000 <= check.facts["bytes"] < 3_000_020 + 8200
    assert check.found == "2.9 MB to 2 jobs, at most 2.9 MB to one (load)"
    assert check_transfer((), sizes) == []


def test_results_that_are_there_count(home, csv):
    """What the store has already is sent to the jobs that read it, so it counts."""
    p = ws.Pipeline("p")
    p.step(load, csv)
    p.run(home=home.root)
    plan = planned(home, csv)
    nodes, sizes = nodes_and_sizes(plan, home)
    assert [step.name for step in plan.to_run()] == ["fit"]
    (check,) = check_transfer(nodes, sizes)
    assert check.facts["most_bytes"] >= 3_008_000


def test_what_machines_fetch_is_not_sent(home, csv):
    """A staged file takes the job's disk and nothing of the access point's limit; a folder counts with all in it."""
    p = ws.Pipeline("p")
    p.step(load, csv, resources=ws.Resources(disk="2MB"))
    nodes, sizes = nodes_and_sizes(p.plan(home.root), home)
    staging = {csv.parent: "osdf:///ann"}
    whole, disk = check_transfer(nodes, sizes, limit_mb=1, staging=staging)
    assert (whole.facts["bytes"], whole.facts["fetched_bytes"]) == (0, 3_000_000)
    assert whole.found.endswith("2.9 MB are fetched by the machines themselves")
    assert disk.found == "3 MB are sent and fetched, and the job asks for a disk of 2 MB"
    p = ws.Pipeline("p")
    p.step(load, csv.parent)
    nodes, sizes = nodes_and_sizes(p.plan(home.root), home)
    (whole,) = check_transfer(nodes, sizes)
    assert whole.facts["bytes"] >= 3_000_000


def test_what_cannot_be_fetched_by_its_url_is_a_problem(home, csv):
    """A folder below the staging folder, told once for all steps that read it."""
    p = ws.Pipeline("p")
    p.map(load, over={"table": {"a": csv.parent, "b": csv.parent}})
    steps = p.plan(home.root).steps
    (check,) = check_references(steps, {csv.parent.parent: "osdf:///ann"})
    assert not check.ok
    assert "it is a folder" in check.found
    assert check_references(steps, {}) == []


def test_more_than_the_disk_or_the_limit_is_a_problem(home, csv):
    """Inputs that do not fit into the disk asked for, or that the access point refuses, are found."""
    p = ws.Pipeline("p")
    p.step(load, csv, resources=ws.Resources(disk="2MB"))
    nodes, sizes = nodes_and_sizes(p.plan(home.root), home)
    whole, disk, limit = check_transfer(nodes, sizes, limit_mb=1)
    assert whole.ok
    assert (disk.ok, limit.ok) == (False, False)
    assert disk.found == "3 MB are sent, and the job asks for a disk of 2 MB"
    assert disk.fix == 'Resources(disk="6MB")'
    assert "allows 1 MB" in limit.found


@pytest.mark.parametrize(
    ("commands", "found"),
    [
        ({"environment": "\"A=1 WANDB_API_KEY=x B='c d'\""}, ["WANDB_API_KEY"]),
        ({"environment": "A=1;HF_TOKEN=x"}, ["HF_TOKEN"]),
        ({"environment": '"broken \' DB_PASSWORD=1"'}, ["DB_PASSWORD"]),
        ({"+WandbApiKey": '"x"', "My.Token": '"x"'}, ["+WandbApiKey", "My.Token"]),
        ({"environment": '"TOKENIZERS_PARALLELISM=1 KEYBOARD=de"', "rank": "Mips"}, []),
    ],
)
def test_names_of_secrets_are_found(commands, found):
    """In attributes, and in both syntaxes of environment; words that only look alike are let be."""
    assert secrets_in(commands) == found


def test_secrets_are_told_with_their_place(home, csv):
    """A profile, a step's submit commands and a step's parameters are looked at; an empty one is no secret."""
    clean = planned(home, csv)
    assert check_secrets(clean.steps, Profile()).ok
    plan = planned(
        home,
        csv,
        api_key="abc",
        resources=ws.Resources(submit={"environment": '"MY_TOKEN=x"'}),
    )
    check = check_secrets(plan.steps, Profile(name="campus", submit={"+Password": '"x"'}))
    assert not check.ok
    assert check.found == (
        "seem to be keys: +Password ([pools.campus] submit), MY_TOKEN (step fit, Resources(submit=)), "
        "api_key (step fit, parameter)"
    )


def test_outputs_outside_the_sandbox_are_found(home):
    """A command's absolute outputs, or those above its folder, would not come back."""
    p = ws.Pipeline("p")
    p.command("touch a", outputs={"a": "deep/a"}, name="good")
    assert check_outputs(p.plan(home.root).steps).ok
    p.command("touch b", outputs={"b": "/data/b", "c": "../c"}, name="bad")
    check = check_outputs(p.plan(home.root).steps)
    assert not check.ok
    assert check.found == "outside the job's folder: /data/b (step bad), ../c (step bad)"


def test_imports_are_looked_for_where_jobs_will_look(home, csv):
    """Without an image it is this environment; with one, what it must have is told."""
    (step, *_) = planned(home, csv).steps
    assert "numpy" in check_imports(planned(home, csv).steps, None).found
    assert check_imports([step], "docker://x").found.startswith("jobs run in docker://x")
    from dataclasses import replace

    check = check_imports([replace(step, preload=("numpy", "no_such_module_x"))], None)
    assert check.found == "not in this environment: no_such_module_x"
    assert not check.ok


def test_a_run_folder_under_tmp_is_refused():
    """A run there could not be resumed after a reboot."""
    assert not check_run_folder(Path("/tmp/x/.wingspan")).ok
    assert check_run_folder(Path("/var/tmp/x")).ok


def test_the_shared_folder_is_written_and_read(tmp_path):
    """As this user, leaving nothing; a folder that is not there is a problem with its name."""
    assert check_shared(tmp_path).ok
    assert list(tmp_path.iterdir()) == []
    check = check_shared(tmp_path / "none")
    assert not check.ok
    assert str(tmp_path / "none") in check.found


def test_submit_commands_are_read_back_by_name():
    """What is matched is what is submitted: the profile's commands and the step's are among them."""
    asked = ws.Resources(cpus=3, submit={"rank": "Mips"})
    commands = commands_of(asked, Profile(submit={"requirements": "A == B", "rank": "0"}))
    assert (commands["request_cpus"], commands["requirements"]) == ("3", "A == B")
    assert commands["rank"] == "Mips"


def test_lists_and_sizes_are_short():
    """Long lists say how many more there are; sizes have a unit."""
    assert listed([*"abcabcdef"]) == "a, b, c, d and 2 more"
    assert megabytes(12) == "12 bytes"
    assert megabytes(3 << 30) == "3,072.0 MB"
