"""What the bindings raise is explained, and they follow CONDOR_CONFIG."""

import pytest

from wingspan.accesspoint.bindings import bindings, explained
from wingspan.accesspoint.jobs import query
from wingspan.errors import PoolError, SettingError


def test_no_pool_is_an_error_that_says_how_to_get_one(monkeypatch):
    """Without a configured pool the message names `wingspan pool start`."""
    monkeypatch.setenv("CONDOR_CONFIG", "/dev/null")
    with pytest.raises(
        PoolError, match=r"(?s)no HTCondor pool can be reached.*wingspan pool start"
    ):
        query()


def test_a_stopped_pool_is_no_pool(monkeypatch, tmp_path):
    """A configuration whose daemons do not run is reported with its path."""
    config = tmp_path / "condor_config"
    config.write_text(
        f"LOCAL_DIR = {tmp_path}\nCONDOR_HOST = 127.0.0.1\nCOLLECTOR_HOST = 127.0.0.1:9\n"
    )
    monkeypatch.setenv("CONDOR_CONFIG", str(config))
    with pytest.raises(PoolError, match=rf"(?s){config}.*no HTCondor pool can be reached"):
        query()


def test_the_configuration_is_read_again_when_it_is_another(monkeypatch, tmp_path):
    """One process may talk to one pool after the other."""
    for name in ("one", "two", "one"):
        (tmp_path / name).write_text(f"WINGSPAN_TEST = {name}\n")
        monkeypatch.setenv("CONDOR_CONFIG", str(tmp_path / name))
        assert bindings().param["WINGSPAN_TEST"] == name


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("AUTHENTICATE:1003:Failed to authenticate with any method", "credentials"),
        ("Failed to create job ad, errmsg=Submit:-1:Parse error", "submit description is refused"),
        ("Failed to connect to schedd", "does not answer"),
        ("Something new", r"refuses \(Something new\)"),
    ],
)
def test_messages_of_the_bindings_are_explained(text, meaning):
    """Each kind of failure has its own meaning; the bindings' words are kept."""
    with pytest.raises(PoolError, match=meaning), explained("trying") as htcondor2:
        raise htcondor2.HTCondorException(text)


def test_our_own_errors_pass_unchanged():
    """An error of Wingspan inside the block stays what it is."""
    with pytest.raises(SettingError), explained("trying"):
        raise SettingError("here", "wrong", "right")
