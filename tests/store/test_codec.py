"""Values survive the store, equal values give equal bytes, and what cannot survive is refused with a way out."""

import datetime as dt
import enum
import json
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wingspan.errors import (
    CorruptError,
    FormatError,
    NotFoundError,
    UnsupportedTypeError,
    installing,
)
from wingspan.store.codec import decode, digest_of, encode


@pytest.fixture
def again(tmp_path):
    """Give a function that stores a value and reads it back; the record is checked to be JSON and the bytes to be the same twice."""
    count = 0

    def back(value):
        nonlocal count
        count += 1
        record = encode(value, tmp_path / f"{count}")
        assert encode(value, tmp_path / f"{count}.again") == record
        return decode(tmp_path / f"{count}", json.loads(json.dumps(record)))

    return back


class Colour(enum.Enum):
    RED = "r"


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    left: object
    right: object


@dataclass(frozen=True, slots=True)
class Frozen:
    number: int
    doubled: int = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "doubled", self.number * 2)
        COUNTS.append(self.number)


@dataclass
class Node:
    name: str
    next: "Node | None" = None


class Counting(Counter):
    """A class on top of one that is stored."""


COUNTS: list[int] = []
BERLIN = ZoneInfo("Europe/Berlin")
VALUES = [
    *(None, True, 1, -1.5, float("inf"), -0.0, 10**2000, "text", "\ud800", b"bytes", ""),
    *([], {}, (), set(), [1, [2, (3,)]], {"$": 1}, {1: "a", (2, 3): None}, {"b": 1, "a": 2}),
    *({1, "a", None}, frozenset({(1, 2)}), range(2, 10, 3), Colour.RED, Pair(1, [2])),
    *(Access.READ, Access.READ | Access.WRITE, Access(0)),
    *(dt.date(2024, 2, 29), dt.time(1, 2, 3, 4), dt.timedelta(days=-1, microseconds=3)),
    *(dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2024, 1, 1, 5)),  # noqa: DTZ001
    *(np.float32(0.1), np.int8(-3), np.bool_(True), np.complex64(1 + 2j), np.str_("word")),
    *(np.datetime64("2024-01-01T00:00:00.123456789"), np.timedelta64(5, "ms"), np.bytes_(b"x")),
    *(np.datetime64("NaT", "D"), np.timedelta64(3), np.float16(1.5)),
    *(Counter("abca"), Counter({"b": -1, (1, 2): 0}), Counter(), OrderedDict(b=1, a=[2])),
    *(defaultdict(int, a=1), defaultdict(list, {1: [2]}), defaultdict(None, a=1)),
    *(defaultdict(dict), deque([1, (2,)], 5), deque()),
    *(Decimal("1.50"), Decimal("-0"), Decimal("sNaN12"), Decimal("1E+99")),
    *(Fraction(-1, 3), UUID(int=5), 1 + 2j, complex(-0.0, float("inf"))),
    *(bytearray(b"ab"), "\ud800\udc00", {"\udcff": 1}, "a\0b"),
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_values_come_back_equal_and_of_their_type(again, value):
    """Every plain value comes back equal, of the same type, and in a container too."""
    for there, here in ((again(value), value), (again([value])[0], value)):
        assert type(there) is type(here)
        assert there == here if isinstance(here, set) else repr(there) == repr(here)


KEYS = st.text(max_size=3) | st.integers() | st.none()
TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.datetimes()
    | st.timedeltas(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.tuples(inner, inner)
        | st.frozensets(KEYS, max_size=3)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=8,
)


@given(value=TREES)
def test_any_tree_comes_back(tmp_path_factory, value):
    """Any nesting of plain values and containers comes back equal."""
    path = tmp_path_factory.mktemp("tree") / "value"
    record = encode(value, path)
    there = decode(path, record)
    assert there == value
    assert repr(there) == repr(value) or "frozenset" in repr(value)


def test_an_integer_may_be_longer_than_python_reads_as_text(again):
    """Integers of any length come back."""
    assert again(-(10**5000)) == -(10**5000)


def test_a_time_keeps_its_zone_and_which_of_two_equal_hours_it_is(again):
    """The zone's name and the fold survive."""
    second = dt.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1)
    found = again(second)
    assert found.tzinfo is BERLIN
    assert found.fold == 1
    assert found.utcoffset() == second.utcoffset()


def test_a_dataclass_is_not_computed_anew(again):
    """`__post_init__` does not run again, and fields that the constructor does not take are kept."""
    value = Frozen(3)
    object.__setattr__(value, "doubled", 7)
    COUNTS.clear()
    found = again([value])[0]
    assert (found.number, found.doubled) == (3, 7)
    assert found == value
    assert COUNTS == []


