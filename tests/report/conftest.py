"""Runs as values, made without running anything; and what a page's HTML consists of."""

import json
from html.parser import HTMLParser

import pytest
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.report.run_facts import FailureFacts, RunFacts
from wingspan.report.step_facts import StepFacts
from wingspan.report.stretches import Stretch
from wingspan.runner.events import StepEvent

START = 1_795_963_212.0
PROJECT = """
import wingspan as ws

def read(rows: int) -> list[int]:
    print("read </script><script>alert(3)</script>")
    return list(range(rows))

def fit(rows: list[int], depth: int) -> dict[str, float]:
    ws.log({"loss": 0.5}, step=1)
    if depth == 3:
        raise ValueError("depth <b>3</b> is too much")
    return {"mean": sum(rows) / len(rows), "depth": float(depth)}

def best(models: dict[str, dict[str, float]]) -> str:
    return min(models)

def pipeline(rows: int = 10) -> ws.Pipeline:
    p = ws.Pipeline("work")
    models = p.map(fit, over={"depth": [1, 2, 3]}, rows=p.step(read, rows))
    p.step(best, models)
    return p
"""


def step(name, state="done", *, needs=(), wall_s=1.0, parameters=(), **event):
    """Return a step, as it was read from the records."""
    key = f"{abs(hash(name)):064x}"[:64]
    ran = wall_s if state in {"done", "failed"} else 0.0
    return StepFacts(
        name,
        key,
        StepEvent(START + 5, name, key, state, wall_s=ran, peak_memory_mb=100.0 * ran, **event),
        "new step",
        tuple(needs),
        tuple((f"input{k}", need) for k, need in enumerate(needs)),
        tuple(parameters),
        (("rows", "/home/ada/rows.csv", "blake2b-256:" + "0" * 64),),
        (("function work.fit", "blake2b-256:" + "1" * 64),),
        (("numpy", "2.4.6"),),
        (),
        sweep=False,
    )


def run_facts(steps, state="done", **changes):
    """Return a run of these steps."""
    stretches = tuple(
        Stretch(one.name, "", "running", START + k, START + k + one.event.wall_s, "done")
        for k, one in enumerate(steps)
        if one.event.wall_s
    )
    failures = tuple(
        FailureFacts((one.name,), one.event.problem, one.event.fix, "", "", "", "")
        for one in steps
        if one.event.state == "failed"
    )
    made = {
        "run_id": "20261129-144012.0001-work-cggs",
        "pipeline": "work",
        "state": state,
        "on": "local",
        "created": START,
        "now": START + 60,
        "command": "wingspan run work.py",
        "parameters": (("rows", "1000"),),
        "steps": tuple(steps),
        "stretches": stretches,
        "failures": failures,
        "results": (),
        "numbers": {},
        "cached_s": 0.0,
    }
    return RunFacts(**made | changes)


class Parsed(HTMLParser):
    """What a browser makes of a page: its elements, its text, and the data of its script."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.texts, self.ids, self._inside = [], [], [], []
        self.scripts = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag in {"script", "style"}:
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if self._inside and tag == self._inside[-1]:
            self._inside.pop()

    def handle_data(self, data):
        if self._inside == ["script"]:
            self.scripts.append(data)
        elif not self._inside:
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())

    @property
    def data(self):
        return json.loads(self.scripts[0])

    def count(self, tag):
        return sum(name == tag for name, _ in self.elements)


@pytest.fixture(scope="session")
def make_step():
    """Give the function that makes a step."""
    return step


@pytest.fixture(scope="session")
def make_run():
    """Give the function that makes a run of steps."""
    return run_facts


@pytest.fixture(scope="session")
def parse():
    """Give the function that reads a page."""
    return Parsed


@pytest.fixture(scope="session")
def failed_run(tmp_path_factory):
    """Run the project once; give its folder and the page's text."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "work.py").write_text(PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        assert CliRunner().invoke(app, ["run", "work.py"]).exit_code == 1
        done = CliRunner().invoke(app, ["report", "--out", "page.html"])
        assert (done.exit_code, done.stdout) == (0, "page.html\n")
    return folder, (folder / "page.html").read_text()
