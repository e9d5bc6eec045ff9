"""Every shape of function that users make a step of: it runs, and the second time it is up to date."""

import linecache
import subprocess
import sys
import types

import pytest

import wingspan as ws
from wingspan.errors import DeclarationError

# What its jobs and commands run is covered by other tests.

LIBRARY = {
    "kit/__init__": "from kit.inner import add as plus\n",
    "kit/inner": "from .base import ONE\n\ndef add(n: int) -> int:\n    return n + ONE\n",
    "kit/base": "ONE = 1\n",
    "helpers": """
        import functools

        def kept(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs)
            return wrapper

        def plain(function):
            def wrapper(n: int) -> int:
                return function(n)
            return wrapper

        def scale(n):
            return 10 * n

        def maker(factor):
            def scaled(n: int) -> int:
                return factor * n
            return scaled
        """,
}
SHAPES = """
    from __future__ import annotations
    import functools
    from typing import NamedTuple
    import wingspan as ws
    import helpers
    import kit
    from kit.inner import add, add as renamed

    FACTOR = 3

    class Pair(NamedTuple):
        a: int
        b: int

    def make(n):
        def times(value: int) -> int:
            return n * value * FACTOR
        return times

    def deep(n):
        def middle():
            def inner(value: int) -> Pair:
                return Pair(n, helper(value))
            return inner
        return middle()

    def around(function):
        def captured(value: int) -> int:
            return function(value)
        return captured

    def helper(n: int) -> int:
        return helpers.scale(n)

    two, five = make(2), make(5)
    pair = deep(7)

    def plain(n: int) -> int:
        return n

    @helpers.kept
    def wrapped(n: int) -> int:
        return n + 1

    @helpers.plain
    def bare(n: int) -> int:
        return n + 2

    @functools.lru_cache
    def cached(n: int) -> int:
        return n + 3

    if FACTOR == 3:
        def conditional(n: int) -> int:
            return n + 4
    else:
        def conditional(n: int) -> int:
            return 0

    try:
        from nothing_like_this import tried
    except ImportError:
        def tried(n: int) -> int:
            return n + 5

    class Base:
        rate = 6

        @staticmethod
        def static(n: int) -> int:
            return n + 6

        @classmethod
        def of_class(cls, n: int) -> int:
            return n + cls.rate

        def method(self, n: int) -> int:
            return n

    class Caller:
        def __call__(self, n: int) -> int:
            return n

    class Child(Base):
        rate = 7

        class Inner:
            @staticmethod
            def deepest(n: int) -> int:
                return n + 8

    def both(n: int, factor: int) -> int:
        return n * factor

    def total(pair: Pair) -> int:
        return pair.a + pair.b

    other_name = plain
    from_helpers = helpers.maker(4)

    def shapes():
        def nested(n: int) -> int:
            return n + FACTOR
        step = 9
        def closure(n: int, *, start: int = 100) -> int:
            return n + step + start
        def itself(n: int) -> int:
            return n and n + itself(n - 1)
        @functools.lru_cache
        def cached_inside(n: int) -> int:
            return n + step
        made = {
            "plain": (plain, 1), "two": (two, 6), "five": (five, 15), "pair": (pair, (7, 10)),
            "nested": (nested, 4), "closure": (closure, 110), "itself": (itself, 1),
            "cached_inside": (cached_inside, 10), "wrapped": (wrapped, 2), "bare": (bare, 3),
            "wrapped_here": (helpers.kept(plain), 1), "cached": (cached, 4),
            "conditional": (conditional, 5), "tried": (tried, 6), "static": (Base.static, 7),
            "of_class": (Base.of_class, 7), "of_child": (Child.of_class, 8),
            "inherited": (Child.static, 7), "deepest": (Child.Inner.deepest, 9),
            "add": (add, 2), "renamed": (renamed, 2), "plus": (kit.plus, 2), "dotted": (kit.inner.add, 2),
            "other_name": (other_name, 1), "from_helpers": (from_helpers, 4),
            "captured": (around(two), 6),
            "partial": (functools.partial(both, factor=5), 5),
            "partial_of_partial": (functools.partial(functools.partial(both), factor=6), 6),
            "partial_of_made": (functools.partial(two), 6),
        }
        return made

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("shapes")
        for name, (function, _) in shapes().items():
            handle = p.step(function, 1, name=name)
            if name == "pair":
                p.step(total, handle)
        return p

    def wrong(run) -> dict:
        wanted = {name: value for name, (_, value) in shapes().items()} | {"total": 17}
        return {name: run[name] for name, value in wanted.items() if run[name] != value}

    if __name__ == "__main__":
        for _ in range(2):
            run = pipeline().run()
            print(wrong(run), sum(bool(event.wall_s) for event in run.events.values()))
"""


