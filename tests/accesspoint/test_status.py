"""The state of a pool."""

import pytest
import typer

from wingspan.accesspoint import Amount, UserJobs, hold, pool_status, submit
from wingspan.cli.pool import status
from wingspan.errors import PoolError
from wingspan.pool.personal import start_pool

pytestmark = pytest.mark.htcondor


@pytest.fixture
def own_pool(daemons, pool_parent, monkeypatch):
    """Give a pool that no other test uses."""
    gpus = {"MACHINE_RESOURCE_INVENTORY_GPUs": "", "MACHINE_RESOURCE_GPUs": "CUDA0, CUDA1"}
    pool = start_pool(pool_parent / "status", cpus=8, memory_mb=16384, daemons=daemons, extra=gpus)
    for name, value in pool.environment.items():
        monkeypatch.setenv(name, value)
    yield pool
    pool.stop()


def test_status_tells_what_is_offered_used_and_queued(own_pool, wait_until):
    """Cpus and memory are counted once, also when jobs have parts of the slot; jobs are counted by state."""
    assert pool_status().users == ()
    assert "no jobs" in str(pool_status())
    request = {"request_cpus": 3, "request_memory": 1024, "request_gpus": 1}
    commands = {"executable": "/bin/sleep", "arguments": 600, **request}
    running, held = submit(commands), submit({**commands, "hold": True})
    left = (Amount(8, 5), Amount(16384, 16384 - 1024))
    status = wait_until(lambda: ((now := pool_status()).cpus, now.memory_mb) == left and now)
    assert status.version == own_pool.daemons.version
    assert status.machines == 1
    assert status.gpus == Amount(2, 1)
    (user,) = status.users
    assert user == UserJobs(user.user, idle=0, running=1, held=1)
    hold(str(running), "all of them")
    (user,) = wait_until(lambda: (now := pool_status().users)[0].running == 0 and now)
    assert user == UserJobs(user.user, idle=0, running=0, held=2)
    assert f"{user.user}: 0 idle, 0 running, 2 held" in pool_status()._repr_html_()
    assert held == running + 1


@pytest.mark.parametrize(
    ("words", "problem", "fix"),
    [
        ("Unable to locate local daemon.", "no access point (schedd) runs on this machine", "condor_on -daemon schedd"),
        ("CEDAR:6001:Failed to connect to <127.0.0.1:1>", "does not answer", "condor_restart -daemon schedd"),
        ("SECMAN:2007:This service is running, but did not respond", "does not answer", "condor_restart"),
        ("AUTHENTICATE:1003:Failed to authenticate", "does not accept these credentials", "condor_token_fetch"),
    ],
)  # fmt: skip
def test_a_pool_whose_access_point_is_down_shows_its_slots(
    small_pool, monkeypatch, capsys, words, problem, fix
):
    """The advice is not to look where one looks already; a program is told by the exit code."""
    import htcondor2

    def down(*_):
        raise htcondor2.HTCondorException(words)

    monkeypatch.setattr(htcondor2.Collector, "locate", down)
    with pytest.raises(typer.Exit) as end:
        status()
    said = capsys.readouterr().out
    assert end.value.exit_code == 1
    assert "cpus          8, 8 free" in said
    assert problem in said
    assert fix in said
    assert "pool status" not in said


def test_a_pool_that_is_not_there_is_said_to_be_missing(small_pool, monkeypatch):
    """Where the collector does not answer either."""
    import htcondor2

    def down(*_):
        raise htcondor2.HTCondorException("Unable to locate local daemon.")

    monkeypatch.setattr(htcondor2.Collector, "query", down)
    with pytest.raises(
        PoolError, match=r"(?s)no HTCondor pool can be reached.*wingspan pool start"
    ):
        pool_status()