def test_a_chain_of_records_comes_back(again):
    """A dataclass that holds others of its class comes back."""
    assert again(Node("a", Node("b"))) == Node("a", Node("b"))


def test_parts_in_a_tree_come_back_with_it(again):
    """Arrays and bytes inside containers are kept in files of their own."""
    value = {"a": np.arange(3), "b": [b"x", (np.zeros((2, 0)), 5)]}
    found = again(value)
    assert np.array_equal(found["a"], value["a"])
    assert found["b"][0] == b"x"
    assert found["b"][1][0].shape == (2, 0)
    assert found["b"][1][1] == 5


ARRAYS = [
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array(5),
    np.array(["a", "bcd"]),
    np.array([b"a"]),
    np.array([1 + 2j]),
    np.arange(4, dtype=">i4"),
    np.array(["2024-01-01"], "datetime64[D]"),
    np.array([(1, 2.5)], dtype=[("a", "i1"), ("b", "f8")]),
    np.zeros(2, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    np.array([], dtype=bool),
    np.zeros((2, 3), dtype=np.dtype("i1,f8"), order="F"),
]


@pytest.mark.parametrize("value", ARRAYS, ids=range(len(ARRAYS)))
def test_arrays_come_back(again, value):
    """Values, dtype, shape and memory order of an array survive, and it can be written to."""
    found = again(value)
    assert found.dtype == value.dtype
    assert found.shape == value.shape
    assert np.array_equal(found, value)
    assert found.flags.f_contiguous == value.flags.f_contiguous
    assert found.flags.writeable


def test_noise_between_the_fields_of_an_array_leaves_no_trace(tmp_path):
    """Equal structured arrays give equal bytes whatever their padding holds."""
    dtype = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    noisy = np.frombuffer(bytearray(range(1, 1 + dtype.itemsize)), dtype)
    clean = np.zeros(1, dtype)
    clean["a"], clean["b"] = noisy["a"], noisy["b"]
    assert noisy.tobytes() != clean.tobytes()
    assert encode(noisy, tmp_path / "a") == encode(clean, tmp_path / "b")


def looped():
    """Return a list that holds itself."""
    value: list[object] = [np.arange(2)]
    value.append({"again": value})
    return value


def deep():
    """Return a list nested deeper than Python calls."""
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (looped(), "holds itself"),
        (deep(), "nested too deep"),
        (np.ma.masked_array([1, 2], [0, 1]), "plain arrays"),
        (np.zeros((1, 1)).view(np.matrix), "plain arrays"),
        (np.array([object()]), "no bytes that mean the same"),
        (np.array([1], dtype=np.longdouble), "no bytes that mean the same"),
        (np.longdouble(1), "no codec"),
        (np.zeros(1, "i1,f8")[0], "no codec"),
        (Counting("aab"), "no codec"),
        (defaultdict(lambda: 1), "default_factory"),
        (iter([1]), "no codec"),
        (lambda: 1, "no codec"),
        (object(), "no codec"),
        (
            dt.datetime(
                2024,
                1,
                1,
                tzinfo=type("Zone", (dt.tzinfo,), {"utcoffset": lambda *_: dt.timedelta(0)})(),
            ),
            "time zone",
        ),
        ([Pair(1, open)], "no codec"),
    ],
    ids=range(15),
)
def test_what_would_not_come_back_is_refused_and_nothing_is_left(tmp_path, value, words):
    """A value that cannot come back as it is gives a clear error, and no file."""
    with pytest.raises(UnsupportedTypeError, match=words):
        encode(value, tmp_path / "value")
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_cannot_be_imported_is_refused(tmp_path):
    """A record of a local class is refused when it is stored, not when it is read."""

    @dataclass
    class Local:
        number: int

    with pytest.raises(UnsupportedTypeError, match="cannot be imported"):
        encode(Local(1), tmp_path / "value")


def test_a_class_that_is_gone_is_named(tmp_path):
    """A stored record whose class is no longer there says which one is missing."""
    path = tmp_path / "value"
    record = encode(Node("a"), path)
    path.write_text(path.read_text().replace(":Node", ":Gone"))
    with pytest.raises(NotFoundError, match="Gone"):
        decode(path, record | {"digest": digest_of(path, record)})


class Saved:
    """Saves itself."""

    def __init__(self, text):
        self.text = text

    def save(self, folder):
        (folder / "text").write_text(self.text)

    @classmethod
    def load(cls, folder):
        return cls((folder / "text").read_text())


