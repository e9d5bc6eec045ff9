"""DAGMan, schedd and startd of the small access point, for one DAG: runs its jobs, and writes the events HTCondor would.

Each job gets a sandbox of the files that its node names, runs job.sh there, and what is new comes back.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import htcondor2 as point
from starter import Starter

from wingspan.simulator import write

HOST = "<127.0.0.1:9618?addrs=127.0.0.1-9618&alias=vm>"
DAG_REMOVED = "removed because DAGManJobId =?= {cluster} was removed"


class Job:
    """A node's job."""

    def __init__(self, node, dag, inputs, commands):
        self.node, self.dag, self.inputs = node, dag, inputs
        self.run = commands["My.WingspanRun"].strip('"')
        self.streams = commands.get("stream_error") == "true"
        self.chirp = {
            "ulog": "true" in (commands.get("My.WantRemoteUpdates"), commands.get("want_io_proxy")),
            "getfile": commands.get("want_io_proxy") == "true",
        }
        self.starter, self.starts = None, 0
        self.cluster, self.state, self.process, self.exit = 0, "new", None, None
        self.before, self.after = [], []
        self.tried, self.retries, self.skipped = 0, 0, None

    @property
    def sandbox(self):
        """Where it runs."""
        return point.queue().parent / "execute" / str(self.cluster)

    def tell(self, event, *given, **facts):
        """Write an event into the log of the jobs, and into that of the nodes."""
        text = event(
            f"{self.cluster:03}.000.000", time.strftime("%Y-%m-%d %H:%M:%S"), *given, **facts
        )
        for log in ("jobs.log", "workflow.dag.nodes.log"):
            with (self.dag / log).open("a") as file:
                file.write(text)

    def enter(self, state, status):
        """Be in another state, in the queue as well."""
        self.state = state
        facts = (
            {"JobStatus": status, "WingspanRun": self.run, "DAGNodeName": self.node}
            if status
            else {}
        )
        point.enter(self.cluster, Iwd=str(self.dag / "results"), **facts)

    def submit(self):
        """Enter the queue."""
        self.cluster = point.number()
        self.enter("idle", 1)
        self.tell(
            write.submitted,
            HOST,
            notes=[f'[ DAGNodeName = "{self.node}"; JobBatchName = "workflow.dag+1" ]'],
        )

    def start(self):
        """Run job.sh in a new sandbox."""
        shutil.rmtree(self.sandbox, ignore_errors=True)
        self.sandbox.mkdir(parents=True)
        for name in self.inputs:
            shutil.copy(self.dag / "results" / name, self.sandbox)
        self.sent = {file: file.stat().st_mtime_ns for file in self.sandbox.iterdir()}
        self.enter("running", 2)
        self.tell(write.executing, HOST, "slot1_1@vm")
        logs = self.dag / "logs"
        errors = logs / f"{self.node}.{'err' if self.streams else 'out'}"
        with (logs / f"{self.node}.out").open("w") as out, errors.open("a") as err:
            if self.streams:
                err.truncate(0)
            command = [str(self.dag / "job.sh"), self.node]
            self.process = subprocess.Popen(
                command, cwd=self.sandbox, stdout=out, stderr=err, start_new_session=True,
                env={**os.environ, **self.chirped()},
            )  # fmt: skip

    def chirped(self):
        """Give the job a starter, unless the pool closes chirp; return the variables by which it is found."""
        self.starts += 1
        aside = self.sandbox.with_suffix(".user")
        aside.mkdir(exist_ok=True)
        (aside / "job.ad").write_text(f"NumShadowStarts = {self.starts}\n")
        found = {"_CONDOR_JOB_AD": str(aside / "job.ad")}
        closed = point.closed()
        if "chirp" in closed or not any(self.chirp.values()):
            return found
        allowed = {name for name, given in self.chirp.items() if given} - closed
        folder = self.dag / "results"
        self.starter = Starter(aside / "chirp.config", folder, self.speak, allowed)
        return {**found, "_CONDOR_CHIRP_CONFIG": str(aside / "chirp.config")}

    def speak(self, line):
        """Write a line of the job into its log, as the shadow does."""
        text = write.generic(f"{self.cluster:03}.000.000", time.strftime("%Y-%m-%d %H:%M:%S"), line)
        with (self.dag / "jobs.log").open("a") as file:
            file.write(text)

    def advance(self):
        """Do what comes next: enter the queue, start, obey the user, or end."""
        if self.state == "new" and self.before:
            self.code = subprocess.run(self.before, cwd=self.dag, check=False).returncode
        if self.state == "new" and self.before and self.code == self.skipped:
            self.state, self.exit = "ended", 0  # PRE_SKIP
        elif self.state == "new" and self.before and self.code:
            self.state, self.exit = "ended", self.code  # its PRE script failed
        elif self.state == "new":
            self.submit()
        elif self.state == "idle":
            self.start()
        elif action := word(self.cluster):
            self.obey(action)
        elif self.state == "running" and self.process.poll() is not None:
            self.finish()

    def finish(self):
        """Bring back what the job has made."""
        self.exit = self.process.returncode
        self.quiet()
        for file in self.sandbox.iterdir():
            if file.is_file() and self.sent.get(file) != file.stat().st_mtime_ns:
                shutil.copy(file, self.dag / "results")
        self.enter("ended", 0)
        self.tell(write.terminated, return_value=self.exit)
        self.leave()

    def leave(self):
        """Run the script after the job; start again if it fails and retries are left."""
        if not self.after:
            return
        words = {"$RETURN": self.exit, "$RETRY": self.tried, "$MAX_RETRIES": self.retries}
        command = [str(words.get(word, word)) for word in self.after]
        self.exit = subprocess.run(command, cwd=self.dag, check=False).returncode
        if self.exit and self.tried < self.retries:
            self.tried, self.state, self.exit = self.tried + 1, "new", None

    def obey(self, action):
        """Do what a user wants of it."""
        if action == "Remove":
            self.remove("via condor_rm (by user ada)")
        elif action == "Release":
            self.tell(write.released, "via condor_release (by user ada)")
            self.enter("idle", 1)
        else:
            self.kill()
            self.tell(write.evicted, code=1 if action == "Hold" else 0)
            self.enter(*(("held", 5) if action == "Hold" else ("idle", 1)))
            if action == "Hold":
                self.tell(write.held, "via condor_hold (by user ada)", 1, 0)

    def remove(self, reason):
        """Leave the queue without a result."""
        self.kill()
        self.exit = 1
        self.enter("ended", 0)
        self.tell(write.aborted, reason)
        if "DAGManJobId" not in reason:
            self.leave()

    def kill(self):
        """End its processes, if it runs."""
        if self.state == "running":
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.quiet()

    def quiet(self):
        """Let its starter end."""
        if self.starter is not None:
            self.starter.close()
            self.starter = None


