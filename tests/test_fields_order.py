"""The fields of a result keep their order, wherever it is read: ``train, test = run["split"]`` takes them by place."""

import linecache
import sys
import textwrap

import wingspan as ws

SPLIT = """
    from typing import NamedTuple
    class Split(NamedTuple):
        train: list[int]
        test: list[int]
    def split() -> Split:
        return Split(train=[1, 1, 1], test=[2])
    def first(parts: tuple) -> list[int]:
        train, _ = parts
        return train
    """


def _cell(text):
    name = "<ipython-input-7-order>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(compile(text, name, "exec"), namespace)  # noqa: S102 - a cell
    return namespace


def test_a_notebooks_fields_keep_their_order_in_jobs_and_runs(project):
    """Whose class no other process can import."""
    cell = _cell(textwrap.dedent(SPLIT))
    p = ws.Pipeline("order")
    p.step(cell["first"], p.step(cell["split"]))
    run = p.run()
    assert run["first"] == [1, 1, 1]
    assert tuple(run["split"]) == ([1, 1, 1], [2])


def test_a_run_that_is_opened_without_its_file_keeps_the_order(project):
    project.write(ordered_fields=SPLIT)
    p = ws.Pipeline("order")
    p.step(project.fresh("ordered_fields").split)
    p.run()
    del sys.modules["ordered_fields"]
    sys.path.remove(str(project.path))
    found = ws.open_run()["split"]
    assert "ordered_fields" not in sys.modules
    assert (found._fields, found[0]) == (("train", "test"), [1, 1, 1])


def test_a_commands_outputs_are_in_the_order_of_their_declaration(project):
    project.write(loans="def first(files: tuple) -> str:\n    return files[0].read_text()\n")
    for order in ({"zed": "z", "alpha": "a"}, {"alpha": "a", "zed": "z"}):
        p = ws.Pipeline("order")
        made = p.command("printf z > z; printf a > a", outputs=order, name="files")
        p.step(project.fresh("loans").first, made)
        run = p.run()
        assert run["files"]._fields == tuple(order)
        assert run["first"] == order[next(iter(order))]


def test_another_order_of_the_fields_runs_what_reads_them(project):
    """Although each field has the same bytes."""
    project.write(loans=SPLIT)
    for text, told in ((SPLIT, [1, 1, 1]), (SPLIT.replace("train: list[int]\n        test:", "test: list[int]\n        train:"), [2])):  # fmt: skip
        project.write(loans=text)
        module = project.fresh("loans")
        p = ws.Pipeline("order")
        p.step(module.first, p.step(module.split))
        assert p.run()["first"] == told
