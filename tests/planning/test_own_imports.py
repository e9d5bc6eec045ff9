"""The imports of Wingspan's modules are those that a parse of them finds."""

from pathlib import Path

import pytest

import wingspan
from wingspan.planning.own_imports import imports_in
from wingspan.planning.source import read

ROOT = Path(wingspan.__file__).parent
ROOMS = sorted({path.parent for path in ROOT.rglob("*.py")})


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: str(room.relative_to(ROOT)))
def test_every_module_has_the_imports_that_a_parse_finds(room):
    for file in room.glob("*.py"):
        content = file.read_bytes()
        package = ".".join(("wingspan", *room.relative_to(ROOT).parts))
        parsed, found = read(content, package), imports_in(content, package)
        assert set(map(str, found.imports)) == set(map(str, parsed.imports)), file
        assert set(map(str, found.imports_at_once)) == set(map(str, parsed.imports_at_once)), file


def test_words_in_texts_and_types_for_checkers_alone_are_no_imports():
    content = b'''"""Say

import nothing
"""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars

NOTE = """from nowhere import nothing"""


def late():
    from numpy import (
        array,
        ones,
    )


import json
'''
    found = imports_in(content, "wingspan")
    assert {each.module for each in found.imports_at_once} == {"typing", "json"}
    assert {each.module for each in found.imports} == {"typing", "json", "numpy"}
