"""Describe one step as a `Call`: how another process makes it, and what its key holds."""

import ast
import functools
import inspect
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wingspan.errors import DeclarationError, UnsupportedTypeError
from wingspan.files import digest_bytes
from wingspan.pipeline.step import Command, Step, TrialTable
from wingspan.planning.arguments import Arguments, InputFile, Same
from wingspan.planning.digest_cache import DigestCache
from wingspan.planning.fingerprint import fingerprint, home_of
from wingspan.planning.key import FORMAT, PYTHON, base_key, command_digest, digest, study_base
from wingspan.planning.libraries import (
    given_libraries,
    libraries_of_command,
    libraries_of_function,
)
from wingspan.planning.modules import place_of, project_of
from wingspan.planning.project import Kept
from wingspan.planning.searched import own_seed, sweep_components, sweep_of
from wingspan.planning.snapshot import Snapshot, take
from wingspan.store.annotation import TypeName, read_signature, statements
from wingspan.store.codec import encode
from wingspan.user_paths import user_path

_ALWAYS = {"format": str(FORMAT), "python": PYTHON}
_SLOW = frozenset(
    {"sklearn", "skops", "torch", "xgboost", "lightgbm", "scipy"}
)  # half a second and more to import


Constants = dict[str, tuple[Any, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Call:
    """Everything about one step but its key.

    Parameters
    ----------
    action
        JSON-able: ``{"module", "file", "qualname", "root"}``, ``{"command", "files", "outputs"}`` or
        ``{"cloudpickle": constant}``.
    arguments
        JSON-able tree by parameter, see `arguments`.
    inputs
        Place in the arguments -> (producing step, output or None for all).
    components
        What a reader is shown of the parts of the key besides the inputs: name -> short text or digest.
    base
        The digest of those parts; see `key.step_key`.
    imageless
        The same without the container image.
    constants
        Digest -> (value, record of its codec) of arguments that JSON cannot hold.
    preload
        Third-party modules that the code imports.
    modules
        Project modules reached; the classes in them are trusted when a model is loaded.
    code
        Those modules as they were read: what a job imports.
    libraries
        Third-party modules that a job of the step may import: of the code, the files that hold it, and the values.
    gives
        Those that reading its results imports; None where the types do not say it.
    sweep
        How the other arguments are searched, see `trial.sweep_of`; None for a step that is called once.
    """

    action: dict[str, Any]
    arguments: dict[str, Any]
    inputs: dict[str, tuple[str, str | None]]
    components: dict[str, str]
    base: str
    imageless: str
    files: tuple[InputFile, ...] = ()
    constants: dict[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    code: Snapshot = field(default_factory=Snapshot)
    libraries: frozenset[str] = frozenset()
    gives: frozenset[str] | None = None
    sweep: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Code:
    """What a function is, whatever it is called with; `constants` holds it where no file does."""

    components: dict[str, str]
    preload: tuple[str, ...]
    modules: tuple[str, ...]
    files: dict[str, Kept]
    snapshot: Snapshot
    action: dict[str, Any]
    constants: Constants
    digest: str
    libraries: frozenset[str]


@dataclass(slots=True)
class _Known:
    """Cache of one plan of a home: functions, classes, and arguments that steps share."""

    home: str
    code: dict[Callable[..., Any], _Code] = field(default_factory=dict)
    same: dict[tuple[str, int], Same] = field(default_factory=dict)


def describe_all(steps: Mapping[str, Step], cache: DigestCache) -> dict[str, Call]:
    """Return a `describe` for many steps, which looks at a function's code once."""
    known = _Known(str(cache.path.parent))
    return {name: describe(step, cache, known) for name, step in steps.items()}


def describe(step: Step, cache: DigestCache, known: _Known | None = None) -> Call:
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
        The function's source and values do not distinguish it from others, or an argument cannot be stored.
    """
    known = known or _Known(str(cache.path.parent))
    reader = Arguments(cache, known.same)
    arguments = _trees(step, reader)
    if isinstance(step.action, Command):
        code, action = _command(step.action, reader)
    elif isinstance(step.action, TrialTable):
        action = {"trials": True}
        code = _table_of_trials(action)
    else:
        code = _known_code(step, step.action, known)
        action = code.action
        reader.constants |= code.constants
    made_of = _with_classes(code, [_known_code(step, kind, known) for kind in reader.classes])
    files = tuple(reader.files.values())
    contents = {file.name: (file.kind, file.digest) for file in files}
    cpus, image = step.resources.cpus, step.resources.image and _image(step.resources.image, cache)
    imageless = base_key(made_of.digest, reader.texts, contents, cpus, None)
    components = {**_ALWAYS, **made_of.components, **reader.shown, "cpus": str(cpus)}
    if image:
        components["image"] = image
    base = base_key(made_of.digest, reader.texts, contents, cpus, image) if image else imageless
    sweep = None
    if step.sweep is not None:
        parts = {"code": made_of.digest, "texts": reader.texts, "cpus": cpus, "image": image}
        sweep = sweep_of(step.sweep, {**parts, "seed": own_seed(step)})
        components |= sweep_components(step.sweep)
        base, imageless = (study_base(each, sweep["spec"]) for each in (base, imageless))
    return Call(
        action=action,
        arguments=arguments,
        inputs=reader.inputs,
        components=components,
        base=base,
        imageless=imageless,
        files=files,
        constants=reader.constants,
        preload=made_of.preload,
        modules=made_of.modules,
        code=made_of.snapshot,
        libraries=made_of.libraries | reader.libraries,
        gives=given_libraries(step.outputs),
        sweep=sweep,
    )


def _trees(step: Step, reader: Arguments) -> dict[str, Any]:
    try:
        return {name: reader.tree(value, name) for name, value in step.arguments.items()}
    except UnsupportedTypeError as error:
        where = f"{step.place}: step {step.name}, {error.where}"
        fix = (
            f"pass {error.fix.removeprefix('return ')}"
            if error.fix.startswith("return ")
            else error.fix
        )
        raise UnsupportedTypeError(where, error.problem, fix) from error


def _command(command: Command, reader: Arguments) -> tuple[_Code, dict[str, Any]]:
    """Return what a command is made of, and how it is run."""
    files = {name: reader.file(path, name) for name, path in command.files.items()}
    action = {"command": command.template, "files": files, "outputs": dict(command.outputs)}
    if list(command.outputs) != sorted(command.outputs):  # JSON forgets the order of a dict
        action["fields"] = list(command.outputs)
    shown = {"command": command.template}
    shown |= {f"output {name}": path for name, path in command.outputs.items()}
    made_of = command_digest(action)
    libraries = libraries_of_command(command)
    return _Code(shown, (), (), {}, Snapshot(), action, {}, made_of, libraries), action


def _table_of_trials(action: dict[str, Any]) -> _Code:
    """Return what the step that lists the trials of a sweep is made of: nothing of the user's."""
    shown = {"lists": "trials"}
    return _Code(shown, (), (), {}, Snapshot(), action, {}, digest(action), frozenset())


def _image(image: str, cache: DigestCache) -> str:
    """Return what a container image is known by: its reference, and of a file its digest."""
    path = user_path(image)
    return f"{image} {cache.digest(path)}" if path.is_file() else image


def _known_code(step: Step, function: Callable[..., Any], known: _Known) -> _Code:
    """Return what a function, or the class of an argument, is made of; look at each once."""
    code = known.code.get(function)
    if code is None:
        code = _code(step, function)
        if code.action:
            root = code.action.get("root") or str(Path.cwd())
            code = replace(code, action={**code.action, "project": project_of(root, known.home)})
        known.code[function] = code
    return code


def _code(step: Step, function: Callable[..., Any]) -> _Code:
    try:
        found = fingerprint(function)
        action, constants = _made(function)
    except DeclarationError as error:
        raise DeclarationError(
            f"{step.place}: step {step.name}", error.problem, error.fix
        ) from error
    # Functions that call each other have the same components: the first one's name is the function's.
    own = [next(iter(found.components), ""), getattr(function, "__qualname__", "")]
    made_of = digest([PYTHON, own, found.components])
    preload = () if isinstance(function, type) else tuple(sorted(_preload(function, found.imports)))
    held = (tuple(found.files), found.files, take(found.files))
    libraries = libraries_of_function(function, found)
    return _Code(found.components, preload, *held, action, constants, made_of, libraries)


def _made(function: Callable[..., Any]) -> tuple[dict[str, Any], Constants]:
    """Return how a job gets the function, and what must be sent for it."""
    if isinstance(function, type):  # the class of an argument, which comes with the argument
        return {}, {}
    action = _importable(function)
    return (action, {}) if action is not None else _by_value(function)


def _with_classes(code: _Code, classes: list[_Code]) -> _Code:
    """Return the parts of a call: the function's code, and that of its arguments' classes."""
    if not classes:
        return code
    shown = {
        name if name.startswith("distribution ") else f"of an argument: {name}": text
        for each in classes
        for name, text in each.components.items()
    }
    files = {name: held for each in (*classes, code) for name, held in each.files.items()}
    return replace(
        code,
        components={**shown, **code.components},
        modules=tuple(sorted(files)),
        files=files,
        snapshot=take(files),
        digest=digest([code.digest, sorted(each.digest for each in classes)]),
        libraries=code.libraries.union(*(each.libraries for each in classes)),
    )


@functools.lru_cache(maxsize=4096)
def _preload(function: Callable[..., Any], reached: frozenset[str]) -> frozenset[str]:
    """Return the libraries that a function's job imports, and cheap ones to preload.

    Surely: the function itself or its module imports them, or their types are in its signature. What only a function
    of another module imports may never be needed; waiting for a slow library would hold the step up for nothing.
    """
    names = {*_imported(_tree(function))}
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


def _tree(function: Callable[..., Any]) -> ast.AST:
    """Return the function's syntax tree; an empty one where its source is not at hand."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return ast.Module([], [])


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _libraries(kind: TypeName) -> set[str]:
    inner = (*kind.args, *(field for _, field in kind.fields))
    return {kind.name.partition(".")[0]}.union(*map(_libraries, inner))


def _by_value(function: Callable[..., Any]) -> tuple[dict[str, Any], Constants]:
    """Attach a function that no file holds by name: a notebook's, or made by a function."""
    from wingspan.planning.by_value import pickled

    content = pickled(function)
    name = digest_bytes(content)
    with tempfile.TemporaryDirectory() as folder:
        record = encode(content, Path(folder) / "value")
    return {"cloudpickle": name, "record": record}, {name: (content, record)}


def _importable(function: Callable[..., Any]) -> dict[str, Any] | None:
    """Return how a job imports the function by its name; None if it cannot."""
    home = home_of(function)
    if home is None:
        return None
    root = place_of(home.shown, home.file).folder
    name: str = function.__qualname__
    return {"module": home.shown, "file": str(home.file), "qualname": name, "root": str(root)}
