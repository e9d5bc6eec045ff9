"""What a step's key is made of: what changes it, what does not, and what it is called."""

import importlib
import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest

from wingspan.errors import DeclarationError
from wingspan.planning import project as modules
from wingspan.planning.fingerprint import fingerprint

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
        "function helpers.clean",
        "global helpers.FACTOR",
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
        ("helpers.py", "FACTOR = 2", "FACTOR = 3", {"global helpers.FACTOR"}),
        ("helpers.py", "return x\n", "return 2 * x\n", set()),
        (
            "loans.py",
            "import clean",
            "import tidy as clean",
            {
                "import loans.clean",
                "function helpers.tidy",
                "function helpers.clean",
                "global helpers.FACTOR",
            },
        ),
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


TRAPS = {
    "a local name hides a global one": (
        """
        rate = 1
        def fit(rows):
            rate = 2
            return [rate * row for row in rows]
        """,
        ("rate = 1", "rate = 7"),
        set(),
    ),
    "a parameter hides a global one": (
        """
        rate = 1
        def fit(rate):
            return lambda x: x * rate
        """,
        ("rate = 1", "rate = 7"),
        set(),
    ),
    "a comprehension's variable hides a global one": (
        """
        rate = 1
        def fit(rows):
            return [rate for rate in rows]
        """,
        ("rate = 1", "rate = 7"),
        set(),
    ),
    "an inner function uses a global": (
        """
        rate = 1
        def fit(rows):
            def inner(row):
                return row * rate
            return map(inner, rows)
        """,
        ("rate = 1", "rate = 7"),
        {"global loans.rate"},
    ),
    "an attribute of the same name is not the global": (
        """
        rate = 1
        def fit(table):
            return table.rate
        """,
        ("rate = 1", "rate = 7"),
        set(),
    ),
    "a default is a global": (
        """
        RATE = 1
        def fit(row, rate=RATE):
            return row * rate
        """,
        ("RATE = 1", "RATE = 7"),
        {"global loans.RATE"},
    ),
    "a constant made of constants": (
        """
        A = 1
        B = [A, 2]
        def fit(row):
            return row + B[0]
        """,
        ("A = 1", "A = 7"),
        {"global loans.A"},
    ),
    "a condition chooses the definition": (
        """
        FAST = True
        if FAST:
            def clean(x):
                return x
        else:
            def clean(x):
                return x + 1
        def fit(x):
            return clean(x)
        """,
        ("x + 1", "x + 2"),
        {"function loans.clean"},
    ),
    "the condition itself": (
        """
        FAST = True
        if FAST:
            def clean(x):
                return x
        else:
            def clean(x):
                return x + 1
        def fit(x):
            return clean(x)
        """,
        ("FAST = True", "FAST = False"),
        {"global loans.FAST"},
    ),
    "a function that rebinds a global": (
        """
        COUNT = 0
        def grow():
            global COUNT
            COUNT += 1
        def fit(x):
            return x + COUNT
        """,
        ("COUNT += 1", "COUNT += 2"),
        {"global loans.COUNT"},
    ),
    "a global changed in place": (
        """
        CONFIG = {"a": 1}
        CONFIG["a"] = 2
        def fit(x):
            return CONFIG["a"]
        """,
        ('["a"] = 2', '["a"] = 3'),
        {"global loans.CONFIG"},
    ),
    "a global changed by a method": (
        """
        CONFIG = {"a": 1}
        CONFIG.update(a=2)
        def fit(x):
            return CONFIG["a"]
        """,
        ("a=2", "a=3"),
        {"global loans.CONFIG"},
    ),
    "a global filled by a loop": (
        """
        CONFIG = {}
        for key in "ab":
            CONFIG[key] = 1
        def fit(x):
            return CONFIG[x]
        """,
        ("CONFIG[key] = 1", "CONFIG[key] = 2"),
        {"global loans.CONFIG", "global loans.key"},
    ),
    "the pipeline's declaration is no part of its steps": (
        """
        def fit(x):
            return x
        def score(x):
            return x
        def pipeline(p):
            p.step(fit, 1)
        class Declaration:
            def step(self, *arguments):
                pass
        pipeline(Declaration())
        print(fit, score)
        """,
        ("p.step(fit, 1)", "p.step(fit, 2)"),
        set(),
    ),
    "a method of a class": (
        """
        class Cleaner:
            rate = 2
            def clean(self, x):
                return x * self.rate
        def fit(x):
            return Cleaner().clean(x)
        """,
        ("x * self.rate", "x + self.rate"),
        {"class loans.Cleaner"},
    ),
    "an attribute of a base class": (
        """
        class Base:
            rate = 2
        class Cleaner(Base):
            pass
        def fit(x):
            return x * Cleaner.rate
        """,
        ("rate = 2", "rate = 3"),
        {"class loans.Base"},
    ),
    "a class's attribute takes a global of its own name": (
        """
        rate = 2
        class Cleaner:
            rate = rate
        def fit(x):
            return x * Cleaner.rate
        """,
        ("rate = 2", "rate = 3"),
        {"global loans.rate"},
    ),
    "a field of a NamedTuple named in an annotation": (
        """
        from typing import NamedTuple
        class Split(NamedTuple):
            train: list
            test: list
        def fit(x) -> Split:
            return x
        """,
        ("test: list", "tested: list"),
        {"class loans.Split"},
    ),
    "a dataclass named in an annotation that is a text": (
        """
        from dataclasses import dataclass
        @dataclass
        class Split:
            train: int = 1
        def fit(x: "list[Split]"):
            return x
        """,
        ("train: int = 1", "train: int = 2"),
        {"class loans.Split"},
    ),
    "a decorator": (
        """
        import functools
        def twice(function):
            @functools.wraps(function)
            def wrapper(x):
                return function(function(x))
            return wrapper
        @twice
        def fit(x):
            return x + 1
        """,
        ("function(function(x))", "function(x)"),
        {"function loans.twice"},
    ),
    "what a decorator wraps": (
        """
        import functools
        def twice(function):
            @functools.wraps(function)
            def wrapper(x):
                return function(function(x))
            return wrapper
        @twice
        def fit(x):
            return x + 1
        """,
        ("x + 1", "x + 2"),
        {"function loans.fit"},
    ),
    "an argument of a decorator": (
        """
        def times(n):
            def decorate(function):
                def fit(x):
                    return function(x) * n
                fit.__qualname__ = "fit"
                return fit
            return decorate
        N = 3
        @times(N)
        def fit(x):
            return x + 1
        """,
        ("N = 3", "N = 4"),
        {"global loans.N"},
    ),
    "a cached function": (
        """
        import functools
        RATE = 1
        @functools.cache
        def fit(x):
            return x * RATE
        """,
        ("RATE = 1", "RATE = 2"),
        {"global loans.RATE"},
    ),
    "functions that call each other": (
        """
        def even(n):
            return n == 0 or odd(n - 1)
        def odd(n):
            return n != 0 and even(n - 1)
        def fit(n):
            return even(n)
        """,
        ("n != 0", "n > 0"),
        {"function loans.odd"},
    ),
    "a lambda kept in a global": (
        """
        grow = lambda x: x + 1
        def fit(x):
            return grow(x)
        """,
        ("x + 1", "x + 2"),
        {"global loans.grow"},
    ),
    "two statements on a line": (
        """
        A = 1; B = 2
        def fit(x):
            return A
        """,
        ("B = 2", "B = 3"),
        set(),
    ),
    "an import that may fail": (
        """
        try:
            import cudf_that_is_not_here as frames
        except ImportError:
            frames = None
        def fit(x):
            return frames or x
        """,
        ("frames = None", "frames = 0"),
        {"global loans.frames"},
    ),
    "a name bound by walrus, with and match": (
        """
        if (size := 3) > 2:
            limit = size
        match limit:
            case 3 as found:
                pass
        def fit(x):
            return found
        """,
        ("size := 3", "size := 4"),
        {"global loans.size", "global loans.limit"},
    ),
    "a table of functions filled by a decorator": (
        """
        MODELS = {}
        def register(name):
            def keep(function):
                MODELS[name] = function
                return function
            return keep
        @register("logistic")
        def logistic(x):
            return x
        def unrelated(x):
            return x
        def fit(x):
            return MODELS["logistic"](x)
        """,
        ("def logistic(x):\n    return x", "def logistic(x):\n    return 2 * x"),
        {"global loans.MODELS"},
    ),
    "a table of functions filled by a call": (
        """
        MODELS = []
        def register(function):
            MODELS.append(function)
        def logistic(x):
            return x
        register(logistic)
        def fit(x):
            return MODELS[0](x)
        """,
        ("return x\nregister", "return 2 * x\nregister"),
        {"function loans.logistic"},
    ),
    "a function by the type of its argument": (
        """
        import functools
        @functools.singledispatch
        def clean(x):
            return x
        @clean.register
        def _(x: int):
            return x
        def fit(x):
            return clean(x)
        """,
        ("x: int):\n    return x", "x: int):\n    return 2 * x"),
        {"function loans.clean"},
    ),
    "a decorator that many share": (
        """
        def timed(function):
            return function
        @timed
        def unrelated(x):
            return x
        @timed
        def fit(x):
            return x
        """,
        ("def unrelated(x):\n    return x", "def unrelated(x):\n    return 2 * x"),
        set(),
    ),
    "a method set from outside of its class": (
        """
        class Cleaner:
            pass
        def tidy(self, x):
            return x
        Cleaner.tidy = tidy
        def fit(x):
            return Cleaner().tidy(x)
        """,
        ("return x\nCleaner", "return 2 * x\nCleaner"),
        {"function loans.tidy"},
    ),
    "a decorator of a library": (
        """
        import functools
        @functools.cache
        def unrelated(x):
            return x
        def fit(x):
            return functools.partial(print, x)
        """,
        ("def unrelated(x):\n    return x", "def unrelated(x):\n    return 2 * x"),
        set(),
    ),
    "an import for type checking only": (
        """
        import typing
        if typing.TYPE_CHECKING:
            from decimal import Decimal
        def fit(x: "Decimal"):
            return x
        """,
        ("from decimal import Decimal", "from numbers import Number as Decimal"),
        set(),
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_names_are_followed_as_python_looks_them_up(project, trap):
    """Every way a module's names can be bound, hidden and used."""
    text, (old, new), expected = TRAPS[trap]
    project("loans.py", text)
    assert project.changed("loans.py", old, new) == expected


PACKAGE = {
    "pkg/__init__.py": "SETTING = 1\n",
    "pkg/steps/__init__.py": "",
    "pkg/steps/loans.py": """
        from typing import TYPE_CHECKING
        from . import tidy
        from ..shared import clean as scrub
        import pkg.deep.down
        if TYPE_CHECKING:
            from pkg.types import Table
        def fit(x: "Table"):
            from pkg.late import finish
            return finish(scrub(tidy.tidy(pkg.deep.down.dig(x))))
        def other(x):
            from pkg.unrelated import nothing
            return nothing(x)
        """,
    "pkg/steps/tidy.py": "def tidy(x):\n    return x\n",
    "pkg/shared.py": "import pkg.cycle\ndef clean(x):\n    return x\n",
    "pkg/cycle.py": "import pkg.shared\nVALUE = 1\n",
    "pkg/deep/__init__.py": "from pkg.deep.side import *\n",
    "pkg/deep/side.py": "SIDE = 1\n",
    "pkg/deep/down.py": "def dig(x):\n    return x\n",
    "pkg/late.py": "def finish(x):\n    return x\n",
    "pkg/types.py": "Table = list\n",
    "pkg/unrelated.py": "def nothing(x):\n    return x\n",
}


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("pkg/__init__.py", "SETTING = 1", "SETTING = 2", set()),
        (
            "pkg/__init__.py",
            "SETTING = 1",
            "import json\njson.x = 1",
            {"import-time code of pkg", "import pkg.json", "global pkg.json"},
        ),
        ("pkg/steps/__init__.py", "", "import pkg.late\n", set()),
        ("pkg/steps/tidy.py", "return x", "return -x", {"function pkg.steps.tidy.tidy"}),
        ("pkg/shared.py", "return x", "return -x", {"function pkg.shared.clean"}),
        ("pkg/cycle.py", "VALUE = 1", "VALUE = 2", set()),
        ("pkg/deep/side.py", "SIDE = 1", "SIDE = 2", set()),
        ("pkg/deep/down.py", "return x", "return -x", {"function pkg.deep.down.dig"}),
        ("pkg/late.py", "return x", "return -x", {"function pkg.late.finish"}),
        ("pkg/types.py", "Table = list", "Table = dict", set()),
        ("pkg/unrelated.py", "return x", "return -x", set()),
    ],
)
def test_definitions_are_followed_into_the_projects_modules(project, path, old, new, expected):
    """Relative, late, dotted, star and cyclic imports and parent packages; none for type checking only."""
    for name, content in PACKAGE.items():
        project(name, content)
    before = project.parts(module="pkg.steps.loans")
    project(path, PACKAGE[path].replace(old, new))
    after = project.parts(module="pkg.steps.loans")
    assert {name for name in before | after if before.get(name) != after.get(name)} == expected


