"""The guide to a pool on several machines: its commands make one, in namespaces, and a workflow outlives two machines."""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

import wingspan as ws

pytestmark = [
    pytest.mark.htcondor,
    pytest.mark.long,
    pytest.mark.timeout(900),
]
ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/several-machines.md"
EXECUTION_POINTS = {"exec1": "192.0.2.11", "exec2": "192.0.2.12", "exec3": "192.0.2.13"}
STARTED = re.compile(r"^001 \(.*?^\.\.\.$", re.MULTILINE | re.DOTALL)


def commands(heading):
    """Return the shell commands of a part of the guide."""
    part = re.search(
        rf"^## {heading}$(.*?)(?=^## |\Z)", GUIDE.read_text(), re.MULTILINE | re.DOTALL
    )[1]
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", part, re.MULTILINE | re.DOTALL))


def follow_guide(host, *headings):
    """Give the commands of some parts of the guide, as root of a host."""
    return host.run("sh", "-euc", "\n".join(commands(heading) for heading in headings))


@pytest.fixture(scope="module")
def machines(hosts, wait_for):
    """Set up three roles as the guide says; give the hosts by their short names."""
    central = hosts.make("cm", "192.0.2.1")
    follow_guide(central, "On every machine", "On the central manager")
    for short, address in {"access": "192.0.2.2", **EXECUTION_POINTS}.items():
        role = "access point" if short == "access" else "execution point"
        host = hosts.make(short, address, python=short == "access")
        token = f"{role.replace(' ', '-')}.token"
        (host.folder / "root" / token).write_text((central.folder / "root" / token).read_text())
        if short != "access":
            config = host.folder / "etc/condor/config.d/90-short.conf"
            config.write_text(config.read_text() + "USER_JOB_WRAPPER = /etc/condor/wrapper\n")
        follow_guide(host, "On every machine", f"On (?:the|each) {role}")
    access = hosts.all["access"]
    wait_for(lambda: len(slots(access)) == len(EXECUTION_POINTS), 60)
    wait_for(
        lambda: "access.example.org" in access.run("condor_status", "-schedd", "-af", "Name"), 60
    )
    return hosts.all


@pytest.fixture(scope="module")
def wait_for():
    """Give a function that waits until a condition holds."""
    import time

    def wait(condition, within_s):
        end = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < end, f"not within {within_s} s: {condition}"
            time.sleep(0.2)
        return found

    return wait


def slots(host):
    """Return the machines that offer slots, as an ordinary user of a host sees them."""
    return set(host.run("condor_status", "-af", "Machine", user=64001, check=False).split())


def test_machines_know_each_other_by_tokens(machines):
    """An execution point may offer itself, and may not pose as an access point."""
    ask = ("condor_ping", "-pool", "cm.example.org", "-type", "collector", "-table")
    offered = machines["exec1"].run(*ask, "ADVERTISE_STARTD", check=False)
    assert re.search(r"ADVERTISE_STARTD\s+IDTOKENS\s.*ALLOW\s+execution-point@", offered), offered
    for permission in ("ADVERTISE_SCHEDD", "ADMINISTRATOR", "NEGOTIATOR", "DAEMON"):
        refused = machines["exec1"].run(*ask, permission, check=False)
        assert "ALLOW" not in refused, refused


def test_a_machine_without_a_token_is_refused(machines, hosts):
    """It has the right address and the same configuration."""
    stranger = hosts.make("stranger", "192.0.2.99")
    follow_guide(stranger, "On every machine")
    ask = ("condor_ping", "-pool", "cm.example.org", "-type", "collector", "-table")
    for permission in ("ADVERTISE_STARTD", "ADVERTISE_SCHEDD", "ADMINISTRATOR"):
        assert "ALLOW" not in stranger.run(*ask, permission, check=False)
    for name in ("access", "exec1"):
        off = stranger.run("condor_off", "-fast", "-name", f"{name}.example.org", check=False)
        assert "Sent" not in off, off


