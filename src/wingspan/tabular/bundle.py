"""Store a model with all that is needed to apply it to raw rows.

Reading checks every byte of the folder first.

::

    bundle.json         format, and the digest of each file below
    model.skops
    preparation.json    schema, cleaning rules and what was learned from the training rows
    card.json           card.md
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from wingspan.errors import CorruptError, FormatError, NotFoundError
from wingspan.files import aside, digest_file, json_text, write_atomically
from wingspan.store import estimators
from wingspan.tabular.card import Card, card_markdown
from wingspan.tabular.preparation import Preparation

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

FORMAT = 1
MANIFEST = "bundle.json"
_MODEL = "model.skops"
_RECORDS = ("preparation", "card")


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A fitted model, what makes its features of raw rows, and its card."""

    model: "BaseEstimator"
    preparation: Preparation
    card: Card

    def save(self, folder: Path) -> None:
        """Write the bundle; the manifest comes last."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _RECORDS:
            write_atomically(folder / f"{name}.json", json_text(getattr(self, name).as_json()))
        write_atomically(folder / "card.md", card_markdown(self.card))
        with aside(folder / _MODEL) as temporary:
            estimators.write(self.model, temporary)
        files = {path.name: digest_file(path) for path in sorted(folder.iterdir())}
        files.pop(MANIFEST, None)
        write_atomically(folder / MANIFEST, json_text({"format": FORMAT, "files": files}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; every byte is checked before anything is built from it.

        Raises
        ------
        CorruptError
            A file is missing, or is not what was written.
        FormatError
            A newer Wingspan wrote it.
        UntrustedModelError
            The model file names a class that is not of a trusted package.
        """
        cls.verify(folder)
        records = {name: _read_json(folder / f"{name}.json") for name in _RECORDS}
        return cls(
            model=estimators.read(folder / _MODEL),
            preparation=Preparation.from_json(records["preparation"]),
            card=Card.from_json(records["card"]),
        )

    @staticmethod
    def verify(folder: Path) -> None:
        """Check the format, and the digest of every file."""
        if not folder.is_dir():
            fix = "give the folder of a model, such as models/loan/1"
            raise NotFoundError(str(folder), "there is no such folder", fix)
        manifest = _read_json(folder / MANIFEST)
        if manifest.get("format") != FORMAT:
            problem = f"has format {manifest.get('format')!r}, this version reads {FORMAT}"
            fix = "use the version of Wingspan that wrote it, or a newer one"
            raise FormatError(str(folder / MANIFEST), problem, fix)
        files = manifest.get("files", {})
        for name in sorted({*files, _MODEL, *(f"{record}.json" for record in _RECORDS)}):
            path = folder / name
            found = digest_file(path) if path.is_file() else "no file"
            if found != files.get(name):
                raise _corrupt(path, f"expected {files.get(name)}, found {found}")


def read_card(folder: Path) -> Card:
    """Return only the card of a bundle, verified; no library of models is imported."""
    Bundle.verify(folder)
    return Card.from_json(_read_json(folder / "card.json"))


def read_preparation(folder: Path) -> Preparation:
    """Return only the preparation of a bundle, verified; no library of models is imported."""
    Bundle.verify(folder)
    return Preparation.from_json(_read_json(folder / "preparation.json"))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _corrupt(path, f"expected JSON: {error}") from error
    if not isinstance(content, dict):
        raise _corrupt(path, f"expected a JSON object, found {type(content).__name__}")
    return content


def _corrupt(path: Path, problem: str) -> CorruptError:
    return CorruptError(
        str(path), problem, "deploy the model again, or roll back to another version"
    )
