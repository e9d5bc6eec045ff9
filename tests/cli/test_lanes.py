"""Where the trials of a sweep run on a pool: ``status``, ``why`` and ``logs`` as a user types them."""

import json
import sys

import pytest

from wingspan.cli.main import main
from wingspan.runner.record import read_new_events

SWEEP = """
    import time
    from pathlib import Path
    import wingspan as ws

    def fit(rate: float, place: str) -> float:
        Path(place, f"began{rate}").touch()
        print("rate", rate)
        ws.log({"loss": rate / 2}, step=0)
        while rate == 0.2 and not Path(place, "flag").exists():
            time.sleep(0.02)
        return rate

    def partly(rate: float) -> float:
        if rate > 0.1:
            raise ValueError(f"{rate} is too fast")
        return rate

    def here() -> ws.Pipeline:
        p = ws.Pipeline("here")
        p.sweep(partly, over={"rate": [0.1, 0.2]}, metric="loss", search="grid")
        return p

    def pipeline(place: str) -> ws.Pipeline:
        p = ws.Pipeline("lanes")
        p.sweep(fit, place=place, over={"rate": [0.1, 0.2]}, metric="loss", search="grid", parallel=1)
        return p
"""


@pytest.fixture
def wingspan(capsys, monkeypatch):
    """Give a function that runs a command in this process; it returns what was printed, errors last."""

    def go(*words):
        monkeypatch.setattr(sys, "argv", ["wingspan", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert (end.value.code or 0) == 0, out + err
        return out + err

    return go


@pytest.mark.long
def test_a_trial_that_is_evicted_can_be_followed(
    project, small_pool, tmp_path, wait_until, wingspan
):
    """Its lane, job, machine and attempt are named while it runs, and its history afterwards."""
    project.write(lanes=SWEEP)
    run = project.fresh("lanes").pipeline(str(tmp_path)).submit("htcondor")
    began = tmp_path / "began0.2"
    wait_until(began.exists, 60)
    began.unlink()
    job = run.attempts["fit"][-1].job
    (small_pool / "queue" / f"{job.partition('.')[0]}.act").write_text("Vacate")
    wait_until(began.exists, 60)
    wait_until(lambda: len(run.attempts["fit[1]"]) == 2, 30)
    lane = f"fit, lane 1: fit[1], attempt 2; job {job} is running on vm for "
    assert lane in " ".join(wingspan("status").split())
    trials = json.loads(wingspan("status", "--json"))["trials"]
    assert [one["outcome"] for one in trials["fit[1]"]] == ["evicted", ""]
    assert f"job {job} (lane 1, fit[1], attempt 2): running" in wingspan("why", "last", "fit")
    told = wingspan("why", "last", "fit[1]")
    assert "trial fit[1]: running\n" in told
    assert f"  attempt 1: lane 1, job {job} on vm: evicted\n" in told
    assert f"  attempt 2: lane 1, job {job} on vm: running on vm for " in told
    assert f"condor_tail -f {job}" in wingspan("logs", "fit[1]")
    (tmp_path / "flag").touch()
    run.wait(60)
    assert wingspan("logs", "fit[1]", "--metrics").split() == ["step", "loss", "0", "0.1"]
    assert f"  attempt 2: lane 1, job {job} on vm: complete\n" in wingspan("why", "last", "fit[1]")
    found = json.loads(wingspan("why", "last", "fit[0]", "--json"))
    assert (found["state"], {one["job"] for one in found["attempts"]}) == ("complete", {job})
    said = wingspan("logs", "fit[1]")
    assert said.startswith("rate 0.2\n")
    assert "attempt 1: lane 1" in said
    assert read_new_events(run.folder, 0)[0][-1].state == "done"


def test_a_trial_on_this_machine_is_explained_without_a_pool(project, wingspan):
    """Its state, where it ran, and the command that prints its traceback."""
    project.write(lanes=SWEEP)
    run = project.fresh("lanes").here().run()
    told = wingspan("why", "last", "partly[1]")
    assert "trial partly[1]: failed; it ran on this machine, not in a pool\n" in told
    assert "  ValueError: 0.2 is too fast (" in told
    assert f"  -> wingspan logs 'partly[1]' --run {run.run_id}\n" in told
    assert "trial partly[0]: complete; it ran on this machine" in wingspan(
        "why", "last", "partly[0]"
    )
    with pytest.raises(AssertionError, match="it has no step 'partly\\[2\\]'"):
        wingspan("why", "last", "partly[2]")
