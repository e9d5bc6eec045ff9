"""On a pool too the first result wins, and what reads the same bytes as before does not run."""

import json
import time

import pytest

from wingspan.store.codec import encode
from wingspan.store.store import Store

STEPS = """
    import os
    import time
    import wingspan as ws

    def fit(n: int) -> str:
        time.sleep(2)
        return os.urandom(8).hex() if n < 0 else f"{n}"

    def reads(model: str) -> str:
        return f"read {model}"

    def last(text: str) -> str:
        return f"last {text}"

    def pipeline(n: int) -> ws.Pipeline:
        p = ws.Pipeline("same")
        p.step(last, p.step(reads, p.step(fit, n)))
        return p
"""


@pytest.fixture
def same(project):
    project.write(same=STEPS)
    return project.fresh("same")


def publish(store, key, value, folder):
    """Store a value under a key, as another run would."""
    made = folder / f"other-{time.monotonic_ns()}"
    (made / "outputs").mkdir(parents=True)
    record = encode(value, made / "outputs" / "value")
    (made / "result.json").write_text(
        json.dumps({"outputs": {"value": record}, "status": "ok", "inputs": {}})
    )
    store.publish(key, made)


@pytest.mark.htcondor
@pytest.mark.parametrize("fuse", [pytest.param(False, marks=pytest.mark.long), True])
def test_what_was_made_of_a_result_that_came_second_runs_again(same, job_folder, fuse):
    """The run submits another DAG for it by itself."""
    home = job_folder / "home"

    def listener(event):
        if event.step == "fit" and event.state == "running":
            publish(Store(home / "store"), event.key, "first", job_folder)

    run = same.pipeline(-1).run("htcondor", home=home, listener=listener, fuse=fuse)
    assert run["last"] == "last read first"
    assert "not deterministic" in run.events["fit"].note
    assert run.state == "done"
    assert (run.folder.dags / "2").is_dir()


@pytest.mark.long
@pytest.mark.htcondor
def test_readers_of_the_same_bytes_do_not_run(same, project, job_folder):
    """Only the edited step has a job that computes."""
    home = job_folder / "home"
    same.pipeline(1).run("htcondor", home=home, fuse=False)
    project.write(same=STEPS.replace('f"{n}"', "str(n)"))
    run = project.fresh("same").pipeline(1).run("htcondor", home=home, fuse=False)
    assert {name for name, event in run.events.items() if event.adopted} == {"reads", "last"}
    assert run["last"] == "last read 1"
    assert list(Store(home / "store").check()) == []
    project.write(same=STEPS.replace('f"{n}"', '"".join([str(n)])'))
    run = project.fresh("same").pipeline(1).run("htcondor", home=home)
    assert {name for name, event in run.events.items() if event.adopted} == {"reads", "last"}
