"""Why one step runs again, in full."""

import pytest

from wingspan.errors import NotFoundError

# What its jobs and commands run is covered by other tests.

CHAIN = """
    from pathlib import Path
    import wingspan as ws

    def load(path: Path, sep: str = ",") -> list[int]:
        return [int(each) for each in path.read_text().split(sep)]

    def scale(numbers: list[int], by: float) -> list[float]:
        return [n * by for n in numbers]

    def total(numbers: list[float], more: list[int]) -> float:
        return sum(numbers) + sum(more)

    def pipeline(by: float = 2.0, sep: str = ",") -> ws.Pipeline:
        p = ws.Pipeline("chain")
        numbers = p.step(load, Path("n.txt"), sep)
        p.step(total, p.step(scale, numbers, by), numbers)
        return p
"""


@pytest.fixture
def chain(project):
    project.write(chain=CHAIN)
    (project.path / "n.txt").write_text("1,2")
    return project


def test_a_step_that_is_up_to_date_says_so(chain):
    """With the key of its result."""
    chain.fresh("chain").pipeline().run()
    plan = chain.fresh("chain").pipeline().plan()
    assert (
        plan.explain("total")
        == f"step total is up to date: its result has the key {plan['total'].key}"
    )


def test_a_new_step_has_nothing_to_be_compared_with(chain):
    """As in the first plan."""
    told = chain.fresh("chain").pipeline().plan().explain("load")
    assert told.splitlines() == [
        "step load is to run: new step",
        "  no earlier plan of this pipeline has a step of this name",
    ]


def test_every_changed_part_is_shown_as_it_was_and_as_it_is(chain):
    """Also those that the reason leaves out."""
    chain.fresh("chain").pipeline().run()
    plan = chain.fresh("chain").pipeline(by=3.0).plan()
    lines = plan.explain("scale").splitlines()
    assert lines[0] == f"step scale is to run: {plan['scale'].reason}"
    assert lines[1:] == ["  parameter by:", "    was 2.0", "    is  3.0"]


def test_the_first_cause_is_named_with_the_way_to_it(chain):
    """What changed itself, not what reads it."""
    chain.fresh("chain").pipeline().run()
    (chain.path / "n.txt").write_text("1,2,3")
    plan = chain.fresh("chain").pipeline().plan()
    lines = plan.explain("total").splitlines()
    assert lines[1:3] == [
        "  input numbers: the result of step scale, which runs again",
        "  input more: the result of step load, which runs again",
    ]
    assert lines[3] == "first cause:"
    assert lines[4] == f"  step load: {plan['load'].reason}"
    assert len(lines) == 5
    by_way = chain.fresh("chain").pipeline().plan().explain("scale")
    assert "first cause:\n  step load: " in by_way


def test_several_first_causes_are_all_named(chain):
    """One after the other, nearest first."""
    chain.fresh("chain").pipeline().run()
    lines = chain.fresh("chain").pipeline(by=4.0, sep=", ").plan().explain("total").splitlines()
    at = lines.index("first causes:")
    assert [line.partition(":")[0] for line in lines[at + 1 :]] == ["  step scale", "  step load"]


def test_a_cause_behind_another_is_named_too(chain):
    """scale changed itself, and reads what changed as well."""
    chain.fresh("chain").pipeline().run()
    plan = chain.fresh("chain").pipeline(by=4.0, sep=", ").plan()
    lines = plan.explain("total").splitlines()
    assert lines[lines.index("first causes:") + 1].startswith(
        "  step scale: parameter by 2.0 -> 4.0"
    )
    assert "  step load: " in "\n".join(lines)


def test_a_result_that_is_gone_is_said(chain):
    """Nothing has changed then."""
    run = chain.fresh("chain").pipeline().run()
    import shutil

    shutil.rmtree(run.home.store)
    lines = chain.fresh("chain").pipeline().plan().explain("load").splitlines()
    assert (
        lines[1]
        == "  code, parameters and inputs are those of the last plan, but there is no result of them:"
    )


def test_an_unknown_step_is_named_with_those_near_it(chain):
    with pytest.raises(NotFoundError, match="did you mean total"):
        chain.fresh("chain").pipeline().plan().explain("totl")


def test_a_long_chain_is_no_trouble(chain):
    """The way back is a loop, not a recursion."""
    module = chain.fresh("chain")
    import wingspan as ws

    def declared(by):
        p = ws.Pipeline("long")
        made = p.step(module.load, chain.path / "n.txt")
        for place in range(1500):
            made = p.step(module.scale, made, by if place == 0 else 1.0, name=f"s{place}")
        return p

    from wingspan.planning.call import describe_all
    from wingspan.planning.digest_cache import DigestCache
    from wingspan.planning.plan import history, make_plan

    def planned(by, previous):
        steps = declared(by).steps
        calls = describe_all(steps, DigestCache(chain.path / "digests.json"))
        return make_plan("long", steps, calls, lambda _: frozenset(), previous)

    told = planned(2.0, history(planned(1.0, {}))).explain("s1499")
    assert told.splitlines()[-2].startswith("  step s0: parameter by ")
    assert told.splitlines()[-1].startswith("    by way of s1, s2, ")
    assert told.splitlines()[-1].endswith(" and 1488 more")
