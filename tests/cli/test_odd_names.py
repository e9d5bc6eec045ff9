"""Names of steps with any character stay on one line, in each text that names steps; what is not there is named."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import click
import pytest
import typer

from wingspan.cli.listing import runs
from wingspan.cli.progress import Progress
from wingspan.cli.result_file import write_value
from wingspan.cli.results import results_lines
from wingspan.cli.values import text_of
from wingspan.cli.why import _steps, _steps_text
from wingspan.errors import NotFoundError, SettingError
from wingspan.workflow import Pipeline

LISTING = typer.Context(click.Command("runs"))  # of the command itself, none of its parts
NAMES = ["a\nb", "x\x85y", "u\u2028v", "s\udc80t", "e\x1b[31mf", "tab\tc", "\u202eabc"]
ODD = """
    from typing import NamedTuple
    import wingspan as ws
    class Split(NamedTuple):
        train: list[int]
        test: list[int]
    def one(x: int) -> int:
        ws.log({"loss": x})
        return x
    def split() -> Split:
        return Split([1], [2])
    def bad() -> int:
        raise ValueError("no")
"""


@pytest.fixture
def odd(project):
    project.write(odd=ODD)
    module = project.fresh("odd")
    p = Pipeline("odd")
    for number, name in enumerate(NAMES):
        p.step(module.one, number, name=name)
    p.map(module.one, over={"x": {f"l\n{n}": n for n in range(8)}}, name="g\nh")
    p.step(module.split)
    p.step(module.bad, name="b\nad")
    return p.run(check=False)


def test_a_step_is_one_line_whatever_its_name(odd, capsys):
    lines = results_lines(odd)
    assert len(lines) == 2 + 2 * (len(NAMES) + 7) + 1
    assert any(line.split() == ["split", "train:", "[1];", "test:", "[2]"] for line in lines)
    more = [line.split("more: ")[1] for line in lines if "more: " in line]
    assert more == ["wingspan show 'g\\nh'", "wingspan logs --metrics 'g\\nh[l\\n6]'"]
    why = _steps_text(odd, _steps(odd, None)).splitlines()
    assert [line.strip()[:11] for line in why[1:]] == ["16 steps do", "b\\nad: fail", "-> wingspan"]
    runs(LISTING)
    told = "\n".join([*lines, *why, capsys.readouterr().out])
    assert not set("\x85\u2028\udc80\x1b\t\u202e") & set(told)
    with pytest.raises(NotFoundError) as missing:
        odd["q"]
    assert "\n" not in missing.value.fix


def test_equal_failures_are_one_line_each_and_explained_once(project):
    project.write(
        lines='def bad(n: int) -> int:\n    raise ValueError("the first line\\nthe second")\n'
    )
    p = Pipeline("lines")
    p.map(project.fresh("lines").bad, over={"n": range(5)})
    out = io.StringIO()
    with Progress(dict.fromkeys(p.steps, False), out) as progress:
        run = p.run(check=False, listener=progress)
    why = _steps_text(run, _steps(run, None)).splitlines()
    assert len(why) == 1 + 5 + 1
    assert "the first line the second" in why[1]
    assert why[2:6] == [f"  bad[{n}]: failed as bad[0]" for n in range(1, 5)]
    printed = [line for line in out.getvalue().splitlines() if line.startswith("failed")]
    assert (len(printed), len(out.getvalue().splitlines())) == (5, 5)


def test_runs_of_no_pipeline_name_the_pipelines(odd):
    with pytest.raises(NotFoundError, match="odd"):
        runs(LISTING, pipeline="ood")


def test_a_field_is_advised_where_a_whole_result_cannot_be_written(odd, tmp_path):
    with pytest.raises(SettingError, match=r"wingspan show split\.train --out"):
        write_value(odd["split"], tmp_path / "x.csv", "split")


def test_a_run_that_a_script_put_in_the_background_can_be_stopped(project):
    """Its shell lets it ignore Ctrl-C, which `stop` sends."""
    project.write(
        slow="""
        import time
        import wingspan as ws
        def slow() -> int:
            time.sleep(60)
            return 1
        def pipeline() -> ws.Pipeline:
            p = ws.Pipeline("slow")
            p.step(slow)
            return p
    """
    )
    words = [sys.executable, "-m", "wingspan", "run", "slow.py"]
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    finally:
        signal.signal(signal.SIGINT, ignored)
    try:
        while not any((project.path / ".wingspan/runs").glob("*/steps/*/1/job.json")):
            assert run.poll() is None, run.stdout.read()
            time.sleep(0.02)
        os.kill(run.pid, signal.SIGINT)
        assert run.wait(30) == 130
    finally:
        run.kill()
        run.stdout.close()


def test_keys_that_are_one_text_are_both_written(tmp_path):
    write_value([{1: "a", "1": "b"}, {"x": 1}], tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == [{"1": "a", "'1'": "b"}, {"x": 1}]
    assert "b" in text_of({1: "a", "1": "b"})
    assert "a" in text_of({1: "a", "1": "b"})
