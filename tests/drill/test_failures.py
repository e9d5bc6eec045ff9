"""The failure drill, on a real pool of its own, whose daemons are killed and whose disks are filled."""

import os
import signal
import subprocess
import time

import pytest

import wingspan as ws
from wingspan.accesspoint import edit, query
from wingspan.runner.drive import drive
from wingspan.runner.htcondor.dag_folder import newest

pytestmark = [pytest.mark.htcondor, pytest.mark.long]
POOL = "drill"


@pytest.mark.scenario("missing output", "correct the command")
def test_a_missing_output(scene):
    """A command that does not write what it was to: the step failed, the file is named."""
    p = ws.Pipeline("drill")
    p.command("echo no file", outputs={"model": "model.bin"}, name="make")
    run = scene.start(p).wait(120)
    assert run.events["make"].state == "failed"
    assert "did not write model.bin" in run.events["make"].problem
    scene.seen()


@pytest.mark.scenario("input file deleted", "restore the file, same command")
def test_an_input_file_is_deleted(scene):
    """Deleted after the submission: the true path is told, and the job is not tried for ever."""
    data = scene.folder / "data.txt"
    data.write_text("x")
    run, cluster = scene.blocked(scene.module.read, data)
    data.unlink()
    scene.breaks()
    edit(cluster, "Requirements", "true")
    event = scene.until(run, "read", "failed")
    assert "data.txt" in event.problem
    assert "No such file" in event.problem
    assert event.fix.startswith("An input file is missing at the access point")
    assert "condor_" not in event.fix  # the job is gone
    scene.seen()


@pytest.mark.scenario("input file changed", "same command")
def test_an_input_file_is_changed(scene):
    """Changed after the plan was made: no result is stored under the key of the old content."""
    data = scene.folder / "data.txt"
    data.write_text("old")
    run, cluster = scene.blocked(scene.module.read, data)
    data.write_text("new")
    scene.breaks()
    edit(cluster, "Requirements", "true")
    event = scene.until(run, "read", "failed")
    assert "was changed after the plan was made" in event.problem
    scene.seen()


@pytest.mark.scenario("executable format error", "correct the executable, same command")
def test_an_executable_of_the_wrong_format(scene):
    """What cannot be executed is told as such, and not tried on other machines."""
    run, cluster = scene.blocked(scene.module.first, str(scene.log))
    script = newest(run.folder).script
    script.write_bytes(b"\x7fELF not really")
    scene.breaks()
    edit(cluster, "Requirements", "true")
    event = scene.until(run, "first", "failed")
    assert "exec" in event.problem.lower()
    scene.seen()


@pytest.mark.scenario("job evicted at half", "none")
def test_an_evicted_job_goes_on_from_its_checkpoint(scene, project):
    """Evicted at half, it does not begin anew."""
    (project.path / "wingspan.toml").write_text('[pools.quick]\ncheckpoint_every = "2s"\n')
    p = ws.Pipeline("drill")
    p.step(scene.module.counting, str(scene.log), 60)
    run = p.submit("quick", home=scene.home)
    end = time.monotonic() + 90
    while not (
        scene.log.exists() and scene.lines("from ") >= 2
    ):  # went on after a checkpoint was sent
        assert time.monotonic() < end
        time.sleep(0.1)
    found = query(f'WingspanRun == "{run.run_id}"', ["ClusterId"])
    scene.breaks()
    subprocess.run(
        ["condor_vacate_job", str(found[0]["ClusterId"])], check=True, capture_output=True
    )
    assert run.wait(180)["counting"] == 60
    starts = [int(line.split()[1]) for line in scene.log.read_text().splitlines()]
    assert starts[0] == 0
    assert all(start > 0 for start in starts[1:])
    scene.seen()


@pytest.mark.parametrize(
    "daemon",
    [
        pytest.param("condor_startd", marks=pytest.mark.scenario("startd killed with -9", "none")),
        pytest.param("condor_schedd", marks=pytest.mark.scenario("schedd killed with -9", "none")),
    ],
)
def test_a_daemon_is_killed(scene, daemon):
    """Killed with -9 in the middle of a job: its master starts it again, the run ends well, nothing finished is repeated."""
    run = scene.two_steps()
    scene.until(run, "slow", "running")
    scene.breaks()
    for pid in scene.processes(daemon):
        os.kill(pid, signal.SIGKILL)
    time.sleep(5)
    scene.flag.touch()
    assert run.wait(300)["slow"] == 2
    assert scene.lines("first") == 1
    scene.seen()


