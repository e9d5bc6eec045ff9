"""Run a plan on an HTCondor pool: write the DAG, submit it, and follow its event log.

DAGMan does the work. This process may go away at any moment; another one that follows the same run goes on.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from wingspan.accesspoint.jobs import submit_dag
from wingspan.accesspoint.universes import universe_here
from wingspan.accesspoint.versions import sends_common_files, versions
from wingspan.files import remove as remove_tree
from wingspan.planning.plan import Plan
from wingspan.pool.personal import use_pool
from wingspan.runner.adoption import adopt_stored
from wingspan.runner.alike import alike, names_of
from wingspan.runner.events import (
    DONE,
    FAILED,
    HELD,
    LEFT,
    SKIPPED,
    STALE,
    Listener,
    Outcome,
    StepEvent,
)
from wingspan.runner.htcondor import ready
from wingspan.runner.htcondor.check.slots import look_up, unmet_by
from wingspan.runner.htcondor.chirp_commands import IO
from wingspan.runner.htcondor.dag_folder import DagFolder, newest
from wingspan.runner.htcondor.follow import dagman_job
from wingspan.runner.htcondor.follow.follower import Follower
from wingspan.runner.htcondor.known import last_results
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.search.draw_ahead import draw_sweeps
from wingspan.runner.htcondor.shared import clean, require
from wingspan.runner.htcondor.words import batch_name
from wingspan.runner.htcondor.write.dag_file import notification
from wingspan.runner.htcondor.write.folder import Facts, write_dag
from wingspan.runner.htcondor.write.travel import travels
from wingspan.runner.prepare import write_constants
from wingspan.runner.protocol import Runner
from wingspan.runner.record import write_event
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.runner.submit_warnings import command_warnings
from wingspan.store.store import Store

_LOG = logging.getLogger(__name__)
_POLL_S = 0.2


class HTCondorRunner(Runner):
    """Runs plans on a pool; what it has submitted goes on without it.

    Parameters
    ----------
    jobs
        The most jobs in the queue at once, instead of the profile's.
    """

    detached = True

    def __init__(self, profile: Profile, jobs: int | None = None) -> None:
        self._profile = profile if jobs is None else replace(profile, max_jobs=jobs)

    def require_usable(self) -> None:
        """Look into the folder that the pool's machines share, if there is one."""
        if self._profile.shared is not None:
            require(self._profile.shared)

    def warnings(self, plan: Plan) -> list[str]:
        """Return a line for each submit command that HTCondor does not know."""
        return command_warnings(plan.steps, self._profile.name, self._profile.submit)

    def grouped(self, plan: Plan, before: Mapping[str, Mapping[str, Any]], home: Home) -> Plan:
        """Return the plan with short steps joined to jobs."""
        return ready.fused(plan, before, home, self._profile)

    def require(self, plan: Plan, home: Home) -> None:
        """Refuse what a pool cannot do, and a pool that cannot be reached or used by this user."""
        ready.require_pool(plan, self._profile, home)

    def run(self, plan: Plan, folder: RunFolder, home: Home, listener: Listener) -> Outcome:
        """Submit what is not done, unless it is in the pool already, and follow it to its end.

        Raises
        ------
        PoolError
            The pool or its access point cannot be reached, or refuses.
        """
        follower = self.start(plan, folder, home, listener)
        tried: frozenset[str] = frozenset()
        while follower is not None:
            follower.advance()
            while not follower.over:
                time.sleep(_POLL_S)
                follower.advance()
            rest = remaining(plan, follower, home, tried)
            rest = adopt_stored(rest, Store(home.store), partial(_report, folder, listener))
            if not rest.to_run():
                break
            tried |= _stale(follower)
            follower = self._submit(rest, folder, home, listener)
        events = follower.events if follower else {}
        return Outcome(folder.run_id, events)

    def start(
        self, plan: Plan, folder: RunFolder, home: Home, listener: Listener
    ) -> Follower | None:
        """Submit what is not done, unless it is in the pool already; None if all is done."""
        last = newest(folder)
        if last is not None:
            follower = Follower(plan, last, folder, home, listener)
            follower.advance()
            if not follower.over:
                _LOG.info(
                    "run %s is in the pool already, as job %s: following it",
                    folder.run_id,
                    last.cluster.read_text(),
                )
                dagman_job.say_elsewhere(last)
                _say_held(follower)
                return follower
            dagman_job.withdraw(last)
            plan = refreshed(plan, home)
        plan = adopt_stored(plan, Store(home.store), partial(_report, folder, listener))
        if not plan.to_run():
            return None
        return self._submit(plan, folder, home, listener)

    def _submit(self, plan: Plan, folder: RunFolder, home: Home, listener: Listener) -> Follower:
        use_pool()
        write_constants(plan, folder)
        last = newest(folder)
        dag = DagFolder(folder.dags / str(int(last.root.name) + 1 if last else 1))
        send = travels(self._profile, plan.to_run())
        most = look_up(self._profile)
        once = send and sends_common_files(versions().access_point)
        search = universe_here() if self._profile.chirp == IO else ""
        drawn = draw_sweeps(plan, home, folder.run_id, served=bool(search))
        facts = Facts(most, last_results(plan, Store(home.store)), once, drawn, search)
        try:
            write_dag(plan, dag.root, folder, home, self._profile, send=send, facts=facts)
            cluster = submit_dag(
                dag.dag, {"BatchName": batch_name(plan.pipeline)}, notification(self._profile)
            )
        except BaseException:  # nothing is in the queue: the same command begins again
            clean(dag.root)
            remove_tree(dag.root)
            raise
        dagman_job.remember(dag, cluster)
        follower = Follower(plan, dag, folder, home, listener, heard=time.monotonic())
        first = {key: node for node, of in reversed(dag.keys().items()) for key in of}
        counts = (len(plan.to_run()), len(set(first.values())))
        _LOG.info("submitted: steps %d, jobs %d, by DAGMan's job %s", *counts, cluster)
        follower.warn(unmet_by(plan.to_run(), most))
        return follower


