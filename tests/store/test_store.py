"""The store: whole results or none, the first one wins, damage is found, and what is old can be removed."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest

from wingspan.errors import CorruptError, FormatError, NotFoundError, SpaceError
from wingspan.store.codec import encode
from wingspan.store.store import Store

KEY, OTHER = "ab" + "0" * 62, "cd" + "1" * 62


@pytest.fixture
def store(tmp_path):
    """A store that does not exist yet."""
    return Store(tmp_path / "home" / "store")


@pytest.fixture
def publish(store, tmp_path):
    """Give a function that publishes a value under a key."""
    store.root.parent.mkdir()

    def publish(key=KEY, value=1, into=store):
        return into.publish(key, ready(tmp_path, value))

    return publish


def ready(folder, value, name="value"):
    """Return a new folder as a job leaves it."""
    made = folder / f"ready-{time.monotonic_ns()}"
    (made / "outputs").mkdir(parents=True)
    record = encode(value, made / "outputs" / name)
    (made / "result.json").write_text(json.dumps({"outputs": {name: record}}))
    return made


def age(path, days=40):
    """Make an entry look old."""
    for entry in (path, *path.rglob("*")):
        os.utime(entry, (time.time() - days * 86_400,) * 2)


def test_a_published_value_is_there_for_everybody(store, publish):
    """What is published is done, loads, and cannot be written to by accident."""
    assert store.done([KEY]) == frozenset()
    publish(value=[1, b"x"])
    again = Store(store.root)
    assert again.done([KEY, OTHER]) == {KEY}
    assert again.load(KEY, "value") == [1, b"x"]
    files = [path for path in again.folder(KEY).rglob("*") if path.is_file()]
    assert len(files) == 3
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in files)


def test_many_keys_are_found_as_one_is(store, publish):
    """The list of what is done is the same whether few or many keys are asked for."""
    publish()
    assert store.done([KEY, *(f"{number:064x}" for number in range(2000))]) == {KEY}


def test_what_is_not_there_is_said_by_name(store, publish):
    """A missing result and a missing output are told apart."""
    with pytest.raises(NotFoundError, match="no result"):
        store.result(KEY)
    publish()
    with pytest.raises(NotFoundError, match=r"no output 'model'.*\n.*value"):
        store.load(KEY, "model")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"outputs": 1}', None])
def test_a_damaged_result_is_damage(store, publish, text):
    """A result.json that is empty, cut, of another form or gone is reported as damage."""
    publish()
    path = store.folder(KEY) / "result.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(CorruptError, match=r"result\.json"):
        store.result(KEY)
    assert [error.where for error in store.check()] == [str(path)]


@pytest.mark.parametrize("text", ['{"format": 2}', "{}", "", "[]"])
def test_a_store_of_another_format_is_left_alone(store, publish, text):
    """A store that a newer version made is not opened."""
    publish()
    (store.root / "format.json").write_text(text)
    with pytest.raises(FormatError, match="this version knows 1"):
        Store(store.root)


def test_the_first_result_wins(store, publish, tmp_path):
    """A second result is dropped and changes nothing; the outputs in which it differs are named."""
    assert publish(value=1) == ()
    assert publish(value=1) == ()
    assert publish(value=2) == ("value",)
    assert store.load(KEY, "value") == 1
    assert not list(tmp_path.glob("ready-*"))


RACE = """
import sys, time, json
from pathlib import Path
from wingspan.store.codec import encode
from wingspan.store.store import Store
root, place, same = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "same"
made = []
for number in range(40):
    key = f"{number % 4:02x}" + f"{number:062x}"
    folder = place / str(number)
    (folder / "outputs").mkdir(parents=True)
    record = encode([number, "" if same else str(place)], folder / "outputs" / "value")
    (folder / "result.json").write_text(json.dumps({"outputs": {"value": record}}))
    made.append((key, folder))
print("ready", flush=True); sys.stdin.readline()
lost = 0
for key, folder in made:
    lost += bool(Store(root).publish(key, folder))
