"""What the search gives lanes, and what it takes back: messages in, files out, without a pool."""

import json

import pytest

import wingspan as ws
from wingspan.planning.plan import is_sweep
from wingspan.runner.htcondor.dag_folder import DagFolder, SweepNode
from wingspan.runner.htcondor.messages import Message
from wingspan.runner.htcondor.serve.next_trials import ServedSweep
from wingspan.store.store import Store
from wingspan.sweep.open_study import open_study
from wingspan.sweep.spec import Spec

LANES = ("fit-1_lane1", "fit-1_lane2")
PLAN = """
    import wingspan as ws

    def fit(rate: int) -> float:
        return float(rate)

    def tuned(**options) -> ws.Pipeline:
        p = ws.Pipeline("tuned")
        p.sweep(fit, **({"over": {"rate": list(range(9))}, "metric": "fit", "search": "grid"} | options))
        return p
"""


class Pool:
    """Two lanes, and the search that serves them."""

    def __init__(self, pipeline, root):
        step = next(each for each in pipeline.plan().steps if is_sweep(each))
        self.dag = DagFolder(root / "dag")
        for place in (
            self.dag.params("x"),
            self.dag.stop("x"),
            self.dag.results / "x",
            self.dag.job("x"),
        ):
            place.parent.mkdir(parents=True, exist_ok=True)
        spec, limit = Spec.from_json(step.sweep["spec"]), step.sweep["budget"]["trials"]
        self.study = open_study(root / "studies/study", spec, "run")
        if spec.search == "grid":
            self.study.draw_ahead(limit)
        drawn = [[each.number, each.values, each.repeat] for each in self.study.unended(limit)]
        for place, lane in enumerate(LANES):
            self.dag.job(lane).write_text(
                json.dumps({"lane": {"reserve": drawn[place :: len(LANES)]}})
            )
        node = SweepNode(step.key, step.name, LANES, root / "studies/study", root, "run")
        self._sent = 0
        self.end_file = root / "end"
        self.search = ServedSweep(
            self.dag, node, step, self.study, Store(root / "store"), self.end_file
        )

    def hear(self, lane, **content):
        self._sent += 1
        self.search.take(LANES[lane], Message(1, self._sent, content))
        self.search.settle()

    def given(self, lane, index):
        """Return what a lane finds for one of its calls."""
        file = self.dag.params(f"{LANES[lane]}.{index}")
        return json.loads(file.read_text()) if file.exists() else None

    def ask(self, lane, index=0):
        self.hear(lane, ask=f"{LANES[lane]}.{index}")
        return self.given(lane, index)

    def begin(self, lane, index):
        said = {"call": f"{LANES[lane]}.{index}", "number": None, "repeat": 0, "reserve": None}
        self.hear(lane, begin=said)

    def end(self, lane, index, wall_s=1.0, value=1.0):
        said = {
            "call": f"{LANES[lane]}.{index}",
            "state": "complete",
            "value": value,
            "wall_s": wall_s,
        }
        self.hear(lane, end=said)


@pytest.fixture
def pool(project, tmp_path):
    project.write(tuned=PLAN)
    module = project.fresh("tuned")
    return lambda **options: Pool(module.tuned(**options), tmp_path / "pool")


def first_trial(pool, wall_s):
    """Let the first lane end a trial and begin its second."""
    pool.ask(0)
    pool.begin(0, 0)
    pool.end(0, 0, wall_s)
    pool.begin(0, 1)


def test_the_next_short_trial_is_there_before_its_lane_asks(pool):
    """As soon as a trial begins; of long ones it waits until one ends, so that no lane hoards it."""
    quick = pool()
    first_trial(quick, 1.0)
    numbers = [quick.given(0, index)["number"] for index in range(3)]
    assert numbers == [0, 2, 4]  # those that came with the lane's job
    assert quick.given(0, 3) is None


@pytest.mark.parametrize(
    ("options", "wall_s"),
    [({}, 60.0), ({"over": {"rate": list(range(4))}}, 1.0)],
    ids=["long trials", "as many left as lanes"],
)
def test_a_lane_hoards_no_trial_that_another_one_could_run(pool, options, wall_s):
    """Long trials, and the last ones, go to the lane that asks first."""
    slow = pool(**options)
    first_trial(slow, wall_s)
    assert slow.given(0, 2) is None


def test_a_search_that_learns_waits_for_the_trial_under_way(pool):
    """So the same study comes out here and on a pool, one trial at a time."""
    learns = pool(search="tpe", over={"rate": ws.int_uniform(0, 100)}, trials=20)
    first_trial(learns, 1.0)
    assert learns.given(0, 1) is not None
    assert learns.given(0, 2) is None


def test_a_trial_that_has_not_begun_does_not_begin_after_the_sweeps_end(pool):
    """Neither here nor in the next job of the lane; one that began in the same moment counts."""
    ended = pool()
    first_trial(ended, 1.0)
    ended.search.end()
    ended.search.settle()
    assert ended.given(0, 2) == {"over": True}
    assert ended.dag.stop(f"{LANES[0]}.1").exists()
    assert not ended.dag.stop(f"{LANES[0]}.2").exists()
    ended.end(0, 1)
    ended.begin(0, 2)  # it had read the file before
    assert ended.dag.stop(f"{LANES[0]}.2").exists()
    ended.end(0, 2)
    assert ended.study.look().counts["complete"] == 3
    assert ended.ask(1) == {"over": True}


def test_the_trial_of_a_lane_without_a_job_goes_to_another_one(pool):
    """Each once: what the lane has begun stays its own, since its next job takes it up."""
    shared = pool()
    first_trial(shared, 1.0)
    shared.search.take_home(LANES[0])
    shared.search.take_back(LANES[0])
    assert shared.given(0, 2) is None
    found = [shared.ask(1)["number"]]
    for index in range(6):
        shared.begin(1, index)
        shared.end(1, index)
        found.append(shared.given(1, index + 1)["number"])
    assert sorted(found) == [1, 3, 4, 5, 6, 7, 8]
    assert shared.given(0, 1)["number"] == 2
