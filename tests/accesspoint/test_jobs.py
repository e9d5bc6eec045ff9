"""Jobs and DAGs on a real pool through the bindings."""

import pytest

from wingspan.accesspoint import edit, hold, query, release, remove, submit, submit_dag
from wingspan.errors import PoolError, SettingError

pytestmark = pytest.mark.htcondor
IDLE, RUNNING, HELD = 1, 2, 5
GONE = None


@pytest.fixture
def sleeper(job_folder):
    """Give the submit commands of a job that runs until it is removed."""
    return {"executable": "/bin/sleep", "arguments": 600, "log": job_folder / "job.log"}


def state(cluster):
    """Return the JobStatus of a cluster's first job, or None when it has left the queue."""
    found = query(f"ClusterId == {cluster}", ["JobStatus"])
    return found[0]["JobStatus"] if found else GONE


def test_a_job_runs_and_its_output_comes_back(job_folder, wait_until):
    """A submitted job ends, and its standard output is where it should be."""
    commands = {
        "executable": "/bin/echo", "arguments": "hello", "output": job_folder / "out",
        "log": job_folder / "log", "should_transfer_files": "YES",
    }  # fmt: skip
    cluster = submit(commands)
    wait_until(lambda: state(cluster) is GONE)
    assert (job_folder / "out").read_text() == "hello\n"


def test_items_become_jobs_of_one_cluster(job_folder, wait_until):
    """Every item gives one job, with its own values of the variables."""
    text = f"executable = /bin/echo\narguments = $(word)\noutput = {job_folder}/$(word)\n"
    cluster = submit(text, itemdata=[{"word": "one"}, {"word": "two"}])
    wait_until(lambda: state(cluster) is GONE)
    assert sorted(path.name for path in job_folder.iterdir()) == ["one", "two"]


def test_a_job_is_held_released_and_removed(sleeper, job_folder, wait_until):
    """Each action is done, and its reason is in the job event log."""
    cluster = submit(sleeper)
    wait_until(lambda: state(cluster) == RUNNING)
    assert hold(f"{cluster}.0", "wait for the disk") == 1
    wait_until(lambda: state(cluster) == HELD)
    (ad,) = query(f"ClusterId == {cluster}", ["HoldReasonCode", "HoldReason"])
    assert ad["HoldReasonCode"] == 1
    assert str(ad["HoldReason"]).startswith("wait for the disk")
    assert release(f"{cluster}.0", "disk is back") == 1
    wait_until(lambda: state(cluster) in {IDLE, RUNNING})
    assert remove(f"{cluster}", "no longer needed") == 1
    wait_until(lambda: state(cluster) is GONE)
    log = (job_folder / "job.log").read_text()
    for reason in ("wait for the disk", "disk is back", "no longer needed"):
        assert reason in log


def test_clusters_and_single_jobs_may_be_mixed(sleeper, wait_until):
    """The count says how many jobs changed; jobs that are not there count as none."""
    first, second = submit(sleeper, count=2), submit(sleeper, count=2)
    assert hold([str(first), f"{second}.1", f"{second}.7"], "mixed") == 3
    held = query(f"JobStatus == {HELD} && ClusterId >= {first}", ["ClusterId", "ProcId"])
    assert {(ad["ClusterId"], ad["ProcId"]) for ad in held} == {(first, 0), (first, 1), (second, 1)}
    assert remove([str(first), str(second)], "done") == 4


def test_an_attribute_of_a_queued_job_is_changed(sleeper):
    """`edit` takes a ClassAd expression."""
    cluster = submit({**sleeper, "hold": True})
    assert edit(f"{cluster}", "RequestMemory", "128 * 2 + MemoryUsage") == 1
    assert query(f"ClusterId == {cluster}", ["RequestMemory"]) == [
        {"RequestMemory": "128 * 2 + MemoryUsage"}
    ]
    remove(f"{cluster}", "done")


@pytest.mark.long
def test_a_dag_of_eight_nodes_runs_in_its_folder(job_folder, wait_until):
    """A -> B C D -> E F G -> H; the nodes' relative paths are those of the DAG's folder."""
    nodes = [f'JOB {name} node.sub\nVARS {name} name="{name}"' for name in "ABCDEFGH"]
    edges = ["PARENT A CHILD B C D", "PARENT B C D CHILD E F G", "PARENT E F G CHILD H"]
    (job_folder / "eight.dag").write_text("\n".join([*nodes, *edges, ""]))
    (job_folder / "node.sub").write_text(
        "executable = /bin/sh\narguments = \"-c 'echo $(name) >> order'\"\nqueue\n"
    )
    cluster = submit_dag(job_folder / "eight.dag")
    wait_until(lambda: state(cluster) is GONE, within_s=60)
    order = (job_folder / "order").read_text().split()
    assert sorted(order) == list("ABCDEFGH")
    assert order[0] == "A"
    assert set(order[1:4]) == set("BCD")
    assert order[-1] == "H"


def test_a_refused_description_is_explained(sleeper):
    """The message names the submit command, and nothing is queued."""
    before = {job["ClusterId"] for job in query()}  # others' jobs, which may leave meanwhile
    with pytest.raises(PoolError, match=r"(?s)submit description is refused.*RequestMemory"):
        submit({**sleeper, "request_memory": "lots("})
    assert {job["ClusterId"] for job in query()} <= before


def test_a_missing_dag_is_an_error(job_folder):
    """The message names the file."""
    with pytest.raises(PoolError, match=r"none\.dag"):
        submit_dag(job_folder / "none.dag")


@pytest.mark.parametrize(
    ("commands", "items"), [({"executable": "a\nb"}, None), ({"executable": "/bin/true"}, [])]
)
def test_what_cannot_be_a_submission_is_refused(pool, commands, items):
    """A line break would add a command; no items would add no job."""
    with pytest.raises(SettingError):
        submit(commands, itemdata=items)


@pytest.mark.parametrize("ids", ["all", "1.2.3", "ClusterId > 0", ["1.0", ""]])
def test_job_ids_are_checked_before_anything_is_done(pool, ids):
    """An expression is no id: a slip must not remove everything."""
    with pytest.raises(SettingError, match="expected ids such as 12"):
        remove(ids, "oops")
