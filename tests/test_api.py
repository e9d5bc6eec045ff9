"""The public names, and what it costs to import them."""

import json
import subprocess
import sys
from importlib import import_module

import pytest

import wingspan

HEAVY = [
    "numpy",
    "pandas",
    "polars",
    "scipy",
    "sklearn",
    "skops",
    "torch",
    "htcondor2",
    "classad2",
    "optuna",
    "rich",
    "cloudpickle",
]
TABLE = ["polars", "sklearn", "skops", "torch", "pandas", "scipy"]

PLAN = """
from pathlib import Path
from wingspan.recipes.table_training import Training, table_training
Path("loans.csv").write_text("income,default\\n1,0\\n2,1\\n")
plan = table_training(Training(data=Path("loans.csv"), target="default")).plan(Path("home"))
assert plan.to_run()
"""


def imported(code, cwd):
    """Return the top-level modules that a new process has imported after some code."""
    code += (
        "\nimport sys, json\nprint(json.dumps(sorted({m.partition('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", wingspan.__all__)
def test_every_public_name_loads(name):
    """A name is that of its home module, and has a docstring."""
    found = getattr(wingspan, name)
    assert found is getattr(import_module(wingspan._HOMES[name]), name)
    assert found.__doc__


def test_public_names_are_those_that_load():
    """`__all__`, `dir` and the names that load on first use are the same; another name is an AttributeError."""
    assert sorted(wingspan._HOMES) == wingspan.__all__ == dir(wingspan)
    with pytest.raises(AttributeError, match="no attribute 'Trainer'"):
        _ = wingspan.Trainer


def test_importing_is_light(tmp_path):
    """Neither the package nor all of its public names import a library."""
    assert not imported("import wingspan", tmp_path) & {*HEAVY, "typer", "asyncio"}
    every = "import wingspan\nfor name in wingspan.__all__: getattr(wingspan, name)"
    assert not imported(every, tmp_path) & set(HEAVY)


def test_planning_a_table_training_imports_no_library_of_tables_or_models(tmp_path):
    """Declaring and planning the recipe reads source, and imports NumPy alone."""
    assert not imported(PLAN, tmp_path) & set(TABLE)