@pytest.fixture
def shapes(project):
    (project.path / "kit").mkdir()
    project.write(**LIBRARY, shapes=SHAPES)
    return project


def ran(run):
    return [name for name, event in run.events.items() if event.wall_s]


def test_functions_of_every_shape_run_and_are_up_to_date(shapes):
    """Imported from a module of the project: factories, wrappers, methods, partials, inner functions."""
    module = shapes.fresh("shapes")
    run = module.pipeline().run()
    assert module.wrong(run) == {}
    again = shapes.fresh("shapes").pipeline().run()
    assert ran(again) == []


def test_functions_of_every_shape_run_from_a_script(shapes):
    """Run as ``python shapes.py``, from another folder; the module's steps are found up to date too."""
    (shapes.path / "elsewhere").mkdir()
    done = subprocess.run(
        [sys.executable, str(shapes.path / "shapes.py")],
        cwd=shapes.path / "elsewhere",
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["{} 30", "{} 0"]
    home = shapes.path / "elsewhere" / ".wingspan"
    assert ran(shapes.fresh("shapes").pipeline().run(home=home)) == []


def test_a_factorys_value_and_code_are_part_of_the_key(shapes):
    """An edit of what it captured, or of its code, runs it again; an edit of another factory does not."""
    shapes.fresh("shapes").pipeline().run()
    for name, old, new, wanted in (
        ("shapes", "make(5)", "make(6)", {"five"}),
        ("shapes", "n * value * FACTOR", "FACTOR * n * value",
         {"two", "five", "captured", "partial_of_made"}),
        ("helpers", "return factor * n", "return n * factor", {"from_helpers"}),
    ):  # fmt: skip
        file = shapes.path / f"{name}.py"
        file.write_text(file.read_text().replace(old, new))
        run = shapes.fresh("shapes").pipeline().run()
        assert set(ran(run)) == wanted
    assert run["five"] == 18


def cell(text, name, module):
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), vars(module))  # noqa: S102 - as a notebook does


def test_a_notebook_uses_the_projects_modules(shapes, monkeypatch):
    """Cells that import helpers, wrap with their decorators and use their factories."""
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    text = (
        "import helpers\nfrom kit import plus\nfactor = 3\n"
        "def cell(n: int) -> int:\n    return helpers.scale(n) * factor\n"
        "def late(n: int) -> int:\n    from kit.inner import add\n    return add(plus(n))\n"
        "made = helpers.maker(4)\n"
        "@helpers.kept\ndef wrapped(n: int) -> int:\n    return cell(n)\n"
    )
    cell(text, "/tmp/ipykernel_7/1.py", module)
    for _ in range(2):
        p = ws.Pipeline("notebook")
        for function in (module.cell, module.late, module.made, module.wrapped):
            p.step(function, 2)
        run = p.run()
    assert {name: run[name] for name in run.steps} == {
        "cell": 60,
        "late": 4,
        "scaled": 8,
        "wrapped": 60,
    }
    assert ran(run) == []


REFUSED = {
    "a lambda": ("lambda n: n", "lambda"),
    "a method of an object": ("Base().method", "state"),
    "an object that can be called": ("Caller()", "Caller"),
    "a function that captures what has no digest": ("deep(object())", "no digest"),
    "a builtin": ("len", "len"),
    "a function below the guard": ("guarded", "below `if __name__`"),
}


@pytest.mark.parametrize("shape", REFUSED)
def test_what_cannot_run_is_refused_with_a_way_out(shapes, shape):
    """Before anything runs."""
    text, problem = REFUSED[shape]
    module = shapes.fresh("shapes")
    with (shapes.path / "shapes.py").open("a") as file:
        file.write(
            "if __name__ == '__main__':\n    def guarded(n: int) -> int:\n        return n\n"
        )
    text_of_main = "def guarded(n: int) -> int:\n    return n\n"
    exec(compile(text_of_main, module.__file__, "exec"), vars(module))  # noqa: S102
    p = ws.Pipeline("refused")

    def declare():
        p.step(eval(text, vars(module)), 1)
        p.plan()

    with pytest.raises(DeclarationError, match=problem) as told:
        declare()
    assert told.value.fix
