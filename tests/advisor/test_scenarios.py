"""Scenes from pools with a known fault: each small log gets the verdict and the answer that an expert would give."""

from dataclasses import dataclass, field

import pytest

from wingspan.advisor.answers.advise import advise
from wingspan.advisor.answers.blame import WIDE

OWN = {"job", "cluster", "job or cluster"}
RELEASE = {"release now", "release later"}
FIX = {"fix first"}
MANY = [f"e{number}.campus.edu" for number in range(12)]
INPUT = "Transfer input files failure at execution point slot1@{h} using protocol https. Details: "
OUTPUT = "Transfer output files failure at execution point slot1@{h} while sending files to access point ap. Details: "


@dataclass
class Pool:
    """An event log in the making."""

    events: list = field(default_factory=list)

    def add(self, second, job, code, *details):
        self.events.append((second, len(self.events), job, code, details))

    def good(self, second, job, host, took=900):
        self.add(second, job, 0)
        self.add(second + 20, job, 1, host)
        self.add(second + 20 + took, job, 5)

    def held(self, second, job, host, why, took=900, *, submitted=False):
        """A run that ends in a hold; without a host the job did not start."""
        text, code, subcode = why
        if not submitted:
            self.add(second, job, 0)
        if host:
            self.add(second + 20, job, 1, host)
        self.add(
            second + 20 + took, job, 12, code, text.replace("{h}", host or "e1.campus.edu"), subcode
        )

    def cluster(self, number, why, jobs=8, hosts=MANY, start=0, took=900):
        for proc in range(jobs):
            self.held(start + 5 * proc, (number, proc), hosts[proc % len(hosts)], why, took)

    def neighbours(self, start=-7200, span=7200, jobs=48, hosts=MANY):
        for number in range(jobs):
            second = start + span * number // jobs
            self.good(second, (900 + number // 4, number % 4), hosts[number * 5 % len(hosts)])

    def text(self, event):
        return "".join(
            event(second, cluster, code, *details, proc=proc)
            for second, _, (cluster, proc), code, details in sorted(self.events)
        )


def one_cluster(text, code, subcode, **more):
    def scene(pool):
        pool.cluster(1, (text, code, subcode), **more)

    return scene


def shared_folder(pool):
    """The file system of the access point hangs under seven users."""
    pool.neighbours()
    why = ("Cannot access initial working directory /home/u/run: Stale file handle", 14, 116)
    for cluster in range(1, 8):
        pool.cluster(cluster, why, 4, [""], cluster, 10)


def same_in_all_clusters(pool):
    """A user's own log: every cluster so far ended in this hold."""
    for cluster in range(1, 12):
        pool.cluster(cluster, ("Job failed validation stage 7", 3, 55), 3, start=1200 * cluster)


def machine(text, code, subcode):
    """Three users' jobs end within seconds on one machine, and run well on all others."""

    def scene(pool):
        pool.neighbours()
        for cluster in (1, 2, 3):
            for proc in range(15):
                if proc % 5:
                    pool.good(60 * proc, (cluster, proc), MANY[(proc + cluster) % 12])
                else:
                    pool.held(
                        60 * proc, (cluster, proc), "bad.campus.edu", (text, code, subcode), 4
                    )

    return scene


def site(text, code, subcode):
    """One site of four has no network."""

    def scene(pool):
        hosts = [
            f"n{number}.{place}" for place in ("a.edu", "b.org", "d.net") for number in range(4)
        ]
        pool.neighbours(-20000, 19000, 60, hosts)
        for cluster in range(1, 6):
            for proc in range(12):
                if proc % 3:
                    pool.good(60 * proc, (cluster, proc), hosts[(proc + cluster) % 12])
                else:
                    pool.held(
                        60 * proc, (cluster, proc), f"n{proc}.lab.gov", (text, code, subcode), 4
                    )

    return scene


def server(hours_ago):
    """A data server fails for fifty minutes under six users at four sites; jobs without it run well."""

    def scene(pool):
        hosts = [
            f"n{number}.{place}"
            for place in ("a.edu", "b.org", "d.net", "lab.gov")
            for number in range(4)
        ]
        pool.neighbours(-20000, 19000, 80, hosts)
        text = INPUT + "https://data.example.org/f.tar returned 503 Service Unavailable"
        for cluster in range(1, 7):
            for proc in range(12):
                why = text.replace("{h}", hosts[(5 * proc + cluster) % 16]), 13, 256
                pool.held(250 * proc + cluster, (cluster, proc), "", why, 60)
        if hours_ago:
            pool.neighbours(3600, 3600 * hours_ago, 60, hosts)

    return scene


def expired(users):
    """A credential expires in six clusters of some users, whom the log names; others run well."""

    def scene(pool):
        pool.neighbours()
        for cluster in range(1, 7):
            pool.cluster(cluster, ("proxy has expired", 4, 0), 5, start=200 * cluster)
            for proc in range(5):
                pool.add(200 * cluster + 5 * proc, (cluster, proc), 28, f"user{cluster % users}")

    return scene


def silent_policy(peak):
    """A policy's text says nothing; no end of a run has a request, but a start has its slot's memory."""

    def scene(pool):
        for proc in range(4):
            why = ("Job violates pool policy, see the wiki", 26, 0)
            pool.add(proc, (1, proc), 0)
            pool.add(proc + 20, (1, proc), 1, MANY[proc] + "\n\tMemory = 4096")
            pool.add(proc + 300, (1, proc), 6, peak)
            pool.held(proc, (1, proc), "", why, submitted=True)

    return scene


def slow_machines(pool):
    """Jobs of a cluster run out of time on two machines, and end in time on ten."""
    for proc in range(60):
        if proc % 6:
            pool.good(20 * proc, (1, proc), MANY[proc % 10], 9000)
        else:
            why = ("The job exceeded allowed execute duration of 4:00:00", 47, 0)
            pool.held(20 * proc, (1, proc), MANY[10 + proc % 2], why, 14_400)


def a_machine_that_all_use(pool):
    """A pool of one machine: no run elsewhere shows that the machine is at fault."""
    why = (
        "Error from slot1@{h}: Failed to execute 'run.py': (errno=2: 'No such file or directory')",
        6,
        2,
    )
    for cluster in range(1, 9):
        pool.cluster(cluster, why, 3, ["desk"], 1000 * cluster, 5)


SCENES = {  # name: (log, verdicts, answers)
    "memory, a cluster alone": (
        one_cluster("Error from slot1@{h}: memory usage exceeded request_memory", 34, 102),
        OWN,
        FIX,
    ),
    "memory, in a policy's words": (
        one_cluster("Speicherlimit ueberschritten, bitte request_memory erhoehen", 26, 4),
        OWN,
        FIX,
    ),
    "a policy without words": (
        one_cluster("Job violates pool policy, see the wiki", 26, 0),
        {*OWN, ""},
        {"no evidence"},
    ),
    "no reason": (one_cluster("Reason unspecified", 0, 0), {*OWN, WIDE, ""}, {"no evidence"}),
    "held by its user": (
        one_cluster("via condor_hold (by user ada)", 1, 0),
        {""},
        {"no evidence"},
    ),
    "submitted on hold": (
        one_cluster("submitted on hold at user's request", 15, 0, hosts=[""]),
        {""},
        {"no evidence"},
    ),
    "a policy of the administrator's, not the administrator": (
        one_cluster("Job was evicted 6 times, held by the administrator's policy", 26, 9),
        {*OWN, ""},
        {*FIX, *RELEASE, "no evidence"},
    ),
    "missing input": (
        one_cluster(
            "Transfer input files failure at access point ap while sending files to execution point "
            "slot1@{h}. Details: reading from file /home/u/a.csv: (errno 2) No such file or directory",
            13,
            2,
        ),
        OWN,
        FIX,
    ),
    "shared folder": (shared_folder, {"access point"}, {"release later"}),
    "a machine without the program": (
        machine("Error from slot1@{h}: Failed to execute '/usr/bin/python3': (errno=2: 'No such file or directory')", 6, 2),
        {"host"},
        {"release now"},
    ),
    "a user's credential expired": (expired(1), {"user"}, FIX),
    "credentials of six users": (expired(6), {"access point", "site", ""}, {*FIX, "release later"}),
    "more memory than the slot has": (silent_policy(5200), OWN, FIX),
    "less memory than the slot has": (silent_policy(520), OWN, {"no evidence"}),
    "slow machines": (slow_machines, {"job", "job or cluster", "host", ""}, {*FIX, *RELEASE}),
    "a machine that all use": (a_machine_that_all_use, {"user", WIDE, ""}, FIX),
    "a machine with a broken GPU": (
        machine("The job attribute OnExitHold expression '( ExitCode =!= 0 )' evaluated to TRUE", 3, 0),
        {"host"},
        {"release now"},
    ),
    "a machine with a full disk": (
        machine(
            "Transfer input files failure at execution point slot1@{h} while receiving files from access point ap. "
            "Details: writing to file /scratch/in: (errno 28) No space left on device",
            13,
            28,
        ),
        {"host"},
        RELEASE,
    ),
    "a site without network": (
        site(OUTPUT + "Connection timed out (errno 110)", 12, 110),
        {"site"},
        RELEASE,
    ),
    "a site without the program": (
        site("Error from slot1@{h}: Failed to execute '/cvmfs/x/run': (errno=2: 'No such file or directory')", 6, 2),
        {"site"},
        {"release later"},
    ),
    "a data server fails": (server(0), {"access point"}, {"release later"}),
    "a data server failed": (server(4), {"access point"}, {"release now"}),
    "the same in all clusters": (
        same_in_all_clusters,
        {"user", WIDE, "access point", ""},
        {*FIX, "no evidence"},
    ),
}  # fmt: skip


def advice(write, event, scene):
    """Return the advice on all held jobs of a scene."""
    pool = Pool()
    scene(pool)
    return [job for each in advise(write(pool.text(event))) for job in each.jobs]


@pytest.mark.parametrize("name", SCENES)
def test_scene(write, event, name):
    scene, verdicts, answers = SCENES[name]
    held = advice(write, event, scene)
    assert held
    for job in held:
        assert job.whose in verdicts, (job.job, job.whose, job.share, job.evidence)
        assert job.answer in answers, (job.job, job.answer, job.cause, job.evidence)
        assert job.share <= 0.95
        assert "person" not in job.cause or job.code in {1, 15, 16}


def test_what_to_do_fits_the_verdict(write, event):
    """A machine is at fault: the fix is about it, by its name, and not about the user's program."""
    scene, _, _ = SCENES["a machine without the program"]
    for job in advice(write, event, scene):
        assert 'Machine =!= "bad.campus.edu"' in job.fix
        assert "transfer_executable" not in job.fix
        assert job.command == f"condor_release {job.job}"


def test_releases_that_never_paid_outweigh_the_verdict(write, event):
    """The machine is blamed, but jobs of three clusters were released, ran elsewhere and were held again."""
    scene, _, _ = SCENES["a machine without the program"]

    def tried(pool):
        scene(pool)
        why = (
            "Error from slot1@{h}: Failed to execute '/usr/bin/python3': (errno=2: 'No such file or directory')",
            6,
            2,
        )
        for cluster in (1, 2, 3):
            pool.add(5000, (cluster, 0), 13)
            pool.held(5100, (cluster, 0), "bad.campus.edu", why, 4, submitted=True)

    assert {job.whose for job in advice(write, event, tried)} == {"host"}
    assert {job.answer for job in advice(write, event, tried)} == {"fix first"}


def test_a_release_waits_for_the_end_of_an_outage(write, event):
    """Jobs that were held when it began wait as long after its last hold as the others."""
    held = advice(write, event, server(0))
    last = max(job.held_at for job in held)
    assert {round(job.at - last) for job in held} <= set(range(1790, 1801))


def test_releases_that_never_paid_are_not_told_again(write, event):
    """The rule would release, but none of 36 releases paid: the fix says so, and no single machine is blamed."""

    def scene(pool):
        why = (OUTPUT + "Connection reset by peer (errno 104)", 12, 104)
        for cluster in range(1, 37):
            second = 2000 * cluster
            pool.held(second, (cluster, 0), MANY[cluster % 12], why)
            pool.add(second + 1000, (cluster, 0), 13)
            pool.held(second + 1010, (cluster, 0), MANY[cluster % 7], why, 500, submitted=True)
            pool.add(second + 1800, (cluster, 0), 9)
        pool.cluster(50, why, start=90_000)

    for job in advice(write, event, scene):
        assert job.answer == "fix first"
        assert job.fix.startswith("A release alone is not expected to pay")
        assert job.whose not in {"host", "site"}


def test_a_release_that_paid_is_not_told_to_wait_for_a_fix(write, event):
    """The rule knows no release, but 36 of them paid: the fix comes second."""

    def scene(pool):
        why = ("Job failed validation stage 7", 3, 55)
        for cluster in range(1, 37):
            second = 2000 * cluster
            pool.held(second, (cluster, 0), MANY[cluster % 12], why)
            pool.add(second + 1000, (cluster, 0), 13)
            pool.add(second + 1010, (cluster, 0), 1, MANY[cluster % 7])
            pool.add(second + 1500, (cluster, 0), 5)
        pool.cluster(50, why, start=90_000)

    for job in advice(write, event, scene):
        assert job.answer in RELEASE
        assert job.fix.startswith(f"A release is worth it: `condor_release {job.job}`.")
