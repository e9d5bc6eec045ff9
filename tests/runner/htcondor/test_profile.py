"""Profiles of pools, read from wingspan.toml."""

from datetime import timedelta
from pathlib import Path

import pytest

from wingspan.cli.runs import pool_keys
from wingspan.errors import NotFoundError, SettingError
from wingspan.runner.htcondor.profile import Profile, find_profile

ALL = """
[pools.campus]
submit = { "+ProjectName" = '"Wings"', rank = "Mips", want_graceful_removal = true, priority = 3 }
shared = "~/wingspan"
image = "docker://python:3.12"
environment_limit = "1.5GB"
environment = "send"
task_time = "2min"
max_jobs = 100
max_idle = 20
priority = -5
notify = "ann@example.edu"
hold_back_off = 0.2
checkpoint_every = "1h"
dagman = { DAGMAN_USER_LOG_SCAN_INTERVAL = 1 }
"""


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Give a function that writes the project's file, and the user's, and returns a folder of the project."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", "/home/ann")
    start = tmp_path / "project" / "deep"
    start.mkdir(parents=True)
    (tmp_path / "config").mkdir()

    def write(project=None, user=None):
        if project is not None:
            (tmp_path / "project" / "wingspan.toml").write_text(project)
        if user is not None:
            (tmp_path / "config" / "wingspan.toml").write_text(user)
        return start

    return write


def test_every_key_arrives_in_its_unit(files):
    """Sizes are MB, times seconds, commands one text each."""
    found = find_profile("campus", files(ALL))
    assert found == Profile(
        name="campus",
        submit={
            "+ProjectName": '"Wings"',
            "rank": "Mips",
            "want_graceful_removal": "true",
            "priority": "3",
        },
        shared=Path("/home/ann/wingspan"),
        image="docker://python:3.12",
        environment_limit_mb=1536,
        environment="send",
        task_time_s=120.0,
        max_jobs=100,
        max_idle=20,
        priority=-5,
        notify="ann@example.edu",
        hold_back_off_s=1,
        checkpoint_every_s=3600.0,
        dagman={"DAGMAN_USER_LOG_SCAN_INTERVAL": "1"},
    )
    with pytest.raises(TypeError):
        found.submit["rank"] = "0"


def test_the_default_pool_needs_no_file(files):
    """``htcondor`` is there without a file, and a file may change it."""
    assert find_profile("htcondor", files()) == Profile()
    assert find_profile("htcondor", files("[pools.htcondor]\nmax_jobs = 7")).max_jobs == 7


def test_a_pool_of_the_project_wins_over_the_users(files):
    """The user's file is read too; a pool of the same name in the project's hides the user's."""
    start = files("[pools.a]\nmax_jobs = 1", "[pools.a]\nmax_jobs = 2\n[pools.b]\nmax_jobs = 3")
    assert find_profile("a", start).max_jobs == 1
    assert find_profile("b", start).max_jobs == 3


