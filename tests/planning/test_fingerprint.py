"""What a step's key is made of: what changes it, what does not, and what it is called."""

import importlib
import sys
import textwrap

import pytest

from wingspan.planning.fingerprint import function_components

LOANS = '''
"""Loans."""
import numpy as np
from helpers import clean

THRESHOLD = 0.5
OTHER = 1


def narrow(x):
    return x > THRESHOLD


def fit(table, n=3):
    """Fit."""
    # a comment
    rows = clean(table)
    return np.asarray([narrow(row) for row in rows])


def unrelated(x):
    return x + OTHER
'''
HELPERS = "FACTOR = 2\n\n\ndef clean(x):\n    return [FACTOR * part for part in x]\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder on sys.path; `project(name, text)` writes a file, `project.load(name)` imports it anew."""
    made = Project(tmp_path / "project", monkeypatch)
    yield made
    made.forget()


class Project:
    def __init__(self, folder, monkeypatch):
        folder.mkdir()
        self.folder = folder
        self.known = set(sys.modules)
        self.monkeypatch = monkeypatch
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def __call__(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def forget(self):
        for name, module in list(sys.modules.items()):
            if str(self.folder) in str(
                getattr(module, "__file__", None) or getattr(module, "__path__", "")
            ):
                del sys.modules[name]
        importlib.invalidate_caches()

    def load(self, name):
        self.forget()
        return importlib.import_module(name)

    def parts(self, function="fit", module="loans"):
        """The components of a function of a freshly imported module."""
        return function_components(getattr(self.load(module), function))

    def changed(self, path, old, new, function="fit", module="loans"):
        """The names of the components that an edit of a file changes."""
        before = self.parts(function, module)
        file = self.folder / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        after = self.parts(function, module)
        assert before != after or list(before) == list(after)
        return {name for name in before | after if before.get(name) != after.get(name)}


@pytest.fixture
def loans(project):
    project("loans.py", LOANS)
    project("helpers.py", HELPERS)
    return project


def test_components_are_named_for_a_reader(loans):
    """The function comes first, then what it reaches, each under the name a reader knows it by."""
    parts = loans.parts()
    assert next(iter(parts)) == "function loans.fit"
    assert set(parts) == {
        "function loans.fit",
        "function loans.narrow",
        "global loans.THRESHOLD",
        "import loans.clean",
        "import loans.np",
        "module helpers",
        "distribution numpy",
        "distribution python",
    }
    import numpy as np

    assert parts["distribution numpy"] == np.__version__
    assert parts["import loans.clean"] == "helpers.clean"
    assert parts["function loans.fit"].startswith("blake2b-256:")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a comment", "# another"),
        ('"""Fit."""', '"""Fit it,\n    well."""'),
        ("n=3", "n = 3"),
        (
            "np.asarray([narrow(row) for row in rows])",
            "np.asarray(\n        [narrow(row) for row in rows]\n    )",
        ),
        ('"""Loans."""', "\n\n"),
        ("return x + OTHER", "return x - OTHER"),
        ("OTHER = 1", "OTHER = 2"),
        ("import numpy as np", "import json\nimport numpy as np"),
        ("def unrelated", "if __name__ == '__main__':\n    print(fit)\n\n\ndef unrelated"),
    ],
)
def test_what_cannot_change_a_result_changes_nothing(loans, old, new):
    """Comments, docstrings, formatting, unused names and what runs only as a script are no part of it."""
    assert loans.changed("loans.py", old, new) == set()


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("loans.py", "clean(table)", "clean(table[1:])", {"function loans.fit"}),
        ("loans.py", "n=3", "n=4", {"function loans.fit"}),
        ("loans.py", "THRESHOLD = 0.5", "THRESHOLD = 0.6", {"global loans.THRESHOLD"}),
        ("loans.py", "x > THRESHOLD", "x >= THRESHOLD", {"function loans.narrow"}),
        ("helpers.py", "FACTOR = 2", "FACTOR = 3", {"module helpers"}),
        ("loans.py", "import clean", "import tidy as clean", {"import loans.clean"}),
        (
            "loans.py",
            "OTHER = 1",
            "OTHER = 1\nTHRESHOLD += OTHER",
            {"global loans.THRESHOLD", "global loans.OTHER"},
        ),
    ],
)
def test_what_a_function_reaches_changes_it(loans, path, old, new, expected):
    """An edit of anything reached changes just the component that names it."""
    loans("helpers.py", HELPERS + "\n\ndef tidy(x):\n    return x\n")
    assert loans.changed(path, old, new) == expected
