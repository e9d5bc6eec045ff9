"""The pages tell the truth: links, commands, paths and code in them are there and work."""

import functools
import re
import subprocess
from pathlib import Path

import pytest
import typer

from wingspan.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
IDS = [page.name for page in PAGES]
FOREIGN = re.compile(
    r"/work/|/root/|pypi\.|/simple/|artifactory|index-url[ =]+\w|extra-index", re.IGNORECASE
)
ALLOWED = {"tests/test_docs.py"}


@functools.cache
def commands(group=None, before=""):
    """Return ``train``, ``models list`` and so on: all that the command line has."""
    group = group or typer.main.get_command(app)
    found = []
    for name, command in group.commands.items():
        below = commands(command, f"{before}{name} ") if hasattr(command, "commands") else []
        found += below or [f"{before}{name}"]
    return found


def test_the_command_line_is_found():
    """What the tests below compare with is there."""
    assert {"train", "models list", "pool start"} <= set(commands())


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page):
    """Every relative link is a file of the repository."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    made = {
        "reference/commands.md",
        "reference/python.md",
        "reference/security.md",
    }  # when the site is built: tests/test_site.py
    files = [link for link in links if "://" not in link and link not in made]
    gone = [link for link in files if not (page.parent / link).exists()]
    assert not gone


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_on_a_page_exist(page):
    """``wingspan WORD`` in code is a command, and its options are options of that command."""
    text = page.read_text()
    code = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4}(.+)$", text, re.MULTILINE)]
    known = commands()
    for line in code:
        for told in re.findall(r"(?:^|\s)wingspan ((?:[a-z]+ ?)*)", line.split("#")[0]):
            words = told.split()
            if not words or words[0] in {"import", "as"}:
                continue
            assert any(name.split() == words[: len(name.split())] for name in known) or (
                len(words) == 1 and any(name.startswith(f"{words[0]} ") for name in known)
            ), f"{page.name}: wingspan {told}"


@functools.cache
def options_of(name):
    """Return the options of a command."""
    command = typer.main.get_command(app)
    for word in name.split():
        command = command.commands[word]
    return {option for one in command.params for option in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_options_on_a_page_exist(page):
    """``wingspan train DATA --target ...``: each option is one of that command's."""
    text = page.read_text()
    code = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^ {4}(.+)$", text, re.MULTILINE)]
    for line in code:
        found = re.search(r"(?:^|\s)wingspan (.+)", line.split("#")[0])
        names = [n for n in commands() if found and f"{found[1]} ".startswith(f"{n} ")]
        if names and names[0] not in {"exec", "pool run"}:
            given = set(re.findall(r"(?<=\s)--[a-z-]+", found[1]))
            assert given <= options_of(names[0]) | {"--help"}, f"{page.name}: {line}"


def test_every_command_is_told():
    """Each command stands in a page of docs/, with its group."""
    told = "\n".join(page.read_text() for page in PAGES if page.parent.name == "docs")
    assert [name for name in commands() if f"wingspan {name}" not in told] == []


def test_the_tree_in_the_architecture_exists():
    """Every file and folder that the page names in its tree is in the package."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    tree = text.partition("## The tree")[2].partition("Imports point")[0]
    package, folder, checked = ROOT / "src/wingspan", None, 0
    for line in tree.splitlines():
        if entry := re.match(r" {6}(\S.*?)(?:  |$)", line):
            for name in entry[1].split():
                if re.fullmatch(r"[\w/]+(/|\.py)", name):
                    assert list(package.rglob(name)), name
                    folder = package / name if name.endswith("/") else package
                    checked += 1
        for name in re.findall(r"\b\w+\.py\b", line):
            assert list((folder or package).rglob(name)) or (package / name).exists(), name
            checked += 1
    assert checked > 20
    for name in re.findall(r"`([\w/]+\.py)`", text):
        assert list(package.rglob(name)), name


def test_the_repository_speaks_of_the_project_alone():
    """No path of a machine, and no host of packages, in any file that git tracks."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"NO GIT CHECKOUT, so its files are not looked at: {done.stderr.decode()}")
    found = []
    for name in filter(None, done.stdout.decode().split("\0")):
        if name not in ALLOWED and (ROOT / name).is_file():
            text = (ROOT / name).read_bytes().decode(errors="replace")
            found += [f"{name}: {hit[0]}" for hit in FOREIGN.finditer(text)]
    assert not found