def test_the_files_of_a_step_are_listed_for_shipping(project):
    """Every project module reached has its file, the function's own among them; packages without code too."""
    for name, content in PACKAGE.items():
        project(name, content)
    files = fingerprint(project.load("pkg.steps.loans").fit).files
    kept = files["pkg.steps.loans"]
    assert (kept.file, kept.root) == (project.folder / "pkg/steps/loans.py", project.folder)
    assert kept.content == kept.file.read_bytes()
    assert set(files) == {
        "pkg",
        "pkg.steps",
        "pkg.steps.loans",
        "pkg.steps.tidy",
        "pkg.shared",
        "pkg.cycle",
        "pkg.deep",
        "pkg.deep.side",
        "pkg.deep.down",
        "pkg.late",
    }


def test_a_package_that_hands_a_step_on_is_no_part_of_it(project):
    """Neither the other functions that ``__init__`` hands on, nor the rest of the step's own module."""
    project("pkg/__init__.py", "from pkg.loans import fit, score\n")
    project(
        "pkg/loans.py",
        """
        def fit(x):
            return x
        def score(x):
            return x
        """,
    )
    parts = project.parts(module="pkg.loans")
    assert set(parts) == {"function pkg.loans.fit", "distribution python"}
    project("steps.py", "import pkg\ndef fit(x):\n    return pkg.score(x)\n")
    parts = project.parts(module="steps")
    assert {"import pkg.score", "function pkg.loans.score"} < set(parts)
    assert "function pkg.loans.fit" not in parts


