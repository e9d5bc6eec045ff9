"""The project's code in a run folder: written with the plan, and what jobs import.

A module keeps its path as ``__file__``, but its bytes are those that the plan was made of.
"""

import importlib.machinery
import importlib.util
import linecache
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from wingspan.errors import ConflictError
from wingspan.files import digest_bytes, digest_file
from wingspan.planning.snapshot import Module, read_manifest
from wingspan.runner.run_folder import RunFolder

_AGAIN = "run the command again to replan"


def write_code(sources: Mapping[str, bytes], folder: RunFolder) -> None:
    """Write manifests and modules into the run folder, each under its digest."""
    for digest, content in sources.items():
        path = folder.code(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)  # a job checks the digest, so no fsync is needed


def read_kept(folder: RunFolder, digest: str) -> bytes:
    """Return a content that the run folder keeps.

    Raises
    ------
    ConflictError
        It is missing or damaged.
    """
    path = folder.code(digest)
    content = path.read_bytes() if path.exists() else b""
    if digest_bytes(content) != digest:
        problem = f"{path} is {'damaged' if path.exists() else 'missing'}"
        raise ConflictError(f"run {folder.run_id}", problem, _AGAIN)
    return content


def import_kept(folder: RunFolder, manifest: str) -> None:
    """Let this process import the modules of a manifest from the run folder.

    What else lies in their folders is imported from there, from source alone.
    """
    modules = read_manifest(read_kept(folder, manifest))
    sys.meta_path.insert(0, _Kept(folder, modules))
    sys.meta_path.append(_Folders(modules))
    for root in sorted({module.root for module in modules.values()}):
        import_source_from(root)


def import_source_from(root: str) -> None:
    """Let modules of a folder be imported, from source alone."""
    loaders = (
        (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
        (_SourceLoader, importlib.machinery.SOURCE_SUFFIXES),
    )

    def finder(path: str) -> importlib.machinery.FileFinder:
        below = f"{path}/".startswith(f"{root}/") and "site-packages" not in path
        if not below or Path(path).is_file():  # such as a script that runpy is given
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
    """Reads the source always: a cached file of an older version of the same size and second would be taken for it."""

    def path_stats(self, path: str) -> Mapping[str, Any]:  # noqa: ARG002 - without them no cache is read or written
        raise OSError


class _KeptLoader(_SourceLoader):
    """Loads a module from the run folder; tracebacks show its lines, whatever the file holds by then."""

    def __init__(self, name: str, module: Module, folder: RunFolder) -> None:
        super().__init__(name, module.file)
        self._digest = module.digest
        self._folder = folder

    def get_data(self, path: str) -> bytes:
        if path != self.path:
            return super().get_data(path)
        content = read_kept(self._folder, self._digest)
        lines = importlib.util.decode_source(content).splitlines(keepends=True)
        linecache.cache[path] = (len(content), None, lines, path)  # None: never looked for on disk
        return content


def is_kept(module: object) -> bool:
    """Say whether a module was loaded from a run folder."""
    return isinstance(getattr(module, "__loader__", None), _KeptLoader)


class _Kept:
    """Finds the modules of a manifest."""

    def __init__(self, folder: RunFolder, modules: Mapping[str, Module]) -> None:
        self._folder = folder
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
            loader = _KeptLoader(name, module, self._folder)
            return importlib.util.spec_from_file_location(name, module.file, loader=loader)
        file = Path(module.file)
        if not file.exists() or digest_file(file) != module.digest:
            problem = f"{file} was changed after the plan was made"
            raise ConflictError(f"module {name}", problem, _AGAIN)
        return importlib.util.spec_from_file_location(name, file)


class _Folders:
    """Finds packages without ``__init__`` whose folders are gone; asked last."""

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