def test_one_port_is_open(machines):
    """The shared port of HTCondor; collector and schedd have others, which they name to no other machine."""
    for short in ("cm", "access", *EXECUTION_POINTS):
        listening = machines[short].run("ss", "-ltupnH").splitlines()
        assert [line for line in listening if line.startswith("tcp") and ":9618 " in line]
        daemons = {re.search(r'"([^"]+)"', line)[1] for line in listening if ":9618 " not in line}
        own = {"cm": {"condor_collecto"}, "access": {"condor_schedd"}}.get(short, set())
        assert daemons <= own, listening
    for short, file in (
        ("cm", "log/condor/.collector_address"),
        ("access", "spool/condor/.schedd_address"),
    ):
        public = (machines[short].folder / "var" / file).read_text()
        ports = set(re.findall(r"192\.0\.2\.\d+[:-](\d+)", public))
        assert ports == {"9618"}, public


def table(folder):
    """Write a cut of the loan table, or rows of its shape where it is not here."""
    real = ROOT / "../shared/data/loan/loan_data.csv"
    if real.is_file():
        rows = real.read_text().splitlines()[:3001]
    else:
        random.seed(1)
        rows = ["id,income,grade,loan_status"]
        for number in range(3000):
            income = random.randint(0, 90)
            rows.append(
                f"{number},{income},{random.choice('AB')},{int(income + random.random() * 30 > 60)}"
            )
    (folder / "loan_data.csv").write_text("\n".join(rows) + "\n")


WORKFLOW = [
    sys.executable,
    "-m",
    "wingspan",
    "run",
    str(ROOT / "examples/loan_default.py"),
    "--set",
    "csv=loan_data.csv",
]


def results(project):
    """Return the digests of all results of a project, by their keys."""
    found = {}
    for file in project.glob(".wingspan/store/??/*/result.json"):
        outputs = json.loads(file.read_text())["outputs"]
        found[file.parent.name] = {name: output["digest"] for name, output in outputs.items()}
    return found


def started_on(project):
    """Return the execution points on which jobs were started, in order."""
    text = "".join(log.read_text() for log in project.glob(".wingspan/runs/*/dag/*/jobs.log"))
    by_address = {address: short for short, address in EXECUTION_POINTS.items()}
    return [
        by_address[re.search(r"<(192\.0\.2\.\d+):", event)[1]] for event in STARTED.findall(text)
    ]


def lose_two(machines, hosts, project, wait_for):
    """Cut off the first machine that runs a job, kill the next one; return their names once the third has a job."""
    paused = [machines[short].folder / "etc/condor/paused" for short in EXECUTION_POINTS]

    def elsewhere(*gone):
        return next((short for short in started_on(project) if short not in gone), None)

    cut_off = wait_for(elsewhere, 150)
    hosts.cut(machines[cut_off])
    killed = wait_for(lambda: elsewhere(cut_off), 300)
    machines[killed].kill()
    for flag in paused:
        flag.unlink()
    wait_for(lambda: elsewhere(cut_off, killed), 300)
    return cut_off, killed


def test_the_loan_workflow_outlives_two_machines(machines, hosts, wait_for, tmp_path):
    """One is cut off and one killed, each while it runs a job; the results are those of one machine."""
    access = machines["access"]
    project = access.folder / "home/ann/loans"
    project.mkdir()
    table(project)
    access.run("chown", "-R", "ann:ann", "/home/ann/loans")
    for short in EXECUTION_POINTS:
        (machines[short].folder / "etc/condor/paused").touch()
    words = access.words(*WORKFLOW, "--on", "htcondor", user=64001, folder="/home/ann/loans")
    with (tmp_path / "run.log").open("w") as log:
        run = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        cut_off, killed = lose_two(machines, hosts, project, wait_for)
        hosts.join(machines[cut_off])
        assert run.wait(240) == 0, (tmp_path / "run.log").read_text()
    finally:
        run.kill()
        run.wait()
    here = tmp_path / "here"
    here.mkdir()
    table(here)
    done = subprocess.run(WORKFLOW, cwd=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(project) == results(here)
    assert len(results(here)) == len(ws.open_run(home=here / ".wingspan"))
    wait_for(lambda: "condor_starter" not in machines[cut_off].run("ps", "-eo", "comm"), 60)
    wait_for(lambda: f"{cut_off}.example.org" in slots(access), 60)
    assert f"{killed}.example.org" not in slots(access)
