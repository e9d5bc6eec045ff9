"""One step -> `Call`: how to make the call in another process, and what its key is made of."""

import ast
import functools
import importlib
import inspect
import os
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wingspan.errors import DeclarationError
from wingspan.files import digest_bytes, digest_file, json_text
from wingspan.pipeline.handles import Handle
from wingspan.pipeline.pipeline import Command, Step
from wingspan.planning.digest_cache import DigestCache
from wingspan.planning.fingerprint import function_components, module_files, top_level_imports
from wingspan.store.annotation import TypeName, read_signature, statements
from wingspan.store.codec import encode

FORMAT = 2  # of keys and of job.json: a change here runs everything anew
_ALWAYS = {"format": str(FORMAT), "python": f"{sys.version_info[0]}.{sys.version_info[1]}"}
_SLOW = frozenset(
    {"sklearn", "skops", "torch", "xgboost", "lightgbm", "scipy"}
)  # half a second and more to import
_SHORT = 80  # a parameter longer than this is shown by its digest


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file or folder of the user's that a step reads, as it was when the plan was made.

    Parameters
    ----------
    name
        In the job's ``inputs`` folder.
    stamp
        What `wingspan.files.stamp` said of it: while that stays, so has the content.
    """

    path: str
    digest: str
    name: str
    size: int
    stamp: str


@dataclass(frozen=True, slots=True)
class Call:
    """Everything about one step but its key.

    Parameters
    ----------
    action
        JSON-able: ``{"module", "file", "qualname", "root"}``, ``{"command", "files"}`` or ``{"cloudpickle": constant}``.
    arguments
        JSON-able tree by parameter; what is no plain JSON is a dict with ``"$"`` that says what it is.
    inputs
        Place in the arguments -> (producing step, output or None for all).
    components
        What the key is made of besides the inputs: name -> short text or digest.
    constants
        Digest -> (value, record of its codec) of arguments that JSON cannot hold.
    preload
        Third-party modules that the code imports.
    modules
        Project modules reached; the classes in them are trusted when a model is loaded.
    code
        Digests of the files of those modules, by module name: what a job must find again.
    """

    action: dict[str, Any]
    arguments: dict[str, Any]
    inputs: dict[str, tuple[str, str | None]]
    components: dict[str, str]
    files: tuple[InputFile, ...] = ()
    constants: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    code: dict[str, str] = field(default_factory=dict)


class _Arguments:
    """Turns argument values into the tagged tree, collecting inputs, files and constants on the way."""

    def __init__(self, step: Step, cache: DigestCache) -> None:
        self.step = step
        self.cache = cache
        self.inputs: dict[str, tuple[str, str | None]] = {}
        self.files: dict[str, InputFile] = {}
        self.constants: dict[str, tuple[Any, dict[str, Any]]] = {}
        self.components: dict[str, str] = {}

    def tree(self, value: object, place: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON-able form of one value; `place` is ``parameter.key.0``."""
        if isinstance(value, Handle):
            self.inputs[place] = (value.step, value.field)
            return {"$": "input", "place": place}
        if isinstance(value, Path):
            return {"$": "file", "name": self.file(value, place)}
        if isinstance(value, list | tuple) and type(value) in {list, tuple}:
            items = [self.tree(item, f"{place}.{i}") for i, item in enumerate(value)]
            return items if isinstance(value, list) else {"$": "tuple", "items": items}
        if type(value) is dict and all(type(key) is str for key in value):
            named = {key: self.tree(item, f"{place}.{key}") for key, item in value.items()}
            order = list(named)
            if order != sorted(order):  # which JSON's are
                self.components[f"order {place}"] = _short(json_text(order))
                return {"$": "dict", "items": named, "order": order}
            return {"$": "dict", "items": named} if "$" in named else named
        if (
            value is None
            or type(value) in {bool, int, str}
            or (type(value) is float and value - value == 0)
        ):
            text = str(value) if type(value) is int else json_text(value)
            self.components[f"parameter {place}"] = _short(text)
            return value
        return self.constant(value, place)

    def file(self, path: Path, place: str) -> str:
        """Note an input file; return its name in the job's ``inputs`` folder."""
        full = Path(path).expanduser().absolute()
        seen = self.cache.look(full)
        name = full.name
        while name in self.files and self.files[name].path != str(full):
            name = f"_{name}"  # two files of one name
        self.files[name] = InputFile(str(full), seen.digest, name, seen.size, seen.stamp)
        shown = os.fsencode(full.name).decode(errors="backslashreplace")
        self.components[f"file {place}"] = f"{shown} {seen.digest}"
        return name

    def constant(self, value: object, place: str) -> dict[str, Any]:
        """Encode a value that JSON cannot hold, to learn its digest."""
        with tempfile.TemporaryDirectory() as folder:
            record = encode(value, Path(folder) / "value")
        digest = record["digest"]
        self.constants[digest] = (value, record)
        self.components[f"parameter {place}"] = f"{type(value).__qualname__} {digest}"
        return {"$": "constant", "digest": digest, "record": record}


@dataclass(frozen=True, slots=True)
class _Code:
    """What a function is, whatever it is called with; `action` is None where no file holds it."""

    components: dict[str, str]
    preload: tuple[str, ...]
    modules: tuple[str, ...]
    files: dict[str, str]
    action: dict[str, Any] | None


