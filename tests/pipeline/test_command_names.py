"""Names of a command's files and outputs never lead out of its folder, and never mean something else."""

from typing import NamedTuple

import pytest

import wingspan as ws
from wingspan.errors import DeclarationError


class Reply(NamedTuple):
    json: dict[str, int]
    value: int


def ask() -> Reply:
    return Reply({"a": 1}, 2)


def read(reply: dict[str, int]) -> int:
    return reply["a"]


@pytest.mark.parametrize("name", ["../evil", "a/b", "", "a.b", "class", "_x", "a b", "x\n"])
def test_an_output_is_named_by_an_identifier(name):
    with pytest.raises(DeclarationError, match="cannot name an output"):
        ws.Pipeline("p").command("true", outputs={name: "a"}, name="c")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/x"])
def test_a_file_of_a_command_stays_in_its_folder(name, tmp_path):
    with pytest.raises(DeclarationError, match="is not a name"):
        ws.Pipeline("p").command("true", outputs={}, files={name: tmp_path}, name="c")


def test_two_files_of_one_name_are_refused_unless_they_are_named(tmp_path):
    """The first was left out in silence."""
    files = [tmp_path / "one" / "d.txt", tmp_path / "two" / "d.txt"]
    for number, file in enumerate(files):
        file.parent.mkdir()
        file.write_text(str(number))
    pipeline = ws.Pipeline("p")
    with pytest.raises(DeclarationError, match=r"would both be d\.txt"):
        pipeline.command("true", outputs={}, files=files, name="c")
    named = {"in/a.txt": files[0], "in/b.txt": files[1]}
    pipeline.command("cat in/a.txt in/b.txt > o", outputs={"out": "o"}, files=named, name="c")
    assert pipeline.run(home=tmp_path / "home")["c"].out.read_text() == "01"


def test_a_field_may_be_called_json(tmp_path):
    """Its file is not that of the step's record."""
    pipeline = ws.Pipeline("p")
    reply = pipeline.step(ask)
    pipeline.step(read, reply.json)
    run = pipeline.run(home=tmp_path)
    assert run["read"] == 1
    assert run["ask"].json == {"a": 1}
