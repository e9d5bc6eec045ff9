"""Many steps are put into few groups, without losing one and without an edge that points back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from wingspan.runner.layers import depths, grouped


@st.composite
def pipelines(draw):
    count = draw(st.integers(0, 60))
    names = [f"{draw(st.sampled_from('abcd'))}[{k}]" for k in range(count)]
    needs = {}
    for place, name in enumerate(names):
        picked = draw(st.sets(st.integers(0, max(place - 1, 0)), max_size=3)) if place else set()
        needs[name] = tuple(names[k] for k in picked)
    return needs


@settings(max_examples=60, deadline=None)
@given(pipelines(), st.sampled_from([3, 80]))
def test_groups_are_a_partition_in_order(needs, most):
    """Every step is in one group; groups read from earlier ones; names differ."""
    groups = grouped(needs, most)
    assert sorted(name for group in groups for name in group.steps) == sorted(needs)
    assert all(need < number for number, group in enumerate(groups) for need in group.needs)
    assert len({group.name for group in groups}) == len(groups)
    assert len(groups) <= max(most, 40)


def test_the_steps_of_a_map_are_one_group():
    """The map has its name; a step alone keeps its own."""
    needs = {"read": (), **{f"fit[{k}]": ("read",) for k in range(500)}, "best": ("fit[3]",)}
    groups = grouped(needs)
    assert [(group.name, len(group.steps), group.needs) for group in groups] == [
        ("read", 1, ()),
        ("fit", 500, (0,)),
        ("best", 1, (1,)),
    ]


def test_a_chain_of_ten_thousand_steps_is_at_most_forty_groups():
    """Layers are joined; the depth is found without recursion."""
    names = [f"s{k}" for k in range(10_000)]
    needs = {name: (names[k - 1],) if k else () for k, name in enumerate(names)}
    assert depths(needs)["s9999"] == 9_999
    groups = grouped(needs)
    assert len(groups) <= 40
    assert groups[0].name == "layers 1-250"