def describe_all(steps: Mapping[str, Step], cache: DigestCache) -> dict[str, Call]:
    """Return what `describe` does of each step; a function's code is looked at once for all its calls."""
    known: dict[Callable[..., Any], _Code] = {}
    return {name: describe(step, cache, known) for name, step in steps.items()}


def describe(
    step: Step, cache: DigestCache, known: dict[Callable[..., Any], _Code] | None = None
) -> Call:
    """Read the step's source and input files; return how to call it and what its key is made of.

    Parameters
    ----------
    known
        Functions that were looked at for the same plan; this one is added.

    Raises
    ------
    NotFoundError
        An input file does not exist.
    DeclarationError
        The function cannot be told from others by its source and values, or an argument cannot be stored.
    """
    reader = _Arguments(step, cache)
    arguments = {name: reader.tree(value, name) for name, value in step.arguments.items()}
    preload: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    held: dict[str, str] = {}
    if isinstance(step.action, Command):
        beside = {name: reader.file(path, name) for name, path in step.action.files.items()}
        action: dict[str, Any] = {"command": step.action.template, "files": beside}
        components = {**_ALWAYS, "command": step.action.template}
    else:
        known = {} if known is None else known
        code = known.get(step.action)
        if code is None:
            code = known[step.action] = _code(step, step.action)
        components = {**_ALWAYS, **code.components}
        preload, modules, held = code.preload, code.modules, code.files
        action = code.action or _by_value(step.action, reader)
    components |= reader.components
    components["cpus"] = str(step.resources.cpus)
    if step.resources.image:
        components["image"] = _image(step.resources.image, cache)
    files = tuple(reader.files.values())
    read = (reader.inputs, components, files, reader.constants)
    return Call(action, arguments, *read, preload, modules, held)


def _image(image: str, cache: DigestCache) -> str:
    """Return what a container image is known by: its reference, and of a file its digest."""
    path = Path(image).expanduser()
    return f"{image} {cache.digest(path)}" if path.is_file() else image


def _code(step: Step, function: Callable[..., Any]) -> _Code:
    try:  # the files first: an edit in between is found by the job
        files = {name: digest_file(path) for name, path in module_files(function).items()}
        components = function_components(function)
    except DeclarationError as error:
        raise DeclarationError(
            f"{step.place}: step {step.name}", error.problem, error.fix
        ) from error
    preload = tuple(sorted(_preload(function)))
    return _Code(components, preload, tuple(sorted(files)), files, _importable(function))


@functools.lru_cache(maxsize=4096)
def _preload(function: Callable[..., Any]) -> frozenset[str]:
    """Return the libraries that a job of this function surely imports, and those cheap enough to have in any case.

    Surely: the function itself or its module imports them, or their types are in its signature. What only a function
    of another module imports may never be needed; waiting for a slow library would hold the step up for nothing.
    """
    reached = top_level_imports(function)
    names = {*_imported(ast.parse(textwrap.dedent(_source(function))))}
    names |= _imported_by_module(function.__module__)
    for kind in read_signature(function).values():
        names |= _libraries(kind)
    return frozenset(names & _SLOW) | (reached - _SLOW)


@functools.lru_cache(maxsize=64)
def _imported_by_module(name: str) -> frozenset[str]:
    """Return what a module of a file imports when it is imported itself, type checking apart."""
    module = sys.modules.get(name)
    if module is None or not getattr(module, "__file__", None):
        return frozenset()
    late = ast.If | ast.FunctionDef | ast.ClassDef
    nodes = ast.parse(inspect.getsource(module)).body
    return frozenset(n for node in nodes if not isinstance(node, late) for n in _imported(node))


def _source(function: Callable[..., Any]) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _libraries(kind: TypeName) -> set[str]:
    inner = (*kind.args, *(field for _, field in kind.fields))
    return {kind.name.partition(".")[0]}.union(*map(_libraries, inner))


def _by_value(function: Callable[..., Any], reader: _Arguments) -> dict[str, Any]:
    """Send along a function that no file holds: of a notebook, or made by another function."""
    import cloudpickle

    content = cloudpickle.dumps(function)
    digest = digest_bytes(content)
    with tempfile.TemporaryDirectory() as folder:
        reader.constants[digest] = (content, encode(content, Path(folder) / "value"))
    return {"cloudpickle": digest, "record": reader.constants[digest][1]}


@functools.lru_cache(maxsize=4096)
def _importable(function: Callable[..., Any]) -> dict[str, Any] | None:
    module_name, qualname = function.__module__, function.__qualname__
    if "<" in qualname:
        return None
    module = sys.modules.get(module_name) or importlib.import_module(module_name)
    file = getattr(module, "__file__", None)
    found: Any = module
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if file is None or found is not function:  # a cell of a notebook, whatever program runs it
        return None
    path = Path(file).absolute()
    if module_name == "__main__":  # a script: its file is imported again under its own name
        spec = getattr(module, "__spec__", None)
        module_name = spec.name if spec is not None else path.stem
    root = path.parent
    for _ in range(module_name.count(".") + (path.name == "__init__.py")):
        root = root.parent
    return {"module": module_name, "file": str(path), "qualname": qualname, "root": str(root)}


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:20]}... {digest_bytes(text.encode())}"
