"""The failure drill: whatever breaks, the run ends right or tells the true cause; the table of it at the end.

A test says its scenario by ``@pytest.mark.scenario(what, action)``; it calls ``scene.breaks()`` when something breaks,
and ``scene.seen()`` when a user sees the true cause, or the right end. The table is printed by the conftest.py above:
beside other processes that run the tests, the one that reports reads this file too late, or not at all.
"""

import os
import re
import time
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.accesspoint import query
from wingspan.pool.personal import start_pool
from wingspan.pool.processes import offspring

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

    def fails(x: int) -> int:
        raise ValueError(f"no good: {x}")

    def hungry() -> int:
        block = bytearray(300 * 2**20)
        block[::4096] = b"x" * len(block[::4096])
        time.sleep(2)  # until somebody has looked
        return len(block)

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

    def trial(number: int, log: str, flag: str = "") -> dict:
        with Path(log).open("a") as file:
            file.write(f"trial {os.getpid()} {number}\\n")
        kept = ws.checkpoint_file("round")
        start = int(kept.read_text()) if kept.exists() else 0
        for each in range(start, 4):
            time.sleep(0.4)
            ws.log({"loss": number + 4 - each}, step=each)
            ws.checkpoint_file("round").write_text(str(each + 1))
            ws.checkpoint()
        return {"loss": float(number), "from": start}

    def sealed(found: dict) -> str:
        return f"best {found['loss']:g}"

    def sweep(log: str, trials: int = 6, search: str = "grid", parallel: int = 2) -> ws.Pipeline:
        p = ws.Pipeline("drill")
        over = {"number": list(range(trials)) if search == "grid" else ws.int_uniform(0, 9999)}
        given = {"over": over, "metric": "loss", "search": search, "parallel": parallel}
        found = p.sweep(trial, log=log, trials=trials, **given)
        p.step(sealed, found)
        return p

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
    """One scenario: its pool, its files, and the clock that starts when something breaks."""

    def __init__(self, pool, folder, module, record):
        self.pool, self.folder, self.module, self.record = pool, folder, module, record
        self.home, self.log, self.flag = folder / "home", folder / "log", folder / "flag"
        self.begin = time.monotonic()

    def start(self, pipeline):
        return pipeline.submit("htcondor", home=self.home, fuse=False)

    def two_steps(self):
        return self.start(self.module.two_steps(str(self.log), str(self.flag)))

    def blocked(self, function, *args, on="htcondor"):
        """Submit a step whose job cannot match yet, so that something can be broken before it starts."""
        p = ws.Pipeline("drill")
        p.step(function, *args, resources=ws.Resources(submit={"requirements": "false"}))
        run = p.submit(on, home=self.home)
        (cluster,) = self.wait(lambda: self.queue(run))
        return run, cluster

    def queue(self, run):
        """Return the ids and states of a run's jobs in the queue, DAGMan's own apart."""
        ads = query(f'WingspanRun == "{run.run_id}"', ["ClusterId", "JobStatus"])
        return {str(ad["ClusterId"]): ad["JobStatus"] for ad in ads}

    def processes(self, name):
        """Return the ids of the pool's processes of a name."""
        return [pid for pid, is_ in offspring(self.pool.master_pid).items() if is_.startswith(name)]

    def wait(self, condition, within_s=90, told=lambda: ""):
        """Wait until a condition holds; return what it gives."""
        end = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < end, told()
            time.sleep(0.1)
        return found

    def until(self, run, step, state, within_s=120):
        """Wait until a step has a state; return its event."""

        def there():
            event = run.events[step]
            return event if event.state == state else None

        return self.wait(there, within_s, lambda: f"not {state}: {run.events[step]}")

    def says(self, run, step, words):
        """Wait until a step's problem has these words."""
        self.wait(lambda: words in run.events[step].problem, told=lambda: run.events[step])

    def breaks(self):
        """Start the clock."""
        self.begin = time.monotonic()

    def seen(self):
        """Stop the clock: a user sees it."""
        self.record("seconds", f"{time.monotonic() - self.begin:.1f}")

    def lines(self, word):
        """Return how many lines of the steps' own log begin with a word."""
        return sum(line.startswith(word) for line in self.log.read_text().splitlines())


def keep_logs(folder, pool, name):
    """Keep the logs of a scenario's DAGs where WINGSPAN_DRILL_LOGS says, without hosts, users and paths of this machine.

    Those in tests/runner/htcondor/follow/drill were made so.
    """
    target = Path(os.environ["WINGSPAN_DRILL_LOGS"])
    for number, dag in enumerate(sorted(folder.glob("*/runs/*/dag/*")), 1):
        for file in (dag / "workflow.dag.nodes.log", dag / "jobs.log", dag / "nodes.json"):
            if file.exists():
                text = file.read_text(errors="replace").replace(str(pool.folder), "/pool/drill")
                text = re.sub(r"<[\d.]+:\d+[^>]*>", "<127.0.0.1:9618>", text)
                text = text.replace(os.uname().nodename, "vm")
                text = re.sub(r"\(by user [^)]*\)", "(by user ada)", text)
                kept = file.name.removeprefix("workflow.dag.")
                (target / f"{name}.{number}.{kept}").write_text(text)


@pytest.fixture
def scene(project, request, record_property):
    """Give a fresh folder outside /tmp and the steps' module; the module's POOL names the pool's fixture."""
    what, action = request.node.get_closest_marker("scenario").args
    order = f"{request.session.items.index(request.node):04}"
    for name, value in (("scenario", what), ("action", action), ("order", order)):
        record_property(name, value)
    pool = request.getfixturevalue(request.module.POOL)
    folder = pool.folder / "tests" / request.node.name
    folder.mkdir(parents=True)
    project.write(drilled=STEPS)
    made = Scene(pool, folder, project.fresh("drilled"), record_property)
    yield made
    made.flag.touch()
    if "WINGSPAN_DRILL_LOGS" in os.environ:
        keep_logs(folder, pool, request.node.name)