print(lost)
"""


@pytest.mark.parametrize("same", ["same", "other"])
def test_processes_publish_the_same_keys_at_once(store, tmp_path, same):
    """Four processes race for forty keys: each is there once and whole, and every loser with other bytes is told."""
    store.root.parent.mkdir()
    racers = []
    for number in range(4):
        command = [sys.executable, "-c", RACE, str(store.root), str(tmp_path / f"{number}"), same]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        racers.append(subprocess.Popen(command, **pipes))
    for racer in racers:
        racer.stdout.readline()
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    lost = [int(racer.communicate()[0]) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert sum(lost) == (0 if same == "same" else 120)
    assert len(list(store.root.glob("??/*"))) == 40
    assert list(store.check()) == []


def test_a_result_comes_in_from_another_disk(store, publish, tmp_path):
    """From another file system a result is copied, and what was copied is removed."""
    from pathlib import Path

    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system")
    place = other / f"wingspan-test-{os.getpid()}"
    place.mkdir()
    try:
        folder = ready(place, [b"part", 1])
        store.publish(KEY, folder)
        assert not folder.exists()
        second = ready(place, [b"part", 1])
        store.publish(KEY, second)
        assert not second.exists()
    finally:
        shutil.rmtree(place)
    assert store.load(KEY, "value") == [b"part", 1]
    assert list(store.check()) == []
    assert not list(store.root.glob("??/.*"))


def test_a_full_disk_leaves_no_half_result(tmp_path):
    """When the store's disk is full, SpaceError says so and the store holds what it held."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be mounted by root only")
    try:
        store = Store(disk / "store")
        store.publish(KEY, ready(tmp_path, 1))
        big = ready(tmp_path, b"x" * 3_000_000)
        with pytest.raises(SpaceError, match="gc"):
            store.publish(OTHER, big)
        assert (big / "result.json").exists()
        assert store.done([KEY, OTHER]) == {KEY}
        assert not list(store.root.glob("??/.*"))
        assert list(store.check()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_check_finds_every_kind_of_damage(store, publish):
    """A changed output, a missing one, one without a record, and files that are none of the store's are found."""
    keys = [f"ab{number}" + "0" * 61 for number in range(4)]
    for key in keys:
        publish(key)
    assert list(store.check()) == []
    changed, gone, more, _ = (store.folder(key) for key in keys)
    (changed / "outputs" / "value").chmod(0o644)
    (changed / "outputs" / "value").write_text("2")
    (gone / "outputs" / "value").unlink()
    (more / "outputs" / "extra").write_text("")
    (more / "beside").write_text("")
    (store.root / "notes.txt").write_text("")
    (store.root / "ab" / "odd").write_text("")
    (store.root / "ab" / ".x.part").write_text("")  # being written
    found = [(error.where, error.problem) for error in store.check()]
    words = {
        str(store.root / "notes.txt"): "not part of a store",
        str(store.root / "ab" / "odd"): "not part of a store",
        str(changed): "output value: expected blake2b",
        str(gone): "found nothing",
        str(more): "in no record",
    }
    assert {where for where, _ in found} == set(words)
    assert len(found) == 6
    assert all(words[where] in problem for where, problem in found)


def test_gc_removes_what_is_old_and_not_kept(store, publish):
    """Of old results the kept ones stay, and young ones stay; a dry run counts the same and removes nothing."""
    keys = [f"ab{number}" + "0" * 61 for number in range(3)]
    for key in keys:
        publish(key)
    for key in keys[:2]:
        age(store.folder(key))
    size = sum(p.stat().st_size for p in store.folder(keys[0]).rglob("*") if p.is_file())
    assert store.gc({keys[1]}, 30 * 86_400, dry=True) == (1, size)
    assert store.done(keys) == set(keys)
    assert store.gc({keys[1]}, 30 * 86_400) == (1, size)
    assert store.done(keys) == set(keys[1:])
    assert not list(store.root.glob("??/.*"))
    assert list(store.check()) == []


def test_gc_keeps_what_a_living_process_writes(store, publish):
    """An unfinished copy stays while somebody writes to it, and is removed a day after the last write."""
    publish()
    part = store.root / "ab" / ".key.1234.part"
    (part / "outputs").mkdir(parents=True)
    (part / "outputs" / "value").write_text("half")
    age(part)
    os.utime(part / "outputs" / "value")
    store.gc({KEY}, 0)
    assert part.exists()
    age(part)
    store.gc({KEY}, 30 * 86_400, dry=True)
    assert part.exists()
    store.gc({KEY}, 0)
    assert not part.exists()


GC = """
import sys
from pathlib import Path
from wingspan.store.store import Store
print("ready", flush=True); sys.stdin.readline()
print(Store(Path(sys.argv[1])).gc((), 0)[0])
"""


def test_two_gcs_at_once_remove_everything_once(store, publish):
    """Two processes that remove the same results do not get in each other's way."""
    for number in range(60):
        publish(f"{number % 5:02d}" + f"{number:062d}")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", GC, str(store.root)]
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in both:
        process.stdout.readline()
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    counts = [int(process.communicate()[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum(counts) == 60
    assert not list(store.root.glob("??/*"))


def test_a_result_takes_few_fsyncs(store, publish, monkeypatch):
    """A result of one output costs three fsyncs: its two files, and the folder they are moved to."""
    publish()
    calls = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: calls.append(handle) or real(handle))
    publish("ab1" + "0" * 61)
    assert len(calls) == 3


def test_a_result_is_adopted_under_another_key(store, publish):
    """The bytes get a second name, and stay when the first entry is removed; check finds nothing wrong."""
    publish(value={"a": b"bytes"})
    assert store.adopt(KEY, OTHER, {"step": "again"})
    assert store.load(OTHER, "value") == {"a": b"bytes"}
    made = store.result(OTHER)
    assert (made["key"], made["adopted"], made["step"]) == (OTHER, KEY, "again")
    files = [path for path in store.folder(OTHER).rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o444}
    assert [path.stat().st_nlink for path in files if path.name != "result.json"] == [2] * 2
    assert list(store.check()) == []
    store.gc([OTHER], -1.0)
    assert store.load(OTHER, "value") == {"a": b"bytes"}
    assert list(store.check()) == []


def test_what_is_not_there_is_not_adopted(store, publish):
    """Neither a missing result, nor one that lacks an output, nor over one that is there."""
    publish(value=1)
    assert not store.adopt(OTHER, KEY, {})
    assert store.load(KEY, "value") == 1
    publish(OTHER, 2)
    assert store.adopt(KEY, OTHER, {})
    assert store.load(OTHER, "value") == 2
    shutil.rmtree(store.folder(OTHER))
    store.output_path(KEY, "value").unlink()
    assert not store.adopt(KEY, OTHER, {})
    assert store.done([OTHER]) == frozenset()
    assert not list(store.root.glob("??/.*"))


def test_a_file_that_can_have_no_more_names_is_copied(store, publish, monkeypatch):
    """A file system may allow few hard links, or none."""
    import errno

    def refuse(*_):
        raise OSError(errno.EMLINK, "Too many links")

    publish(value=[1])
    monkeypatch.setattr(os, "link", refuse)
    assert store.adopt(KEY, OTHER, {})
    assert store.load(OTHER, "value") == [1]
    assert store.output_path(OTHER, "value").stat().st_mode & 0o777 == 0o444
