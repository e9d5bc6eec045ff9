"""The site of docs/ builds without a warning, and its reference holds what the code has."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import wingspan

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "-q", "-d", str(folder)]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return folder


def test_every_page_has_a_place(site):
    """A page that no menu leads to is a warning of MkDocs, and so is a link that leads nowhere."""
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    assert pages <= {path.stem for path in site.rglob("*.html")}


def test_all_public_names_are_in_the_reference(site):
    page = (site / "reference" / "python.html").read_text()
    missing = [
        name for name in wingspan.__all__ if name[0] != "_" and f'id="wingspan.{name}"' not in page
    ]
    assert missing == []


def test_all_commands_are_in_the_reference(site):
    """Those of `docs/cli.md` are those that the program has."""
    page = (site / "reference" / "commands.html").read_text()
    titles = set(re.findall(r"<h2[^>]*>(wingspan [a-z ]+?)<", page))
    listed = set(
        re.findall(r"^\| `(wingspan(?: [a-z]+)+)", (ROOT / "docs/cli.md").read_text(), re.MULTILINE)
    )
    assert {title for title in titles if title not in listed} == set()
    assert {name for name in listed if name not in titles} == set()


def test_nothing_is_fetched_by_a_reader(site):
    """Scripts, styles and fonts are the site's own."""
    for page in site.rglob("*.html"):
        assert (
            re.findall(r'(?:src|href)="(?:https?:)?//[^"]+\.(?:js|css|woff2?)"', page.read_text())
            == []
        )
