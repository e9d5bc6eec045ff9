"""Which steps share a job: what may be joined, what must not, and that the graph of jobs has no cycle."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.pipeline.resources import Resources
from wingspan.planning.fuse import BATCH_S, WAIT_S, WIDTH, fuse
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.planning.times import Lasted, known_times
from wingspan.runner.htcondor.write.nodes import request_of


def step(name, needs=(), memory=None, **resources):
    """Return a planned step whose key is its name."""
    asked = resources | ({} if memory is None else {"memory": memory})
    inputs = {f"p{number}": (need, "value") for number, need in enumerate(needs)}
    return PlannedStep(
        name, name, False, "", tuple(needs), inputs, ("value",), {"module": "m", "qualname": name[0]},
        {}, (), asked, 0, (), (), {},
    )  # fmt: skip


def groups(steps, times, task_time_s=600.0):
    return fuse(Plan("p", tuple(steps), ()), times, task_time_s).groups


def test_a_chain_of_unknown_length_is_one_job():
    """Its steps could not have run side by side anyway."""
    assert groups([step("a"), step("b", ["a"]), step("c", ["b"])], {}) == (("a", "b", "c"),)


def test_branches_of_unknown_length_stay_apart():
    """Each may take hours; together they would take the sum."""
    steps = [step("a"), step("b", ["a"]), step("c", ["a"]), step("d", ["b", "c"])]
    assert groups(steps, {}) == (("a",), ("b",), ("c",), ("d",))


def test_a_short_diamond_is_one_job_and_a_long_one_is_not():
    """Running side by side is given up only for what it would gain less than the waits cost."""
    steps = [step("a"), step("b", ["a"]), step("c", ["a"]), step("d", ["b", "c"])]
    short = dict.fromkeys("abcd", 5.0)
    assert groups(steps, short) == (("a", "b", "c", "d"),)
    assert len(groups(steps, {**short, "b": 3 * WAIT_S, "c": 3 * WAIT_S})) == 4


def test_other_requests_are_not_joined():
    """A GPU is not held for a step that does not use it; memory may differ by a factor of two."""
    steps = [step("a"), step("b", ["a"], gpus=1), step("c", ["b"], gpus=1, memory="3GB")]
    assert groups(steps, {}) == (("a",), ("b", "c"))
    assert groups([step("a", memory="2GB"), step("b", ["a"], memory="5GB")], {}) == (("a",), ("b",))


def test_a_short_whole_may_ask_for_the_most_of_any_step():
    """Cores that lie idle for a few seconds cost less than waits; for a minute, or a GPU, they are not held."""
    steps = [step("a"), step("b", ["a"], cpus=4, memory="8GB"), step("c", ["b"]), step("d", ["a"])]
    short = dict.fromkeys("abcd", WAIT_S / 4)
    assert groups(steps, short) == (("a", "b", "c", "d"),)
    assert ("b",) in groups(steps, {**short, "a": WAIT_S})
    assert len(groups([*steps[:3], step("d", ["a"], gpus=1)], short)) > 1


def test_steps_that_expect_other_memory_share_a_job():
    """What a step is expected to use is what it asks for: the job asks for the most, within a factor of two for long ones."""
    steps = [
        step("a", expected_memory=2057),
        step("b", ["a"], expected_memory=900),
        step("c", ["a"]),
    ]
    assert groups(steps, dict.fromkeys("abc", 2.0)) == (("a", "b", "c"),)
    assert request_of(steps).memory_mb == max(
        Resources(**each.resources).memory_mb for each in steps
    )


def test_no_job_is_longer_than_the_task_time():
    """The limit is the user's."""
    steps = [step("a"), step("b", ["a"]), step("c", ["b"])]
    assert groups(steps, dict.fromkeys("abc", 40.0), 100.0) == (("a", "b"), ("c",))


def test_short_siblings_are_batched():
    """A thousand tasks of a tenth of a second become a few jobs of about `BATCH_S`, and their reader still waits for all."""
    tasks = [step(f"t{number}") for number in range(1000)]
    whole = groups(
        [*tasks, step("z", [task.key for task in tasks])],
        dict.fromkeys([t.key for t in tasks], 0.1),
    )
    assert len(whole) == 100 / BATCH_S + 1
    assert whole[-1] == ("z",)
    assert sorted(key for group in whole for key in group) == sorted([*(t.key for t in tasks), "z"])


def test_times_come_from_the_last_run_the_same_function_or_the_hint():
    """What was seen wins over what was said."""
    steps = [step("a1", expected="9s"), step("a2"), step("b", expected="1min"), step("c")]
    found = known_times(Plan("p", tuple(steps), ()), {"a1": {"key": "old"}}, {"old": 3.0}.get)
    assert found == {"a1": 3.0, "a2": 3.0, "b": 60.0}


def test_steps_of_unknown_length_of_a_wide_map_share_jobs_that_may_give_them_back():
    """At first there are as many jobs as a pool may run at once; each keeps the tasks in turn, with what follows each."""
    fits = [step(f"fit[{n}]") for n in range(3 * WIDTH)]
    scores = [step(f"score[{n}]", [f"fit[{n}]"]) for n in range(3 * WIDTH)]
    plan = Plan("p", (*fits, *scores, step("best", [s.key for s in scores])), ())
    made = fuse(plan, {}, 600.0)
    assert len(made.groups) == WIDTH + 1
    assert made.groups[-1] == ("best",)
    pairs = tuple((f"fit[{n}]", f"score[{n}]") for n in range(3))
    assert made.tasks["fit[0]"] == pairs
    assert made.groups[0] == tuple(key for pair in pairs for key in pair)
    assert fuse(plan, {}, 0.0).tasks == {}


