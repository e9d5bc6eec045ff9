"""A workflow of several modules is edited: the steps that ran are those that reach the edit."""

from pathlib import Path

import pytest

# What its jobs and commands run is covered by other tests.

PROJECT = {
    "loans.py": """\
from pathlib import Path
from typing import NamedTuple

import wingspan as ws
from bank import metrics, models, tables


class Parts(NamedTuple):
    train: list
    test: list


def load(csv: Path) -> list:
    return tables.read(csv)


def clean(rows: list) -> list:
    return tables.without_gaps(rows)


def split(rows: list, share: float) -> Parts:
    cut = int(len(rows) * share)
    return Parts(rows[:cut], rows[cut:])


def fit(train: list, kind: str) -> float:
    return models.KINDS[kind](train)


def score(model: float, test: list) -> float:
    return metrics.error(model, test)


def report(scores: dict[str, float]) -> str:
    from bank.text import lines

    return lines(scores)


def pipeline(csv: Path = Path("loans.csv")) -> ws.Pipeline:
    p = ws.Pipeline("loans")
    rows = p.step(clean, p.step(load, csv))
    parts = p.step(split, rows, share=0.5)
    fitted = p.map(fit, over={"kind": ["mean", "median"]}, train=parts.train)
    scores = p.map(score, over={"model": fitted}, test=parts.test)
    p.step(report, scores)
    return p
""",
    "bank/__init__.py": "",
    "bank/tables.py": """\
GAP = -1.0


def read(csv):
    return [float(line) for line in csv.read_text().split()]


def without_gaps(rows):
    return [row for row in rows if row != GAP]


def summary(rows):
    return sum(rows)
""",
    "bank/models.py": """\
import statistics

KINDS = {}


def kind(function):
    KINDS[function.__name__] = function
    return function


@kind
def mean(rows):
    return statistics.mean(rows)


@kind
def median(rows):
    return statistics.median(rows)
""",
    "bank/metrics.py": """\
def error(model, rows):
    return sum(distance(model, row) for row in rows)


def distance(one, two):
    return abs(one - two)


def accuracy(model, rows):
    return 1 - error(model, rows)
""",
    "bank/text.py": """\
WIDTH = 8


def lines(scores):
    return "\\n".join(f"{name:{WIDTH}} {value:.2f}" for name, value in scores.items())
""",
}
FITS = ["fit[mean]", "fit[median]"]
SCORES = ["score[mean]", "score[median]"]


@pytest.fixture
def loans(project):
    for name, text in PROJECT.items():
        file = project.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    Path("loans.csv").write_text("1 2 -1 4 8 16 32 70")
    return project


def run(project):
    made = project.fresh("loans").pipeline().run()
    return [name for name, event in made.events.items() if event.wall_s], made


def edit(project, name, old, new):
    file = project.path / name
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_only_the_steps_that_reach_an_edit_run(loans):
    """Unused helpers run nothing; a used one runs its steps, and what reads other bytes for it."""
    everything = ["load", "clean", "split", *FITS, *SCORES, "report"]
    ran, _ = run(loans)
    assert ran == everything
    for name, old, new, wanted in (
        ("bank/tables.py", "return sum(rows)", "return max(rows)", []),
        ("bank/metrics.py", "return 1 - error", "return 2 - error", []),
        ("bank/tables.py", "GAP = -1.0", "# As the bank writes it.\nGAP = -1.0", []),
        ("bank/text.py", "WIDTH = 8", "WIDTH = 9", ["report"]),
        ("bank/metrics.py", "abs(one - two)", "(one - two) ** 2", [*SCORES, "report"]),
        (
            "bank/models.py",
            "statistics.mean(rows)",
            "statistics.fmean(rows) + 1",
            [*FITS, SCORES[0], "report"],
        ),
        (
            "bank/tables.py",
            "GAP = -1.0",
            "GAP = 1.0",
            ["clean", "split", *FITS, SCORES[0], "report"],
        ),
    ):
        edit(loans, name, old, new)
        ran, _ = run(loans)
        assert ran == wanted, (name, new)
    assert run(loans)[0] == []


def test_the_reason_names_the_definition(loans):
    """As the plan gives it: the function, the global, or the code that an import runs."""
    run(loans)
    edit(loans, "bank/metrics.py", "abs(one - two)", "(one - two) ** 2")
    plan = loans.fresh("loans").pipeline().plan()
    assert plan["score[mean]"].reason == "function bank.metrics.distance changed"
    (loans.path / "bank/__init__.py").write_text("import os\n\nos.environ['BANK'] = 'x'\n")
    plan = loans.fresh("loans").pipeline().plan()
    assert "import-time code of bank added" in plan["load"].reason
