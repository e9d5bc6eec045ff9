"""What no file holds is taken by value: closures, partial arguments, notebook globals."""

import datetime as dt
import enum
import functools
import importlib.machinery
import json
import linecache
import logging
import re
import subprocess
import sys
import textwrap
import types
from collections import defaultdict, deque
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from wingspan.errors import DeclarationError
from wingspan.planning.fingerprint import fingerprint
from wingspan.planning.values import value_digest

FACTORY = """
    RATE = 2
    def make(n, m=1):
        def step(x, k=n):
            return x + n * RATE
        def other(x, k=n):
            return x
        return (step, other)[m - 1]
    def fit(x):
        return x
    """


class Tagged(dict[str, Any]):
    """A container of a user's, with an attribute."""

    tag: int


def datetime_of(fold):
    """Return one of the two times half past two of a night in which the clock is set back."""
    return dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold)


def differing(one, two):
    """The names of the components in which two functions differ."""
    before, after = fingerprint(one).components, fingerprint(two).components
    return {name for name in before | after if before.get(name) != after.get(name)}


@pytest.fixture
def factory(project):
    project("loans.py", FACTORY)
    return project.load("loans")


def test_closures_of_equal_source_differ_by_their_values(factory):
    """Captured variables and the defaults of inner functions are taken by value."""
    assert differing(factory.make(1), factory.make(1)) == set()
    assert differing(factory.make(1), factory.make(2)) == {
        "closure loans.make.<locals>.step.n",
        "default loans.make.<locals>.step.k",
    }
    assert differing(factory.make(1), factory.make(1, m=2)) >= {
        "function loans.make.<locals>.step",
        "function loans.make.<locals>.other",
    }
    assert "global loans.RATE" in fingerprint(factory.make(1)).components


def test_inner_functions_of_one_name_are_told_apart(project):
    """Two definitions of one name inside a function differ by their line."""
    text = """
        def make(fast):
            if fast:
                def step(x):
                    return x
            else:
                def step(x):
                    return x + 1
            return step
        """
    project("loans.py", text)
    loans = project.load("loans")
    assert differing(loans.make(True), loans.make(False)) == {"function loans.make.<locals>.step"}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (1, 2),
        (1, 1.0),
        (1, True),
        ("1", 1),
        (None, "None"),
        (0.1, float("nan")),
        ([1], (1,)),
        ({"a": 1}, {"a": 2}),
        ({1, 2}, {1, 3}),
        (b"a", b"b"),
        (Path("a"), Path("b")),
        (np.arange(3), np.arange(4)),
        (np.arange(3), np.arange(3.0)),
        (np.arange(4).reshape(2, 2), np.arange(4)),
        (np.float64(1), 1.0),
        (np.array(["a", None], object), np.array(["a", 1], object)),
        (int, float),
        (np.sin, np.cos),
        (np.sum, np.mean),
        (json.dumps, json.loads),
        (json, re),
        (re.compile("a"), re.compile("b")),
        (re.compile("a"), re.compile("a", re.I)),
        (logging.getLogger("a"), logging.getLogger("b")),
        (dt.date(2026, 1, 1), dt.date(2026, 1, 2)),
        (Annotated[int, 1], Annotated[int, 2]),
        (np.dtype("f4"), np.dtype("f8")),
        (np.zeros(1, [("a", "i4")]), np.zeros(1, [("b", "i4")])),
        (list[int], list[str]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (0.0, -0.0),
        ([1], [True]),
        ("\ud83d\ude00", "\U0001f600"),
        (deque([1], 2), deque([1], 3)),
        (defaultdict(int), defaultdict(float)),
        (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 999999], mask=[0, 0])),
        (datetime_of(fold=0), datetime_of(fold=1)),
    ],
    ids=lambda value: ascii(value).partition(" at 0x")[0][:40],
)
def test_values_differ_by_type_and_content(factory, one, two):
    """Whatever a closure can hold is told from another value and equal to its copy."""
    first, second = factory.make(one), factory.make(two)
    copied = type(one) is dict or (type(one) is str and one.isascii())
    again = factory.make(json.loads(json.dumps(one))) if copied else first
    assert differing(first, again) == set()
    assert "closure loans.make.<locals>.step.n" in differing(first, second)


