"""Bring in what sweep lanes have sent: results into the store, ends into the study."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from wingspan.errors import ConflictError, NotFoundError
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.planning.trial import trial_of
from wingspan.runner.htcondor.dag_folder import DagFolder, SweepNode
from wingspan.runner.htcondor.follow.collect import collect_step
from wingspan.runner.htcondor.search.intake import lines_of, take_in
from wingspan.runner.run_folder import RunFolder
from wingspan.runner.trials.progress import progress_note
from wingspan.runner.trials.result import note_reads
from wingspan.store.store import Store
from wingspan.sweep.open_study import open_study
from wingspan.sweep.records import COMPLETE, PRUNED
from wingspan.sweep.spec import Spec
from wingspan.sweep.study import read_study


class LaneTrials:
    """The trials of one DAG's sweeps, as they come home."""

    def __init__(self, plan: Plan, dag: DagFolder, folder: RunFolder, store: Store) -> None:
        self._dag, self._folder, self._store = dag, folder, store
        self._sweeps = dag.sweeps()
        self._steps = {step.key: step for step in plan.steps}
        self._reads: dict[str, dict[str, dict[str, str]]] = {}  # by the sweep's key
        self._since: dict[str, tuple[float, int]] = {}
        self._taken: set[str] = set()  # calls

    def take(self, lane: str) -> None:
        """Bring in what the job of a lane has sent; what was brought in before is not again.

        Raises
        ------
        SpaceError
            The disk here is full.
        """
        node = next((node for node in self._sweeps.values() if lane in node.lanes), None)
        if node is None:  # the job of the sweep's own node, whose result is selected
            return
        sweep = self._steps[node.key]
        for line in lines_of(self._dag, [lane]):
            if line["call"] in self._taken:
                continue
            trial = trial_of(sweep, line["values"], line["number"] or 0, line["repeat"])
            self._bring_in(sweep, trial, lane, line["state"])
            self._taken.add(line["call"])
        self._record(sweep, node)

    def _bring_in(self, sweep: PlannedStep, trial: PlannedStep, lane: str, state: str) -> None:
        sent = self._dag.result(trial.key)
        known = self._store.done([trial.key]) or self._folder.attempts(trial.key)
        if state == PRUNED or known or not sent.exists():
            return
        collect_step(trial, self._dag, lane, self._folder, self._store)
        if state == COMPLETE and self._store.done([trial.key]):
            reads = self._reads.setdefault(sweep.key, {})
            note_reads(sweep, reads, self._store.result(trial.key), self._store)

    def _record(self, sweep: PlannedStep, node: SweepNode) -> None:
        """Record the ends of trials, unless the search does so: it holds the study."""
        spec = Spec.from_json((sweep.sweep or {})["spec"])
        with suppress(ConflictError), open_study(node.study, spec, node.run) as study:
            take_in(study, self._dag, node.lanes)

    def notes(self, running: Callable[[str], int]) -> Iterator[tuple[PlannedStep, str]]:
        """Yield how far each sweep is.

        Parameters
        ----------
        running
            Gives how many lanes of a sweep's node run.
        """
        for name, node in self._sweeps.items():
            sweep = self._steps[node.key]
            limit = int((sweep.sweep or {})["budget"]["trials"])
            with suppress(NotFoundError):
                seen = read_study(node.study, limit, sweep.key)
                ended = sum(seen.counts.values()) - seen.counts.get("running", 0)
                since = self._since.setdefault(name, (time.time(), ended))
                yield sweep, progress_note(seen, limit, running(name), since)
