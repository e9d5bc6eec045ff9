"""A run is shown in W&B by its own client, against a server on the loopback interface; the key stays where it is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wingspan as ws
from wingspan.errors import SettingError

sys.path.insert(0, str(Path(__file__).parents[1] / "tracking"))
from wandb_server import KEY, Server

SHOWN = """
    import os
    from pathlib import Path
    from typing import NamedTuple

    import wingspan as ws

    class Fitted(NamedTuple):
        model: Path
        accuracy: float

    def environment() -> str:
        return Path("/proc/self/environ").read_text() + repr(dict(os.environ))

    def train(rate: float, epochs: int = 4) -> Fitted:
        for epoch in range(epochs):
            ws.log({"loss": (1 - rate) ** epoch, "rate": rate}, step=epoch)
        Path("model.bin").write_bytes(bytes(range(256)) * int(100 * rate))
        return Fitted(Path("model.bin"), rate)

    def report(model: Path, seen: str) -> dict[str, float]:
        return {"bytes": model.stat().st_size}

    def pipeline(trials: int = 3, epochs: int = 4) -> ws.Pipeline:
        p = ws.Pipeline("shown")
        over = {"rate": ws.uniform(0.25, 0.5)}
        given = {"metric": "loss", "search": "random", "trials": trials, "epochs": epochs}
        tuned = p.sweep(train, over=over, **given)
        p.step(report, tuned.model, p.step(environment))
        return p
"""


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server, and an environment that leads W&B's client to it and away from the account of whoever tests."""
    pytest.importorskip("wandb", reason="W&B's client is not installed: nothing of it is tested")
    found = Server()
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_BASE_URL", found.url)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    yield found
    found.close()


def files_with(text, *folders):
    """Return the files below some folders that hold a text."""
    found = subprocess.run(
        ["grep", "-rlaF", text, *map(str, folders)], capture_output=True, text=True, check=False
    )
    return found.stdout.split()


def named(server):
    """Return the runs of a server by the name that is shown."""
    return {run["displayName"]: (identity, run) for identity, run in server.runs.items()}


