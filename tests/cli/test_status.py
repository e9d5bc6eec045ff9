"""``wingspan status``: a table that fits the terminal, and tells of now what is so now."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import typer

from wingspan.cli.runs import conclude
from wingspan.cli.status import _lines, _notes
from wingspan.eventlog.attempt import Attempt
from wingspan.eventlog.job_state import Phase
from wingspan.runner.events import StepEvent
from wingspan.runner.watch import Look

PROBLEM = "ValueError: " + "it is not what it was said to be " * 5


def lines(events, attempts, width, state="running"):
    return _lines(Look({event.step: event for event in events}, state), attempts, {}, width)


def test_the_table_fits_its_width():
    """A note that is too long stands below; columns that have no room are named."""
    tried = Attempt("n", 1, 5.0, phase="running", host="m" * 30, outcome="exit 0", queued_s=12345)
    events = [
        StepEvent(1.0, "a" * 30, "k", "failed", wall_s=1.0, problem=PROBLEM),
        StepEvent(1.0, "b", "l", "done", wall_s=123.0),
    ]
    attempts = {"a" * 30: [replace(tried, host="")], "b": [tried]}
    wide, narrow = (lines(events, attempts, width) for width in (200, 60))
    assert max(map(len, wide)) <= 200
    assert max(map(len, narrow)) <= 60
    assert len(wide) == 4
    assert wide[0].split()[-1] == "disk"
    assert narrow[0].split() == ["step", "state", "time", "memory"]
    assert narrow[-1].startswith("columns left out: ")
    assert " ".join(" ".join(narrow[2:-2]).split()).startswith(" ".join(PROBLEM.split()))


def test_what_goes_on_is_counted_until_now():
    """A job that waits has waited; one of a run that is over waits no more; a step that is done is held nowhere."""
    now = time.time()
    idle = StepEvent(now, "idle", "k", "waiting")
    done = StepEvent(now, "done", "l", "done")
    attempts = {
        "idle": [Attempt("n", 1, now - 31, phase=Phase.QUEUED)],
        "done": [Attempt("m", 1, now - 5, phase=Phase.HELD, host="vm", outcome="held")],
    }
    first, second = lines([idle, done], attempts, 80)[1:]
    assert "31 s" in first
    assert "queued for 31 s" in first
    assert second.split()[-1] == "vm"
    assert "held" not in second
    over = lines([idle], {"idle": attempts["idle"]}, 80, "stopped")[1]
    assert over.count("31 s") == 1  # of what it does


def test_equal_failures_are_said_once_and_a_failure_has_its_machine():
    """The first stands for sixty; a step that failed alone, or as one of two, keeps its words."""
    events = [
        StepEvent(1.0, f"fit[{n}]", "k", "failed", problem=f"ValueError: no {n} (m.py:3)", fix="do")
        for n in range(60)
    ]
    events.append(StepEvent(1.0, "load", "k", "failed", problem="OSError: no (m.py:9)"))
    tried = Attempt("n", 1, 5.0, phase=Phase.RUN, host="exec7", outcome="exit 1")
    shown = lines(events, {event.step: [tried] for event in events}, 200, "failed")[1:]
    assert len(shown) == 61
    assert shown[0].endswith("ValueError: no 0 (m.py:3) (on exec7)")
    assert all(line.endswith("as fit[0]") for line in shown[1:60])
    assert shown[60].endswith("OSError: no (m.py:9) (on exec7)")
    pair = lines(events[:2], {}, 200, "failed")
    assert [line.partition("ValueError")[1] for line in pair] == ["ValueError"] * 2


def test_advice_names_its_steps(tmp_path):
    """One line for each advice, whoever shares it."""
    events = {
        name: StepEvent(1.0, name, "k", "failed", problem=f"no {name}", fix=fix)
        for name, fix in (("a", "correct it"), ("b", "correct it"), ("c", "ask for more"))
    }
    run = SimpleNamespace(folder=SimpleNamespace(root=tmp_path), origin={})
    assert _notes(run, events, {}) == ["  -> a, b: correct it", "  -> c: ask for more"]


def test_sixty_equal_failures_are_one_report(project, capsys):
    """The first with its traceback, the others by name."""
    project.write(
        many="""
        import wingspan as ws

        def fit(n: int) -> int:
            raise ValueError(f"no good: {n}")

        def pipeline() -> ws.Pipeline:
            p = ws.Pipeline("many")
            p.map(fit, over={"n": list(range(12))})
            return p
        """
    )
    run = project.fresh("many").pipeline().run(check=False)
    with pytest.raises(typer.Exit):
        conclude(run)
    said = capsys.readouterr().err
    assert said.count("Traceback") == 1
    assert "11 more steps failed in the same way: fit[1], fit[2], fit[3] and 8 more" in said
    assert f"wingspan logs STEP --run {run.run_id}" in said
    assert len(said.splitlines()) < 40


def test_a_name_is_one_line_and_has_an_end():
    """However long it is, and whatever it holds."""
    events = [StepEvent(1.0, "fit[a\nb]" + "x" * 10_000, "k", "done", wall_s=1.0)]
    (line,) = lines(events, {}, 80)
    assert line.startswith(r"fit[a\nb]xxx")
    assert "[9,8" in line
    assert len(line) < 300