def test_a_narrow_map_and_one_of_known_length_have_no_tasks_to_give_back():
    """A job each is what a pool can run side by side; what is known is batched as ever."""
    narrow = Plan("p", tuple(step(f"fit[{n}]") for n in range(WIDTH)), ())
    assert len(fuse(narrow, {}, 600.0).groups) == WIDTH
    known = Plan("p", tuple(step(f"fit[{n}]") for n in range(100)), ())
    assert fuse(known, dict.fromkeys([s.key for s in known.steps], 0.1), 600.0).tasks == {}
    apart = Plan("p", tuple(step(f"f{n}") for n in range(100)), ())
    assert len(fuse(apart, {}, 600.0).groups) == 100


def test_a_limit_of_a_map_makes_its_jobs_fewer():
    """More jobs than may be in the queue at once gain nothing."""
    steps = tuple(step(f"fit[{n}]") for n in range(40))
    plan = Plan("p", steps, (), limits={"fit": 4}, maps={"fit": [str(n) for n in range(40)]})
    assert len(fuse(plan, {}, 600.0).groups) == 4


def mapped(name, done=False, **resources):
    """Return a step of the map ``fit``."""
    return replace(step(name, **resources), action={"qualname": "fit"}, done=done)


def test_a_step_takes_as_long_as_its_siblings_that_are_done():
    """A map of 40 that grows to 200 knows that its steps take 0.02 s: eight jobs, not 160."""
    done = [mapped(f"fit[{n}]", done=True) for n in range(40)]
    new = [mapped(f"fit[{n}]", expected="1h") for n in range(40, 200)]
    plan = Plan("p", (*done, *new), ())
    times = known_times(plan, {}, lambda key: 0.02 if key in {s.key for s in done} else None)
    assert times == dict.fromkeys([s.key for s in new], 0.02)
    assert len(fuse(plan, times, 600.0).groups) == 1


def test_the_mean_of_siblings_counts():
    """One that was slow does not make all others slow."""
    done = [mapped(f"fit[{n}]", done=True) for n in range(10)]
    plan = Plan("p", (*done, mapped("fit[x]")), ())
    seconds = {s.key: 1.0 for s in done} | {"fit[9]": 11.0}
    assert known_times(plan, {}, seconds.get) == {"fit[x]": 2.0}


def test_a_map_over_other_values_is_known_from_the_last_plan():
    """Its steps have other names and other code; the map is the same."""
    previous = {f"fit[{n}]": {"key": f"old{n}"} for n in range(3)} | {"load": {"key": "old9"}}
    plan = Plan("p", (mapped("fit[7]"), step("load2")), ())
    seconds = {"old0": 2.0, "old1": 4.0, "old9": 50.0}
    assert known_times(plan, previous, seconds.get) == {"fit[7]": 3.0}


def test_records_of_earlier_runs_are_read_only_where_nothing_else_is_known():
    """A run that was stopped tells that its step takes longer than it had run."""
    lasted = Lasted({"fit": [2.0, 4.0]}, {"long[a]": 90.0, "fit[1]": 30.0})
    steps = [mapped("fit[0]"), mapped("fit[1]"), step("long[b]"), step("new")]
    found = known_times(Plan("p", tuple(steps), ()), {}, {}.get, lambda: lasted)
    assert found == {"fit[0]": 3.0, "fit[1]": 30.0, "long[b]": 90.0}
    known = {"fit[0]": {"key": "old"}}
    known_times(Plan("p", (mapped("fit[0]"),), ()), known, {"old": 1.0}.get, lambda: 1 / 0)


@settings(deadline=None)  # a machine may be busy
@given(st.data())
def test_jobs_never_wait_for_each_other(data):
    """Whatever the graph and the times: every step is in one job, and the jobs can be put in order."""
    count = data.draw(st.integers(1, 14))
    steps, times = [], {}
    for number in range(count):
        before = [s.key for s in steps]
        needs = (
            data.draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
        )
        steps.append(step(f"s{number}", needs, cpus=data.draw(st.integers(1, 2))))
        if data.draw(st.booleans()):
            times[f"s{number}"] = data.draw(st.sampled_from([0.1, 5.0, 50.0, 500.0]))
    made = groups(steps, times)
    assert sorted(key for group in made for key in group) == sorted(s.key for s in steps)
    home = {key: group for group in made for key in group}
    done = set()
    for group in made:
        members = [s for s in steps if s.key in group]
        needed = {home[need] for s in members for need in s.needs} - {group}
        assert needed <= done, "a job comes before one that it waits for"
        done.add(group)


def test_jobs_that_are_sent_an_environment_are_fewer_and_longer():
    """They work four times as long as it takes to get there; no job is made longer than the task time."""
    plan = Plan("p", tuple(step(f"t{number}") for number in range(120)), ())
    times = {one.key: 1.0 for one in plan.steps}

    def jobs(task_time_s, start_s):
        return len(fuse(plan, times, task_time_s, start_s).groups)

    assert [jobs(600.0, start_s) for start_s in (0.0, 5.0, 10.0)] == [6, 3, 2]
    assert jobs(30.0, 10.0) == 4


def test_a_sweep_shares_its_group_with_its_table_alone():
    """However short the steps around it are; what reads either waits for the group."""
    sweep = step("fit", ["load"])
    sweep = replace(sweep, sweep={"spec": {}})
    table = replace(step("fit.study", ["fit"]), action={"trials": True})
    steps = (step("load"), sweep, table, step("test", ["fit", "fit.study"]), step("end", ["test"]))
    plan = Plan("p", steps, ())
    found = fuse(plan, dict.fromkeys(("load", "test", "end"), 1.0), 600.0)
    assert found.groups == (("load",), ("fit", "fit.study"), ("test", "end"))
