"""The house stays as it is meant: no file is too long to be read at once."""

import re
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src/wingspan"


def test_no_module_is_over_400_lines():
    """A longer one has two ideas: give the second a file of its own."""
    lines = {
        str(path.relative_to(SOURCE)): len(path.read_text().splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert {name: count for name, count in lines.items() if count > 400} == {}


def test_only_one_module_chooses_the_runner():
    """Elsewhere the place of a run is asked through `Runner` and `Trail`, so that another runner needs one more line."""
    choice = re.compile(
        r"on [!=]= (LOCAL|.local.)|(?<!class )(LocalTrail|DagTrail|HTCondorRunner)\("
    )
    found = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if choice.search(path.read_text())
    }
    # options of the command line that only one place has
    options = {"cli/check.py", "cli/plan.py", "cli/tables.py"}
    assert found - options == {"runner/runners.py"}


def test_every_package_says_what_it_is():
    """The tree alone tells where data goes next: the first line of each package."""
    packages = [path for path in SOURCE.rglob("__init__.py") if path.read_text().strip()]
    assert [str(path) for path in packages if not path.read_text().startswith('"""')] == []
    assert len(packages) > 10
