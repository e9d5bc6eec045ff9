"""Turn argument values into a canonical tree, for jobs to rebuild and for keys.

The tree is the store's (`store.tree`), so that type, value and the order of a dict are in it.
Inputs, files, and what has a file format of its own, are ``{"$": "part", ...}``.
"""

import enum
import os
import sys
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from wingspan.errors import UnsupportedTypeError
from wingspan.files import digest_bytes, json_text
from wingspan.pipeline.handles import Handle, Handles, by_label, field_of, step_of
from wingspan.planning.digest_cache import DigestCache, Seen
from wingspan.shown import shown_name
from wingspan.store.codec import codec_of, encode, refuse
from wingspan.store.libraries import libraries_of_record
from wingspan.store.tree import has_text_keys, plain, to_tree
from wingspan.user_paths import user_path

_SHORT = 80  # characters; a longer value is shown by its digest
_PLAIN = frozenset({bool, int, float, str, type(None)})
_CONTENT = frozenset({"items", "fields"})  # members of a node that hold what the value holds
_LONGEST = 255  # bytes of a file's name
_STANDARD = sys.stdlib_module_names | {"wingspan"}


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file or folder of the user's that a step reads, as it was when the plan was made.

    Parameters
    ----------
    name
        In the job's ``inputs`` folder.
    stamp
        What `wingspan.files.stamp` said of it: while that stays, so has the content.
    kind
        ``file`` or ``folder``.
    """

    path: str
    digest: str
    name: str
    size: int
    stamp: str
    kind: str = "file"


Same = tuple[Any, str, dict[str, str]]  # tree, its text, what is shown


def _marked(name: str, marks: int) -> str:
    """Return a name with a prefix; a name too long for a file keeps its end."""
    content = os.fsencode(name)
    while len(content) + marks > _LONGEST:
        name = name[1:]
        content = os.fsencode(name)
    return "_" * marks + name


class Arguments:
    """The trees of one step's arguments, and what was found in them.

    Parameters
    ----------
    cache
        Digests of input files; None where no argument is a file.
    same
        Lists and dicts that other steps of the plan were given too, by parameter and identity.

    Attributes
    ----------
    texts
        Parameter -> its tree as JSON text.
    inputs
        Place in the arguments -> (producing step, output or None for all).
    files
        Name in the job's folder -> the file or folder.
    constants
        Digest -> (value, record of its codec) of values that have a file format of their own.
    shown
        What a reader is shown of the arguments: ``parameter rate`` -> ``0.1``.
    classes
        Classes of the values that are not Python's own.
    libraries
        Libraries that reading the constants imports.
    """

    def __init__(self, cache: DigestCache | None, same: dict[tuple[str, int], Same]) -> None:
        self.cache = cache
        self._same = same
        self._seen: dict[Path, Seen] = {}
        self.texts: dict[str, str] = {}
        self.inputs: dict[str, tuple[str, str | None]] = {}
        self.files: dict[str, InputFile] = {}
        self.constants: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.shown: dict[str, str] = {}
        self.classes: dict[type, None] = {}
        self.libraries: set[str] = set()

    def tree(self, value: Any, place: str) -> Any:  # noqa: ANN401 - JSON
        """Return the tree of one argument; `place` is the parameter's name.

        Raises
        ------
        NotFoundError
            An input file does not exist.
        UnsupportedTypeError
            A part of the value cannot be passed to another process.
        """
        kind = type(value)
        if kind in _PLAIN and plain(value) is value:
            self.texts[place] = self._show(value, place)
            return value
        if kind is Handle:
            field = field_of(value)
            self.texts[place] = "input null" if field is None else f"input {json_text(field)}"
            return self._tree(value, place)
        known = self._same.get((place, id(value)))
        if known is not None:
            tree, self.texts[place], shown = known
            self.shown |= shown
            return tree
        before = len(self.shown)
        try:
            tree = self._tree(value, place)
            text = self.texts[place] = json_text(tree)
        except RecursionError as error:
            problem = "it is nested too deep"
            raise UnsupportedTypeError(f"parameter {place}", problem, "pass a flat list") from error
        if kind in {list, dict} and '"$"' not in text:  # no inputs, files or classes in it
            shown = dict(islice(self.shown.items(), before, None))
            self._same[place, id(value)] = (tree, text, shown)
        return tree

    def file(self, path: Path, place: str) -> str:
        """Note an input file; return its name in the job's ``inputs`` folder."""
        full, seen = self._look(path)
        name = full.name or "root"
        self.shown[f"file {place}"] = f"{shown_name(name)} {seen.digest}"
        marks = 0
        while name in self.files and self.files[name].path != str(full):
            marks += 1  # two files of one name
            name = _marked(full.name or "root", marks)
        kind = "folder" if full.is_dir() else "file"
        self.files[name] = InputFile(str(full), seen.digest, name, seen.size, seen.stamp, kind)
        return name

    def _look(self, path: Path) -> tuple[Path, Seen]:
        """Return the whole path of a file or folder, and what it is; look at each path once."""
        full = user_path(path).absolute()
        if full.name in {"", ".."}:
            full = full.resolve()
        if full not in self._seen:
            if self.cache is None:
                raise UnsupportedTypeError(
                    f"file {full}", "no file can be given here", "pass a text"
                )
            self._seen[full] = self.cache.look(full)
        return full, self._seen[full]

    def _part(self, value: object) -> dict[str, Any] | None:
        """Return the node of a value that the store's tree does not hold itself; None for any other."""
        if isinstance(value, Handle):
            return {"$": "part", "input": [step_of(value), field_of(value)]}
        if isinstance(value, Handles):
            gathered: dict[str, Any] = to_tree(by_label(value), self._part, refuse)
            return gathered
        if isinstance(value, Path):
            full, seen = self._look(value)
            facts = [full.name, seen.digest, str(full)]  # by which a set is sorted
            return {"$": "part", "file": facts}
        kind = type(value)
        if kind.__module__.partition(".")[0] not in _STANDARD:
            self.classes[kind] = None
        if isinstance(value, enum.Enum) or codec_of(value) is None:
            return None
        with tempfile.TemporaryDirectory() as folder:
            record = encode(value, Path(folder) / "value", name="")
            self.libraries |= libraries_of_record(record, Path(folder) / "value")
        self.constants[record["digest"]] = (value, record)
        constant = {"constant": record["digest"], "record": record}
        return {"$": "part", "type": f"{kind.__module__}.{kind.__qualname__}", **constant}

    def _tree(self, value: Any, place: str, *, made: bool = False) -> Any:  # noqa: ANN401
        """Return the tree of a value; if it is a tree already (`made`), settle the places in it."""
        kind = type(value)
        if kind in _PLAIN and (made or plain(value) is value):
            self._show(value, place)
            return value
        if kind is Handle:
            self.inputs[place] = (step_of(value), field_of(value))
            return {"$": "part", "input": place}
        if kind is list:
            if not value:
                self.shown[f"parameter {place}"] = "[]"
            return [self._tree(v, f"{place}.{i}", made=made) for i, v in enumerate(value)]
        if kind is dict and ("$" not in value if made else has_text_keys(value)):
            return self._dict(value, place, made=made)
        if made:
            return self._tagged(value, place)
        try:
            tree = to_tree(value, self._part, refuse)
        except UnsupportedTypeError as error:
            inside = error.where[:1] in {"", ".", "["}
            where = f"parameter {place}{'' if inside else ': '}{error.where}"
            raise UnsupportedTypeError(where, error.problem, error.fix) from error
        return self._tree(tree, place, made=True)

    def _show(self, value: Any, place: str) -> str:  # noqa: ANN401
        """Note a plain value; return its JSON text."""
        text = repr(value) if type(value) in {int, float} else json_text(value)  # as JSON, sooner
        self.shown[f"parameter {place}"] = text if len(text) <= _SHORT else _short(text)
        return text

    def _dict(self, value: dict[str, Any], place: str, *, made: bool) -> dict[str, Any]:
        """Return the tree of a dict with text keys: an object, or pairs where JSON would sort it."""
        if not value:
            self.shown[f"parameter {place}"] = "{}"
        trees = {key: self._tree(v, at(place, key), made=made) for key, v in value.items()}
        order = list(trees)
        if order == sorted(order):
            return trees
        self.shown[f"order {place}"] = _short(json_text(order))
        return {"$": "dict", "items": [[key, tree] for key, tree in trees.items()]}

    def _tagged(self, node: dict[str, Any], place: str) -> dict[str, Any]:
        """Settle the places in the node of a value that JSON does not hold, and say what it is."""
        tag = node["$"]
        if tag == "part":
            return self._settled(node, place)
        inner = {name: tree for name, tree in node.items() if isinstance(tree, list | dict)}
        if not inner or tag == "range":
            self.shown[f"parameter {place}"] = _short(_described(node))
            return node
        if not any(inner.values()):
            self.shown[f"parameter {place}"] = f"empty {tag}"
            return node
        self.shown[f"type {place}"] = node.get("class", tag)
        if tag == "dict":
            return {"$": tag, "items": self._pairs(node["items"], place)}
        settled = {
            name: self._tree(tree, place if name in _CONTENT else f"{place}<{name}>", made=True)
            for name, tree in inner.items()
        }
        return {**node, **settled}

    def _pairs(self, pairs: list[list[Any]], place: str) -> list[list[Any]]:
        """Settle the keys and values of a dict whose keys are not all texts."""
        settled = []
        for position, (key, value) in enumerate(pairs):
            if isinstance(key, dict):
                where = f"{place}[#{position}]"
                settled.append([self._tree(key, f"{where}.key", made=True), where, value])
            else:
                where = at(place, key) if isinstance(key, str) else f"{place}[{_text(key)}]"
                settled.append([key, where, value])
        self.shown[f"order {place}"] = _short(json_text([key for key, _, _ in settled]))
        return [[key, self._tree(value, where, made=True)] for key, where, value in settled]

    def _settled(self, node: dict[str, Any], place: str) -> dict[str, Any]:
        """Return the node of an input by its place; say what a file or a constant is."""
        if "input" in node:
            step, output = node["input"]
            self.inputs[place] = (step, output)
            return {"$": "part", "input": place}
        if "file" in node:
            return {"$": "part", "file": self.file(Path(node["file"][2]), place)}
        kind = node["type"].rpartition(".")[2]
        self.shown[f"parameter {place}"] = f"{kind} {node['constant']}"
        return node


def at(place: str, key: str) -> str:
    """Return the place of a dict's item; different keys give different places."""
    return f"{place}.{key}" if key.isidentifier() else f"{place}[{json_text(key)}]"


def _described(node: dict[str, Any]) -> str:
    """Return how a reader is shown a value that JSON does not hold."""
    if node["$"] == "enum" and "name" in node:
        return f"{node['class']}.{node['name']}"
    facts = {name: fact for name, fact in node.items() if name != "$"}
    return f"{node['$']} {facts['value'] if list(facts) == ['value'] else json_text(facts)}"


def _text(node: object) -> str:
    return str(node) if type(node) is int else json_text(node)


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:20]}... {digest_bytes(text.encode())}"
