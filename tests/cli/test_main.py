"""The command line answers at once and in words."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import wingspan
from wingspan.cli.examples import EXAMPLES
from wingspan.cli.main import app


def test_help_names_the_program():
    """``python -m wingspan --help`` works without any heavy library."""
    done = subprocess.run(
        [sys.executable, "-m", "wingspan", "--help"], capture_output=True, text=True, check=True
    )
    assert "Machine-learning workflows on HTCondor" in done.stdout


def test_version_is_that_of_the_package():
    """--version prints it, and needs no command."""
    command = [sys.executable, "-m", "wingspan", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == f"wingspan {wingspan.__version__}\n"


def test_completion_is_printed_and_completes():
    """The script for a shell is printed, and the program answers what that script asks."""
    program = Path(sys.executable).with_name("wingspan")
    asked = {**os.environ, "_WINGSPAN_COMPLETE": "complete_bash", "COMP_CWORD": "1"}
    done = subprocess.run(
        [program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "_WINGSPAN_COMPLETE": "source_bash"},
    )
    assert "_WINGSPAN_COMPLETE=complete_bash" in done.stdout
    done = subprocess.run(
        [program],
        capture_output=True,
        text=True,
        check=False,
        env={**asked, "COMP_WORDS": "wingspan pre"},
    )
    assert done.stdout.split() == ["predict"]


def test_no_summary_is_cut_at_80_columns():
    """The lists of commands show each one's first sentence whole."""
    cut = []

    def look(group):
        width = 80 - 6 - max(map(len, group.commands))
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                look(command)
            if command.get_short_help_str(width).endswith("..."):
                cut.append(name)

    look(typer.main.get_command(app))
    assert cut == []


def leaves(command, path=()):
    """Yield each command that does something, with its words."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    if command.invoke_without_command and path:
        yield path, command
    for name, inner in command.commands.items():
        yield from leaves(inner, (*path, name))


def test_every_help_has_a_line_and_an_example_that_can_be_given():
    root = typer.main.get_command(app)
    found = dict(leaves(root))
    assert sorted(map(" ".join, found)) == sorted(EXAMPLES)
    for path, command in found.items():
        assert command.help.partition("\n")[0].endswith("."), path
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        assert all(each.metavar for each in arguments), path
        example = command.epilog.removeprefix("Example: wingspan ")
        words = shlex.split(example)
        assert tuple(words[: len(path)]) == path
        command.make_context(" ".join(path), words[len(path) :])


@pytest.mark.parametrize("words", [["holds", "explain", "12/2"], ["events", "jobs", "job.log"]])
def test_a_reader_that_is_gone_ends_the_output_with_141(tmp_path, words):
    """As a program that SIGPIPE has ended, however the text was written: `wingspan runs | head -1`."""
    job = "000 (012.000.000) 2026-11-21 03:00:00 Job submitted from host: <127.0.0.1:9618>\n...\n"
    (tmp_path / "job.log").write_text(job)
    pipe, out = os.pipe()
    os.close(pipe)
    command = [sys.executable, "-m", "wingspan", *words]
    done = subprocess.run(command, cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, check=False)
    os.close(out)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_short_option_asks_for_help_too():
    """Not of `exec`, whose command may have an option of that name."""
    for words in ([], ["run"], ["sweep"], ["events", "summary"], ["pool", "run"]):
        done = CliRunner().invoke(app, [*words, "-h"])
        assert (done.exit_code, done.stdout.startswith("Usage: ")) == (0, True)
    root = typer.main.get_command(app)
    assert root.commands["exec"].context_settings["help_option_names"] == ["--help"]


@pytest.mark.parametrize("group", [[], ["events"], ["sweep"], ["track"], ["store"], ["dag"]])
def test_a_group_without_a_command_prints_its_commands(group):
    assert "Commands:" in CliRunner().invoke(app, group).output


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "Interrupted.\n"),
        (("--apply", "release"), "Interrupted. List what was done with: wingspan holds actions\n"),
    ],
)
def test_ctrl_c_says_what_it_means_for_the_command(tmp_path, words, expected):
    """A command that only reads keeps no steps."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "wingspan", "holds", "advise", str(pipe), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        handle = os.open(pipe, os.O_WRONLY)  # as soon as it reads
        try:
            it.send_signal(signal.SIGINT)
            _, told = it.communicate(timeout=60)
        finally:
            it.kill()
            os.close(handle)
    assert (it.returncode, told) == (130, expected)
