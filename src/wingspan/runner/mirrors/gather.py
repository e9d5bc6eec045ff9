"""Find what a run has to show: trials, sweeps, and steps that logged or returned numbers.

Only the run's record, the studies and the store are read. Only a table of the trials is written, into the run's folder
for mirrors that keep files.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from wingspan.errors import NotFoundError
from wingspan.files import digest_bytes, json_text, write_atomically
from wingspan.planning.plan import PlannedStep, is_sweep
from wingspan.runner.events import UNDER_WAY, WAITING, StepEvent
from wingspan.runner.run import Run
from wingspan.runner.run_folder import RunFolder, read_result
from wingspan.runner.trials.value import numbers_of
from wingspan.runner.written import logged_lines
from wingspan.store.store import Store
from wingspan.sweep.records import COMPLETE, FAILED, PRUNED, Trial
from wingspan.sweep.records import RUNNING as TRIAL_RUNS
from wingspan.sweep.study import Study
from wingspan.tracking.tracked import RUNNING, Artifact, Row, Tracked, rows_of

_MODELS = frozenset({"skops", "xgboost", "lightgbm", "tensors", "model", "saved"})  # codecs
_FILES = "path"
_SEEN = ("host", "python", "wall_s", "cpu_s", "peak_memory_mb")  # of result.json
_STOPPED = "stopped"


class Gathering:
    """One run that is looked at repeatedly; files that have not changed are not read again."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._store = Store(run.home.store)
        self._elsewhere = _attempts_of_others(run)
        self._known: dict[str, tuple[object, Tracked]] = {}
        self._over: dict[str, tuple[Tracked, ...]] = {}  # of finished steps, which do not change

    def look(self) -> list[Tracked]:
        """Return what there is to show now: steps in the order of the plan, trials by number."""
        seen = self._run.look()
        over = seen.state != "running"
        found: list[Tracked] = []
        for name, step in self._run.steps.items():
            if is_sweep(step):
                found += self._of_sweep(step, seen.events[name], over=over)
            elif "trials" not in step.action:
                found += self._of_step(step, seen.events[name])
        return found

    def _of_step(self, step: PlannedStep, event: StepEvent) -> Iterator[Tracked]:
        if event.state == "done" and step.name in self._over:
            yield from self._over[step.name]
            return
        attempts = self._run.folder.attempts(step.key)
        if not attempts:
            if step.done:
                self._over[step.name] = ()
            return  # up to date, waiting or skipped
        state = RUNNING if event.state in {*UNDER_WAY, WAITING} else event.state
        one = self._cached(
            step.key, _signature(attempts, state), lambda: self._step(step, attempts, state)
        )
        shown = (one,) if one.rows or set(one.summary) - _about_the_job(one) else ()
        if state == "done" and self._store.done([step.key]):
            self._over[step.name] = shown
        yield from shown

    def _step(self, step: PlannedStep, attempts: list[Path], state: str) -> Tracked:
        run = self._run
        result = self._result(step.key, attempts)
        known = {**config_of(step.arguments), "wingspan": self._about(step)}
        word = digest_bytes(step.name.encode())[-8:]
        rows = rows_of(map(logged_lines, attempts))
        summary = self._summary(step.key, result) if state == "done" else _used(result)
        artifacts = self._artifacts(step.key, step.name) if state == "done" else ()
        return Tracked(
            f"{run.run_id}-{word}", step.name, run.run_id, "step", state, known, rows, summary, artifacts
        )  # fmt: skip

    def _of_sweep(self, step: PlannedStep, event: StepEvent, *, over: bool) -> Iterator[Tracked]:
        try:
            study = self._run.studies[step.name]
        except NotFoundError:
            return  # it has not begun
        if event.state == "done" and not self._run.folder.step(step.key).exists() and step.done:
            return  # up to date: the run that searched has shown it
        word = str((step.sweep or {})["study"])[:12]
        group = f"{step.name}-{word}"
        state = RUNNING if event.state in {*UNDER_WAY, WAITING} else event.state
        yield self._sweep(step, study, (f"{word}-sweep", group, state))
        for trial in study.trials:
            shown = self._state(trial, over=over)
            yield self._trial(step, trial, (f"{word}-{trial.number}", group, shown))

    def _state(self, trial: Trial, *, over: bool) -> str:
        """Return the state of a trial; it runs until its result has arrived from a pool."""
        coming = trial.state == COMPLETE and not self._store.done(trial.keys[:1])
        if trial.state != TRIAL_RUNS and not coming:
            return trial.state
        return RUNNING if not over else _STOPPED if trial.state == TRIAL_RUNS else trial.state

    def _sweep(self, step: PlannedStep, study: Study, named: tuple[str, str, str]) -> Tracked:
        best, flat = study.best, study.spec.space.flat
        summary: dict[str, Any] = {f"trials/{name}": count for name, count in study.counts.items()}
        summary |= {"wingspan/slot_s": study.used_s, "wingspan/saved_slot_s": study.saved_s}
        artifacts: tuple[Artifact, ...] = ()
        if best is not None:
            summary |= {"best/number": best.number, f"best/{study.spec.metric}": best.value}
            summary |= {f"best/{name}": value for name, value in flat(best.parameters).items()}
        if named[2] == "done":
            artifacts = (self._table(step, study), *self._artifacts(step.key, step.name))
        spec: Any = study.spec.json()
        known = {"sweep": spec, **config_of(step.arguments), "wingspan": self._about(step)}
        identity, group, state = named
        return Tracked(identity, step.name, group, "sweep", state, known, (), summary, artifacts)

    def _trial(self, step: PlannedStep, trial: Trial, named: tuple[str, str, str]) -> Tracked:
        key = trial.keys[0] if trial.keys else ""
        identity, group, state = named
        known = self._known.get(identity)
        if known is not None and known[0] == ("", COMPLETE, trial):
            return known[1]  # no folder is looked into again
        own = self._run.folder.attempts(key) if key else []
        attempts = [*self._elsewhere.get(key, ()), *own]

        def made() -> Tracked:
            result = self._result(key, attempts) if key else {}
            metric = (step.sweep or {})["spec"]["metric"]
            written = rows_of(map(logged_lines, attempts))
            rows = written or _without_files(result, trial, metric)
            known = {**config_of(step.arguments), **trial.parameters}
            about = {"trial": trial.number, "key": key, "attempts": trial.attempts}
            known["wingspan"] = {**self._about(step), **about}
            value = {} if trial.value is None else {metric: trial.value}
            numbers = self._summary(key, result) if trial.state == "complete" else _used(result)
            return Tracked(
                identity, f"{step.name}[{trial.number}]", group, "trial", state, known, rows,
                {**numbers, **value},
            )  # fmt: skip

        files = "" if state == COMPLETE else _signature(attempts, state)
        return self._cached(identity, (files, state, trial), made)

    def _cached(self, name: str, signature: object, make: Any) -> Tracked:  # noqa: ANN401
        before = self._known.get(name)
        if before is None or before[0] != signature:
            before = self._known[name] = signature, make()
        return before[1]

    def _about(self, step: PlannedStep) -> dict[str, Any]:
        asked = {
            name: value for name, value in step.resources.items() if value and name != "submit"
        }
        return {"run": self._run.run_id, "pipeline": self._run.pipeline, "step": step.name,
                "key": step.key, "on": self._run.folder.on, "resources": asked}  # fmt: skip

    def _result(self, key: str, attempts: list[Path]) -> Mapping[str, Any]:
        """Return the stored result, else that of the last attempt."""
        if self._store.done([key]):
            return self._store.result(key)
        return (read_result(attempts[-1]) if attempts else None) or {}

    def _summary(self, key: str, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the numbers that a step returned, the last ones that it logged, and its use."""
        if not self._store.done([key]):
            return _used(result)
        returned = numbers_of(result, lambda name: self._store.output_path(key, name))
        logged = {name: facts["last"] for name, facts in result.get("metrics", {}).items()}
        return {**logged, **returned, **_used(result)}

    def _artifacts(self, key: str, name: str) -> tuple[Artifact, ...]:
        """Return the models and files among the outputs of a stored result."""
        if not self._store.done([key]):
            return ()
        found = []
        for output, record in self._store.result(key)["outputs"].items():
            codec = str(record["codec"]).partition("/")[0]
            if codec in _MODELS or codec == _FILES:
                path = self._store.output_path(key, output)
                kind = "model" if codec in _MODELS else "result"
                found.append(Artifact(f"{name}-{output}", kind, {output: path}))
        return tuple(found)

    def _table(self, step: PlannedStep, study: Study) -> Artifact:
        """Write the table of a sweep's trials into the run's folder for mirrors."""
        file = self._run.folder.tracking / f"study-{str((step.sweep or {})['study'])[:12]}.json"
        text = json_text(study.rows())
        if not file.exists() or file.read_text() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, text)
        return Artifact(f"{step.name}-study", "study", {"study.json": file})


def config_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a step that are plain JSON, without handles, files and objects.

    >>> config_of({"rate": 0.1, "table": {"$": "input"}, "sizes": [1, 2]})
    {'rate': 0.1, 'sizes': [1, 2]}
    """
    return {name: tree for name, tree in arguments.items() if _is_plain(tree)}


def _is_plain(tree: object) -> bool:
    if isinstance(tree, dict):
        return "$" not in tree and all(map(_is_plain, tree.values()))
    if isinstance(tree, list):
        return all(map(_is_plain, tree))
    return True


def _used(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a job ran, and its use."""
    found = {f"wingspan/{name}": result[name] for name in _SEEN if name in result}
    return found | ({"wingspan/ended": result["ended"]} if "ended" in result else {})


def _about_the_job(one: Tracked) -> set[str]:
    return {name for name in one.summary if name.startswith("wingspan/")}


def _without_files(result: Mapping[str, Any], trial: Trial, metric: str) -> tuple[Row, ...]:
    """Return the rows of a trial whose attempts are not here, from its result or the study."""
    curves = {name: facts["curve"] for name, facts in result.get("metrics", {}).items()}
    if not curves and trial.state in {PRUNED, FAILED}:
        curves = {metric: trial.curve}
    lines = [
        {"step": int(step), "metrics": {name: value}, "time": result.get("ended", 0.0)}
        for name, curve in curves.items()
        for step, value in curve
    ]
    return rows_of([lines])


def _signature(attempts: list[Path], state: str) -> object:
    """Return a value that changes when an attempt logs or ends."""
    sizes = []
    for attempt in attempts:
        files = [attempt / "metrics.jsonl", attempt / "result.json"]
        files += attempt.glob("work/wandb/offline-run-*/run-*.wandb")
        sizes.append([file.stat().st_size if file.exists() else -1 for file in files])
    return state, repr(sizes)


def _attempts_of_others(run: Run) -> dict[str, list[Path]]:
    """Return the attempts of other runs of the home by key, oldest first.

    A trial may go on in another run.
    """
    found: dict[str, list[Path]] = {}
    if not any(is_sweep(step) for step in run.steps.values()):
        return found
    for run_id in run.home.run_ids():
        folder = RunFolder(run.home.runs / run_id)
        steps = folder.root / "steps"
        if folder.root == run.folder.root or not steps.is_dir():
            continue
        for entry in steps.iterdir():
            found.setdefault(entry.name, []).extend(folder.attempts(entry.name))
    return found
