"""What the jobs of a step may import is known from the plan: code, files, types, values, what other steps give."""

import sys

import pytest

import wingspan as ws
from wingspan.planning.libraries import libraries_of_command
from wingspan.store.annotation import ANY, NONE, TypeName, read_signature
from wingspan.store.codec import encode
from wingspan.store.libraries import is_closed, libraries_of_record, with_companions

FILE = """
    from __future__ import annotations
    from pathlib import Path
    from typing import TYPE_CHECKING, Any
    import wingspan as ws
    import joblib
    import helper
    try:
        import no_such_library
    except ImportError:
        no_such_library = None
    if TYPE_CHECKING:
        import mypy
        from sklearn.linear_model import LogisticRegression

    def other():
        return joblib.hash(1)

    @helper.registered
    def plain(n: int) -> int:
        return n + 1

    def fit(n: int) -> LogisticRegression:
        from sklearn.linear_model import LogisticRegression
        return LogisticRegression()

    def table(n: int) -> dict[str, float]:
        import pandas
        return {}

    def anything(n: int) -> Any:
        import pandas
        return pandas.DataFrame({"a": [n]})

    def score(value: Any) -> float:
        return 1.0

    def pipeline():
        p = ws.Pipeline("needs")
        n = p.step(plain, 1)
        p.step(score, p.step(fit, n), name="of_model")
        p.step(score, p.step(table, n), name="of_dict")
        p.step(score, p.step(anything, n), name="of_anything")
        return p
"""
HELPER = """
    import networkx

    def registered(function):
        import sympy
        return function

    def never_called():
        import torch
"""


@pytest.fixture
def needs(project, tmp_path):
    project.write(needing=FILE, helper=HELPER)
    plan = project.fresh("needing").pipeline().plan(tmp_path / "home")
    return {step.name: set(step.libraries) for step in plan.steps}


def test_the_top_of_each_file_is_needed_whether_or_not_the_step_uses_it(needs):
    """What a function imports that is called while the files are imported too; not what type checkers alone read."""
    assert needs["plain"] == {"joblib", "networkx", "sympy"}


def test_a_step_needs_what_its_types_are_stored_with(needs):
    """Named in no code: skops. It comes with the library when the environment is made."""
    assert needs["fit"] >= {"sklearn"}
    assert with_companions(["sklearn", "torch"]) == {"sklearn", "skops", "torch", "safetensors"}


def test_a_reader_needs_what_reading_takes(needs):
    """A type that says all holds it to that; a model, or no type, may hold whatever its maker had."""
    assert needs["of_model"] >= {"sklearn"}
    assert "pandas" not in needs["of_dict"]
    assert needs["of_anything"] >= {"pandas"}


def test_nothing_of_it_is_in_a_key(project, tmp_path):
    """A further import at the top of the file makes no step run again."""
    project.write(needing=FILE, helper=HELPER)
    before = project.fresh("needing").pipeline().plan(tmp_path / "home")
    project.write(
        needing=FILE.replace("other():", "other(x=packaging):").replace(
            "import joblib", "import joblib, packaging"
        ),
        helper=HELPER,
    )
    after = project.fresh("needing").pipeline().plan(tmp_path / "home")
    assert [step.key for step in before.steps] == [step.key for step in after.steps]
    assert "packaging" in after["plain"].libraries


def test_arguments_that_are_models_say_what_they_hold(project, tmp_path):
    """By their bytes: the code of a plan need not name the library of a part."""
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression

    record = encode({"m": [LogisticRegression()]}, tmp_path / "value")
    assert libraries_of_record(record, tmp_path / "value") >= {"sklearn", "skops"}
    record = encode({"class": "torch", "codec": "x"}, tmp_path / "plain")
    assert libraries_of_record(record, tmp_path / "plain") == set()


def whole(a: int, b: dict[str, list[float]], c: tuple[int, str] | None, d: bytes): ...
def partly(a: dict, b: list, c: object): ...


def test_only_types_that_say_all_are_closed():
    assert all(map(is_closed, read_signature(whole).values()))
    assert not any(map(is_closed, read_signature(partly).values()))


def test_types_of_libraries_that_are_not_imported_are_judged_by_their_names():
    assert is_closed(TypeName("polars.DataFrame"))
    assert not is_closed(TypeName("sklearn.base.BaseEstimator"))
    assert not is_closed(TypeName("somebody.Thing"))
    assert is_closed(NONE)
    assert not is_closed(ANY)
    assert not is_closed(None)


def test_a_command_needs_what_its_scripts_import(project):
    """And the module that ``python -m`` names; a script that is not Python of this version is let be."""
    (project.path / "train.py").write_text("import os\ndef f():\n    from joblib import dump\n")
    (project.path / "old.py").write_text("print 1\n")
    p = ws.Pipeline("command")
    files = {"train.py": project.path / "train.py", "old.py": project.path / "old.py"}
    p.command("python train.py && python -m networkx.x -m", outputs={}, files=files, name="train")
    (step,) = p.steps.values()
    assert libraries_of_command(step.action) == {"joblib", "networkx"}
    assert "os" in sys.stdlib_module_names