def track(*words, **more):
    """Run the command in a process of its own, as a user does; return its exit code and what it said."""
    command = [sys.executable, "-m", "wingspan", "track", *words]
    done = subprocess.run(
        command, env={**os.environ, **more}, text=True, capture_output=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def require_whole(server, run, trials, epochs):
    """Each trial's rows are there once and in order, whatever happened before."""
    word = run.steps["train"].sweep["study"][:12]
    for trial in run.study.trials[:trials]:
        rows = server.history(f"{word}-{trial.number}")
        rate = trial.parameters["rate"]
        assert [row["_step"] for row in rows] == list(range(epochs))
        assert [row["loss"] for row in rows] == pytest.approx(
            [(1 - rate) ** n for n in range(epochs)]
        )


def test_a_run_is_shown_while_it_goes_on_and_its_key_is_nowhere(project, server):
    """One run of W&B's a trial, a sweep and a score; rows, config, group, summary, artifacts; no key but in the login."""
    project.write(shown=SHOWN)
    run = project.fresh("shown").pipeline().run(track="wandb")
    assert run.folder.mirror_log.read_text() == "", run.folder.mirror_log.read_text()
    require_whole(server, run, 3, 4)
    shown = named(server)
    assert set(shown) == {"train", "train[0]", "train[1]", "train[2]", "report"}
    identity, trial = shown["train[1]"]
    assert identity.endswith("-1")
    assert (trial["project"], trial["jobType"], trial["exit"]) == ("mine", "trial", 0)
    assert trial["groupName"] == shown["train"][1]["groupName"]
    assert shown["report"][1]["groupName"] == run.run_id
    assert f'"rate":{{"value":{run.study.trials[1].parameters["rate"]}' in trial["config"]
    assert trial["summary"]["wingspan/state"] == "complete"
    assert trial["summary"]["accuracy"] == run.study.trials[1].parameters["rate"]
    assert (
        shown["report"][1]["summary"]["bytes"]
        == 25600 * run.study.best.parameters["rate"] // 256 * 256
    )
    assert shown["train"][1]["summary"]["best/number"] == run.study.best.number
    model = run["train"].model.read_bytes()
    assert model in server.files.values()
    assert any(path.endswith("/study.json") for path in server.files)

    before = len(server.operations)
    server.rows[identity].popitem()
    server.rows[f"{identity[:-2]}-2"][1]["loss"] = 7.0
    code, said = track("check")
    assert code == 1
    assert said.splitlines() == [
        "wandb: train[1]: W&B has 3 rows, logged: 4",
        "wandb: train[2]: W&B has other numbers at 1 step, first at 1",
    ]
    asked = {"RunResumeStatus", "HistoryPage", "RunArtifacts"}
    assert set(server.operations[before:]) <= asked  # looking changes nothing

    server.old = True
    server.rows[identity][3] = {**server.rows[identity][2], "_step": 3}
    code, said = track("check")
    assert (code, sorted(said.splitlines())) == (
        3,
        [
            "wandb: the server does not show the digests of artifacts: they were not compared (1 run)",
            "wandb: the server does not show the values of rows: only their number was compared (3 runs)",
        ],
    )

    assert "HOME" in run["environment"]
    assert "WANDB_API_KEY" not in run["environment"]
    assert files_with(KEY, project.path, Path.home()) == []


@pytest.mark.long
@pytest.mark.parametrize("share", [0.02, 0.4, 0.8])
def test_a_sync_that_is_killed_doubles_nothing(project, server, share):
    """Killed once the server has some rows, with all its processes; the next one sends the rest, a third nothing."""
    project.write(shown=SHOWN)
    run = project.fresh("shown").pipeline(trials=2, epochs=40).run()
    command = [sys.executable, "-m", "wingspan", "track", "sync", "--track", "wandb"]
    first = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while first.poll() is None and sum(map(len, server.rows.values())) < share * 80:
        time.sleep(0.002)
    os.killpg(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    code, said = track("sync", run.run_id)
    assert code == 0, said
    require_whole(server, run, 2, 40)
    assert f"wandb: sweep at {server.url}/me/mine/groups/train-" in said
    if share > 0.1:
        uploads = len(server.operations)
        assert track("sync")[0] == 0
        assert server.operations[uploads:] == ["RunResumeStatus"]  # whether the key is taken
        assert track("check")[0] == 0
    require_whole(server, run, 2, 40)


@pytest.mark.long
def test_without_a_login_or_a_server_nothing_is_lost(project, server, monkeypatch):
    """No key, offline mode, a server that is gone: the run ends well, the log says what to do, a later sync sends all."""
    project.write(shown=SHOWN)
    monkeypatch.delenv("WANDB_API_KEY")
    run = project.fresh("shown").pipeline().run(track="wandb")
    assert "wandb login" in run.folder.mirror_log.read_text()
    code, said = track("sync", WANDB_API_KEY=KEY, WANDB_MODE="offline")
    assert (code, "WANDB_MODE is offline" in said) == (1, True)
    server.refuse = True
    code, said = track("sync", WANDB_API_KEY=KEY)
    assert (code, "not sent: HTTP Error 503" in said) == (1, True)
    server.refuse = False
    code, said = track("sync", WANDB_API_KEY=KEY[::-1])
    assert (code, "refuses the key" in said) == (1, True)
    assert KEY[::-1] not in said
    assert server.runs == {}
    code, said = track("sync", WANDB_API_KEY=KEY, WANDB_PROJECT="another")
    assert code == 0, said
    require_whole(server, run, 3, 4)
    assert {each["project"] for each in server.runs.values()} == {"mine"}


def test_without_the_client_it_is_refused_before_anything_runs(project, monkeypatch):
    """The message says what to install."""
    project.write(shown=SHOWN)
    monkeypatch.setattr("wingspan.tracking.wandb_client.find_spec", lambda _: None)
    with pytest.raises(SettingError, match="pip install wandb"):
        project.fresh("shown").pipeline().run(track="wandb")
    assert not Path(".wingspan/runs").exists()
    assert ws.runs() == []
