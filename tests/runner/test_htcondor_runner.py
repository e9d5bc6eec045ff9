"""Pipelines run on a real pool, and mean there what they mean here."""

import pytest

from wingspan.store.store import Store

pytestmark = pytest.mark.htcondor

STEPS = """
    from pathlib import Path
    from typing import NamedTuple
    import wingspan as ws
    import helper

    class Parts(NamedTuple):
        small: list[int]
        large: list[int]

    def load(path: Path) -> Parts:
        numbers = [int(word) for word in path.read_text().split()]
        return Parts(numbers[:2], numbers[2:])

    def total(numbers: list[int]) -> int:
        print("adding")
        return helper.add(numbers)

    def fails(parts: Parts) -> int:
        raise ValueError(f"no good: {len(parts.small)}")

    def tree(numbers: list[int]) -> Path:
        folder = Path("made")
        folder.mkdir()
        for number in numbers:
            (folder / f"{number}.txt").write_text(str(number))
        return folder

    def count(folder: Path) -> int:
        return len(list(folder.iterdir()))

    def pipeline(bad: bool = False) -> ws.Pipeline:
        p = ws.Pipeline("real")
        parts = p.step(load, Path("numbers.txt"))
        p.step(total, parts.large)
        p.step(count, p.step(tree, parts.small))
        if bad:
            p.step(fails, parts)
        return p
"""


@pytest.fixture
def real(project, pool):
    project.write(real=STEPS, helper="def add(numbers):\n    return sum(numbers)\n")
    (project.path / "numbers.txt").write_text("1 2 3 4")
    return project


def test_a_pool_gives_the_results_of_this_machine(real, job_folder):
    """Values, folders and digests are the same, and the second run has nothing to do."""
    module = real.fresh("real")
    here = module.pipeline().run(home=job_folder / "here")
    states = []
    there = module.pipeline().run(
        "htcondor", home=job_folder / "there", listener=lambda e: states.append((e.step, e.state))
    )
    assert (there["total"], there["count"]) == (here["total"], here["count"]) == (7, 2)
    digests = [
        [Store(run.home.store).result(step.key)["outputs"] for step in run.steps.values()]
        for run in (here, there)
    ]
    assert digests[0] == digests[1]
    assert (
        states.index(("load", "running"))
        < states.index(("load", "done"))
        < states.index(("total", "done"))
    )
    again = module.pipeline().run("htcondor", home=job_folder / "there")
    assert not again.folder.dags.exists()
