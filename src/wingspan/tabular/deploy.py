"""Keep versions of models in a folder.

Readers see a whole version or none.

::

    models/NAME/1/      a bundle, never changed once it is there, with deployment.json: when it came
    models/NAME/2/
    models/NAME/current the number of the version in use, replaced in one step

One process at a time writes under a model's name; readers need no lock.
"""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory

from wingspan.errors import ConflictError, CorruptError, NotFoundError
from wingspan.files import aside, copy, disk_errors, json_text, locked, remove, write_atomically
from wingspan.tabular.bundle import MANIFEST, Bundle
from wingspan.tabular.given import MODEL_NAME, check_model_name

_DEPLOYMENT = "deployment.json"


@dataclass(frozen=True, slots=True)
class Deployed:
    """One version of a deployed model.

    Attributes
    ----------
    current
        Whether readers get it by the name alone.
    """

    name: str
    version: int
    folder: Path
    current: bool

    @property
    def created(self) -> str:
        """When it was deployed: UTC, ISO 8601; empty if that is not known."""
        try:
            return str(json.loads((self.folder / _DEPLOYMENT).read_text())["created"])
        except (OSError, ValueError, KeyError):
            return ""

    @property
    def reference(self) -> str:
        """``NAME@VERSION``."""
        return f"{self.name}@{self.version}"


def deploy(bundle: Bundle | Path, models: Path, name: str) -> Deployed:
    """Write a bundle as the next version of a model and make it the current one.

    A bundle that is the current version already is left as it is, so deploying twice is deploying once.

    Parameters
    ----------
    bundle
        A bundle, or the folder where one was saved; its model is not built then.

    Raises
    ------
    SettingError
        The name cannot be that of a folder.
    CorruptError, FormatError
        The saved bundle is damaged, or of another format.
    ConflictError
        The folder's file system has no locks.
    """
    check_model_name(name)
    if isinstance(bundle, Bundle):
        with TemporaryDirectory() as temporary, disk_errors(Path(temporary)):
            bundle.save(Path(temporary) / "bundle")
            return deploy(Path(temporary) / "bundle", models, name)
    Bundle.verify(bundle)
    home = models / name
    with _alone(home):
        for left in home.glob(".*.part"):  # of deployments that were killed
            remove(left)
        if (home / "current").is_file():
            now = find_deployed(models, name)
            if (now.folder / MANIFEST).read_bytes() == (bundle / MANIFEST).read_bytes():
                return now
        version = max(_versions(home), default=0) + 1
        with aside(home / str(version)) as folder:
            copy(bundle, folder)
            created = datetime.now(UTC).isoformat(timespec="seconds")
            (folder / _DEPLOYMENT).write_text(json_text({"created": created}))
        write_atomically(home / "current", f"{version}\n")
    return Deployed(name, version, home / str(version), current=True)


def rollback(models: Path, name: str, to: int | None = None) -> Deployed:
    """Make an older version the current one: `to`, or the one before the current.

    Raises
    ------
    NotFoundError
        There is no such version.
    """
    home = _home(models, name)
    with _alone(home):
        versions = _versions(home)
        if to is None:
            current = _current(home)
            older = [version for version in versions if version < current]
            if not older:
                fix = f"deploy another, or name one with --to: {_listed(versions)}"
                raise NotFoundError(f"{name}@{current}", "there is no version before it", fix)
            to = older[-1]
        if to not in versions:
            raise _no_version(name, to, versions)
        Bundle.verify(home / str(to))
        write_atomically(home / "current", f"{to}\n")
    return Deployed(name, to, home / str(to), current=True)


def deployed_models(models: Path) -> list[Deployed]:
    """Return every version of every model, by name and number."""
    found = []
    for home in sorted(models.iterdir()) if models.is_dir() else []:
        if (home / "current").is_file():
            current = _current(home)
            found += [
                Deployed(home.name, version, home / str(version), version == current)
                for version in _versions(home)
            ]
    return found


def find_deployed(models: Path, reference: str) -> Deployed:
    """Return the version that ``NAME`` (the current one) or ``NAME@VERSION`` names.

    Raises
    ------
    NotFoundError
        The model or version does not exist; the message lists those that do.
    """
    name, _, asked = reference.partition("@")
    home = _home(models, name)
    versions, current = _versions(home), _current(home)
    version = int(asked) if asked.isdecimal() else current
    if (asked and not asked.isdecimal()) or version not in versions:
        raise _no_version(name, asked or current, versions)
    return Deployed(name, version, home / str(version), version == current)


def only_deployed(models: Path) -> Deployed:
    """Return the current version of the one model there is.

    Raises
    ------
    NotFoundError
        No model is deployed, or several are.
    """
    current = [one for one in deployed_models(models) if one.current]
    if len(current) != 1:
        names = ", ".join(one.name for one in current)
        problem = f"expected one deployed model, found {names or 'none'}"
        fix = "name the one to use" if current else "train one: wingspan train DATA --target COLUMN"
        raise NotFoundError(str(models), problem, fix)
    return current[0]


def load_deployed(models: Path, reference: str) -> Bundle:
    """Read the bundle that ``NAME`` or ``NAME@VERSION`` names.

    Its bytes and types are checked first.
    """
    return Bundle.load(find_deployed(models, reference).folder)


def _home(models: Path, name: str) -> Path:
    """Return the folder of a model that is deployed."""
    if MODEL_NAME.fullmatch(name) and (models / name / "current").is_file():
        return models / name
    names = sorted({one.name for one in deployed_models(models)})
    close = get_close_matches(name, names)
    known = f"there are {', '.join(names)}" if names else "no model is deployed yet: deploy one"
    fix = f"did you mean {' or '.join(close)}?" if close else known
    raise NotFoundError(str(models), f"no deployed model is called {name!r}", fix)


def _versions(home: Path) -> list[int]:
    return sorted(int(entry.name) for entry in home.iterdir() if entry.name.isdecimal())


def _current(home: Path) -> int:
    path = home / "current"
    text = path.read_text().strip()
    if not text.isdecimal():
        fix = f"`wingspan models rollback {home.name} --to VERSION` writes it again"
        raise CorruptError(str(path), f"expected a version number, found {text[:40]!r}", fix)
    return int(text)


def _no_version(name: str, asked: int | str, versions: list[int]) -> NotFoundError:
    fix = f"choose one of {_listed(versions)}"
    return NotFoundError(f"model {name}", f"there is no version {asked}", fix)


def _listed(versions: list[int]) -> str:
    return ", ".join(map(str, versions))


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the lock on a model's folder; the system releases it when the process ends."""
    try:
        with locked(home / ".lock"):
            yield
    except OSError as error:
        if error.errno not in {errno.ENOLCK, errno.EOPNOTSUPP}:
            raise
        fix = "keep models on a local disk or on NFS version 4"
        raise ConflictError(
            str(home), f"its file system cannot lock files: {error}", fix
        ) from error
