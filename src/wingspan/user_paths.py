"""Read paths as users write them."""

from pathlib import Path

from wingspan.errors import SettingError


def user_path(path: str | Path) -> Path:
    """Return a path with ``~`` replaced by a home folder.

    Raises
    ------
    SettingError
        There is no such user, or the user's home folder is unknown.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        name = Path(path).parts[0]
        problem = f"the home folder that {name} means cannot be found"
        raise SettingError(f"path {path}", problem, "write the whole path") from None