def test_a_helper_that_imports_the_steps_own_module_reaches_its_names(project):
    """Through `import loans` a helper can use any of its names."""
    project("loans.py", "import helpers\ndef fit(x):\n    return helpers.clean(x)\nOTHER = 1\n")
    project("helpers.py", "import loans\ndef clean(x):\n    return x + loans.OTHER\n")
    assert project.changed("loans.py", "OTHER = 1", "OTHER = 2") == {"global loans.OTHER"}


@pytest.mark.parametrize("exports", ["", "__all__ = ['clean']\n"])
def test_a_star_import_brings_its_names(project, exports):
    """A name that the module does not bind itself may come from any star import."""
    project("helpers.py", f"{exports}def clean(x):\n    return x\ndef tidy(x):\n    return x + 2\n")
    project("loans.py", "from helpers import *\ndef fit(x):\n    return clean(x)\n")
    assert project.changed("helpers.py", "return x\n", "return -x\n") == {"function helpers.clean"}
    assert project.changed("helpers.py", "x + 2", "x + 3") == set()


def test_a_star_import_by_names_that_are_not_written_out_brings_the_module(project):
    """``__all__`` may be made by code."""
    text = "def clean(x):\n    return x\ndef tidy(x):\n    return x + 2\n__all__ = [n for n in dir() if n > 'a']\n"
    project("helpers.py", text)
    project("loans.py", "from helpers import *\ndef fit(x):\n    return clean(x)\n")
    assert project.changed("helpers.py", "x + 2", "x + 3") == {"module helpers"}


