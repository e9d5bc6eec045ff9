"""``wingspan check`` on a real pool, as a user types it."""

import json
import os
import subprocess
import sys

import pytest

from wingspan.accesspoint.access import check_access
from wingspan.accesspoint.idle import queued_ads
from wingspan.cli.main import main
from wingspan.errors import PoolError, WingspanError
from wingspan.pool.install import install
from wingspan.pool.personal import start_pool
from wingspan.runner.htcondor.check.check import probe_shared
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.run_folder import Home

PIPELINE = """
    import wingspan as ws

    def load(n: int) -> int:
        return n

    def pipeline(memory: str = "1GB", gpus: int = 0, where: str = "true") -> ws.Pipeline:
        p = ws.Pipeline("checked")
        n = p.step(load, 1)
        asked = ws.Resources(
            memory=memory, gpus=gpus, gpu_capability=8.0 if gpus else None, submit={"requirements": where}
        )
        p.step(load, n, name="big", resources=asked)
        return p
"""


def wingspan(*words, check=0, **variables):
    """Run the command; return its output after checking its exit code."""
    command = [sys.executable, "-m", "wingspan", *words]
    environment = {**os.environ, **variables}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == check, done.stdout + done.stderr
    return done


@pytest.fixture
def look(capsys, monkeypatch):
    """Give a function that runs `wingspan check` in this process, and returns what it printed, errors last."""

    def run(*words, check=0):
        monkeypatch.setattr(sys, "argv", ["wingspan", "check", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert (end.value.code or 0) == check, out + err
        return out + err

    return run


@pytest.fixture
def checked(project, pool, job_folder, monkeypatch):
    """Give the project, with its home and a shared folder outside /tmp."""
    project.write(checked=PIPELINE)
    shared = job_folder / "shared"
    shared.mkdir()
    (project.path / "wingspan.toml").write_text(f'[pools.campus]\nshared = "{shared}"\n')
    monkeypatch.setenv("WINGSPAN_HOME", str(job_folder / "home"))
    return project


@pytest.mark.htcondor
def test_nothing_in_the_way(checked, pool, look):
    """Pool, slots, requests, transfer, folders: each is told, a job has tried the shared folder, nothing is left."""
    told = look("checked.py", "--on", "campus", "--probe")
    assert told.endswith("no problem found\n")
    assert f"HTCondor {pool.daemons.version}" in told
    assert "request of load: can run in 1 of 1 slot" in told
    assert "shared folder, from a job: read and written by " in told
    assert queued_ads('regexp("wingspan-check", Cmd)') == []
    assert not list(checked.path.glob("**/.wingspan-check*"))


@pytest.mark.htcondor
def test_requests_that_no_slot_meets_are_problems(checked, look):
    """Memory, GPUs and requirements: the failing clause and the change; exit code 2; a run is checked like a file."""
    told = look("checked.py", "--set", "memory=900GB", check=2)
    assert (
        "PROBLEM  request of big: none of the pool's slots (1) meets: request_memory = 921600 MB"
        in told
    )
    assert "-> request_memory: ask for at most 16384 MB; then 1 slot would match" in told
    found = look("checked.py", "--set", "gpus=1", "--json", check=2)
    bad = [one for one in json.loads(found)["checks"] if not one["ok"]]
    assert "request_gpus = 1" in bad[0]["found"]
    assert bad[0]["facts"]["steps"] == ["big"]
    told = look("checked.py", "--set", "where=Nope > 3", check=2)
    assert "these slots do not say Nope" in told
    told = look("checked.py", "--set", "where=Nope >", check=2)
    assert "expected a ClassAd expression" in told
    wingspan("run", "checked.py")
    assert "no problem found" in look("last")
    shared = checked.path.parent
    assert f"transfer: none: jobs read and write in {shared}" in look(
        "last", "--shared", str(shared)
    )


@pytest.mark.htcondor
@pytest.mark.long
@pytest.mark.htcondor
def test_a_url_that_no_machine_can_fetch_is_a_problem(checked, look):
    """Named with the plug-ins that there are; the file itself is not counted as sent."""
    checked.write(
        staged="""
        from pathlib import Path
        import wingspan as ws

        def load(path: Path) -> int:
            return 1

        def pipeline() -> ws.Pipeline:
            p = ws.Pipeline("staged")
            p.step(load, Path("large.bin"))
            return p
        """
    )
    (checked.path / "large.bin").write_bytes(bytes(3 << 20))
    staging = f'staging = {{ "{checked.path}" = "osdf:///ann" }}'
    (checked.path / "wingspan.toml").write_text(f"[pools.federation]\n{staging}\n")
    told = look("staged.py", "--on", "federation", check=2)
    assert "no transfer plug-in for osdf://; these slots have: " in told
    assert "3.0 MB are fetched by the machines themselves" in told


@pytest.mark.long
def test_an_environment_that_travels_is_packed_and_counted(checked, look):
    """How it is sent is said, and what jobs import is tried with it alone; above the profile's limit it is a problem."""
    (checked.path / "wingspan.toml").write_text(
        """
        [pools.far]
        environment = "send"
        image = "/images/some.sif"
        send_once = false
        [pools.small]
        environment = "send"
        environment_limit = "1MB"
        """
    )
    found = json.loads(look("checked.py", "--on", "far", "--json", check=2))
    checks = {one["name"]: one for one in found["checks"]}
    assert checks["environment"]["facts"]["bytes"] > 2**20
    assert checks["transfer"]["facts"]["most_bytes"] > checks["environment"]["facts"]["bytes"]
    assert "TARGET.HasSIF" in checks["request of load"]["found"]
    assert "sent from this access point with each job" in checks["environment"]["found"]
    assert "imported from the environment that jobs get" in checks["imports"]["found"]
    told = look("checked.py", "--on", "small", check=2)
    assert "the pool's limit is 1" in told


@pytest.mark.htcondor
def test_an_image_must_have_what_does_not_travel(checked, look):
    """Where the environment is not sent, the image is where jobs look for it."""
    inside = '[pools.inside]\nenvironment = "installed"\nimage = "/images/some.sif"'
    (checked.path / "wingspan.toml").write_text(inside)
    told = look("checked.py", "--on", "inside", check=2)
    assert "ok       environment: jobs find it in /images/some.sif" in told
    assert "TARGET.HasSIF" in told


@pytest.mark.htcondor
@pytest.mark.long
def test_an_access_point_of_another_version_is_found(pool_parent, monkeypatch):
    """23.9 and current bindings cannot submit to one another: the versions and the fix are told, nothing is sent."""
    try:
        old = install(pool_parent / "old", "trixie")
    except WingspanError as error:
        pytest.skip(f"NO OLD DAEMONS: {error}")
    pool = start_pool(pool_parent / "old-pool", cpus=1, memory_mb=1024, daemons=old)
    for name, value in pool.environment.items():
        monkeypatch.setenv(name, value)
    try:
        with pytest.raises(PoolError, match=r"runs HTCondor 23\..*found 2[4-9].*\n.*pip install"):
            check_access()
    finally:
        pool.stop()


@pytest.mark.htcondor
def test_what_is_asked_wrongly_is_refused(checked, look):
    """This machine needs no check, an unknown pool has its like, a probe needs a folder."""
    assert "need no check" in look("checked.py", "--on", "local", check=2)
    assert "campus" in look("checked.py", "--on", "campsu", check=2)
    assert "no shared folder" in look("checked.py", "--probe", check=2)


def test_a_pool_that_cannot_be_reached_is_one_problem(project, tmp_path):
    """No pool: the rest is checked all the same."""
    pytest.importorskip("htcondor2")
    project.write(checked=PIPELINE)
    config = tmp_path / "condor_config"
    config.write_text("COLLECTOR_HOST = 127.0.0.1:1\nSEC_DEFAULT_AUTHENTICATION = NEVER\n")
    told = wingspan("check", "checked.py", check=2, CONDOR_CONFIG=str(config)).stdout
    assert "PROBLEM  pool: " in told
    assert "ok       imports: " in told


@pytest.mark.htcondor
def test_a_job_that_cannot_use_the_shared_folder_says_so(pool, job_folder, wait_until):
    """What the job says comes back; a job that never starts is removed."""
    shared, home = job_folder / "shared", Home(job_folder / "home")
    shared.mkdir()
    broken = Profile(submit={"executable": "/bin/echo"})  # a job that does nothing of what is asked
    check = probe_shared(shared, home, broken)
    assert not check.ok
    assert "there" not in check.found
    never = probe_shared(shared, home, Profile(submit={"requirements": "false"}), within_s=1)
    assert "did not end within 1 s" in never.found
    wait_until(lambda: queued_ads('regexp("probe.sh", Cmd)') == [])
    refused = probe_shared(shared, home, Profile(submit={"requirements": "a ="}))
    assert "refused" in refused.found
    assert list(shared.iterdir()) == []


@pytest.mark.htcondor
def test_an_access_point_that_refuses_is_found_before_anything_is_submitted(
    daemons, pool_parent, monkeypatch
):
    """Wrong credentials: the name under which one is known, and what to ask for."""
    extra = {"SCHEDD.DENY_WRITE": "*"}
    pool = start_pool(pool_parent / "denied", cpus=1, memory_mb=1024, daemons=daemons, extra=extra)
    for name, value in pool.environment.items():
        monkeypatch.setenv(name, value)
    try:
        with pytest.raises(PoolError) as caught:
            check_access()
        assert "does not accept you" in str(caught.value)
        assert "ask its administrator" in str(caught.value)
    finally:
        pool.stop()
