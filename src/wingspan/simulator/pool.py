"""Simulate days of a pool: event logs from parameters and a seed, with the truth.

A discrete-event simulation over jobs, not over their events: what happens to a job between a
release and its next stop is worked out at once (`job`), written hour by hour (`journal`). The queue
holds one entry per job under way and per decision to come. The same seed gives the same bytes.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from wingspan.files import aside
from wingspan.simulator import write
from wingspan.simulator.job import Hold, Job, Run, Slots
from wingspan.simulator.journal import Journal
from wingspan.simulator.parameters import Parameters
from wingspan.simulator.people import react
from wingspan.simulator.reasons import Wording
from wingspan.simulator.recording import record_end, record_hold, record_run, record_submission
from wingspan.simulator.submissions import Submissions
from wingspan.simulator.truth import Episode, Truth
from wingspan.simulator.world import DAY_S, User, keyed, make_world, stream

_LATE_S = 10.0  # events are recorded at most this long after they happen
_LOOPS_MAX = 25  # of an unbounded periodic_release, before its user notices
_POLICY = "The job attribute PeriodicRelease expression '{}' evaluated to TRUE"
_BOUNDED = "(NumJobStarts < 3) && ((time() - EnteredCurrentStatus) > 3600)"
_UNBOUNDED = "(HoldReasonCode =!= 1) && ((time() - EnteredCurrentStatus) > {:.0f})"
_EXPIRED = "The system macro SYSTEM_PERIODIC_REMOVE expression 'JobStatus == 5 && time() - EnteredCurrentStatus > {:.0f}' evaluated to TRUE"


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a simulation wrote."""

    logs: tuple[Path, ...]
    truth: Path
    jobs: int
    holds: int
    events: int
    bytes: int


def simulate(parameters: Parameters, seed: int, out: Path, truth: Path) -> Simulated:
    """Simulate a pool and write its event logs and its truth; files appear whole or not at all.

    Parameters
    ----------
    out
        The log; with several access points, one log each, with the access point's name before the suffix.
    """
    start = datetime.fromisoformat(parameters.start).timestamp()
    world = make_world(parameters, seed, start)
    points = world.access_points
    logs = tuple(
        out.with_name(f"{out.stem}.{p.name}{out.suffix}") if len(points) > 1 else out
        for p in points
    )
    with ExitStack() as stack:
        files = [stack.enter_context(stack.enter_context(aside(log)).open("wb")) for log in logs]
        lines = stack.enter_context(stack.enter_context(aside(truth)).open("w", encoding="utf-8"))
        journals = [
            Journal(file, parameters.log, start, world.end, index)
            for index, file in enumerate(files)
        ]
        record = Truth(lines, parameters, seed)
        _Days(parameters, seed, Slots(parameters, world), journals, record).go()
        events: Counter[int] = sum((journal.events for journal in journals), Counter())
        sizes: Counter[int] = sum((journal.bytes for journal in journals), Counter())
        known = [one for one in world.outages if one.start < world.end]
        record.finish(
            known, dict(sorted(events.items())), dict(sorted(sizes.items())), parameters.days
        )
    return Simulated(logs, truth, record.jobs, record.holds, events.total(), sizes.total())