def test_a_star_import_is_left_out_where_a_later_definition_wins(project):
    """A name defined after the star import is that definition."""
    project("helpers.py", "def clean(x):\n    return x\n")
    text = (
        "from helpers import *\ndef clean(x):\n    return 2 * x\ndef fit(x):\n    return clean(x)\n"
    )
    project("loans.py", text)
    assert "function helpers.clean" not in project.parts()


def test_a_star_import_after_a_definition_may_replace_it(project):
    """Both are taken where the star import comes later."""
    project("helpers.py", "def clean(x):\n    return x\n")
    text = (
        "def clean(x):\n    return 2 * x\nfrom helpers import *\ndef fit(x):\n    return clean(x)\n"
    )
    project("loans.py", text)
    names = {"function loans.clean", "import loans.*", "function helpers.clean"}
    assert names < set(project.parts())


def test_a_star_import_of_a_package_brings_the_submodules_it_lists(project):
    """``__all__`` may name modules, which the star import then imports."""
    project("kit/__init__.py", "__all__ = ['part']\n")
    project("kit/part.py", "VALUE = 1\nOTHER = 1\n")
    project("loans.py", "from kit import *\ndef fit(x):\n    return part.VALUE\n")
    assert project.changed("kit/part.py", "VALUE = 1", "VALUE = 2") == {"global kit.part.VALUE"}
    assert project.changed("kit/part.py", "OTHER = 1", "OTHER = 2") == set()


