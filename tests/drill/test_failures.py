"""The failure drill, on a real pool: whatever breaks, the run ends right or tells the true cause; nothing is repeated.

Each test prints one line: the scenario, the seconds until a user sees the true cause or the right end, and what a
person has to do.
"""

import os
import signal
import subprocess
import time

import pytest

import wingspan as ws
from wingspan.accesspoint import edit, query
from wingspan.pool.personal import start_pool
from wingspan.pool.processes import offspring
from wingspan.runner.driver import drive
from wingspan.runner.htcondor.runner import newest, stop

pytestmark = [pytest.mark.htcondor, pytest.mark.long]

SETTINGS = {
    "JOB_DEFAULT_LEASE_DURATION": 20,
    "SCHEDD_RESTART_DELAY": 1,
    "MASTER_BACKOFF_CONSTANT": 1,
    "MASTER_RECOVER_FACTOR": 5,
}
STEPS = """
    import os
    import time
    from pathlib import Path
    import wingspan as ws

    def first(log: str) -> int:
        with Path(log).open("a") as file:
            file.write("first\\n")
        return 1

    def slow(x: int, log: str, flag: str) -> int:
        with Path(log).open("a") as file:
            file.write(f"slow {os.getpid()}\\n")
        while not Path(flag).exists():
            time.sleep(0.1)
        return x + 1

    def counting(log: str, rounds: int) -> int:
        kept = ws.checkpoint_file("count")
        start = int(kept.read_text()) if kept.exists() else 0
        with Path(log).open("a") as file:
            file.write(f"from {start}\\n")
        for number in range(start, rounds):
            time.sleep(0.2)
            kept = ws.checkpoint_file("count")
            kept.write_text(str(number + 1))
            ws.checkpoint()
        return rounds

    def read(path: Path) -> str:
        return path.read_text()

    def fills(mb: int, log: str) -> Path:
        with Path(log).open("a") as file:
            file.write("fills\\n")
        with Path("large").open("wb") as file:
            for _ in range(mb):
                file.write(bytes(1 << 20))
        return Path("large")

    def reads(path: Path, first: int, log: str) -> int:
        return path.stat().st_size

    def two_steps(log: str, flag: str) -> ws.Pipeline:
        p = ws.Pipeline("drill")
        p.step(slow, p.step(first, log), log, flag)
        return p
"""


