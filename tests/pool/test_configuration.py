"""The text of a personal pool's configuration."""

from pathlib import Path

import pytest

from wingspan.pool.configuration import TUNED, Owner, pool_configuration, settings_text

RELEASE, FOLDER = Path("/opt/condor/usr"), Path("/home/ann/pool")


def read(text):
    """Return the last value of every setting, as HTCondor does."""
    pairs = [
        line.partition("=") for line in text.splitlines() if not line.startswith(("use ", "#"))
    ]
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def test_nobody_but_the_owner_is_let_in():
    """No ALLOW setting is open to the world."""
    settings = read(pool_configuration(RELEASE, FOLDER, Owner("ann")))
    allowed = {name: value for name, value in settings.items() if name.startswith("ALLOW_")}
    assert len(allowed) == 9
    assert set(allowed.values()) == {"ann@*"}
    assert settings["NETWORK_INTERFACE"] == "127.0.0.1"
    assert settings["SEC_DEFAULT_AUTHENTICATION"] == "REQUIRED"


def test_every_folder_lies_in_the_pools_own():
    """LOG, SPOOL, EXECUTE and the others are below LOCAL_DIR."""
    settings = read(pool_configuration(RELEASE, FOLDER, Owner("ann")))
    assert settings["LOCAL_DIR"] == str(FOLDER)
    for name in ("LOG", "SPOOL", "EXECUTE", "LOCK", "RUN", "SEC_PASSWORD_DIRECTORY"):
        assert settings[name].startswith("$(LOCAL_DIR)/")


def test_intervals_are_short_only_when_tuned():
    """Untuned, the pool has HTCondor's own intervals."""
    tuned = pool_configuration(RELEASE, FOLDER, Owner("ann"))
    plain = pool_configuration(RELEASE, FOLDER, Owner("ann"), tuned=False)
    assert settings_text(TUNED) in tuned
    assert not set(TUNED) & set(read(plain))


@pytest.mark.parametrize("extra", [{"NUM_CPUS": 3}, "NUM_CPUS = 3\n"])
def test_what_the_user_adds_wins(extra):
    """Settings by name or as text come last."""
    text = pool_configuration(RELEASE, FOLDER, Owner("ann"), cpus=8, extra=extra)
    assert read(text)["NUM_CPUS"] == "3"


def test_the_layouts_of_debian_and_of_the_tarball_are_told_apart(tmp_path):
    """Debian keeps LIBEXEC in a folder of its own."""
    assert (
        read(pool_configuration(tmp_path, FOLDER, Owner("ann")))["LIBEXEC"]
        == "$(RELEASE_DIR)/libexec"
    )
    (tmp_path / "libexec/condor").mkdir(parents=True)
    debian = read(pool_configuration(tmp_path, FOLDER, Owner("ann")))
    assert debian["LIBEXEC"] == "$(RELEASE_DIR)/libexec/condor"