def test_a_star_import_may_hide_a_builtin(project):
    """Builtins used next to a star import are looked for in its module."""
    project("helpers.py", "def sum(x):\n    return 0\n")
    project("loans.py", "from helpers import *\ndef fit(x):\n    return sum(x)\n")
    assert project.changed("helpers.py", "return 0", "return 1") == {"function helpers.sum"}


def test_a_package_without_init_is_followed(project):
    """Namespace packages have no file of their own; their modules count."""
    project("space/part.py", "VALUE = 1\n")
    project("loans.py", "from space import part\ndef fit(x):\n    return part.VALUE\n")
    assert project.changed("space/part.py", "VALUE = 1", "VALUE = 2") == {"global space.part.VALUE"}


def test_a_project_file_hides_a_module_of_the_standard_library(project, monkeypatch):
    """Where a module is found decides, not its name."""
    project("this.py", "VALUE = 1\n")
    project("loans.py", "def fit(x):\n    import this\n    return this.VALUE\n")
    assert project.changed("this.py", "VALUE = 1", "VALUE = 2") == {"global this.VALUE"}


def test_a_file_that_is_not_python_is_named(project):
    """A syntax error in a reached module says file and line."""
    project("loans.py", "def fit(x):\n    import helpers\n    return x\n")
    project("helpers.py", "x = (\n")
    with pytest.raises(DeclarationError, match=r"helpers\.py:1.*not Python"):
        project.parts()


def add_distribution(site, name, top, version, record=True):
    """Write the folders that installing a distribution would leave."""
    (site / top).mkdir(parents=True, exist_ok=True)
    (site / top / "__init__.py").write_text("raise RuntimeError('imported')\n")
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if record:
        (info / "RECORD").write_text(f"{top}/__init__.py,,\n")
    return info