def test_a_class_may_save_itself(again):
    """An object with `save` and `load` is kept by them, alone and in a container."""
    assert again(Saved("a")).text == "a"
    assert again({"x": Saved("b")})["x"].text == "b"


def test_a_changed_byte_and_a_changed_record_are_seen(tmp_path):
    """Neither the bytes nor what the record says of reading them can change unseen."""
    path = tmp_path / "value"
    record = encode(Saved("a"), path)
    for damaged in (record | {"class": "os:path"}, record | {"codec": "bytes/1"}):
        with pytest.raises(CorruptError, match="expected blake2b"):
            decode(path, damaged)
    (path / "text").write_text("b")
    with pytest.raises(CorruptError, match="store check"):
        decode(path, record)


def test_a_truncated_and_a_missing_file_are_seen(tmp_path):
    """A file that was cut, or removed, is damage."""
    path = tmp_path / "value"
    record = encode(np.arange(1000), path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CorruptError):
        decode(path, record)
    path.unlink()
    with pytest.raises(CorruptError, match="nothing"):
        decode(path, record)


def test_a_newer_codec_is_named(tmp_path):
    """A codec that this version does not know is told apart from damage."""
    path = tmp_path / "value"
    record = encode(b"1", path)
    with pytest.raises(FormatError, match="bytes/2"):
        decode(path, record | {"codec": "bytes/2"})


def test_the_digest_tells_values_of_equal_bytes_apart(tmp_path):
    """The text 1 as bytes and the number 1 are not the same result."""
    assert encode(b"1", tmp_path / "a")["digest"] != encode(1, tmp_path / "b")["digest"]


def test_files_and_folders_come_back_under_their_names(again, tmp_path):
    """A path comes back as a path to the same content, with its name."""
    folder = tmp_path / "made"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "a.txt").write_text("a")
    found = again(folder)
    assert found.name == "made"
    assert (found / "inner" / "a.txt").read_text() == "a"
    assert again([folder / "inner" / "a.txt"])[0].read_text() == "a"


def test_only_a_jobs_own_files_are_linked(tmp_path, monkeypatch):
    """What lies in the folder named `own` is linked; anything else, the current folder's too, is copied."""
    monkeypatch.chdir(tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    for name in ("mine", "theirs"):
        (work / name).write_text(name)
    other = tmp_path / "other"
    other.write_text("user's")
    (tmp_path / "second name").hardlink_to(work / "theirs")
    for source, linked in ((work / "mine", True), (work / "theirs", False), (other, False)):
        place = tmp_path / f"stored {source.name}"
        encode(source, place, own=work)
        assert (place / source.name).samefile(source) is linked
    (work / "alias").symlink_to(other)
    encode(work / "alias", tmp_path / "stored alias", own=work)
    assert not (tmp_path / "stored alias" / "alias").samefile(other)
    assert (tmp_path / "stored alias" / "alias").read_text() == "user's"


def test_a_path_to_nothing_or_with_links_inside_is_refused(tmp_path):
    """A path must be there and mean the same elsewhere."""
    with pytest.raises(NotFoundError, match="nothing"):
        encode(tmp_path / "gone", tmp_path / "a")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path)
    with pytest.raises(UnsupportedTypeError, match="link"):
        encode(tmp_path / "folder", tmp_path / "b")


