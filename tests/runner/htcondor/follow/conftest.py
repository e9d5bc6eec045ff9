"""A run on a pool without a pool: its folder, and logs to which a test adds what HTCondor would."""

import json
import time

import pytest

from wingspan.files import json_text
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.htcondor.dag_folder import DagFolder
from wingspan.runner.htcondor.follow import follower
from wingspan.runner.htcondor.packing import pack_folder
from wingspan.runner.plan_file import save_plan
from wingspan.runner.run_folder import Home, file_name
from wingspan.simulator import write
from wingspan.store.codec import encode

HOST = "<127.0.0.1:9618?addrs=127.0.0.1-9618&alias=vm>"
T0 = time.mktime((2026, 11, 21, 10, 0, 0, 0, 0, -1))


def planned(name, key, *needs):
    empty = {name: {} for name in ("inputs", "action", "arguments", "resources", "components")}
    lists = dict.fromkeys(("files", "preload", "modules"), ())
    return PlannedStep(
        name=name, key=key, done=False, reason="new", needs=needs, retries=0,
        outputs=("value",), **empty, **lists,
    )  # fmt: skip


class PoolRun:
    """One run of steps, a node each unless `nodes` says otherwise (name -> steps); the n-th node is job ``n.0``."""

    def __init__(self, root, needs, nodes=None):
        self.home = Home(root / "home")
        self.folder = self.home.new_run("p")
        self.keys = {name: f"{number:064x}" for number, name in enumerate(needs, 1)}
        steps = tuple(
            planned(name, self.keys[name], *(self.keys[one] for one in before))
            for name, before in needs.items()
        )
        self.nodes = nodes or {name: [name] for name in needs}
        groups = tuple(tuple(self.keys[name] for name in of) for of in self.nodes.values())
        self.plan = Plan("p", steps, groups)
        save_plan(self.plan, self.folder, self.home, "htcondor")
        self.dag = DagFolder(self.folder.dags / "1")
        for folder in (self.dag.results, self.dag.jobs, self.dag.logs):
            folder.mkdir(parents=True)
        members = {node: [self.keys[name] for name in of] for node, of in self.nodes.items()}
        self.dag.nodes.write_text(json.dumps(members))
        self.dag.cluster.write_text("1")
        self.dagman(write.submitted, 0, HOST)
        self.dagman(write.executing, 1, HOST)

    def at(self, seconds):
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(T0 + seconds))

    def dagman(self, event, seconds, *given, **facts):
        with self.dag.dagman_log.open("a") as log:
            log.write(event("1.0.0", self.at(seconds), *given, **facts))

    def job(self, node, event, seconds, *given, only_jobs_log=False, **facts):
        """Add an event of a node's job to the logs."""
        number = list(self.nodes).index(node) + 2
        text = event(f"{number:03}.000.000", self.at(seconds), *given, **facts)
        for log in (
            [self.dag.jobs_log] if only_jobs_log else [self.dag.jobs_log, self.dag.nodes_log]
        ):
            with log.open("a") as file:
                file.write(text)

    def submitted(self, node, seconds=2):
        self.job(node, write.submitted, seconds, HOST, notes=[f'[ DAGNodeName = "{node}"; ]'])

    def started(self, node, seconds=5):
        self.job(node, write.executing, seconds, HOST, "slot1_1@a")

    def sends(self, step, value, **facts):
        """Put what a job sends for a step that ended well where HTCondor brings it."""
        key = self.keys[step]
        path = self.dag.results / file_name(key, "value")
        record = encode(value, path)
        packed = []
        if path.is_dir():
            folder = path.rename(path.with_suffix(".folder"))
            pack_folder(folder, path)
            packed = ["value"]
        result = {
            "schema": 1, "key": key, "step": step, "status": "ok", "outputs": {"value": record},
            "inputs": {}, "packed": packed, "wall_s": 2.0, **facts,
        }  # fmt: skip
        self.dag.result(key).write_text(json_text(result))

    def sends_failure(self, step, problem, cause=""):
        key = self.keys[step]
        error = {
            "type": "ValueError",
            "message": problem,
            "where": "",
            "traceback": "Trace: " + problem,
        }
        failure = {"problem": problem, "fix": "correct it", "error": "", "cause": cause}
        result = {"schema": 1, "key": key, "status": "failed", "outputs": {}, "error": error}
        self.dag.result(key).write_text(json_text({**result, "failure": failure}))


@pytest.fixture
def planned_step():
    """Give a function that makes a step to be run: name, key, the keys it needs."""
    return planned


@pytest.fixture
def queue(monkeypatch):
    """Give what stands for the access point's queue: whether DAGMan is `there`, and how often it was `asked`."""

    class Queue:
        there, asked = None, 0

        def look(self, dag):
            self.asked += 1
            return self.there

    made = Queue()
    monkeypatch.setattr(follower, "in_queue", made.look)
    return made


@pytest.fixture
def pool_run(tmp_path, queue):
    """Give a function that makes a run: step -> the steps it needs; `nodes`: node -> its steps."""
    return lambda needs, nodes=None: PoolRun(tmp_path, needs, nodes)
