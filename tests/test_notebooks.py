"""The notebooks run from top to bottom on real daemons, and show what their text says."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
SHOWN = {  # notebook -> texts of its outputs, in order
    "1_one_job": ["cpus", "'idle'", "hello from", "'ended'", "6 times 7 is 42"],
    "2_scikit_learn": ["to run", "done", "0.9", "'1'", "{False}", "0 of 2 steps to run"],
    "4_dag_from_python": ["JOB", "square", "done     total", "0 steps run"],
    "5_tables": ["34.6", "income,len", "True", "(6, 2)"],
    "6_loan_pipeline": ["income", "done", "roc_auc", "(200, ", "True"],
    "7_sweep": ["16", "pruned", "loss", "2.0", "(20, True)", "complete", "all that was logged"],
    "8_held_jobs": ["holds", "12", "release", "12/2"],
}
ELSEWHERE = "3_container"  # in tests/runner/htcondor/test_image.py, which has an image
SHORT = {"1_one_job"}  # those of the normal run; the others take longer, or need more


def test_every_notebook_is_run():
    assert sorted([*SHOWN, ELSEWHERE]) == sorted(path.stem for path in FOLDER.glob("*.py"))


def check(name, texts):
    """Require each text of the table, each after the one before it."""
    place = 0
    whole = "\n".join(texts)
    for word in SHOWN[name]:
        found = whole.find(word, place)
        assert found >= 0, (
            f"{name}: {word!r} is missing after {whole[place - 200 : place]!r} in\n{whole}"
        )
        place = found


@pytest.mark.htcondor
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in SHORT else [pytest.mark.long]) for name in SHOWN],
)
def test_a_notebook_runs(name, pool, run_notebook):
    folder = (
        pool.folder / "notebooks" / name
    )  # without the brackets of a test's name: polars takes them for a pattern
    folder.mkdir(parents=True)
    check(name, run_notebook(FOLDER / f"{name}.py", folder, SHARED=str(folder / "shared")))