class _Days:
    """The queue of what comes next, and what to do when it comes."""

    def __init__(
        self, parameters: Parameters, seed: int, slots: Slots, journals: list[Journal], truth: Truth
    ) -> None:
        self.parameters = parameters
        self.habits = parameters.habits
        self.seed = seed
        self.slots = slots
        self.world = slots.world
        self.journals = journals
        self.truth = truth
        self.random = stream(seed, "people")
        self.submissions = Submissions(parameters, self.world, seed)
        self.queue: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.count = 0
        self.live: dict[int, Job] = {}
        self.episodes: dict[int, Episode] = {}  # the last hold of a live job
        self.held: dict[tuple[str, int], dict[int, Job]] = {}  # by user and code
        self.noticed: set[tuple[str, int]] = set()  # holds about which a user has decided

    def go(self) -> None:
        """Run until the end of the log, then write what is still open."""
        self.at(self.submissions.next_time(self.world.start), self.submit)
        end, hour = self.world.end, self.world.start
        while self.queue and self.queue[0][0] <= end:
            time, _, do, what = heappop(self.queue)
            if time > hour:
                hour = time + 600
                for journal in self.journals:
                    journal.write_until(time - _LATE_S)
            do(time, *what)
        for journal in self.journals:
            journal.close()
        for job in self.live.values():
            if episode := self.episodes.get(job.number):
                self.truth.close(episode, "", None)
            self.truth.job(
                job, "held at end" if job.held_code >= 0 else "in the queue at end", None
            )

    def at(self, time: float, do: Callable[..., None], *what: object) -> None:
        """Do something later."""
        self.count += 1
        heappush(self.queue, (time, self.count, do, what))

    def journal(self, job: Job) -> Journal:
        """Return the log that a job's events go to."""
        return self.journals[job.cluster.access_point.index]

    # ---- jobs

    def submit(self, time: float) -> None:
        """Take a batch of jobs and plan the next."""
        cluster, jobs = self.submissions.batch(time)
        for job in jobs:
            cluster.live[job.number] = job
            self.at(job.submitted, self.enter, job)
        if self.submissions.held_by_user(cluster):
            self.at(time + 60 + self.random.expovariate(1 / 7200), self.hold_by_user, cluster.live)
        self.at(self.submissions.next_time(time), self.submit)

    def enter(self, time: float, job: Job) -> None:
        """Put a job into the queue."""
        self.live[job.number] = job
        record_submission(self.journal(job), job, time)
        if job.flaw in {"submitted_held", "spooling"}:
            kind, job.flaw = job.flaw, ""
            run = Run(time, end=time + 0.1, outcome="held", hold=Hold("user", kind))
            job.run = run
            self.ended(run.end, job, run)
        else:
            self.start(time, job)

    def start(self, time: float, job: Job) -> None:
        """Let a job run, from its submission or a release."""
        run = self.slots.run(job, time, keyed(self.seed, job.number, job.holds))
        job.run = run
        record_run(self.journal(job), job, run, self.parameters.workload.image_update_s)
        self.at(run.end, self.ended, job, run)

    def ended(self, time: float, job: Job, run: Run) -> None:
        """Take notice that a run stopped, if it was not cut before."""
        if job.run is not run:
            return
        job.run = None
        job.starts += run.starts
        if run.hold:
            self.hold(time, job, run, run.hold)
        else:
            record_end(self.journal(job), job, run)
            self.leave(time, job, run.outcome)

    def leave(self, time: float, job: Job, end: str) -> None:
        """Take a job out of the queue."""
        if episode := self.episodes.pop(job.number, None):
            self.truth.close(episode, end, time)
        self.truth.job(job, end, time)
        del self.live[job.number]
        del job.cluster.live[job.number]

    # ---- holds

    def hold(self, time: float, job: Job, run: Run, why: Hold) -> None:
        """Put a job on hold and let policies and people take notice."""
        job.holds += 1
        seen = record_hold(self.journal(job), job, run, why.kind, time)
        if episode := self.episodes.pop(job.number, None):
            self.truth.close(episode, "held again", time, seen.code)
        self.episodes[job.number] = self.truth.hold(job, run, why, seen, self.slots)
        job.held_code = seen.code
        self.held.setdefault((job.cluster.user.name, seen.code), {})[job.number] = job
        self.at(time + self.habits.removed_after_days * DAY_S, self.expire, job, job.holds)
        if not self.left_to_policy(time, job, why):
            self.notice(time, job.cluster.user, seen)

    def left_to_policy(self, time: float, job: Job, why: Hold) -> bool:
        """Return whether the job's own policy will release it; if so, release it."""
        if why.kind == "spooling":
            self.at(
                time + 2 + self.random.expovariate(1 / 60),
                self.release_by_policy,
                job,
                job.holds,
                "",
            )
            return True
        policy, loop_s = job.cluster.policy, self.habits.loop_s
        if why.cause == "user" or not policy:
            return False
        if policy == "bounded" and job.starts < 3:
            wait, text = 3600 + 300 * self.random.random(), _POLICY.format(_BOUNDED)
        elif policy == "loop" and job.releases < _LOOPS_MAX:
            wait = loop_s + 300 * self.random.random()
            text = _POLICY.format(_UNBOUNDED.format(loop_s))
        else:
            return False
        self.at(time + wait, self.release_by_policy, job, job.holds, text)
        return True

    def notice(self, time: float, user: User, seen: Wording) -> None:
        """Let a user decide about all holds of this code, unless that is decided already."""
        key = (user.name, seen.code)
        if key in self.noticed:
            return
        self.noticed.add(key)
        reaction = react(user, self.habits, seen, self.random)
        if reaction.action == "abandon":
            self.at(time + 2 * DAY_S, self.forget, key)
        else:
            self.at(time + reaction.after_s, self.act, key, reaction.action)

    def forget(self, _time: float, key: tuple[str, int]) -> None:
        """Let a user who gave up on some jobs look again at those that come later."""
        self.noticed.discard(key)
        self.held.pop(key, None)

    def act(self, time: float, key: tuple[str, int], action: str) -> None:
        """Do what a user decided, to all jobs held for this code by now."""
        self.noticed.discard(key)
        jobs = [job for job in self.held.pop(key, {}).values() if job.held_code == key[1]]
        if action == "remove":
            self.remove(time, jobs)
            return
        skilled = self.random.random() < self.habits.skill
        for index, job in enumerate(jobs):
            if action in {"edit", "fix"}:
                self.correct(time + 0.01 * index, job, action, skilled=skilled)
            by = f"via condor_release (by user {key[0]})"
            self.release(time + 0.01 * index, job, action, by)

    def remove(self, time: float, jobs: list[Job]) -> None:
        """Remove held jobs, and maybe all that is left of their batches."""
        if self.random.random() < self.habits.remove_whole_cluster:
            batches = {job.cluster.number: job.cluster for job in jobs}
            jobs = [job for cluster in batches.values() for job in cluster.live.values()]
        for index, job in enumerate(jobs):
            if job.number in self.live:
                reason = f"via condor_rm (by user {job.cluster.user.name})"
                self.abort(time + 0.01 * index, job, "remove", reason)

    def abort(self, time: float, job: Job, action: str, reason: str) -> None:
        """Write a removal; a job that runs is cut."""
        if job.run:
            job.run.cut = time
            job.run = None
        text = write.aborted(job.id, self.journal(job).stamp(time), reason)
        self.journal(job).add(time, job, text)
        if job.held_code >= 0:
            self.truth.act(self.episodes[job.number], action, time)
        job.held_code = -1
        self.leave(time, job, "removed")

    def release(self, time: float, job: Job, action: str, reason: str) -> None:
        """Write a release and let the job run."""
        text = write.released(job.id, self.journal(job).stamp(time), reason)
        self.journal(job).add(time, job, text)
        self.truth.act(self.episodes[job.number], action, time)
        job.held_code = -1
        job.releases += 1
        self.start(time, job)

    def correct(self, time: float, job: Job, action: str, *, skilled: bool) -> None:
        """Change what the user believes to be wrong.

        Some changes show in the log, others are made to files.
        """
        if action == "fix":
            job.cluster.fixed |= skilled
            return
        old, new = job.request_mb, job.request_mb * (3 if skilled else 2)
        change = ("RequestMemory", str(old), str(new))
        if job.flaw in {"disk", "cpus"}:
            name = "RequestDisk" if job.flaw == "disk" else "RequestCpus"
            change, job.flaw = (name, "1", "2"), job.flaw if not skilled else ""
        elif job.held_code in {46, 47, 3}:
            job.cluster.limit_s *= 3 if skilled else 1
            change = ("AllowedExecuteDuration", "", str(int(min(job.cluster.limit_s, 1e9))))
        else:
            job.request_mb = new
        stamp = self.journal(job).stamp(time - 0.005)
        self.journal(job).add(time - 0.005, job, write.attribute_changed(job.id, stamp, *change))

    def release_by_policy(self, time: float, job: Job, holds: int, reason: str) -> None:
        """Release a job that is still in the same hold."""
        if job.number in self.live and job.held_code >= 0 and job.holds == holds:
            self.held.get((job.cluster.user.name, job.held_code), {}).pop(job.number, None)
            self.release(time, job, "policy release", reason)

    def expire(self, time: float, job: Job, holds: int) -> None:
        """Remove a job that has been in the same hold for too long, by the access point's policy."""
        if job.number in self.live and job.held_code >= 0 and job.holds == holds:
            limit = self.habits.removed_after_days * DAY_S
            self.abort(time, job, "policy remove", _EXPIRED.format(limit))

    def hold_by_user(self, time: float, jobs: dict[int, Job]) -> None:
        """Let a user put what is left of a batch on hold."""
        for index, job in enumerate([job for job in jobs.values() if job.held_code < 0]):
            if job.number in self.live:
                moment = time + 0.01 * index
                if job.run:
                    job.run.cut = moment
                    job.run = None
                run = Run(moment, end=moment, outcome="held")
                self.hold(moment, job, run, Hold("user", "by_user"))