def test_attributes_of_a_container_and_values_of_an_enum_count(factory):
    """What a class of the user's keeps besides its items, and what the name of an enum's member stands for."""
    tagged = [Tagged({"a": 1}), Tagged({"a": 1}), Tagged({"a": 1})]
    for each, tag in zip(tagged, (1, 1, 2), strict=True):
        each.tag = tag
    made = [factory.make(each) for each in tagged]
    assert differing(made[0], made[1]) == set()
    assert differing(made[0], made[2]) != set()
    kinds = [enum.Enum("Kind", {"A": value}, module=__name__) for value in (1, 2)]
    values = [*(kind.A for kind in kinds), 1 << 16_000, (1 << 16_000) + 1]
    assert (
        len({value_digest(value, "here", lambda kind, _: kind.__qualname__) for value in values})
        == 4
    )


def test_equal_values_are_equal_whatever_their_order_or_layout(factory):
    """The order of a set and the memory layout of an array do not matter."""
    table = np.arange(6).reshape(2, 3)
    assert differing(factory.make({"x", "y", "z"}), factory.make({"z", "y", "x"})) == set()
    assert differing(factory.make(table), factory.make(np.asfortranarray(table))) == set()


def test_a_dataclass_is_its_class_and_its_fields(project):
    """Values of the project's own classes are taken with the source of the class."""
    project(
        "loans.py",
        """
        import enum, typing
        from dataclasses import dataclass
        @dataclass
        class Setting:
            rate: int
        class Pair(typing.NamedTuple):
            a: int
        class Kind(enum.Enum):
            A = 1
            B = 2
        def make(value):
            def step(x):
                return value
            return step
        """,
    )
    loans = project.load("loans")
    key = {"closure loans.make.<locals>.step.value"}
    assert differing(loans.make(loans.Setting(1)), loans.make(loans.Setting(2))) == key
    assert differing(loans.make(loans.Pair(1)), loans.make(loans.Pair(2))) == key
    assert differing(loans.make(loans.Kind.A), loans.make(loans.Kind.B)) == key
    assert "class loans.Setting" in fingerprint(loans.make(loans.Setting(1))).components


def test_a_captured_function_is_taken_with_what_it_reaches(factory, project):
    """Functions inside closures, lists and dicts count by their source."""
    project("helpers.py", "RATE = 1\ndef clean(x):\n    return x * RATE\n")
    step = factory.make({"clean": [project.load("helpers").clean]})
    assert {"function helpers.clean", "global helpers.RATE"} < set(fingerprint(step).components)


def test_a_function_that_holds_itself_ends(project):
    """An inner function that calls itself captures itself."""
    text = """
        def make():
            def step(x):
                return x and step(x - 1)
            return step
        """
    project("loans.py", text)
    step = project.load("loans").make()
    assert "function loans.make.<locals>.step" in fingerprint(step).components


def test_a_partial_is_its_function_and_its_arguments(factory):
    """Arguments given in advance are taken by value, by position or name."""
    one, two = functools.partial(factory.fit, 1), functools.partial(factory.fit, x=1)
    assert next(iter(fingerprint(one).components)) == "function loans.fit"
    assert differing(one, two) == {"argument 0", "argument x"}
    assert differing(two, functools.partial(factory.fit, x=2)) == {"argument x"}
    assert differing(one, factory.fit) == {"argument 0"}


def test_a_wrapper_made_at_run_time_counts_with_what_it_wraps(project):
    """`functools.wraps` gives the wrapper the name of the wrapped; both are taken, and the closure."""
    project(
        "loans.py",
        """
        import functools
        def times(n):
            def decorate(function):
                @functools.wraps(function)
                def wrapper(x):
                    return n * function(x)
                return wrapper
            return decorate
        def fit(x):
            return x
        """,
    )
    loans = project.load("loans")
    wrapped = loans.times(2)(loans.fit)
    inner = "loans.times.<locals>.decorate.<locals>.wrapper"
    assert differing(wrapped, loans.times(3)(loans.fit)) == {f"closure {inner}.n"}
    assert {"function loans.fit", f"function {inner}"} < set(fingerprint(wrapped).components)


