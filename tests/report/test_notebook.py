"""In a notebook: what objects look like, how a run is followed, and how an error is shown."""

import sys
import time
import xml.etree.ElementTree as ET
from itertools import pairwise
from types import ModuleType, SimpleNamespace

import pytest

import wingspan as ws
from wingspan.advisor.answers.advise import advise
from wingspan.advisor.holds.timeline import make_timeline
from wingspan.draw.graph import Node
from wingspan.errors import StepFailedError
from wingspan.eventlog.logs import read_logs
from wingspan.pool.personal import Pool
from wingspan.runner.layers import fewer
from wingspan.runner.live import EACH_S, follow
from wingspan.runner.runs import open_run
from wingspan.tabular.evaluate import Evaluation, Metric

NASTY = "<script>alert(1)</script>"
HELD = """000 (012.000.000) 2025-11-04 10:00:00Z Job submitted from host: <10.0.0.1:9618?alias=ap>
...
012 (012.000.000) 2025-11-04 10:00:15Z Job was held.
\tFailed to execute '/<script>': (errno=8: 'Exec format error')
\tCode 6 Subcode 8
...
"""


def double(n: int) -> int:
    return 2 * n


class Notebook:
    """A notebook's display that keeps what it is given, and when."""

    def __init__(self, monkeypatch):
        self.shown = []
        module = ModuleType("IPython")
        module.get_ipython = lambda: SimpleNamespace(kernel=object())
        display = ModuleType("IPython.display")
        display.display = self.display
        monkeypatch.setitem(sys.modules, "IPython", module)
        monkeypatch.setitem(sys.modules, "IPython.display", display)

    def display(self, thing, display_id):
        assert display_id
        self.update(thing)
        return self

    def update(self, thing):
        self.shown.append((time.monotonic(), thing._repr_html_()))


def good(text):
    """Check that an HTML repr is well-formed, holds nothing that runs, and return it."""
    ET.fromstring(f"<p>{text.replace('<br>', '<br/>')}</p>")
    assert "<script" not in text
    return text


def test_a_run_is_followed_in_one_display(failed_run, monkeypatch):
    """At most one update a second; the last one is the run's own repr, whatever came between."""
    run = open_run(home=failed_run[0] / ".wingspan")
    notebook = Notebook(monkeypatch)
    monkeypatch.setattr("wingspan.runner.live.EACH_S", 0.25)
    looks = iter(range(12))
    states = SimpleNamespace(turn=0, events=run.events)

    def html():
        return run._repr_html_() if states.turn >= 10 else f"<p>turn {states.turn}</p>"

    states._repr_html_ = html

    def alive():
        states.turn = next(looks, 12)
        return states.turn < 10

    follow(states, alive)
    times = [at for at, _ in notebook.shown]
    assert EACH_S >= 1
    assert len(times) >= 3
    assert min(b - a for a, b in pairwise(times)) >= 0.25
    assert notebook.shown[-1][1] == run._repr_html_()
    assert "failed" in notebook.shown[-1][1]


def test_a_run_that_has_ended_is_displayed_once(failed_run, monkeypatch):
    """Nothing is new, so nothing is updated."""
    notebook = Notebook(monkeypatch)
    run = open_run(home=failed_run[0] / ".wingspan").watch()
    assert [text for _, text in notebook.shown] == [run._repr_html_()]


def test_elsewhere_changes_are_lines(failed_run, capsys):
    """Plain text where there is no notebook."""
    run = open_run(home=failed_run[0] / ".wingspan")
    assert run.watch() is run
    assert "failed   fit[3]\n" in capsys.readouterr().out


def test_a_run_shows_its_state_failures_and_picture(failed_run):
    """HTML with a text fall-back."""
    run = open_run(home=failed_run[0] / ".wingspan")
    text = good(run._repr_html_())
    assert "failed, 3 of 5 steps done" in text
    assert "<b>fit[3]</b> failed: ValueError: depth &lt;b&gt;3&lt;/b&gt; is too much" in text
    assert "fit[3]: failed" in repr(run)


def test_many_steps_are_few_boxes_and_few_lines():
    """A pipeline and a plan of 5,000 steps stay small."""
    p = ws.Pipeline("many")
    p.map(double, over={"n": list(range(5_000))})
    assert len(good(p._repr_html_())) < 5_000
    nodes = fewer([Node(f"fit[{k}]", "failed" if k == 7 else "done") for k in range(5_000)])
    assert [(node.name, node.state, node.note) for node in nodes] == [
        ("fit", "failed", "1 failed, 4,999 done")
    ]


def test_an_evaluation_and_advice_are_tables(tmp_path):
    """Numbers with intervals; jobs with what to do; events by name. Text from outside is escaped."""
    found = Evaluation(300, ["no", "yes"], [[1, 2], [3, 4]], {"f1": Metric(0.5, 0.4, 0.6)})
    assert "0.5 (0.4 to 0.6)" in good(found._repr_html_())
    assert repr(found) == "Evaluation on 300 rows, 95% intervals\n  f1 0.5 (0.4 to 0.6)"
    (tmp_path / "a.log").write_text(HELD)
    events = read_logs([tmp_path / "a.log"])
    assert "JOB_HELD" in good(events._repr_html_())
    assert repr(events).startswith("Events: 2 of 1 file, 2025-11-04 10:00 to 2025-11-04 10:00 UTC")
    advice = advise(make_timeline(events))
    assert "fix first" in good(advice._repr_html_())
    assert "12.0" in good(advice[0]._repr_html_())
    assert repr(advice).startswith("Incident 6/8, 1 job: fix first. ")
    assert NASTY not in good(Pool(tmp_path / NASTY, None, 7)._repr_html_())


def test_an_error_is_shown_short():
    """The message, with the step's own traceback, and not one frame of Wingspan's files."""
    shell = pytest.importorskip("IPython.core.interactiveshell", reason="NO IPYTHON")
    lines = []
    made = shell.InteractiveShell.instance()
    made._showtraceback = lambda kind, value, lines_: lines.extend(lines_)
    made.run_cell(
        "from wingspan.errors import StepFailedError\n"
        "raise StepFailedError('run x', 'Traceback: line 3, boom', 'correct the code')"
    )
    assert "\n".join(lines) == str_of(
        StepFailedError("run x", "Traceback: line 3, boom", "correct the code")
    )


def str_of(error):
    return f"StepFailedError: {error}"