@pytest.mark.parametrize("folder", ["site-packages", "vendored"])
@pytest.mark.parametrize(("name", "top"), [("somelib", "somelib"), ("scikit-some", "somelib")])
def test_a_distribution_is_known_by_name_and_version(
    project, tmp_path, monkeypatch, folder, name, top
):
    """A new version is seen in the same process, under the name a reader knows; nothing is imported."""
    site = tmp_path / folder
    info = add_distribution(site, name, top, "1.9.0")
    add_distribution(site, "other-lib", "otherlib", "3.0")
    monkeypatch.syspath_prepend(str(site))
    project("loans.py", f"def fit(x):\n    import {top}.part\n    return x\n")
    before = project.parts()
    assert before[f"distribution {name}"] == "1.9.0"
    assert fingerprint(project.load("loans").fit).imports == {top}
    info.rename(info.with_name(info.name.replace("1.9.0", "1.9.1")))
    moved = info.with_name(info.name.replace("1.9.0", "1.9.1"))
    (moved / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.9.1\n")
    after = project.parts()
    assert before | {f"distribution {name}": "1.9.1"} == after
    assert top not in sys.modules


def test_a_module_that_is_not_installed_is_a_part_too(project, tmp_path, monkeypatch):
    """Installing an optional module changes what a function does."""
    project("loans.py", "def fit(x):\n    import optlib\n    return x\n")
    assert project.parts()["distribution optlib"] == "not installed"
    assert fingerprint(project.load("loans").fit).imports == set()
    site = tmp_path / "site-packages"
    add_distribution(site, "optlib", "optlib", "1.0", record=False)
    monkeypatch.syspath_prepend(str(site))
    assert project.parts()["distribution optlib"] == "1.0"


def test_wingspan_is_its_version_and_the_modules_reached(project):
    """Of a checkout only the modules that the step reaches count; what they import counts as well."""
    project("loans.py", "from wingspan.files import size_of\ndef fit(x):\n    return size_of(x)\n")
    project("plain.py", "import wingspan as ws\ndef fit(x):\n    return ws.log(x)\n")
    parts, plain = project.parts(), project.parts(module="plain")
    number = re.escape(version("wingspan"))
    assert re.fullmatch(rf"{number}(\+[0-9a-f]{{12}})?", parts["distribution wingspan"])
    assert "module wingspan.files" not in parts
    assert (
        plain["distribution wingspan"].split("+")[0] == parts["distribution wingspan"].split("+")[0]
    )
    files = fingerprint(project.load("plain").fit).files
    assert {name: kept.file for name, kept in files.items()} == {
        "plain": project.folder / "plain.py"
    }


def test_a_checkout_of_wingspan_is_seen_to_change(project, monkeypatch):
    """An edit of a module of Wingspan that a step reaches changes the step, one elsewhere does not."""
    project("wingspan/__init__.py", "from wingspan import cli\n")
    project("wingspan/kit.py", "def tidy(x):\n    import numpy\n    return x\n")
    project("wingspan/cli.py", "VALUE = 1\n")
    project("loans.py", "def fit(x):\n    from wingspan.kit import tidy\n    return tidy(x)\n")
    for name in [name for name in sys.modules if name.partition(".")[0] == "wingspan"]:
        monkeypatch.delitem(sys.modules, name)
    assert project.changed("wingspan/cli.py", "VALUE = 1", "VALUE = 2") == set()
    assert project.changed("wingspan/kit.py", "return x", "return 2 * x") == {
        "distribution wingspan"
    }
    assert "distribution numpy" in project.parts()


def test_nothing_is_imported_and_a_cold_answer_is_quick(project):
    """A module that imports polars and scikit-learn late is read in less than 50 ms of work."""
    project("helpers.py", "VALUE = 1\nraise RuntimeError('imported')\n")
    project(
        "loans.py",
        """
        import sys, time
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import torch
        def fit(x):
            import helpers
            x += helpers.VALUE
            import polars as pl
            from sklearn.linear_model import LogisticRegression
            return LogisticRegression().fit(pl.DataFrame(x))
        if __name__ == "__main__":
            from wingspan.planning.fingerprint import fingerprint
            start = time.process_time()
            parts = fingerprint(fit).components
            print(time.process_time() - start)
            print(*parts)
            print({"polars", "sklearn", "torch", "helpers", "numpy"} & set(sys.modules))
        """,
    )
    script = [sys.executable, str(project.folder / "loans.py")]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    runs = [subprocess.check_output(script, text=True, env=plain).splitlines() for _ in range(3)]
    assert min(float(seconds) for seconds, _, _ in runs) < 0.05
    for _, parts, imported in runs:
        assert {"polars", "scikit-learn", "helpers.VALUE"} < set(parts.split())
        assert imported == "set()"


def test_the_second_step_of_a_function_reads_no_file_again(loans, monkeypatch):
    """Two hundred steps of one function parse its files once, until one of them changes."""
    fit = loans.load("loans").fit
    calls = []
    read = modules.read
    monkeypatch.setattr(modules, "read", lambda *given: calls.append(given) or read(*given))
    first = fingerprint(fit).components
    parsed = len(calls)
    assert [fingerprint(fit).components for _ in range(200)] == [first] * 200
    assert (parsed, len(calls)) == (2, 2)
    loans("helpers.py", HELPERS.replace("2", "3"))
    assert fingerprint(fit).components != first
    assert len(calls) == 3


def test_a_chain_of_imports_may_be_longer_than_a_stack(project):
    """Five hundred modules, each of which imports the next."""
    for number in range(500):
        project(f"link{number}.py", f"import link{number + 1}\n")
    project("link500.py", "END = 1\n")
    project("loans.py", "import link0\n\ndef fit(x):\n    return x\n")
    project.forget()
    for number in reversed(range(501)):  # the last first, as Python's own stack is too short too
        importlib.import_module(f"link{number}")
    assert "link500" in fingerprint(importlib.import_module("loans").fit).files
