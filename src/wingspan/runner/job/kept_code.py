"""The project's code in a run folder: written with the plan, and what jobs import.

A module keeps its path as ``__file__``, but its bytes are those that the plan was made of.
"""

import importlib.machinery
import importlib.util
import linecache
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from wingspan.errors import ConflictError
from wingspan.files import digest_bytes, digest_file, read_file
from wingspan.planning.snapshot import Module, read_manifest
from wingspan.runner.run_folder import CODE, RunFolder

_AGAIN = "run the command again to replan"


def write_code(sources: Mapping[str, bytes], folder: RunFolder) -> None:
    """Write manifests and modules into the run folder, each under its digest."""
    for digest, content in sources.items():
        path = folder.code(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)  # a job checks the digest, so no fsync is needed


def read_kept(folder: RunFolder, digest: str) -> bytes:
    """Return a file's content that the run folder keeps.

    Raises
    ------
    ConflictError
        The content is missing or damaged.
    """
    return _read(str(folder.root / CODE), digest)


def _read(code: str, digest: str) -> bytes:
    path = f"{code}/{digest.partition(':')[2]}"
    try:
        content = read_file(path)
    except FileNotFoundError:
        raise _lost(path, "missing") from None
    if digest_bytes(content) != digest:
        raise _lost(path, "damaged")
    return content


def _lost(path: str, how: str) -> ConflictError:
    run_id = Path(path).parents[1].name
    return ConflictError(f"run {run_id}", f"{path} is {how}", _AGAIN)


def import_kept(code: str, manifest: str) -> None:
    """Let this process import the modules of a manifest from the folder of a run's code.

    Other files of their folders are imported from there, from source only.
    """
    modules = read_manifest(_read(code, manifest))
    sys.meta_path.insert(0, _Kept(code, modules))
    sys.meta_path.append(_Folders(modules))
    for root in sorted({module.root for module in modules.values()}):
        import_source_from(root)


def import_source_from(root: str) -> None:
    """Let modules of a folder be imported, from source only."""
    loaders = (
        (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
        (_SourceLoader, importlib.machinery.SOURCE_SUFFIXES),
    )

    def finder(path: str) -> importlib.machinery.FileFinder:
        below = f"{path}/".startswith(f"{root}/") and "site-packages" not in path
        if not below or os.path.isfile(path):  # noqa: PTH113 - such as a script that runpy is given
            raise ImportError
        return importlib.machinery.FileFinder(path, *loaders)

    if "site-packages" not in root:
        sys.path_hooks.insert(0, finder)
        for known in [
            path for path in sys.path_importer_cache if f"{path}/".startswith(f"{root}/")
        ]:
            del sys.path_importer_cache[known]
    sys.path.insert(0, root)


class _SourceLoader(importlib.machinery.SourceFileLoader):
    """Always reads the source: a cached file of another version may have its size and time."""

    def path_stats(self, path: str) -> Mapping[str, Any]:  # noqa: ARG002 - without them no cache is read or written
        raise OSError


class _KeptLoader(_SourceLoader):
    """Loads a module from the run folder; tracebacks show these lines even if the file changes."""

    def __init__(self, name: str, module: Module, code: str) -> None:
        super().__init__(name, module.file)
        self._digest = module.digest
        self._code = code

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - asked for its own module alone
        content = self.get_data(self.path)
        compiled: CodeType = self.source_to_code(content, self.path)
        return compiled

    def get_data(self, path: str) -> bytes:
        if path != self.path:
            return super().get_data(path)
        content = _read(self._code, self._digest)
        text = content.decode() if content.isascii() else importlib.util.decode_source(content)
        lines = text.splitlines(keepends=True)
        linecache.cache[path] = (len(content), None, lines, path)  # None: never looked for on disk
        return content


def is_kept(module: object) -> bool:
    """Return whether a module was loaded from a run folder."""
    return isinstance(getattr(module, "__loader__", None), _KeptLoader)


class _Kept:
    """Finds the modules of a manifest."""

    def __init__(self, code: str, modules: Mapping[str, Module]) -> None:
        self._code = code
        self._modules = modules

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the import system gives both
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        module = self._modules.get(name)
        if module is None or not module.digest:
            return None
        if not module.compiled:
            loader = _KeptLoader(name, module, self._code)
            package = loader.is_package(name)
            spec = ModuleSpec(name, loader, origin=module.file, is_package=package)
            spec.has_location = True
            if package:
                spec.submodule_search_locations = [os.path.dirname(module.file)]  # noqa: PTH120
            return spec
        file = Path(module.file)
        if not file.exists() or digest_file(file) != module.digest:
            problem = f"{file} was changed after the plan was made"
            raise ConflictError(f"module {name}", problem, _AGAIN)
        return importlib.util.spec_from_file_location(name, file)


class _Folders:
    """Finds packages without ``__init__`` whose folders are gone; the last finder."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._modules = modules

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the import system gives both
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        module = self._modules.get(name)
        if module is None or module.digest:
            return None
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [module.file]
        return spec


def modules_of(manifests: Iterable[bytes]) -> dict[str, Module]:
    """Return the modules of several manifests by name."""
    return {name: each for content in manifests for name, each in read_manifest(content).items()}