REFUSED = {
    "a lambda": (lambda loans: lambda x: x, "lambda"),
    "a captured lambda": (lambda loans: loans.make(lambda x: x), "lambda"),
    "a lambda as argument": (lambda loans: functools.partial(loans.fit, lambda x: x), "lambda"),
    "a builtin method": (lambda loans: [].append, "no Python source"),
    "a builtin inside": (lambda loans: functools.partial(print, 1), "no Python source"),
    "a builtin": (lambda loans: len, "no Python source"),
    "a slice": (lambda loans: loans.make(slice(1)), "slice"),
    "an object": (lambda loans: loans.make(object()), r"type builtins\.object"),
    "an iterator": (lambda loans: functools.partial(loans.fit, iter([])), "list_iterator"),
    "a method": (lambda loans: Path("a").open, "state"),
    "a class made inside a function": (
        lambda loans: loans.make(type("Made", (), {"__qualname__": "make.<locals>.Made"})),
        "made inside a function",
    ),
    "a class without a source": (
        lambda loans: loans.make(type("Made", (), {"__module__": "nowhere"})),
        "source of the class Made",
    ),
    "a random generator": (lambda loans: loans.make(np.random.default_rng(1)), "Generator"),
    "no function": (lambda loans: 3, "no Python source"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_known_is_refused(factory, kind):
    """Lambdas, methods of objects, builtins and values without a digest name a way out."""
    make, problem = REFUSED[kind]
    step = make(factory)
    with pytest.raises(DeclarationError, match=problem) as caught:
        fingerprint(step)
    assert caught.value.fix


def test_functions_of_distributions_and_of_the_standard_library_are_known_by_version(factory):
    """A step can be a library's function: its source is the library's version."""
    assert "distribution numpy" in fingerprint(np.sum).components
    assert next(iter(fingerprint(np.linalg.norm).components)) == "function numpy.linalg.norm"
    assert set(fingerprint(json.dumps).components) == {"function json.dumps", "distribution python"}


def test_a_captured_module_is_taken_as_an_import(factory, project):
    """A module in a closure counts as if it were imported."""
    project("helpers.py", "RATE = 1\n")
    assert "module helpers" in fingerprint(factory.make(project.load("helpers"))).components


def test_a_compiled_module_counts_by_its_bytes(project):
    """An extension module of the project is digested as it is, not read as Python."""
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    project("loans.py", "def fit(x):\n    import fast\n    return x\n")
    binary = project.folder / f"fast{suffix}"
    binary.write_bytes(b"\x7fELF one")
    before = project.parts()
    binary.write_bytes(b"\x7fELF two")
    after = project.parts()
    assert {name for name in before | after if before[name] != after[name]} == {"module fast"}


def test_a_value_that_holds_itself_is_refused(factory):
    """A list inside itself has no digest."""
    value = []
    value.append(value)
    with pytest.raises(DeclarationError, match="holds itself"):
        fingerprint(factory.make(value))


def test_a_file_edited_under_a_running_process_is_told(project):
    """A function that its file no longer holds is an error, not an old digest."""
    project("loans.py", "def fit(x):\n    return x\n")
    loans = project.load("loans")
    project("loans.py", "def fitted(x):\n    return x\n")
    with pytest.raises(DeclarationError, match="no top-level fit"):
        fingerprint(loans.fit)


def test_methods_of_classes_are_their_class(project):
    """A static or class method is known by its class; a class itself can be a step."""
    project(
        "loans.py",
        """
        class Model:
            rate = 1
            @staticmethod
            def fit(x):
                return x
            @classmethod
            def load(cls, x):
                return cls.rate
        """,
    )
    model = project.load("loans").Model
    assert set(fingerprint(model).components) == {"class loans.Model", "distribution python"}
    for step in (model.fit, model.load):
        names = list(fingerprint(step).components)
        assert names[:2] == [f"function loans.Model.{step.__name__}", "class loans.Model"]


class Notebook:
    """Runs cells as IPython does: source in linecache under a name that is no file, globals in `__main__`."""

    def __init__(self, monkeypatch):
        self.module = types.ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", self.module)
        self.count = 0

    def cell(self, text, name=None):
        self.count += 1
        text, name = textwrap.dedent(text), f"/tmp/ipykernel_1/{self.count}.py"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), vars(self.module))  # noqa: S102
        return vars(self.module)


@pytest.fixture
def notebook(monkeypatch):
    yield Notebook(monkeypatch)
    for name in [name for name in linecache.cache if name.startswith("/tmp/ipykernel_1/")]:
        del linecache.cache[name]


