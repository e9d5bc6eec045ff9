"""Whatever steps write and are called, what is printed acts on no terminal, has an end, and never fails to print."""

import io
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from wingspan.cli.paper import print_table
from wingspan.cli.progress import Progress
from wingspan.cli.terminal import guarded
from wingspan.draw.graph import Node, graph_svg
from wingspan.errors import StepFailedError
from wingspan.runner.events import StepEvent
from wingspan.shown import shown, shown_name, written_out

# What its jobs and commands run is covered by other tests.

STEPS = """
    import sys
    import wingspan as ws

    WRITTEN = (b"first\\n" + b"x" * 5_000_000 + b"\\n\\x1b[2J\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\\x00\\x08bell\\x07\\n"
               + b"\\r".join(b"%d %%" % n for n in range(100)) + b"\\nbytes \\xff\\xfe end\\n")

    def noisy(text: str) -> str:
        sys.stdout.buffer.write(WRITTEN)
        return text

    def fails(text: str) -> str:
        sys.stdout.buffer.write(WRITTEN)
        raise ValueError("\\x1b[2J\\0" + text * 1_000_000)

    def pipeline(text: str = "a\\x1b[1m") -> ws.Pipeline:
        p = ws.Pipeline("noisy")
        p.map(noisy, over={"text": {"[red]x[/] :car:": text, "ü\\x1b[2J\\n\\udcff": "b"}})
        p.step(fails, text)
        return p
"""
LABEL = "[red]x[/] :car:"
SAFE = set("\n\t")


@pytest.fixture
def noisy(project):
    project.write(noisy=STEPS)
    return project


def wingspan(*words, **options):
    command = [sys.executable, "-m", "wingspan", *words]
    return subprocess.run(command, capture_output=True, check=False, timeout=120, **options)


def safe(content):
    """Return whether bytes are UTF-8 that acts on no terminal."""
    return all(each in SAFE or each.isprintable() for each in content.decode())


def test_output_is_shown_safely_and_kept_whole(noisy):
    """In the report of a failure, in logs and in status; in the file, and with --raw, it is as it was written."""
    written = noisy.fresh("noisy").WRITTEN
    run = wingspan("run", "noisy.py")
    assert run.returncode == 1
    assert safe(run.stdout + run.stderr)
    assert len(run.stderr) < 50_000
    assert b"step fails failed: ValueError" in run.stderr
    files = list(noisy.path.glob(".wingspan/runs/*/steps/*/1/stdout.txt"))
    assert [file.read_bytes() for file in files] == [written] * 3
    for step in ("fails", f"noisy[{LABEL}]"):
        logs = wingspan("logs", step)
        assert safe(logs.stdout + logs.stderr)
        assert len(logs.stdout) < 300_000
        assert rb"red \x00\x08bell\x07" in logs.stdout
        assert b"\n99 %\n" in logs.stdout
        assert rb"bytes \xff\xfe end" in logs.stdout
        assert b"print all: --raw, or see " in logs.stderr
        assert wingspan("logs", step, "--raw").stdout.startswith(written)
    status = wingspan("status", "--svg", "steps.svg")
    assert status.returncode == 0
    assert safe(status.stdout)
    assert len(status.stdout) < 10_000
    assert rb"noisy[\xfc\x1b[2J\n\udcff]" in status.stdout.replace("ü".encode(), rb"\xfc")
    ET.parse(noisy.path / "steps.svg")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "latin-1:strict"},
    ],
)
def test_no_encoding_makes_a_command_fail(noisy, environment):
    run = noisy.fresh("noisy").pipeline().run(check=False)
    for words in (["status"], ["logs", "fails"], ["plan", "noisy.py"]):
        done = wingspan(*words, env={**os.environ, **environment})
        assert b"UnicodeEncodeError" not in done.stderr
        assert done.returncode == 0, done.stderr
    assert run.state == "failed"


def test_a_reader_that_goes_away_or_was_never_there_is_no_error(noisy):
    noisy.fresh("noisy").pipeline().run(check=False)
    for shell in (
        "{} status | true",
        "{} logs fails --raw | head -c 10 >/dev/null",
        "{} status >&-",
        "{} status 2>&- >&- <&-",
    ):
        command = shell.format(f"{sys.executable} -m wingspan")
        done = subprocess.run(
            ["/bin/sh", "-c", command], capture_output=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b""), shell


def test_exec_shows_what_a_command_wrote_safely_and_raw_as_it_is(project):
    command = ["sh", "-c", r"printf 'a\033[2J\000b\r\nc\377'; printf '\033[1m' >&2"]
    done = wingspan("exec", "--", *command)
    assert done.stdout == b"a\\x00b\nc\\xff"
    assert safe(done.stderr)
    assert wingspan("exec", "--raw", "--", *command).stdout == b"a\x1b[2J\0b\r\nc\xff"


@settings(max_examples=200)
@given(
    st.text(
        st.characters(categories=["Cc", "Cf", "Zl", "Zp", "L", "P"])
        | st.sampled_from("\x1b[m\r\n\udcff")
    )
)
def test_any_text_is_shown_safely(text):
    for made in (shown(text), written_out(text)):
        assert all(
            each in SAFE or each.isprintable() or each not in "\x1b\r\0\x9b\u202e" for each in made
        )
        made.encode()
    assert "\n" not in shown_name(text)
    ET.fromstring(graph_svg([Node(text)]))


@pytest.mark.parametrize("name", ["[red]x[/]", "[/]", ":car:", "[link=x]", "\\[bold]", "<b>&amp;"])
def test_no_name_is_markup(name, capsys):
    """In tables, in the live table, in a notebook and in a picture."""
    print_table("", [{name: name}])
    assert capsys.readouterr().out.split() == [name, name]
    from rich.console import Console

    out = io.StringIO()
    progress = Progress({name: False, f"{name}2": False})
    progress(StepEvent(1.0, name, "k", "running", attempt=1, problem=name))
    progress.draw({f"{name}2": f"{name} on {name}"})
    Console(file=out, width=200).print(progress._table())
    assert out.getvalue().count(name) >= 4
    root = ET.fromstring(graph_svg([Node(name)]))
    assert name in "".join(root.itertext())


def test_a_report_in_python_is_safe(noisy, tmp_path):
    run = noisy.fresh("noisy").pipeline().run(check=False, home=tmp_path)
    for text in (
        run.report("fails"),
        repr(run),
        repr(noisy.fresh("noisy").pipeline().plan(tmp_path)),
    ):
        assert safe(text.encode())
        assert len(text) < 50_000
    assert "\x1b" not in run._repr_html_()
    with pytest.raises(StepFailedError) as error:
        run["fails"]
    assert safe(str(error.value).encode())


def test_printed_text_is_guarded(capsys):
    with guarded():
        print("a\x1b[2J\tb")
        sys.stdout.writelines(["c\0\n"])
        print("d\x07", file=sys.stderr)
    assert capsys.readouterr() == ("a\\x1b[2J\tb\nc\\x00\n", "d\\x07\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("words", [["--version"], ["--help"]])
def test_output_that_cannot_be_written_is_an_error_with_a_message(words):
    """On a full disk, say."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "wingspan", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: standard output: the output cannot be written")


def test_a_step_name_of_any_length_is_no_file(tmp_path):
    """The name of a step may be longer than the name of a file."""
    command = [sys.executable, "-m", "wingspan", "plan", "x" * 300]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
