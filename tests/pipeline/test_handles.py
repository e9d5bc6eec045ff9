"""A field of a result is reached whatever it is called, and no step hides a map."""

import copy
from pathlib import Path
from typing import NamedTuple

import pytest

import wingspan as ws
from wingspan.errors import DeclarationError, NotFoundError
from wingspan.pipeline.handles import Handle, field_of, step_of

# What its jobs and commands run is covered by other tests.


class Awkward(NamedTuple):
    step: int
    field: str
    fields: int
    name: int
    values: int
    keys: int
    items: int
    get: int
    count: int
    index: int
    value: int
    outputs: int
    handle: int
    resources: int


class Lone(NamedTuple):
    value: int


def awkward(start: int = 0) -> Awkward:
    numbers = range(start, start + len(Awkward._fields))
    return Awkward(*numbers)._replace(field=f"field {start}")


def lone() -> Lone:
    return Lone(7)


def same(found: object) -> object:
    return found


def size(scores: dict[str, int]) -> int:
    return len(scores)


def listed(scores: list[int]) -> list[int]:
    return [*scores, 1]


def one(number: int) -> int:
    return number + 1


def test_every_field_of_a_result_is_a_field_of_its_handle(tmp_path):
    """None is the handle's own attribute, and the right one arrives at the reader."""
    p = ws.Pipeline("fields")
    made = p.step(awkward)
    for field in Awkward._fields:
        assert getattr(made, field) == Handle("awkward", field)
        p.step(same, getattr(made, field), name=f"read {field}")
    run = p.run(home=tmp_path)
    assert {field: run[f"read {field}"] for field in Awkward._fields} == awkward()._asdict()


def test_every_field_of_the_results_of_a_map_is_reached(tmp_path):
    """Also where a mapping has a method of that name, and when the whole map is passed on."""
    p = ws.Pipeline("fields of maps")
    made = p.map(awkward, over={"start": [0, 100]})
    for field in Awkward._fields:
        found = getattr(made, field)
        assert {label: found[label] for label in found} == {
            label: Handle(f"awkward[{label}]", field) for label in ("0", "100")
        }
        p.step(same, found, name=f"read {field}")
    p.step(same, made, name="whole")
    p.map(same, over={"found": made.items}, name="again")
    run = p.run(home=tmp_path)
    both = {"0": awkward(0)._asdict(), "100": awkward(100)._asdict()}
    for field in Awkward._fields:
        assert run[f"read {field}"] == {label: fields[field] for label, fields in both.items()}
    assert {label: one._asdict() for label, one in run["whole"].items()} == both
    assert run["again"] == run["read items"]


def test_the_only_field_of_a_result_may_be_called_value(tmp_path):
    """It is a field, not the whole."""
    p = ws.Pipeline("value")
    made = p.step(lone)
    assert made.value == Handle("lone", "value")
    p.step(same, made.value)
    p.step(same, made, name="whole")
    run = p.run(home=tmp_path)
    assert run["same"] == 7
    assert run["whole"].value == 7


def test_an_output_of_a_command_may_be_called_step(tmp_path):
    """Its outputs are fields like others."""
    p = ws.Pipeline("outputs")
    made = p.command(
        "echo a > s && echo b > v", outputs={"step": "s", "values": "v"}, name="command"
    )
    p.step(read, made.step, made.values)
    assert p.run(home=tmp_path)["read"] == "a\nb\n"


def read(first: Path, second: Path) -> str:
    return first.read_text() + second.read_text()


def test_a_handle_without_such_a_field_says_what_it_stands_for():
    """Fields come first; a name that is neither is an error."""
    p = ws.Pipeline("own")
    whole, field = p.step(one, 1), p.step(awkward).count
    assert (step_of(whole), field_of(whole)) == ("one", None)
    assert (whole.step, whole.field, field.step, field.field) == ("one", None, "awkward", "count")
    with pytest.raises(DeclarationError, match="no field 'counts'; did you mean count"):
        _ = p.steps["awkward"].handle().counts


def test_handles_are_values():
    """They are copied, compared and shown as what they stand for."""
    made = ws.Pipeline("copies").step(awkward)
    for other in (copy.copy(made), copy.deepcopy(made)):
        assert other == made
        assert other.step == Handle("awkward", "step")
    assert repr(made.step) == "Handle('awkward', 'step')"
    assert not hasattr(made, "_repr_html_")


def test_results_of_a_map_are_a_mapping():
    """`in`, `get`, `items` and equality are those of a mapping."""
    made = ws.Pipeline("mapping").map(one, over={"number": [1, 2]})
    assert "1" in made
    assert "3" not in made
    assert made.get("3", "none") == "none"
    assert dict(made.items()) == made == {"1": Handle("one[1]"), "2": Handle("one[2]")}
    with pytest.raises(DeclarationError, match="the results of this map have no field 'train'"):
        _ = made.train


def test_a_map_over_nothing_is_empty_results(tmp_path):
    """Readers get an empty dict or list, and so does who asks the run."""
    p = ws.Pipeline("nothing")
    made = p.map(awkward, over={"start": []})
    p.step(size, made)
    p.step(listed, made.count)
    p.step(same, made.values)
    p.map(one, over={"number": made.index}, name="more")
    with pytest.raises(DeclarationError, match="no field 'counts'; did you mean count"):
        _ = made.counts
    run = p.run(home=tmp_path)
    assert run["awkward"] == run["more"] == run["same"] == {}
    assert (run["size"], run["listed"]) == (0, [1])
    assert "awkward" in run
    assert ws.open_run(home=tmp_path)["more"] == {}
    with pytest.raises(NotFoundError, match="did you mean more"):
        run["mora"]


def test_a_pipeline_that_maps_over_nothing_alone_runs(tmp_path):
    """It is done at once and has no last result."""
    p = ws.Pipeline("alone")
    p.map(one, over={"number": []})
    run = p.run(home=tmp_path)
    assert (run.state, run["one"]) == ("done", {})
    with pytest.raises(NotFoundError, match="it has no steps"):
        run.result()


@pytest.mark.parametrize("first", ["step", "map"])
@pytest.mark.parametrize("numbers", [[], [1]])
def test_a_step_and_a_map_of_one_name_are_refused(first, numbers):
    """`run[name]` could be either; the error names both places."""
    p = ws.Pipeline("both")

    def step():
        p.step(one, 1, name="a")

    def over():
        p.map(one, over={"number": numbers}, name="a")

    before, after = (step, over) if first == "step" else (over, step)
    before()
    place = rf"{__file__}:\d+"
    with pytest.raises(DeclarationError, match=f"^{place}: a {first} named 'a' is .* at {place}"):
        after()


def test_brackets_in_names_and_labels_are_no_syntax(tmp_path):
    """Each map has exactly its own steps, whatever they are called."""
    p = ws.Pipeline("brackets")
    p.map(one, over={"number": {"x]": 1, "[": 2, "b[c]": 3, "": 4}}, name="a")
    p.map(one, over={"number": {"x": 5}}, name="a[y]")
    p.step(one, 6, name="a[z]")
    p.step(one, 7, name="b[z]")
    p.step(one, 8, name="c[")
    run = p.run(home=tmp_path)
    assert run["a"] == {"x]": 2, "[": 3, "b[c]": 4, "": 5, "z": 7}
    assert run["a[y]"] == {"x": 6}
    assert run["b"] == {"z": 8}
    assert (run["a[b[c]]"], run["c["]) == (4, 9)
    with pytest.raises(NotFoundError):
        run["c"]
