"""The project files that a step imports, kept as they were when its plan was made.

A job imports these bytes. Editing, renaming or deleting a file during a run changes nothing in it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from wingspan.files import digest_bytes, json_text

if TYPE_CHECKING:  # jobs read manifests, and need nothing of what makes them
    from wingspan.planning.project import Kept


class Module(NamedTuple):
    """A module of a manifest.

    `digest` is empty for a package without ``__init__``, whose `file` is a folder.
    """

    file: str
    root: str
    digest: str

    @property
    def compiled(self) -> bool:
        """Whether the module's bytes stay in its file: an extension module."""
        return bool(self.digest) and not self.file.endswith(".py")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The digest of a manifest, and contents by digest: the manifest's own and its modules'."""

    digest: str = ""
    contents: Mapping[str, bytes] = field(default_factory=dict)


def take(files: "Mapping[str, Kept]") -> Snapshot:
    """Return the snapshot of the modules that a function reaches."""
    if not files:
        return Snapshot()
    modules = {name: [str(kept.file), str(kept.root), kept.digest] for name, kept in files.items()}
    manifest = json_text(modules).encode()
    contents = {kept.digest: kept.content for kept in files.values() if kept.content is not None}
    digest = digest_bytes(manifest)
    return Snapshot(digest, {**contents, digest: manifest})


def read_manifest(content: bytes) -> dict[str, Module]:
    """Return a manifest's modules by the name that a job imports them by."""
    return {name: Module(*parts) for name, parts in json.loads(content).items()}
