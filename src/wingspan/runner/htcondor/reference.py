"""Find the URL of an input file that the pool can fetch without the access point. Pure."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import SettingError
from wingspan.pipeline.names import file_part

_PLAIN = re.compile(r"[A-Za-z0-9._~+/-]+")  # what a URL, and a list of them, holds as it is


def sent_name(file: Mapping[str, Any]) -> str:
    """Return the name under which a file is sent.

    It has a part of the digest, as files of one name may go to one job, and only plain characters.
    """
    return f"{str(file['digest']).partition(':')[2][:16]}.{file_part(file['name'])}"


def url_of(file: Mapping[str, Any], staging: Mapping[Path, str]) -> str | None:
    """Return the URL of an input file; None if it is below none of the folders.

    Parameters
    ----------
    staging
        Folder, as it is seen here -> URL of the same folder.

    Raises
    ------
    SettingError
        It is a folder, or has a name that is another one in a URL.
    """
    path = Path(file["path"])
    above = [folder for folder in staging if path.is_relative_to(folder)]
    if not above:
        return None
    if path.name != file["name"]:
        problem = "passed by reference, it would have the name of another input of this step"
        raise SettingError(f"input file {path}", problem, "rename one")
    folder = max(above, key=lambda one: len(one.parts))
    inner = path.relative_to(folder).as_posix()
    if not _PLAIN.fullmatch(inner):
        problem = f"passed by reference, its name may have letters, digits and ._~+- only: {inner}"
        raise SettingError(f"input file {path}", problem, "rename it")
    if path.is_dir():
        problem = "it is a folder, which cannot be passed by reference"
        raise SettingError(f"input file {path}", problem, "name its files, or pack them into one")
    return f"{staging[folder].rstrip('/')}/{inner}"


def require_own_names(node: str, given: Iterable[str]) -> None:
    """Refuse files by reference that would get the same name in a job.

    Raises
    ------
    SettingError
        Two have the same last part.
    """
    seen: dict[str, str] = {}
    for url in (one for one in given if "://" in one):
        other = seen.setdefault(url.rpartition("/")[2], url)
        if other != url:
            problem = f"{other} and {url} would have the same name"
            raise SettingError(f"job {node}", problem, "rename one, or give --no-fuse")
