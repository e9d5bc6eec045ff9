"""Digests of input files are remembered only while the files are surely as they were."""

import json
import os
import time

import pytest

from wingspan.errors import NotFoundError
from wingspan.files import digest_file
from wingspan.planning import digest_cache
from wingspan.planning.digest_cache import DigestCache


@pytest.fixture
def settled(monkeypatch):
    """Trust files that were written just now: a test cannot set a change time back."""
    monkeypatch.setattr(digest_cache, "SETTLED_NS", -1)


@pytest.fixture
def table(tmp_path, settled):
    path = tmp_path / "loans.csv"
    path.write_text("a,b\n1,2\n")
    return path


def test_a_digest_is_that_of_the_file_and_is_remembered_in_the_cache_file(tmp_path, table):
    """A saved cache answers without reading the file; here it would answer a forged digest."""
    path = tmp_path / "cache" / "digests.json"
    with DigestCache(path) as cache:
        assert cache.digest(table) == digest_file(table)
    content = json.loads(path.read_text())
    content["files"][str(table)][-1] = "forged"
    path.write_text(json.dumps(content))
    assert DigestCache(path).digest(table) == "forged"


@pytest.mark.parametrize("change", ["size", "time", "inode", "in place"])
def test_a_changed_file_is_digested_again(tmp_path, table, change):
    """Another size, modification time or inode makes the old digest worthless; so does a change time."""
    cache = DigestCache(tmp_path / "digests.json")
    before = cache.digest(table)
    was = table.stat().st_mtime_ns
    time.sleep(0.02)  # beyond the grain of the clock of changes
    if change == "inode":
        (tmp_path / "other").write_text("a,b\n1,3\n")
        (tmp_path / "other").rename(table)
    else:
        table.write_text("a,b\n1,3\n" + ("4,5\n" if change == "size" else ""))
    os.utime(table, ns=(was, was + (10**9 if change == "time" else 0)))
    assert cache.digest(table) == digest_file(table) != before


@pytest.mark.parametrize("age_s", [0, 1000])
def test_a_file_changed_just_now_is_not_trusted(tmp_path, table, monkeypatch, age_s):
    """A second write within the clock's grain, of equal size, is seen, whatever the modification time says."""
    monkeypatch.undo()
    cache = DigestCache(tmp_path / "digests.json")
    then = time.time() - age_s
    os.utime(table, (then, then))
    before = cache.digest(table)
    table.write_text("a,b\n9,2\n")
    os.utime(table, (then, then))
    assert cache.digest(table) == digest_file(table) != before
    cache.save()
    assert not (tmp_path / "digests.json").exists()


def test_a_folder_has_the_digest_of_files_and_remembers_its_members(tmp_path, table):
    """A folder's digest is `digest_file`'s, and its files' digests are kept one by one."""
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.csv", "sub/b.csv"):
        (folder / name).write_text(name)
    path = tmp_path / "digests.json"
    with DigestCache(path) as cache:
        assert cache.digest(folder) == digest_file(folder)
    assert set(json.loads(path.read_text())["files"]) == {
        str(folder / "a.csv"),
        str(folder / "sub/b.csv"),
    }
    (folder / "a.csv").write_text("new")
    assert DigestCache(path).digest(folder) == digest_file(folder)


def test_a_link_is_digested_as_what_it_leads_to(tmp_path, table):
    """A symbolic link set to another file changes the digest."""
    link, other = tmp_path / "link.csv", tmp_path / "other.csv"
    other.write_text("other")
    link.symlink_to(table)
    cache = DigestCache(tmp_path / "digests.json")
    assert cache.digest(link) == digest_file(table)
    link.unlink()
    link.symlink_to(other)
    assert cache.digest(link) == digest_file(other)


def test_a_missing_file_is_named_with_its_neighbours(tmp_path, table):
    """A misspelt path lists the close names of its folder; a missing folder is named itself."""
    cache = DigestCache(tmp_path / "digests.json")
    with pytest.raises(NotFoundError, match=r"loan\.csv.*\n?.*close names there: loans\.csv"):
        cache.digest(tmp_path / "loan.csv")
    with pytest.raises(NotFoundError, match="there is no folder"):
        cache.digest(tmp_path / "nowhere" / "loans.csv")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"format":99,"files":{}}',
        '{"files":3,"format":2}',
        '{"format":2,"files":{"x":[1]}}',
        '{"format":1,"files":{"x":[1,2,3,"old"]}}',
    ],
)
def test_an_unreadable_cache_is_an_empty_one(tmp_path, table, content):
    """Whatever the cache's file holds, digests are right and it can be written again."""
    path = tmp_path / "digests.json"
    path.write_text(content)
    with DigestCache(path) as cache:
        assert cache.digest(table) == digest_file(table)
    assert list(json.loads(path.read_text())["files"]) == [str(table)]


def test_files_that_are_gone_are_forgotten(tmp_path, table):
    """Saving keeps no entry of a file that no longer exists."""
    other = tmp_path / "other.csv"
    other.write_text("x")
    path = tmp_path / "digests.json"
    with DigestCache(path) as cache:
        cache.digest(table)
        cache.digest(other)
        other.unlink()
    assert list(json.loads(path.read_text())["files"]) == [str(table)]


def test_hardly_any_time_is_spent_on_known_files(tmp_path, settled):
    """Known files cost less than a fifth of digesting them."""
    files = [tmp_path / f"{number}.bin" for number in range(200)]
    for file in files:
        file.write_bytes(b"x" * 200_000)
    cache = DigestCache(tmp_path / "digests.json")
    start = time.process_time()  # not of what runs beside
    first = [cache.digest(file) for file in files]
    middle = time.process_time()
    assert [cache.digest(file) for file in files] == first
    assert time.process_time() - middle < (middle - start) / 5