def test_an_unknown_pool_lists_the_close_ones(files):
    """A misspelt name says which were meant, and where it was looked for."""
    with pytest.raises(NotFoundError, match="did you mean campus") as caught:
        find_profile("campsu", files(ALL))
    assert "wingspan.toml" in str(caught.value)
    with pytest.raises(NotFoundError, match="did you mean htcondor"):
        find_profile("htcondr", files())


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("shard = '/x'", "shard: is not a key of a pool; did you mean shared?"),
        ("x = 1", "x: is not a key of a pool; keys: submit, shared"),
        ("shared = 'here'", "shared: expected an absolute path, found 'here'"),
        ("image = 3", "image: expected one line of text, found 3"),
        ("max_jobs = true", "max_jobs: expected a whole number of at least 1, found True"),
        ("max_jobs = 0", "found 0"),
        ("max_idle = 0", "max_idle: expected a whole number of at least 1, found 0"),
        ("priority = 1.5", "priority: expected a whole number, found 1.5"),
        ("priority = -3_000_000_000", "priority: expected a whole number of at most 2147483647"),
        ("max_jobs = 3_000_000_000", "max_jobs: expected a whole number of at most 2147483647"),
        ("submit = { rank = nan }", "submit: expected one line of text, found nan"),
        ("dagman = { DAGMAN_X = inf }", "dagman: expected one line of text, found inf"),
        ("notify = 'a b'", "notify: expected an address such as"),
        ("task_time = '10 parsecs'", 'task_time: expected a time such as "10min", found \'10 par'),
        ("environment_limit = -1", 'environment_limit: expected a size such as "2GB", found -1'),
        (
            "environment = 'sent'",
            "environment: expected 'auto', 'send' or 'installed', found 'sent'",
        ),
        ("dagman = { SCHEDD_INTERVAL = 1 }", "such as DAGMAN_MAX_JOBS_IDLE, found 'SCHEDD_INTER"),
        ("submit = 3", "submit: expected a table { NAME = VALUE }, found 3"),
        ("submit = { 'a b' = 1 }", "expected the name of a submit command, found 'a b'"),
        ("submit = { rank = '''a\nb''' }", "expected one line of text"),
        ("submit = { Executable = 'x' }", "Executable is written by Wingspan itself; leave it out"),
        ("submit = { transfer_plugins = 'x' }", "transfer_plugins is written by Wingspan itself"),
        ("submit = { log = 'x' }", "log is written by Wingspan itself"),
        ("submit = { request_memory = 5 }", "use Resources(memory=) of a step"),
        ("submit = { 'My.WingspanRun' = 'x' }", "My.WingspanRun is an attribute of Wingspan's own"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(files, line, told):
    """A message has the file, the pool, the key, what was expected and what was found."""
    with pytest.raises(SettingError) as caught:
        find_profile("p", files(f"[pools.p]\n{line}"))
    assert told in str(caught.value)
    assert "wingspan.toml [pools.p]: " in str(caught.value)


def test_all_that_is_wrong_is_told_together(files):
    """Several faults are one message."""
    with pytest.raises(SettingError, match=r"shared: .*; max_jobs: "):
        find_profile("p", files("[pools.p]\nshared = ''\nmax_jobs = 'many'"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[pools.p\n", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        ("[pool.p]\n", r"expected tables \[pools.NAME\] only, found pool"),
        ("pools = 3\n", "found 3"),
        ("pools.p = 3\n", "pools.p: expected a table, found 3"),
        ("[pools.local]\n", "'local' is this machine"),
    ],
)
def test_a_file_that_is_no_file_of_pools_is_refused(files, text, told):
    """Whatever is wrong with the file as a whole is a message, not a trace."""
    start = files("")
    file = start.parent / "wingspan.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SettingError, match=told):
        find_profile("p", start)


def test_a_file_that_cannot_be_read_is_told(files, monkeypatch):
    """An unreadable file is never passed over in silence."""
    start = files("")

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(SettingError, match="cannot be read: Permission denied"):
        find_profile("p", start)


def test_keys_given_for_one_run_win(files):
    """They are read as those of the file are; what is wrong with them is reported together."""
    start = files("[pools.a]\nmax_jobs = 1\npriority = 2")
    found = find_profile("a", start, None, {"priority": 3, "task_time": "2min"})
    assert (found.max_jobs, found.priority, found.task_time_s) == (1, 3, 120.0)
    wrong = {"priorty": 1, "max_idle": 0, "dagman": {}, "task_time": timedelta(seconds=3)}
    with pytest.raises(SettingError) as caught:
        find_profile("a", start, None, wrong)
    for told in ("did you mean priority", "found 0", "dagman: set it in wingspan.toml", "datetime"):
        assert told in str(caught.value)


STEP = """
    import wingspan as ws

    def one() -> int:
        return 1

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("options")
        p.step(one)
        return p
"""
KEYS = {"priority": 7, "max_idle": 3, "notify": "ann@example.edu"}


def test_keys_of_a_run_are_in_its_dags_and_kept_for_later_ones(project, small_pool, tmp_path):
    """Given in Python, or as options of the command line; this machine has no use for them."""
    project.write(options=STEP)
    pipeline = project.fresh("options").pipeline()
    run = pipeline.run("htcondor", home=tmp_path / "home", pool=KEYS)
    text = (run.folder.dags / "1" / "workflow.dag").read_text()
    assert "PRIORITY ALL_NODES 7" in text
    assert "ENV SET _CONDOR_DAGMAN_MAX_JOBS_IDLE=3" in text
    assert "notify_user = ann@example.edu" in text
    assert run.folder.pool == KEYS
    assert pool_keys([f"{key}={value}" for key, value in KEYS.items()]) == KEYS
    with pytest.raises(SettingError, match="on this machine has no use for a profile"):
        pipeline.run(home=tmp_path / "home", pool=KEYS)