@pytest.fixture(scope="module")
def drill(daemons, pool_parent):
    """Give a tuned pool of the drill's own, whose daemons may be killed."""
    pool = start_pool(
        pool_parent / "drill", cpus=8, memory_mb=16384, daemons=daemons, extra=SETTINGS
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in pool.environment.items():
            patch.setenv(name, value)
        yield pool
    pool.stop()


class Scene:
    """One scenario: its files, and the clock that starts when something breaks."""

    def __init__(self, folder, module):
        self.folder, self.module, self.home = folder, module, folder / "home"
        self.log, self.flag = folder / "log", folder / "flag"
        self.begin = time.monotonic()

    def start(self, pipeline):
        return pipeline.submit("htcondor", home=self.home, fuse=False)

    def two_steps(self):
        return self.start(self.module.two_steps(str(self.log), str(self.flag)))

    def breaks(self):
        self.begin = time.monotonic()

    def seen(self, what, action="none"):
        print(f"\n| {what} | {time.monotonic() - self.begin:.1f} s | {action} |")

    def lines(self, word):
        return sum(line.startswith(word) for line in self.log.read_text().splitlines())


@pytest.fixture
def scene(drill, project, request):
    """Give a fresh folder outside /tmp and the steps' module."""
    folder = drill.folder / "tests" / request.node.name
    folder.mkdir(parents=True)
    project.write(drilled=STEPS)
    made = Scene(folder, project.fresh("drilled"))
    yield made
    made.flag.touch()


def until(run, step, state, within_s=120):
    """Wait until a step has a state; return its event."""
    end = time.monotonic() + within_s
    while (event := run.events[step]).state != state:
        assert time.monotonic() < end, f"{step} is {event.state} ({event.problem}), not {state}"
        time.sleep(0.1)
    return event


def processes(pool, name):
    """Return the ids of the pool's processes of a name."""
    return [pid for pid, found in offspring(pool.master_pid).items() if found.startswith(name)]


def blocked(scene, function, *args, on="htcondor"):
    """Submit a step whose job cannot match yet, so that something can be broken before it starts."""
    p = ws.Pipeline("drill")
    p.step(function, *args, resources=ws.Resources(submit={"requirements": "false"}))
    run = p.submit(on, home=scene.home)
    end = time.monotonic() + 60
    while not (found := query(f'WingspanRun == "{run.run_id}"', ["ClusterId"])):
        assert time.monotonic() < end
        time.sleep(0.1)
    return run, str(found[0]["ClusterId"])


def test_a_missing_output(scene):
    """A command that does not write what it was to: the step failed, the file is named."""
    p = ws.Pipeline("drill")
    p.command("echo no file", outputs={"model": "model.bin"}, name="make")
    run = scene.start(p).wait(120)
    assert run.events["make"].state == "failed"
    assert "did not write model.bin" in run.events["make"].problem
    scene.seen("missing output", "correct the command")


def test_an_input_file_is_deleted(scene):
    """Deleted after the submission: the true path is told, and the job is not tried for ever."""
    data = scene.folder / "data.txt"
    data.write_text("x")
    run, cluster = blocked(scene, scene.module.read, data)
    data.unlink()
    scene.breaks()
    edit(cluster, "Requirements", "true")
    event = until(run, "read", "failed")
    assert "data.txt" in event.problem
    assert "No such file" in event.problem
    scene.seen("input file deleted", "restore the file, same command")


def test_an_input_file_is_changed(scene):
    """Changed after the plan was made: no result is stored under the key of the old content."""
    data = scene.folder / "data.txt"
    data.write_text("old")
    run, cluster = blocked(scene, scene.module.read, data)
    data.write_text("new")
    scene.breaks()
    edit(cluster, "Requirements", "true")
    event = until(run, "read", "failed")
    assert "was changed after the plan was made" in event.problem
    scene.seen("input file changed", "same command")


def test_an_executable_of_the_wrong_format(scene):
    """What cannot be executed is told as such, and not tried on other machines."""
    run, cluster = blocked(scene, scene.module.first, str(scene.log))
    script = newest(run.folder) / "job.sh"
    script.write_bytes(b"\x7fELF not really")
    scene.breaks()
    edit(cluster, "Requirements", "true")
    event = until(run, "first", "failed")
    assert "exec" in event.problem.lower()
    scene.seen("executable format error", "correct the executable, same command")


def test_an_evicted_job_goes_on_from_its_checkpoint(scene, drill, project):
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
    scene.seen("job evicted at half")


@pytest.mark.parametrize("daemon", ["condor_startd", "condor_schedd"])
def test_a_daemon_is_killed(scene, drill, daemon):
    """Killed with -9 in the middle of a job: its master starts it again, the run ends well, nothing finished is repeated."""
    run = scene.two_steps()
    until(run, "slow", "running")
    scene.breaks()
    for pid in processes(drill, daemon):
        os.kill(pid, signal.SIGKILL)
    time.sleep(5)
    scene.flag.touch()
    assert run.wait(300)["slow"] == 2
    assert scene.lines("first") == 1
    scene.seen(f"{daemon} killed with -9")


def test_dagman_is_killed(scene, drill):
    """The schedd starts it again, and it recovers from its log."""
    run = scene.two_steps()
    until(run, "slow", "running")
    scene.breaks()
    for pid in processes(drill, "condor_dagman"):
        os.kill(pid, signal.SIGKILL)
    time.sleep(2)
    scene.flag.touch()
    assert run.wait(300)["slow"] == 2
    assert scene.lines("first") == 1
    assert scene.lines("slow") == 1
    scene.seen("DAGMan killed with -9")


def test_the_log_cannot_be_written(scene):
    """Events are lost, so DAGMan waits for ever; stopped by the user, the result of the lost job is brought in."""
    run, cluster = blocked(scene, scene.module.first, str(scene.log))
    place = newest(run.folder)
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
    stop(run.folder)
    assert run.wait(60)["first"] == 1
    assert scene.lines("first") == 1
    scene.seen("log folder read-only", "make it writable, wingspan stop")


def test_the_execution_disk_is_full(scene, drill, small_disk):
    """The step's own file fills it: run three times, each with a larger request, then told with needed and available."""
    p = ws.Pipeline("drill")
    p.step(scene.module.fills, 200, str(scene.log), resources=ws.Resources(disk="16MB"))
    with small_disk(drill.folder / "execute", "64m", mode="0700"):
        run = scene.start(p)
        until(run, "fills", "running")
        scene.breaks()
        end = time.monotonic() + 60
        while "waits for more disk" not in run.events["fills"].problem:
            assert time.monotonic() < end, run.events["fills"]
            time.sleep(0.1)
        scene.seen("execution disk full", "ask for more disk, same command")
        event = until(run, "fills", "failed")
    assert "is full" in event.problem
    assert "0.0 MB were left; it asked for 16 MB" in event.problem
    assert "ws.Resources(disk=" in event.fix
    assert "is full" in run.report("fills")
    assert scene.lines("fills") == 3
    log = next(newest(run.folder).glob("*.nodes.log")).read_text()
    assert [mb for mb in (16, 32, 64) if f"\tDisk = {mb * 1024}\n" in log] == [16, 32, 64]


def test_no_job_can_begin_on_a_full_disk(scene, drill, small_disk):
    """Not even its folder can be made there: the job is not begun for ever, and the machine's words are told."""
    p = ws.Pipeline("drill")
    p.step(scene.module.first, str(scene.log))
    with small_disk(drill.folder / "execute", "16m", mode="0700", nr_inodes=1):
        run = scene.start(p)
        scene.breaks()
        end = time.monotonic() + 60
        while "Failed to create scratch dir" not in run.events["first"].problem:
            assert time.monotonic() < end, run.events["first"]
            time.sleep(0.1)
        scene.seen("no room for a job's folder", "free that disk, same command")
        event = until(run, "first", "failed")
    assert "lost each time: Error from slot1" in event.problem


def test_the_disk_of_the_run_is_full(scene, project, small_disk):
    """Results do not fit here: held with the reason, then failed; with more room, resumed, and nothing done again."""
    (project.path / "wingspan.toml").write_text('[pools.quick]\nhold_back_off = "1s"\n')
    p = ws.Pipeline("drill")
    small = p.step(scene.module.first, str(scene.log))
    large = p.step(scene.module.fills, 40, str(scene.log))
    p.step(scene.module.reads, large, small, str(scene.log))
    with small_disk(scene.home, "24m", mode="0755"):
        run = p.submit("quick", home=scene.home, fuse=False)
        until(run, "first", "done")
        event = until(run, "fills", "held")
        scene.breaks()
        assert "No space left on device" in event.problem
        assert str(scene.home) in event.problem
        assert "Free space" in event.fix
        scene.seen("disk of the run's folder full", "free space, wingspan resume")
        until(run, "fills", "failed")
        run.wait(60)
        subprocess.run(["mount", "-o", "remount,size=300m", str(scene.home)], check=True)
        resumed = drive(run.folder, run.home, lambda event: None)
        assert resumed.ok
        assert run["reads"] == 40 << 20
        assert scene.lines("first") == 1
