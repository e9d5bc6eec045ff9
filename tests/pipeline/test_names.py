"""Names that users give: what is refused, and what becomes of them in the names of files."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import wingspan as ws
from wingspan.errors import DeclarationError
from wingspan.pipeline.names import LONGEST, file_part, file_word

SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "empty"),
        (" \t", "empty"),
        ("a\nb", "cannot be shown"),
        ("a\0b", "cannot be shown"),
        ("\x1b[31mred", "cannot be shown"),
        ("\udcff", "cannot be shown"),
        ("a" * (LONGEST + 1), "201 characters"),
        (5, "expected text"),
    ],
)
def test_a_pipeline_name_that_cannot_be_shown_is_refused(name, said):
    with pytest.raises(DeclarationError, match=said) as error:
        ws.Pipeline(name)
    assert "test_names.py" in error.value.where
    assert str(error.value).isascii()
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    "name", ["team/loans", "../../evil", ".hidden", "Kredit-Prüfung", "a b", "C:\\x"]
)
def test_other_names_are_kept_as_they_are(name):
    assert ws.Pipeline(name).name == name


@settings(max_examples=300)
@given(st.text(), st.text())
def test_different_names_have_different_files(first, second):
    words = [file_word(first), file_word(second)]
    assert (words[0] == words[1]) == (first == second)
    for word in (*words, file_part(first)):
        assert set(word) <= SAFE
        assert word[0] not in "-."
        assert 0 < len(word) <= 80
