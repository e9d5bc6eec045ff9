"""A path that begins with a home folder which cannot be found is an error of its own, wherever the user writes it."""

from pathlib import Path

import pytest

import wingspan as ws
from wingspan.errors import SettingError
from wingspan.runner.htcondor.profile import find_profile
from wingspan.user_paths import user_path

NOBODY = "~no-such-user/x"


def one(file: Path | str) -> int:
    """Take a file."""
    return len(str(file))


def pipeline(**resources):
    """Return a pipeline of one step."""
    p = ws.Pipeline("paths")
    p.step(one, "x", resources=ws.Resources(**resources))
    return p


@pytest.mark.parametrize(
    "use",
    [
        lambda: pipeline().run(home=NOBODY),
        lambda: pipeline().submit("htcondor", shared=NOBODY),
        lambda: pipeline(image=NOBODY).plan(),
        lambda: ws.open_run("last", home=NOBODY),
    ],
    ids=["home", "shared", "image", "open_run"],
)
def test_an_unknown_home_folder_is_named(use):
    """No traceback of the standard library is shown."""
    with pytest.raises(SettingError, match=r"(?s)~no-such-user.*write the whole path"):
        use()


def test_an_unknown_home_folder_of_a_profile_is_named(tmp_path):
    """In each key that takes a path."""
    for line in (f"shared = '{NOBODY}'", f"staging = {{ '{NOBODY}' = 'osdf://x' }}"):
        (tmp_path / "wingspan.toml").write_text(f"[pools.a]\n{line}\n")
        with pytest.raises(SettingError, match="~no-such-user"):
            find_profile("a", tmp_path)


def test_a_home_folder_is_found():
    """The user's own."""
    assert user_path("~/x") == Path.home() / "x"
