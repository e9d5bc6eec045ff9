"""Jobs of a real pool, held for six true causes: the advice on each, and its canaries."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from wingspan.accesspoint import edit, hold, query, release, remove, submit
from wingspan.advisor.answers.evidence_text import ENOUGH
from wingspan.cli.main import app

pytestmark = pytest.mark.htcondor
HELD = 5
HELD_AGAIN = "012 {} Job was held.\n\tsite rule 7\n\tCode 26 Subcode 9"
RELEASED = "013 {} Job was released.\n\tperhaps now"


PLUGIN = r"""#!/bin/sh
if [ "$1" = -classad ]; then
    printf 'MultipleFileSupport = true\nPluginVersion = "1"\nPluginType = "FileTransfer"\n'
    echo 'SupportedMethods = "drill"'
    exit 0
fi
while [ $# -gt 0 ]; do
    case "$1" in -infile) in=$2 ;; -outfile) out=$2 ;; esac
    shift
done
file=$(sed -n 's/.*LocalFileName *= *"\([^"]*\)".*/\1/p' "$in")
if [ -e {gate} ]; then
    : > "$file"
    echo '[ TransferSuccess = true; TransferUrl = "drill://server/data"; TransferTotalBytes = 0; ]' > "$out"
    exit 0
fi
echo '[ TransferSuccess = false; TransferError = "connection refused"; TransferUrl = "drill://server/data"; ]' > "$out"
exit 1
"""


def plugin(folder, name):
    """Return a file-transfer plug-in that works as soon as there is the file `NAME.open`."""
    path = folder / name
    path.write_text(PLUGIN.replace("{gate}", str(folder / f"{name}.open")))
    path.chmod(0o755)
    return f"drill={path}"


def states(cluster):
    """Return the status of each job of a cluster that is in the queue."""
    return [ad["JobStatus"] for ad in query(f"ClusterId == {cluster}", ["JobStatus"])]


def advise(log, *words):
    result = CliRunner().invoke(app, ["holds", "advise", str(log), *map(str, words)])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def queue_answers():
    """Return the answer for each job held in the queue."""
    result = CliRunner().invoke(app, ["holds", "advise", "--schedd", "--json"])
    assert result.exit_code == 0, (result.output, result.exception)
    return {
        job["job"]: job for each in json.loads(result.output)["incidents"] for job in each["jobs"]
    }


def answers(log):
    """Return the advice on each held job of a log, by cluster."""
    incidents = json.loads(advise(log, "--json"))["incidents"]
    return {job["job"].partition(".")[0]: job for each in incidents for job in each["jobs"]}


@pytest.mark.long
def test_six_causes_and_canaries(job_folder, wait_until):
    """Each cause gets its own answer; an outage that is over is released whole, one that lasts stops at its canary."""
    log, other = job_folder / "log", job_folder / "other.log"
    common = {"executable": "/bin/true", "log": log, "should_transfer_files": "YES"}
    (job_folder / "garbage").write_bytes(b"\x7fELF no program")
    (job_folder / "garbage").chmod(0o755)
    url = {
        **common,
        "transfer_input_files": "drill://server/data",
        "transfer_plugins": plugin(job_folder, "short"),
    }
    wish = {"on_exit_hold": "true", "on_exit_hold_reason": '"result is not good enough"'}
    memory = '"memory usage exceeded request_memory of 64 megabytes"'
    jobs = {
        "input": submit({**common, "transfer_input_files": job_folder / "missing"}),
        "format": submit({**common, "executable": job_folder / "garbage"}),
        "policy": submit({**common, **wish}),
        "memory": submit({**common, **wish, "on_exit_hold_reason": memory}),
        "user": submit({**common, "executable": "/bin/sleep", "arguments": 600}),
        "outage": submit(url, 3),
    }
    lasting = submit({**url, "log": other, "transfer_plugins": plugin(job_folder, "long")}, 3)
    hold(str(jobs["user"]), "not today")
    everyone = [*jobs.values(), lasting]
    wait_until(lambda: all(set(states(each)) == {HELD} for each in everyone), 45)
    found = {name: answers(log)[str(cluster)] for name, cluster in jobs.items()}
    assert {name: job["answer"] for name, job in found.items()} == {
        "input": "fix first",
        "format": "fix first",
        "policy": "fix first",
        "memory": "fix first",
        "user": "no evidence",
        "outage": "release later",
    }, found
    assert f"condor_qedit {jobs['memory']}.0 RequestMemory" in found["memory"]["command"]

    quick = ["--apply", "release", "--settle", 1, "--wait", 40, "--audit", job_folder / "audit"]
    told = advise(other, *quick, "--early")
    assert "was held again" in told
    assert states(lasting) == [HELD] * 3  # the canary again, the others still
    assert "cool down" in advise(other, *quick, "--early")
    assert states(lasting) == [HELD] * 3
    done = [line for line in advise(log, *quick).splitlines() if line.startswith("release")]
    assert not done  # what is to be released later is not due

    (job_folder / "short.open").touch()
    told = advise(log, *quick, "--early")
    wait_until(lambda: not states(jobs["outage"]))
    assert "after its canaries" in told
    assert all(states(jobs[name]) == [HELD] for name in jobs if name != "outage")
    acts = [json.loads(line) for line in (job_folder / "audit").read_text().splitlines()]
    assert [act["what"] for act in acts].count("release") == 3, acts
    assert all(act["who"] and act["why"] for act in acts if act["what"] != "answer")
    assert advise(log, "--apply", "remove", "--audit", job_folder / "audit").count("\nremove ") == 0
    assert queue_answers()[f"{jobs['user']}.0"]["answer"] == "no evidence"
    remove([str(each) for each in everyone], "drill is over")


@pytest.mark.long
def test_a_missing_file_is_not_removed(job_folder, wait_until):
    """A job that six releases left in the same hold is to be fixed: its file may still come."""
    log = job_folder / "log"
    lacking = {
        "executable": "/bin/true",
        "log": log,
        "should_transfer_files": "YES",
        "transfer_input_files": job_folder / "missing",
    }
    again = submit(lacking)
    wait_until(lambda: states(again) == [HELD], 45)
    for times in range(2, 7):
        release(str(again), "perhaps now")
        asked = f"ClusterId == {again} && JobStatus == {HELD} && NumHolds == {times}"
        wait_until(lambda asked=asked: query(asked, ["NumHolds"]), 45)
    assert answers(log)[str(again)]["answer"] == "fix first"
    told = advise(log, "--apply", "remove", "--audit", job_folder / "audit")
    assert states(again) == [HELD], told
    remove([str(again)], "drill is over")


def test_removal_on_proof(job_folder, wait_until):
    """A job whose like were released in vain in 30 clusters is removed when asked for; one of another cause stays."""
    log = job_folder / "log"
    idle = {"executable": "/bin/sleep", "arguments": 600}
    hopeless, other = submit(idle), submit(idle)
    hold([str(hopeless), str(other)], "not today")
    wait_until(lambda: states(hopeless) == states(other) == [HELD], 45)
    for name, value in (("Code", "26"), ("SubCode", "9"), ("", '"site rule 7"')):
        edit(str(hopeless), f"HoldReason{name}", value)  # as SYSTEM_PERIODIC_HOLD would say
    (ad,) = query(f"ClusterId == {hopeless}", ["EnteredCurrentStatus"])
    log.write_text("".join(records(hopeless, ad["EnteredCurrentStatus"])))
    assert answers(log)[str(hopeless)]["decided_by"] == "proof"

    audit = job_folder / "audit"
    told = advise(log, "--apply", "remove", "--audit", audit)
    wait_until(lambda: not states(hopeless))
    assert states(other) == [HELD], told
    act, answer = map(json.loads, audit.read_text().splitlines()[-2:])
    assert (act["what"], act["jobs"]) == ("remove", [f"{hopeless}.0"]), act
    assert (answer["what"], answer["done"]) == ("answer", 1), answer
    remove([str(other)], "drill is over")


def records(last, held_at):
    """Yield a log in which a site's rule holds thirty clusters again after a release; the last is held still."""
    for number in range(ENOUGH):
        cluster = last if number == ENOUGH - 1 else last + 1000 + number
        told = [
            "000 {} Job submitted from host: <127.0.0.1:9618>",
            HELD_AGAIN,
            RELEASED,
            HELD_AGAIN,
        ]
        told += ["009 {} Job was aborted.\n\tvia condor_rm"] if cluster != last else []
        for second, record in enumerate(told):
            at = datetime.fromtimestamp(held_at - 60 * (ENOUGH - 1 - number) - 3 + second, UTC)
            yield record.format(f"({cluster}.000.000) {at:%Y-%m-%d %H:%M:%S}Z") + "\n...\n"
