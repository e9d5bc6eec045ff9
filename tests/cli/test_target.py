"""The user's pipeline file: what is wrong in it is told by the user's own lines."""

import subprocess
import sys
from pathlib import Path

import pytest

import wingspan
from wingspan.cli.target import _own_frames, split_target
from wingspan.files import json_text

BROKEN = {
    "syntax": ("x = 1\ndef pipeline(:\n    pass\n", 2, "SyntaxError: "),
    "import": (
        "import nosuchmodule\n",
        1,
        "ModuleNotFoundError: No module named 'nosuchmodule'",
    ),
    "raise": (
        "import helper\n\ndef pipeline():\n    helper.check(3)\n",
        2,
        "ValueError: three",
    ),
    "annotation": (
        "def pipeline(n: 'Nothing' = 1):\n    return n + no\n",
        2,
        "NameError: name 'no' is not defined",
    ),
}


@pytest.mark.parametrize(
    ("command", "case"),
    [("run", "raise"), ("check", "raise"), *(("plan", case) for case in BROKEN)],
)
def test_an_error_in_the_file_is_told_by_its_own_lines(tmp_path, command, case):
    """Where, what and what to do next, of the user's files alone; the exit code is 2."""
    code, line, told = BROKEN[case]
    (tmp_path / "helper.py").write_text("def check(n):\n    raise ValueError('three')\n")
    (tmp_path / "flow.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "wingspan", command, "flow.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stdout + done.stderr
    lines = done.stderr.splitlines()
    name = "helper.py" if case == "raise" else "flow.py"
    place = name if line is None else f"{tmp_path / name}:{line}"
    assert lines[0].startswith(f"error: {place}: {told}")
    assert lines[-1].startswith("  -> correct the ")
    assert len(lines) <= 5
    assert "importlib" not in done.stderr
    assert "click" not in done.stderr
    if case == "raise":
        assert lines[1] == f"  {tmp_path / 'flow.py'}:4 pipeline: helper.check(3)"
    if case == "import":
        assert f"or install nosuchmodule for {sys.executable}" in lines[-1]


def test_lines_of_wingspan_are_not_the_users():
    """Also where the package lies below the folder of the user's file."""
    root = Path(wingspan.__file__).parents[2]
    try:
        json_text(object())
    except TypeError as error:
        _, lines = _own_frames(error, root / "flow.py")
    assert [line.partition(" test_")[2] for line in lines] == [
        "lines_of_wingspan_are_not_the_users: json_text(object())"
    ]
    assert "src/wingspan" not in "".join(lines)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("loans.py", ("loans.py", "")),
        ("loans.py:weekly", ("loans.py", "weekly")),
        ("a:b/loans.py", ("a:b/loans.py", "")),
        ("a:b/loans.py:weekly", ("a:b/loans.py", "weekly")),
        ("loans.py:", ("loans.py", "")),
    ],
)
def test_a_path_may_have_colons(target, expected):
    """The function stands after the last one."""
    assert split_target(target) == expected