def _say_held(follower: Follower) -> None:
    """Log which steps are held: their events were recorded before, so no listener is called."""
    for group in alike(event for event in follower.events.values() if event.state == HELD):
        facts = (names_of(group), group[0].problem, group[0].fix)
        _LOG.warning("waiting for a job that is held: %s: %s\n  -> %s", *facts)


def refreshed(plan: Plan, home: Home) -> Plan:
    """Return the plan with what the store has by now marked done."""
    done = Store(home.store).done(step.key for step in plan.steps)
    return replace(
        plan, steps=tuple(replace(step, done=step.done or step.key in done) for step in plan.steps)
    )


def remaining(
    plan: Plan, follower: Follower, home: Home, tried: frozenset[str] = frozenset()
) -> Plan:
    """Return the plan of what another DAG could still do.

    These are steps whose node did not run because another step failed: a node fails as a whole, and so do the nodes that
    wait for it, also those that need only its good steps. Steps that read a result other than the stored one are left too.

    Parameters
    ----------
    tried
        Keys of steps that ran again for that reason already: they get no third job.
    """
    now = refreshed(plan, home)
    ended = {event.key for event in follower.events.values() if event.state in {FAILED, SKIPPED}}
    again = (_stale(follower) - tried) | {
        event.key for event in follower.events.values() if event.cause == LEFT
    }
    stopped = any(
        event.state not in {DONE, FAILED, SKIPPED} and event.key not in again
        for event in follower.events.values()
    )
    if stopped:
        return replace(now, steps=())
    steps = tuple(step for step in now.steps if step.done or step.key not in ended)
    return replace(now, steps=steps)


def _report(folder: RunFolder, listener: Listener, event: StepEvent) -> None:
    write_event(folder, event)
    listener(event)


def _stale(follower: Follower) -> frozenset[str]:
    return frozenset(event.key for event in follower.events.values() if event.cause == STALE)