class Service:
    """A job beside the nodes: started again whenever it dies, until the DAG ends."""

    def __init__(self, dag, commands):
        self.dag, self.commands = dag, commands
        self.process, self.over = None, "search" in point.closed()

    def advance(self):
        """Start it, also again."""
        if self.over:
            return
        if self.process is None or self.process.poll() not in {None, 0}:
            with (self.dag / self.commands["error"]).open("a") as said:
                words = [self.commands["executable"], *self.commands["arguments"].split()]
                self.process = subprocess.Popen(words, cwd=self.dag, stdout=said, stderr=said)
            (self.dag / "search.pid").write_text(str(self.process.pid))
        self.over = self.process.poll() == 0

    def end(self):
        """Remove it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def read(file):
    """Return the jobs of a DAG file by node, and the nodes that each waits for."""
    text = file.read_text()
    descriptions = {
        name: dict(re.findall(r"^  (\S+) = (.*)$", body, re.MULTILINE))
        for name, body in re.findall(
            r"^SUBMIT-DESCRIPTION (\S+) {$(.*?)^}$", text, re.MULTILINE | re.DOTALL
        )
    }
    given = dict(re.findall(r'^VARS (\S+) .*?inputs="([^"]*)"', text, re.MULTILINE))
    jobs = {}
    for node, name in re.findall(r"^JOB (\S+) (\S+)$", text, re.MULTILINE):
        commands = descriptions[name]
        sent = (
            commands["transfer_input_files"]
            .replace("$(JOB)", node)
            .replace("$(inputs)", given[node])
        )
        jobs[node] = Job(node, file.parent, [one for one in sent.split(",") if one], commands)
    for node, words in re.findall(r"^SCRIPT PRE (\S+) (.+)$", text, re.MULTILINE):
        jobs[node].before = ["sh", *words.split()]
    for node, words in re.findall(r"^SCRIPT POST (\S+) (.+)$", text, re.MULTILINE):
        jobs[node].after = ["sh", *words.split()]
    for node, code in re.findall(r"^PRE_SKIP (\S+) (\d+)", text, re.MULTILINE):
        jobs[node].skipped = int(code)
    for node, most in re.findall(r"^RETRY (\S+) (\d+)", text, re.MULTILINE):
        jobs[node].retries = int(most)
    edges = re.findall(r"^PARENT (.+) CHILD (.+)$", text, re.MULTILINE)
    return jobs, {
        node: {p for parents, of in edges if node in of.split() for p in parents.split()}
        for node in jobs
    }


def run(file, cluster):
    """Run the DAG; return its exit code, or None if it was removed."""
    jobs, parents = read(file)
    services = [
        Service(file.parent, dict(re.findall(r"^  (\S+) = (.*)$", body, re.MULTILINE)))
        for body in re.findall(
            r"^SERVICE \S+ {$(.*?)^}$", file.read_text(), re.MULTILINE | re.DOTALL
        )
    ]
    try:
        return carry_out(jobs, parents, services, cluster)
    finally:
        for service in services:
            service.end()


def carry_out(jobs, parents, services, cluster):
    """Run the nodes, and keep the services alive."""

    def ready():
        return [
            jobs[node]
            for node, of in parents.items()
            if all((jobs[one].state, jobs[one].exit) == ("ended", 0) for one in of)
        ]

    while word(cluster) != "Remove":
        for each in [*services, *ready()]:
            each.advance()
        if all(job.state == "ended" for job in ready()):
            return int(any(job.exit != 0 for job in jobs.values()))
        time.sleep(0.01)
    for job in jobs.values():
        if job.state not in {"new", "ended"}:
            job.remove(DAG_REMOVED.format(cluster=cluster))
    return None


def word(cluster):
    """Return what is to be done to a job, once; empty if nothing is."""
    try:
        action = (point.queue() / f"{cluster}.act").read_text()
    except FileNotFoundError:
        return ""
    if action:
        (point.queue() / f"{cluster}.act").unlink()
    return action


def main(dag, cluster):
    """Run the DAG as DAGMan's job of this number."""
    file, number = Path(dag), int(cluster)

    def tell(event, *given, **facts):
        with Path(f"{file}.dagman.log").open("a") as log:
            log.write(
                event(f"{number:03}.000.000", time.strftime("%Y-%m-%d %H:%M:%S"), *given, **facts)
            )

    tell(write.submitted, HOST)
    tell(write.executing, HOST)
    code, why = None, "via condor_rm (by user ada)"
    try:
        code = run(file, number)
    except Exception as error:  # noqa: BLE001 - a test sees it as the reason of the removal
        why = f"{type(error).__name__}: {error}"
    point.enter(number)
    if code is None:
        tell(write.aborted, why)
    else:
        tell(write.terminated, return_value=code)


if __name__ == "__main__":
    main(*sys.argv[1:])