def test_plain_values_need_no_library(tmp_path):
    """Plain values are stored and read without importing NumPy or a library of tables."""
    code = (
        "import sys; from pathlib import Path; from wingspan.store.codec import encode, decode;"
        f"p = Path({str(tmp_path / 'v')!r}); assert decode(p, encode([1, {{'a': b'x'}}], p)) == [1, {{'a': b'x'}}];"
        "print(sorted({'numpy', 'polars', 'pandas', 'torch', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_path_is_a_path_whatever_its_class(again, tmp_path):
    """The stored value of a Path is its file's content, not its text."""
    file = tmp_path / "a.bin"
    file.write_bytes(b"123")
    assert isinstance(again(file), Path)


MISSING = """
import sys
from pathlib import Path
sys.modules[sys.argv[1]] = None
from wingspan.errors import UnsupportedTypeError
from wingspan.store.annotation import TypeName
from wingspan.store.codec import check_type, encode
def attempt(action):
    try:
        action()
    except UnsupportedTypeError as error:
        print(error.where, sys.argv[1] in error.problem, error.fix, sep="|")
if sys.argv[1] == "skops":
    from sklearn.linear_model import LinearRegression
    kind, value = "sklearn.base.BaseEstimator", LinearRegression()
else:
    import torch
    kind, value = "torch.Tensor", torch.zeros(2)
attempt(lambda: check_type(TypeName(kind)))
attempt(lambda: check_type(TypeName("builtins.dict", (TypeName("builtins.str"), TypeName(kind)))))
attempt(lambda: encode([value], Path(sys.argv[2]) / "value"))
"""


@pytest.mark.parametrize(("library", "extra"), [("skops", "tables"), ("safetensors", "torch")])
def test_a_missing_library_names_the_extra_that_brings_it(tmp_path, library, extra):
    """It is named when the step is declared, and when a value is stored that no annotation announced."""
    if library == "safetensors":
        pytest.importorskip("torch")
    script = [sys.executable, "-c", MISSING, library, str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    declared, inside, stored = done.stdout.splitlines()
    assert declared == inside
    assert declared.startswith("type ")
    assert declared.endswith(f"|True|{installing(extra)}")
    assert stored == f"value[0]|True|{installing(extra)}"


def test_the_place_inside_a_value_is_named(tmp_path):
    """The error leads to the part by the expression that a reader would write."""
    lost = object()
    places = {
        "result['a'][2].right": {"a": [1, 2, Pair(1, lost)]},
        "result.next.name": Node("a", Node(lost)),
        "result[(1, 2)][0]": OrderedDict({(1, 2): deque([lost])}),
        "result['counts']['x']": {"counts": Counter(x=lost)},
        "result['d'].default_factory": {"d": defaultdict(lambda: 0)},
        "result": lost,
        "result['masked'][0]": {"masked": (np.ma.masked_array([1]),)},
        "result['$']": {"$": lost},
    }
    for place, value in places.items():
        with pytest.raises(UnsupportedTypeError) as caught:
            encode(value, tmp_path / "value", name="result")
        assert caught.value.where == place


def test_values_of_other_types_have_other_digests(tmp_path):
    """A Counter is not a dict, a deque not a list, and the order of a dict counts."""
    values = [
        *({"a": 1}, Counter(a=1), OrderedDict(a=1), defaultdict(int, a=1), defaultdict(None, a=1)),
        *([1], (1,), deque([1]), deque([1], 3), {1}, frozenset({1}), 1.5, Decimal("1.5"), "1.5"),
        *(
            Fraction(3, 2),
            1 + 0j,
            1,
            1.0,
            True,
            b"a",
            bytearray(b"a"),
            "a",
            np.int64(1),
            np.int32(1),
        ),
        *({"a": 1, "b": 2}, {"b": 2, "a": 1}, {}, [], (), None, 0.0, -0.0, Decimal("1.50")),
        *(range(3), range(3), [0, 1, 2], "\ud800", {1: 2}, {"1": 2}),
    ]
    digests = [encode(v, tmp_path / f"{n}")["digest"] for n, v in enumerate(values)]
    assert len(set(digests)) == len(values) - 1  # range(3) is range(0, 3)


def test_what_version_one_knew_is_still_kept_in_version_one(tmp_path):
    """Old results keep their digests, and an older Wingspan is told what it cannot read by the codec."""
    assert encode({"a": [1, (2.5, None)]}, tmp_path / "a")["codec"] == "json/1"
    assert encode({"a": b"x"}, tmp_path / "b")["codec"] == "tree/1"
    assert encode({"a": [Counter("x")]}, tmp_path / "c")["codec"] == "json/2"
    assert encode({"a": [Counter("x"), b"x"]}, tmp_path / "d")["codec"] == "tree/2"
    assert encode({"a": '{"$":"counter"'}, tmp_path / "e")["codec"] == "json/1"
    record = encode(Counter("x"), tmp_path / "f")
    (tmp_path / "f").write_text('{"$":"later"}')
    with pytest.raises(FormatError, match="later"):
        decode(tmp_path / "f", record | {"digest": digest_of(tmp_path / "f", record)})


SET = """
import sys
from pathlib import Path
from wingspan.store.codec import encode
value = {b"a", b"b", b"c", ("x", frozenset({b"d", b"e", "f"})), 1}
print(encode(value, Path(sys.argv[1]))["digest"])
"""


def test_a_set_of_parts_has_equal_bytes_for_any_hash_seed(tmp_path):
    """The files of a set are numbered in an order that is the same everywhere."""
    seen = {
        subprocess.run(
            [sys.executable, "-c", SET, str(tmp_path / seed)],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "1234"
    }
    assert len(seen) == 1