CELL = """
    import numpy as np
    from helpers import clean
    RATE = 2
    UNUSED = 3
    def narrow(x):
        return x > RATE
    def fit(table, n=3):
        '''Fit.'''
        return np.asarray(narrow(clean(table)))
    """


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Fit.", "Fit it.", set()),
        ("UNUSED = 3", "UNUSED = 4", set()),
        ("RATE = 2", "RATE = 3", {"global notebook.RATE"}),
        ("RATE = 2", "RATE = np.arange(3)", {"global notebook.RATE"}),
        ("x > RATE", "x >= RATE", {"function notebook.narrow"}),
        ("n=3", "n=4", {"default notebook.fit.n", "function notebook.fit"}),
    ],
)
def test_a_notebooks_function_is_taken_by_source_and_its_globals_by_value(
    project, notebook, old, new, expected
):
    """The source is in linecache only; the globals that the function uses are values."""
    project("helpers.py", "def clean(x):\n    return x\n")
    before = notebook.cell(CELL)["fit"]
    one = fingerprint(before).components
    after = notebook.cell(CELL.replace(old, new))["fit"]
    two = fingerprint(after).components
    assert {name for name in one | two if one.get(name) != two.get(name)} == expected
    assert {"function notebook.fit", "function helpers.clean", "distribution numpy"} < set(one)
    assert set(fingerprint(before).files) == {"helpers"}
    assert fingerprint(before).imports == {"numpy"}


def test_a_notebooks_global_that_has_no_digest_is_named(notebook):
    """The error names the global."""
    space = notebook.cell("handle = object()\ndef fit(x):\n    return handle\n")
    with pytest.raises(DeclarationError, match=r"global notebook\.handle"):
        fingerprint(space["fit"])


@pytest.mark.parametrize("head", ["@dataclass\nclass Setting:", "class Setting(NamedTuple):"])
def test_a_notebooks_class_is_found_in_its_cell(notebook, head):
    """Classes without methods of their own are searched in the cells, the last definition first."""
    start = "from dataclasses import dataclass\nfrom typing import NamedTuple\n"
    end = "def fit(x) -> Setting:\n    return Setting(x)\n"
    one = fingerprint(notebook.cell(f"{start}{head}\n    rate: int = 1\n{end}")["fit"]).components
    two = fingerprint(notebook.cell(f"{start}{head}\n    rate: int = 2\n{end}")["fit"]).components
    assert {name for name in one if one[name] != two[name]} == {"class notebook.Setting"}


def test_decorated_and_inner_functions_of_a_notebook(notebook):
    """A wrapper's closure and the wrapped function are taken; free variables are not globals."""
    text = """
        import functools
        n = "a global of the same name"
        def times(n):
            def decorate(function):
                @functools.wraps(function)
                def wrapper(x):
                    text = '''
        not indented'''
                    return n * function(x)
                return wrapper
            return decorate
        @times(2)
        def fit(x):
            return x
        """
    one = fingerprint(notebook.cell(text)["fit"]).components
    two = fingerprint(notebook.cell(text.replace("times(2)", "times(3)"))["fit"]).components
    wrapper = "notebook.times.<locals>.decorate.<locals>.wrapper"
    changed = {name for name in one | two if one.get(name) != two.get(name)}
    assert changed == {f"closure {wrapper}.n", "function notebook.fit"}
    assert "global notebook.n" not in one
    assert "function notebook.times" in one


def test_functions_without_any_source_are_refused():
    """What was made by exec, and kept nowhere, cannot be known."""
    space = {"__name__": "__main__"}
    exec("def fit(x):\n    return x\n", space)  # noqa: S102
    with pytest.raises(DeclarationError, match="not to be found"):
        fingerprint(space["fit"])


def test_a_script_has_the_components_of_the_module_it_will_be_imported_as(project):
    """Run as `__main__` or imported, a file's functions are the same."""
    project("helpers.py", "def clean(x):\n    import loans\n    return x\n")
    script = project(
        "loans.py",
        """
        import json
        from helpers import clean
        RATE = 1
        def fit(x):
            return clean(x) * RATE
        if __name__ == "__main__":
            from wingspan.planning.fingerprint import fingerprint
            print(json.dumps([fingerprint(fit).components, sorted(fingerprint(fit).files)]))
        """,
    )
    run = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, cwd="/"
    )
    parts, files = json.loads(run.stdout)
    assert parts == fingerprint(project.load("loans").fit).components
    assert files == ["helpers", "loans"]
