"""A small access point behind the bindings' names, for tests without daemons; dagman.py does the work.

Its folder is that of the file which CONDOR_CONFIG names. Whatever imports htcondor2 with this folder first on its path
talks to it, other processes as well. ``queue/CLUSTER.json`` is the ad of a job, ``queue/CLUSTER.act`` what is to be
done to it.
"""

import json
import os
import sys
import time
from contextlib import suppress
from enum import Enum
from pathlib import Path

import classad2

DaemonType = Enum("DaemonType", ["Schedd", "Collector"])
AdType = Enum("AdType", ["Collector", "Startd", "Schedd", "Negotiator", "Accounting"])
JobAction = Enum("JobAction", ["Hold", "Release", "Remove", "Vacate"])
NAME = "vm"
SLOT = """[ Name = "slot1@vm"; Machine = "vm"; SlotType = "Partitionable"; PartitionableSlot = true; State = "Unclaimed"; CondorVersion = "$CondorVersion: 25.14.1 2026-09-24 $";
Cpus = 8; Memory = 16384; Disk = 10000000; TotalSlotCpus = 8; TotalSlotMemory = 16384; TotalSlotDisk = 10000000;
Arch = "X86_64"; OpSys = "LINUX"; HasFileTransfer = true; Start = true; Requirements = true ]"""
param = {"ARCH": "X86_64", "OPSYS": "LINUX", "BIN": "", "FULL_HOSTNAME": NAME}


class HTCondorException(Exception):
    """What the bindings raise."""


def reload_config():
    """Read nothing: every call looks at CONDOR_CONFIG."""


def version():
    """Return a version that Wingspan knows."""
    return "$CondorVersion: 25.14.1 2026-09-24 $"


def admit():
    """Refuse everyone while there is a file ``denied`` in the queue, as where credentials have expired."""
    if (queue() / "denied").exists():
        raise HTCondorException("AUTHENTICATE:1003:Failed to authenticate with any method")


def ping(_daemon, _permission):
    """Let everyone write."""
    return {"MyRemoteUserName": "ada@vm", "AuthorizationSucceeded": True}


def queue():
    """Return the folder of the queue."""
    return Path(os.environ["CONDOR_CONFIG"]).parent / "queue"


def closed():
    """Return what the pool closes: words of the file ``closed`` in the queue, of chirp, ulog, getfile, search."""
    try:
        return set((queue() / "closed").read_text().split())
    except FileNotFoundError:
        return set()


class Submit(dict):
    """A job of DAGMan."""

    @classmethod
    def from_dag(cls, dag, options):
        """Return DAGMan's job of a DAG file."""
        return cls(dag=dag, name=options.get("BatchName", "workflow.dag"))


class Collector:
    """Knows one access point and one slot."""

    def locate(self, _kind):
        """Return the access point's ad."""
        return {"Name": NAME, "CondorVersion": version()}

    def query(self, kind, _constraint="true", projection=()):
        """Return the ads of a kind."""
        return (
            [classad2.ClassAd(SLOT)]
            if kind is AdType.Startd
            else [classad2.ClassAd({"Name": NAME})]
        )


class Schedd:
    """Keeps the queue in files; see dagman.py."""

    def submit(self, job):
        """Start a process that does DAGMan's work, and outlives this one."""
        admit()
        cluster = number()
        enter(
            cluster,
            Iwd=job["initialdir"],
            JobStatus=2,
            JobUniverse=7,
            JobBatchName=job["name"],
        )
        work = [
            sys.executable,
            str(Path(__file__).with_name("dagman.py")),
            job["dag"],
            str(cluster),
        ]
        said = (
            os.POSIX_SPAWN_OPEN,
            2,
            str(queue() / f"{cluster}.said"),
            os.O_WRONLY | os.O_CREAT,
            0o644,
        )
        os.posix_spawn(work[0], work, os.environ, file_actions=[said], setsid=True)
        return Enum("Result", {"cluster": staticmethod(lambda: cluster)})

    def query(self, constraint="true", _projection=None):
        """Return the ads that fulfil an expression."""
        admit()
        ads = [classad2.ClassAd(json.loads(file.read_text())) for file in queue().glob("*.json")]
        wanted = classad2.ExprTree(constraint)
        return [ad for ad in ads if ad.get("JobStatus") and wanted.eval(ad) is True]

    def act(self, action, jobs, _reason):
        """Leave word for the process that has the jobs."""
        constraint = (
            jobs
            if isinstance(jobs, str)
            else " || ".join(f"ClusterId == {int(float(job))}" for job in jobs)
        )
        found = self.query(constraint)
        for ad in found:
            (queue() / f"{ad['ClusterId']}.act").write_text(action.name)
        return {"TotalSuccess": len(found)}


def number():
    """Return the next cluster's number, which no other process gets."""
    while True:
        found = 1 + max((int(file.stem) for file in queue().glob("*.number")), default=0)
        with suppress(FileExistsError):
            (queue() / f"{found}.number").touch(exist_ok=False)
            return found


def enter(cluster, **ad):
    """Write a job into the queue; without a state it has left, and only its number is kept."""
    facts = {"ClusterId": cluster, "ProcId": 0, "QDate": int(time.time()), "Owner": "ada", **ad}
    facts["GlobalJobId"] = f"{NAME}#{cluster}.0#{facts['QDate']}"
    draft = queue() / f"{cluster}.draft"
    draft.write_text(json.dumps(facts))
    draft.rename(queue() / f"{cluster}.json")