@pytest.mark.scenario("DAGMan killed with -9", "none")
def test_dagman_is_killed(scene):
    """The schedd starts it again, and it recovers from its log."""
    run = scene.two_steps()
    scene.until(run, "slow", "running")
    scene.breaks()
    for pid in scene.processes("condor_dagman"):
        os.kill(pid, signal.SIGKILL)
    time.sleep(2)
    scene.flag.touch()
    assert run.wait(300)["slow"] == 2
    assert scene.lines("first") == 1
    assert scene.lines("slow") == 1
    scene.seen()


@pytest.mark.scenario("log folder read-only", "make it writable, wingspan stop")
def test_the_log_cannot_be_written(scene):
    """Events are lost, so DAGMan waits for ever; stopped by the user, the result of the lost job is brought in."""
    run, cluster = scene.blocked(scene.module.first, str(scene.log))
    place = newest(run.folder).root
    log = next(place.glob("*.nodes.log"))
    log.chmod(0o444)
    place.chmod(0o555)
    scene.breaks()
    try:
        edit(cluster, "Requirements", "true")
        end = time.monotonic() + 60
        while query(f"ClusterId == {cluster}", ["JobStatus"]):
            assert time.monotonic() < end
            time.sleep(0.2)
    finally:
        place.chmod(0o755)
        log.chmod(0o644)
    run.trail.stop()
    assert run.wait(60)["first"] == 1
    assert scene.lines("first") == 1
    scene.seen()


@pytest.mark.scenario("disk of the execution folder full", "ask for more disk, same command")
def test_the_execution_disk_is_full(scene, small_disk):
    """The step's own file fills it: run three times, each with a larger request, then told with needed and available."""
    p = ws.Pipeline("drill")
    p.step(scene.module.fills, 200, str(scene.log), resources=ws.Resources(disk="16MB"))
    with small_disk(scene.pool.folder / "execute", "64m", mode="0700"):
        run = scene.start(p)
        scene.until(run, "fills", "running")
        scene.breaks()
        scene.says(run, "fills", "waits for more disk")
        scene.seen()
        event = scene.until(run, "fills", "failed")
    assert "is full" in event.problem
    assert "0.0 MB were left; it asked for 16 MB" in event.problem
    assert "ws.Resources(disk=" in event.fix
    assert "is full" in run.report("fills")
    assert scene.lines("fills") == 3
    log = newest(run.folder).nodes_log.read_text()
    assert [mb for mb in (16, 32, 64) if f"\tDisk = {mb * 1024}\n" in log] == [16, 32, 64]


@pytest.mark.scenario("no room even for a job's folder", "free that disk, same command")
def test_no_job_can_begin_on_a_full_disk(scene, small_disk):
    """Not even its folder can be made there: the job is not begun for ever, and the machine's words are told."""
    p = ws.Pipeline("drill")
    p.step(scene.module.first, str(scene.log))
    with small_disk(scene.pool.folder / "execute", "16m", mode="0700", nr_inodes=1):
        run = scene.start(p)
        scene.breaks()
        scene.says(run, "first", "Failed to create scratch dir")
        scene.seen()
        event = scene.until(run, "first", "failed")
    assert "lost each time: Error from slot1" in event.problem


@pytest.mark.scenario("disk of the run's folder full", "free space, wingspan resume")
def test_the_disk_of_the_run_is_full(scene, project, small_disk):
    """Results do not fit here: held with the reason, then failed; with more room, resumed, and nothing done again."""
    (project.path / "wingspan.toml").write_text('[pools.quick]\nhold_back_off = "1s"\n')
    p = ws.Pipeline("drill")
    small = p.step(scene.module.first, str(scene.log))
    large = p.step(scene.module.fills, 40, str(scene.log))
    p.step(scene.module.reads, large, small, str(scene.log))
    with small_disk(scene.home, "24m", mode="0755"):
        run = p.submit("quick", home=scene.home, fuse=False)
        scene.until(run, "fills", "running")
        scene.breaks()
        event = scene.until(run, "fills", "held")
        assert "No space left on device" in event.problem
        assert str(scene.home) in event.problem
        assert "Free space" in event.fix
        scene.seen()
        scene.until(run, "fills", "failed")
        run.wait(60)
        subprocess.run(["mount", "-o", "remount,size=300m", str(scene.home)], check=True)
        resumed = drive(run.folder, run.home, lambda event: None)
        assert resumed.ok
        assert run["reads"] == 40 << 20
        assert scene.lines("first") == 1
