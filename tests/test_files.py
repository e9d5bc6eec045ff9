"""Files are written whole or not at all."""

import errno

import pytest

from wingspan.errors import SpaceError
from wingspan.files import aside, digest_bytes, digest_file, remove, size_of, write_atomically


def test_a_failed_write_leaves_what_was_there(tmp_path):
    """An error inside the block keeps the old content and leaves no other file."""
    target = tmp_path / "a.txt"
    write_atomically(target, "old")

    def fail():
        with aside(target) as temporary:
            temporary.write_text("half")
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_named(tmp_path):
    """ENOSPC becomes a SpaceError that names the folder."""
    with pytest.raises(SpaceError, match="no space left"), aside(tmp_path / "b"):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_is_moved_whole_and_digested_by_names_and_bytes(tmp_path):
    """A folder's digest changes with a name, with a byte, and not with its place."""

    def make(place, name, content):
        with aside(tmp_path / place) as temporary:
            (temporary / "sub").mkdir(parents=True)
            (temporary / "sub" / name).write_bytes(content)
        return digest_file(tmp_path / place)

    one = make("one", "x", b"1")
    assert one == make("two", "x", b"1")
    assert len({one, make("three", "y", b"1"), make("four", "x", b"2")}) == 3
    assert size_of(tmp_path / "one") == 1
    remove(tmp_path / "one")
    assert not (tmp_path / "one").exists()


def test_a_files_digest_is_that_of_its_bytes(tmp_path):
    """Digesting a file in chunks equals digesting its bytes."""
    path = tmp_path / "big"
    path.write_bytes(b"x" * 3_000_000)
    assert digest_file(path) == digest_bytes(b"x" * 3_000_000)
    assert size_of(path) == 3_000_000
