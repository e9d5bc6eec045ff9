"""What commands answer where there is nothing to show, and what they print for a program."""

import json
import re
import shlex

import pytest
import typer
from typer.testing import CliRunner

import wingspan as ws
from wingspan.cli.examples import EXAMPLES
from wingspan.cli.json_output import print_json
from wingspan.cli.main import app
from wingspan.errors import ConflictError, WingspanError, near

NEVER_END = {"watch", "holds watch", "events follow"}
SLOW_OR_OUTSIDE = {"simulate", "pool install", "pool start"}


def json_commands():
    """Return the commands that print one JSON document."""
    root, found = typer.main.get_command(app), []
    for name in set(EXAMPLES) - NEVER_END - SLOW_OR_OUTSIDE:
        command = root
        for word in name.split():
            command = command.commands[word]
        if "--json" in {option for each in command.params for option in each.opts}:
            found.append(name)
    return sorted(found)


@pytest.fixture
def nothing(tmp_path, monkeypatch):
    """Go to an empty folder, which is the user's home too."""
    monkeypatch.chdir(tmp_path)
    for name in ("CONDOR_CONFIG", "WINGSPAN_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def ask(*words):
    """Give a command; return its exit code, or its error, and its standard output."""
    done = CliRunner().invoke(app, words)
    if isinstance(done.exception, WingspanError):
        return done.exception, done.stdout
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout


@pytest.mark.parametrize("name", json_commands())
def test_standard_output_is_json_or_empty(nothing, name):
    """In a folder without runs, models and logs each command answers in JSON, or with an error and no output."""
    end, output = ask(*shlex.split(EXAMPLES[name]), "--json")
    assert json.loads(output) is not None if output else end != 0


def test_json_has_no_nan(capsys):
    value = {"loss": [1.5, float("nan"), float("inf")], "step": {1: None}, "other": {2}}
    print_json(value)
    print_json(value, line=True)
    document, line = capsys.readouterr().out.rsplit("}\n{", 1)
    assert json.loads(document + "}") == json.loads("{" + line)
    assert json.loads("{" + line)["loss"] == [1.5, None, None]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["runs"], "there is no run in .*; start one: wingspan run FILE.py"),
        (["models", "list"], "no model is deployed in models"),
        (["store", "check"], "no results yet"),
    ],
)
def test_an_empty_list_says_that_it_is_empty(nothing, words, said):
    end, output = ask(*words)
    assert end == 0
    assert re.search(said, output)


def test_a_run_without_sweeps_has_none_to_end(project):
    project.write(ones="def one() -> int:\n    return 1\n")
    p = ws.Pipeline("ones")
    p.step(project.fresh("ones").one)
    p.run()
    end, output = ask("sweep", "end")
    assert "it has no sweep" in str(end)
    assert output == ""


def test_a_file_without_nodes_is_no_dag(nothing):
    (nothing / "empty.dag").touch()
    end, _ = ask("dag", "show", "empty.dag")
    assert "found no node" in str(end)


def test_a_file_without_functions_names_what_to_declare(nothing):
    (nothing / "loans.py").touch()
    end, _ = ask("plan", "loans.py")
    assert "declare one: def pipeline() -> ws.Pipeline" in str(end)


def test_a_hint_lists_some_names_of_many():
    assert near("x", [f"step{n}" for n in range(100)]).endswith("and 70 more")


def test_an_error_names_its_place_on_one_line():
    error = ConflictError("step a\nb", "two\nlines", "a fix")
    assert str(error).splitlines() == ["step a\\nb: two", "lines", "  -> a fix"]
