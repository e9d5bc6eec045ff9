"""A throw-away project of Python files, as a user would write it."""

import copy
import importlib
import sys
import textwrap

import pytest

from wingspan.planning.fingerprint import fingerprint


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder on sys.path; `project(name, text)` writes a file, `project.load(name)` imports it anew."""
    return Project(tmp_path / "project", monkeypatch)


class Project:
    def __init__(self, folder, monkeypatch):
        folder.mkdir()
        self.folder = folder
        self.monkeypatch = monkeypatch
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def __call__(self, path, text):
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def forget(self):
        """Forget its modules, and those of other projects that hide them."""
        own = {path.stem for path in self.folder.iterdir()}
        for name, module in list(sys.modules.items()):
            place = getattr(module, "__file__", None) or getattr(module, "__path__", "")
            if str(self.folder) in str(place) or name.partition(".")[0] in own:
                del sys.modules[name]
        importlib.invalidate_caches()

    def load(self, name):
        self.forget()
        return importlib.import_module(name)

    def parts(self, function="fit", module="loans"):
        """The components of a function of a freshly imported module."""
        return fingerprint(getattr(self.load(module), function)).components

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
def tried(project, monkeypatch):
    """Give a function that writes files, and returns the components of `fit` and what it returns."""
    numpy_options = sys.modules["numpy"].get_printoptions() if "numpy" in sys.modules else {}

    def look(written):
        for name, text in written.items():
            project(name, text)
        function = project.load("loans").fit
        return fingerprint(function).components, copy.deepcopy(function(3))

    yield look
    if numpy_options:
        sys.modules["numpy"].set_printoptions(**numpy_options)
    sys.modules["decimal"].getcontext().prec = 28 if "decimal" in sys.modules else None
