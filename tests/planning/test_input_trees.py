"""The digest of an input folder is its names and its bytes, whatever links, kinds and names it holds."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wingspan.errors import DeclarationError, NotFoundError
from wingspan.files import copy, digest_bytes, digest_file, json_text, stamp
from wingspan.planning import digest_cache
from wingspan.planning.digest_cache import DigestCache


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "table.csv").write_text("a,b\n1,2\n")
    return folder


def digest(path):
    """What a plan takes for an input; the job that checks it later must say the same."""
    found = DigestCache(path.parent / "home" / "digests.json").digest(path)
    assert found == digest_file(path)
    return found


def make_fifo(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def make_device(path):
    os.mknod(path, 0o20600, os.makedev(1, 5))  # /dev/zero, which never ends


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(
    ("make", "kind"),
    [(make_fifo, "FIFO"), (make_socket, "socket"), (make_device, "character device")],
)
def test_what_is_neither_file_nor_folder_is_refused_by_name_and_kind(data, make, kind, inside):
    """Reading it would never end: also of one in a folder, and of a link to it."""
    odd = data / "odd"
    try:
        make(odd)
    except PermissionError:
        pytest.skip("a device can be made by root alone")
    (data / "link").symlink_to(odd)
    for path in [data] if inside else [odd, data / "link"]:
        with pytest.raises(DeclarationError, match=rf"data/(odd|link).*found an? {kind}"):
            digest(path)


def test_a_device_given_by_its_name_is_refused():
    """Also by a link of the system to it."""
    with pytest.raises(DeclarationError, match="/dev/zero: expected a file or a folder, found a"):
        digest(Path("/dev/zero"))


def test_a_file_of_the_system_without_a_size_is_read():
    """Files of /proc say that they are empty."""
    assert digest(Path("/proc/version")) == digest_bytes(Path("/proc/version").read_bytes())


def test_a_sparse_file_is_a_file(data):
    """A gigabyte of nothing is read like any other."""
    with (data / "sparse").open("wb") as file:
        file.truncate(1 << 26)
    assert digest(data / "sparse") != digest(data / "table.csv")


def test_linked_folders_count_as_if_they_lay_there(data, tmp_path):
    """A change in one is a change of the input."""
    other = tmp_path / "other"
    (other / "deep").mkdir(parents=True)
    (other / "deep/one").write_text("1")
    (data / "link").symlink_to(other)
    before = digest(data)
    shutil.copytree(data, tmp_path / "copy", symlinks=False)
    assert digest(tmp_path / "copy") == before
    (other / "deep/one").write_text("2")
    changed = digest(data)
    (other / "deep/two").write_text("")
    assert len({before, changed, digest(data)}) == 3


def test_circles_of_links_end(data, tmp_path):
    """A link to a folder that it lies in is a part of the folder, and a copy has the same."""
    (data / "inner").mkdir()
    (data / "self").symlink_to(".")
    (data / "inner/up").symlink_to(data)
    before = digest(data)
    copy(data, tmp_path / "copy")
    assert digest(tmp_path / "copy") == before
    (data / "inner/up").unlink()
    (data / "inner/up").symlink_to(data / "inner")
    assert digest(data) != before


def test_a_link_to_itself_and_folders_without_end_are_refused(data, monkeypatch):
    """Neither hangs."""
    monkeypatch.setattr("wingspan.files._MOST_LINKS", 1000)
    (data / "ring").symlink_to("ring")
    with pytest.raises(DeclarationError, match=r"ring: it cannot be read: .*symbolic links"):
        digest(data)
    (data / "ring").unlink()
    for one in range(9):
        (data / str(one)).mkdir()
        for other in range(9):
            (data / str(one) / f"to{other}").symlink_to(data / str(other))
    with pytest.raises(DeclarationError, match="more than 1,000 linked folders"):
        digest(data)


def test_a_link_that_leads_nowhere_is_named(data):
    """Not its folder, and not as a misspelt name."""
    (data / "lost").symlink_to("nowhere")
    for path in (data, data / "lost"):
        with pytest.raises(NotFoundError, match=r"data/lost: it is a link to nowhere"):
            digest(path)


def test_names_of_any_bytes_are_told_apart(data):
    """Also those that are not UTF-8: in the digest, and in what is written of it."""
    odd = [os.fsdecode(name) for name in (b"\xff", b"\xfe.csv", b"a\nb", b"\xc3\xa9", b"e\xcc\x81")]
    seen = {digest(data)}
    for name in odd:
        path = data / name
        path.write_text("x")
        seen.add(digest(data))
        seen.add(digest(path))
        path.rename(data / "x")
        seen.add(digest(data))
        (data / "x").unlink()
    assert len(seen) == 3 + len(odd)  # the folder bare, with x, with each name, and the file
    cache = DigestCache(data.parent / "digests.json")
    (data / odd[0]).write_text("x")
    json_text({"stamp": cache.look(data).stamp, "name": odd[0]}).encode()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"a/b": "x"}, {"a": "x"}),
        ({"a": ""}, {"a/": ""}),
        ({"a/": ""}, {}),
        ({"a": "b", "c": ""}, {"a": "", "c": "b"}),
        ({"folder": "x"}, {"folde": "x"}),
        ({"a": "xy", "b": ""}, {"a": "x", "b": "y"}),
        ({"a/b/": ""}, {"a/": "", "b/": ""}),
    ],
)
def test_different_folders_have_different_digests(tmp_path, first, second):
    """Names, files, empty folders and nesting are told apart."""
    digests = set()
    for number, tree in enumerate((first, second)):
        root = tmp_path / str(number)
        root.mkdir()
        for name, content in tree.items():
            path = root / name
            path.parent.mkdir(exist_ok=True, parents=True)
            path.mkdir(parents=True) if name.endswith("/") else path.write_text(content)
        digests.add(digest(root))
    assert len(digests) == 2


def test_what_may_not_be_read_is_named():
    """With the reason and what to do."""
    program = (
        "import os, sys; from pathlib import Path; import wingspan.planning.digest_cache as d\n"
        "os.seteuid(os.geteuid() or 65534)\n"
        "for path in sys.argv[1:]:\n"
        "    try: d.DigestCache(Path('/nowhere/digests.json')).look(Path(path))\n"
        "    except ValueError as error: print(error)"
    )
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given)
        folder.chmod(0o755)
        (folder / "shut").mkdir(mode=0)
        (folder / "data").mkdir()
        (folder / "data/table.csv").touch(mode=0)
        words = [sys.executable, "-c", program, str(folder / "data"), str(folder / "shut")]
        told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for name in ("data/table.csv", "shut"):
        assert f"input {folder / name}: it cannot be read: Permission denied" in told


def test_a_folder_that_holds_the_home_is_refused(data):
    """It would change with every run, beginning with the first."""
    (data / "deep/home").mkdir(parents=True)
    for home in (data / ".wingspan", data / "deep/home"):
        with pytest.raises(DeclarationError, match="which Wingspan changes with every run"):
            DigestCache(home / "digests.json").digest(data)


NAMES = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a", "f", "\udcff"])
FOLDERS = st.sampled_from(["", "d", "d/e", "f", "out"])
EDITS = st.one_of(
    st.tuples(st.just("write"), NAMES, st.sampled_from(["", "x", "y", "xy"])),
    st.tuples(st.just("edit in place"), NAMES, st.just("")),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("remove"), NAMES, st.just("")),
    st.tuples(st.just("folder"), NAMES, st.just("")),
    st.tuples(st.just("link"), NAMES, FOLDERS),
    st.tuples(st.just("touch"), NAMES, st.just("")),
    st.tuples(st.just("settle"), st.just(""), st.just("")),
)


@pytest.fixture(scope="module")
def settled_s(tmp_path_factory):
    """Give a time beyond the grain of the clock of changes: microseconds where Linux is new, else some milliseconds."""
    probe, times = tmp_path_factory.mktemp("clock") / "probe", []
    probe.touch()
    while len(times) < 20:
        os.utime(probe)
        changed = probe.stat().st_ctime_ns
        if changed not in times:
            times.append(changed)
    grain_ns = max(later - earlier for earlier, later in pairwise(times))
    return max(2e-9 * grain_ns, 0.001)


def apply(root, settled_s, edit, name, given):
    """Make one edit; one that is impossible makes no difference."""
    path = root / name
    try:
        if edit == "settle":
            time.sleep(2 * settled_s)
        elif edit == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(given)
        elif edit == "edit in place":
            was, content = path.stat(), path.read_bytes()
            path.write_bytes(bytes(byte ^ 1 for byte in content))
            os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
        elif edit == "rename":
            path.rename(root / given)
        elif edit == "remove":
            path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)
        elif edit == "folder":
            path.mkdir(parents=True)
        elif edit == "link":
            path.symlink_to(root.parent / "out" if given == "out" else root / given)
        elif edit == "touch":
            os.utime(path)
            path.chmod(0o600)
    except OSError:
        pass


def content_of(path, above=()):
    """What a folder is made of, read in the plainest way."""
    own = path.resolve()
    if not path.is_dir():
        return path.read_bytes()
    if own in above:
        return len(above) - above.index(own)
    return {entry.name: content_of(entry, (*above, own)) for entry in sorted(path.iterdir())}


def check_edits(root, settled_s, edits):
    """The digest changes exactly when the content does, and goes back with it."""
    (root / "in").mkdir()
    (root / "out").mkdir()
    (root / "out" / "file").write_text("far")
    (root / "out" / "back").symlink_to(root / "in")
    cache = DigestCache(root / "home" / "digests.json")
    seen = {}
    for edit in [("settle", "", ""), *edits]:
        apply(root / "in", settled_s, *edit)
        try:
            content = repr(content_of(root / "in"))
        except (OSError, RuntimeError):  # a link that leads nowhere, or to itself
            with pytest.raises((NotFoundError, DeclarationError)):
                cache.digest(root / "in")
            continue
        before = stamp(root / "in")
        found = cache.digest(root / "in")
        assert digest_file(root / "in") == found
        assert stamp(root / "in") == before
        assert seen.setdefault(content, found) == found
    assert len(set(seen.values())) == len(seen)


def many(examples):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def tried(tmp_path, monkeypatch, settled_s, edits):
    monkeypatch.setattr(digest_cache, "SETTLED_NS", int(settled_s * 1e9))
    root = tmp_path / os.urandom(8).hex()
    root.mkdir()
    try:
        check_edits(root, settled_s, edits)
    finally:
        shutil.rmtree(root)


@many(25)
@given(edits=st.lists(EDITS, max_size=12))
def test_a_digest_changes_exactly_when_the_content_does(tmp_path, monkeypatch, settled_s, edits):
    """Whatever is written, renamed, linked, or edited in place with its times set back."""
    tried(tmp_path, monkeypatch, settled_s, edits)


@pytest.mark.long
@pytest.mark.timeout(3600)
@many(10_000)
@given(edits=st.lists(EDITS, max_size=12))
def test_a_digest_changes_exactly_when_the_content_does_ten_thousand_times(
    tmp_path, monkeypatch, settled_s, edits
):
    """The same, far more often."""
    tried(tmp_path, monkeypatch, settled_s, edits)
