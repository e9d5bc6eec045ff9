"""Every printable and control character, in names of files, labels, values and paths: the same here and on a pool."""

import os
import string

import pytest

STEPS = """
    from pathlib import Path
    from typing import NamedTuple
    import os
    import wingspan as ws

    class Parts(NamedTuple):
        json: str
        größe: str
        a_very_long_name_of_a_field_that_is_longer_than_what_file_names_take_as_it_is_written: str

    def names(folder: Path, files: list[Path]) -> dict[str, str]:
        found = {os.fsencode(path.relative_to(folder)).hex(): path.read_text()
                 for path in sorted(folder.rglob("*")) if path.is_file()}
        return found | {os.fsencode(path.name).hex(): path.read_text() for path in files}

    def split(text: str) -> Parts:
        return Parts(text, text[::-1], text * 2)

    def join(first: str, second: str, third: str) -> list[str]:
        return [first, second, third]

    def same(text: str, more: list[str]) -> list[str]:
        return [text, *more]

    def pipeline(name: str, folder: Path, files: list[Path], text: str, labels: dict[str, str]):
        p = ws.Pipeline(name)
        noted = ws.Resources(submit={"+Note": '"a, b; c # d"', "notification": "never"})
        p.step(names, folder, files, resources=noted)
        parts = p.step(split, text, name=f"split {text}")
        joined = p.step(join, *parts)
        p.map(same, over={"text": labels}, more=joined)
        return p
"""
ALL = "".join(map(chr, range(1, 128)))
NAMES = [f"a{each}z" for each in ALL.replace("/", "")] + [
    "ü" * 100,
    "-x",
    " x ",
    "x.",
    os.fsdecode(b"\xff"),
]


def made(parent):
    """Write a folder, and single files, with a file for each character in its name."""
    folder, files = parent / "folder", parent / "files"
    for place in (folder, files, folder / "in, $(X)\n"):
        place.mkdir()
    for name in NAMES:
        for place in (folder, files):
            (place / name).write_text(ascii(name))
    (folder / "in, $(X)\n" / "y").write_text("deep")
    return folder, sorted(files.iterdir())


def built(project, parent):
    """Declare the pipeline: names of a few steps hold all characters together."""
    project.write(characters=STEPS)
    labels = {f"{n} {ALL[n : n + 43]}": ALL[n : n + 43] for n in (0, 43, 86)}
    name = f"a/b {string.punctuation}"
    return project.fresh("characters").pipeline(name, *made(parent), ALL + "ü\u2028", labels)


def results(run):
    assert run.state == "done", repr(run)
    return {name: run[name] for name in run.steps}


def test_any_character_runs_here(project, tmp_path):
    pipeline = built(project, tmp_path)
    found = results(pipeline.run(home=tmp_path / string.punctuation.replace("/", "") / "home"))
    assert len(found["names"]) == len(NAMES) + 1
    assert len(found) == 6


@pytest.mark.long
@pytest.mark.htcondor
def test_any_character_means_on_a_pool_what_it_means_here(project, pool, job_folder):
    """One DAG; the folder of its runs has what a path may have there."""
    pipeline = built(project, job_folder)
    here = pipeline.run(home=job_folder / "here")
    strange = string.punctuation.replace("/", "").replace("$", "").replace("\\", "")
    there = pipeline.run("htcondor", home=job_folder / f"{strange} \\x $ ü" / "home")
    assert results(there) == results(here)
