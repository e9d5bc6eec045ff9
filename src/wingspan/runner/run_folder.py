"""Every file name of a project's ``.wingspan`` folder and of a run folder.

::

    .wingspan/
      store/                    results by key
      claims                    lock file: which key a run computes now
      digests.json              digests of input files by path, size and time
      history/PIPELINE.json     what the last plan of a pipeline was made of; see `wingspan.pipeline.names`
      models/                   deployed models
      studies/STUDY/            the trials of a sweep, of all runs: see `wingspan.sweep.journal`
      runs/RUN/
        plan.jsonl              a header, then one planned step a line
        record.jsonl            what happened, appended as it happens
        epochs_per_job          on an execution point, where a training is cut into several jobs
        complete                there once every step is done
        pid                     the process that drives the run
        end-sweeps              there once the user has ended the run's sweeps
        on                      where it runs: "local" or the profile of a pool
        shared                  the folder that the pool's machines share, where the user named one for this run
        pool                    keys of the pool's profile that the user gave for this run, JSON
        dag/N/                  the DAGs that were submitted to a pool, one after the other
        tracking/               which mirrors the run has, what they need to be brought up to date, and their log
        tensorboard/            event files of TensorBoard
        constants/DIGEST        argument values that JSON cannot hold
        code/DIGEST             the project's modules that the steps import, and a manifest of them for each function
        made-once/              what steps share while they run, such as tensors of several trainings
        steps/KEY/ATTEMPT/      one folder a job:
          job.json  inputs/  work/  outputs/  checkpoint/  metrics.jsonl  stop
          stdout.txt  stderr.txt  result.json  verdict  stopped  paused
"""

import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wingspan.errors import ConflictError, NotFoundError
from wingspan.files import read_file, writing
from wingspan.pipeline.names import file_part, file_word
from wingspan.user_paths import user_path

LOCAL = "local"  # where a run runs that is in no pool
JOB = "job.json"
RESULT = "result.json"
INPUTS = "inputs"
OUTPUTS = "outputs"
WORK = "work"
CODE = "code"
CHECKPOINT = "checkpoint"
METRICS = "metrics.jsonl"
STOP = "stop"  # the search has given up this trial
EPOCHS = (
    "epochs_per_job"  # in a run's folder on an execution point: how many checkpoints a job makes
)
SHARED = "made-once"  # in a run's folder: what steps of one machine share while they run
PAUSED = "paused"  # the step waits for its job to end, and goes on in the next one
VERDICT = "verdict"  # how many lines of metrics the search has judged
STOPPED = "stopped"  # the step has seen that it is to stop
STDOUT = "stdout.txt"
STDERR = "stderr.txt"

_NUMBERED = re.compile(r"\d{8}-\d{6}\.(\d+)-.+")  # run ids: date, time, number, pipeline, letters
_DATED = re.compile(r"\d{8}-\d{6}-.+")  # of versions without a number
_LETTERS = "bcdfghjkmnpqrstvwxz"  # an id ends in these: never in digits, which are ids of jobs
_LISTED = 10  # runs that match part of an id


@dataclass(frozen=True, slots=True)
class Home:
    """The ``.wingspan`` folder of a project."""

    root: Path

    @property
    def store(self) -> Path:
        """Results by key."""
        return self.root / "store"

    @property
    def claims(self) -> Path:
        """Lock file of the keys that runs compute now."""
        return self.root / "claims"

    @property
    def digests(self) -> Path:
        """Cache of the digests of input files."""
        return self.root / "digests.json"

    @property
    def models(self) -> Path:
        """Deployed models."""
        return self.root / "models"

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.root / "runs"

    @property
    def studies(self) -> Path:
        """One folder a study."""
        return self.root / "studies"

    def history(self, pipeline: str) -> Path:
        """Return the file with what the last plan of a pipeline was made of."""
        return self.root / "history" / f"{file_word(pipeline)}.json"

    def new_run(self, pipeline: str) -> "RunFolder":
        """Return the folder for a new run; the number in its id is higher than that of older runs."""
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        others = self.runs.iterdir() if self.runs.is_dir() else ()
        number = max((_place(other.name)[1] for other in others), default=0) + 1
        from secrets import choice

        letters = "".join(choice(_LETTERS) for _ in range(4))
        return RunFolder(self.runs / f"{stamp}.{number:04}-{file_part(pipeline)}-{letters}")

    def run(self, name: str) -> "RunFolder":
        """Find a run by its id, the start or end of its id, or ``last``."""
        known = self.run_ids()
        if not known:
            fix = "start one: wingspan run FILE.py; or name the folder that has runs: --home"
            raise NotFoundError(str(self.runs), "there is no run yet", fix)
        found = known[-1:] if name == "last" else [r for r in known if r == name]
        found = found or [r for r in known if name and (r.startswith(name) or r.endswith(name))]
        if not found:
            problem = f"there is no run {name!r}"
            raise NotFoundError(str(self.runs), problem, "`wingspan runs` lists them")
        if len(found) > 1:
            listed = [RunFolder(self.runs / each) for each in reversed(found[-_LISTED:])]
            shown = [f"\n  {each.run_id}  started {each.started}" for each in listed]
            more = f"\n  and {len(found) - _LISTED} older ones" if len(found) > _LISTED else ""
            problem = f"{len(found)} runs match {name!r}:{''.join(shown)}{more}"
            raise NotFoundError(str(self.runs), problem, "give the whole id of one of them")
        return RunFolder(self.runs / found[0])

    def run_ids(self) -> list[str]:
        """Return the ids of all runs, in the order of their starts."""
        if not self.runs.is_dir():
            return []
        found = (entry.name for entry in self.runs.iterdir() if (entry / "plan.jsonl").exists())
        return sorted(found, key=_place)


def _place(run_id: str) -> tuple[int, int, str]:
    """Return a run's place in the order of starts; ids without a number are the oldest."""
    numbered = _NUMBERED.fullmatch(run_id)
    if numbered:
        return 2, int(numbered[1]), run_id
    return int(bool(_DATED.fullmatch(run_id))), 0, run_id


def find_home(given: str | Path | None = None) -> Home:
    """Return `given`, else ``WINGSPAN_HOME``, else ``.wingspan`` in the current folder."""
    chosen = given or os.environ.get("WINGSPAN_HOME") or ".wingspan"
    return Home(user_path(chosen).absolute())


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run."""

    root: Path

    @property
    def run_id(self) -> str:
        """Name of the run."""
        return self.root.name

    @property
    def plan(self) -> Path:
        """The plan, one step a line."""
        return self.root / "plan.jsonl"

    @property
    def header(self) -> dict[str, Any]:
        """The first line of the plan, without its steps: ``pipeline``, ``created`` and more."""
        with self.plan.open() as lines:
            found: dict[str, Any] = json.loads(lines.readline())
        return found

    @property
    def started(self) -> str:
        """When the run was made, in UTC, such as ``2026-11-29 08:31:27``; empty if unknown."""
        try:
            created = time.gmtime(self.header["created"])
        except (OSError, ValueError, KeyError):
            return ""
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", created)

    @property
    def record(self) -> Path:
        """What happened, one event a line."""
        return self.root / "record.jsonl"

    @property
    def pid(self) -> Path:
        """Id of the process that drives the run."""
        return self.root / "pid"

    @property
    def dags(self) -> Path:
        """Folders of the DAGs that were submitted to a pool, ``1``, ``2``, ..."""
        return self.root / "dag"

    @property
    def on(self) -> str:
        """Where the run runs: ``local``, or the profile of a pool."""
        try:
            return (self.root / "on").read_text()
        except FileNotFoundError:
            return LOCAL

    @property
    def shared(self) -> Path | None:
        """The folder that the pool's machines share, if the user named one for this run."""
        try:
            return Path((self.root / "shared").read_text())
        except FileNotFoundError:
            return None

    @property
    def pool(self) -> dict[str, Any]:
        """Keys of the pool's profile that the user gave for this run."""
        try:
            found: dict[str, Any] = json.loads((self.root / "pool").read_text())
        except FileNotFoundError:
            return {}
        return found

    @property
    def complete(self) -> Path:
        """A file that exists once every step of the run is done."""
        return self.root / "complete"

    @property
    def end_sweeps(self) -> Path:
        """A file that exists once the user has ended the run's sweeps with the best trials so far."""
        return self.root / "end-sweeps"

    @property
    def tracking(self) -> Path:
        """What the mirrors of the run need."""
        return self.root / "tracking"

    @property
    def mirrors(self) -> Path:
        """Which mirrors the run has; it exists once the run has some."""
        return self.tracking / "mirrors.json"

    @property
    def mirror_log(self) -> Path:
        """Output of the process that brings the mirrors up to date."""
        return self.tracking / "log.txt"

    @property
    def tensorboard(self) -> Path:
        """Event files, for ``tensorboard --logdir``."""
        return self.root / "tensorboard"

    @property
    def log(self) -> Path:
        """Output of a run that was submitted to the background."""
        return self.root / "driver.txt"

    def claim(self, pid: int | None = None) -> None:
        """Record that a process, by default this one, drives the run.

        Raises
        ------
        ConflictError
            Another living process drives it.
        """
        if self.driven() and self.pid.read_text() != _identity(os.getpid()):
            raise ConflictError(
                f"run {self.run_id}",
                "another process drives this run",
                f"follow it: wingspan watch {self.run_id}",
            )
        with writing(self.pid):
            self.pid.write_text(_identity(pid or os.getpid()))

    def driver(self) -> tuple[int, str] | None:
        """Return the id of the process that drives the run and its machine, or None."""
        try:
            pid, _, host = self.pid.read_text().split()
        except (FileNotFoundError, ValueError):  # missing, or being written just now
            return None
        return int(pid), host

    def driven(self) -> bool:
        """Return whether a living process, here or on another machine, drives the run."""
        try:
            claimed = self.pid.read_text().split()
        except FileNotFoundError:
            return False
        if len(claimed) != 3:  # being written just now
            return True
        return claimed[2] != os.uname().nodename or _identity(int(claimed[0])).split() == claimed

    def constant(self, digest: str) -> Path:
        """Return the place of an argument value."""
        return self.root / "constants" / digest.partition(":")[2]

    def code(self, digest: str) -> Path:
        """Return the place of a module's content, or of a manifest."""
        return self.root / CODE / digest.partition(":")[2]

    def step(self, key: str) -> Path:
        """Return the folder of all attempts of a step."""
        return self.root / "steps" / key

    def attempts(self, key: str) -> list[Path]:
        """Return the attempt folders of a step, oldest first."""
        folder = self.step(key)
        return sorted(folder.iterdir(), key=lambda path: int(path.name)) if folder.is_dir() else []

    def new_attempt(self, key: str) -> Path:
        """Return the folder of the next attempt; it does not exist yet."""
        before = self.attempts(key)
        return self.step(key) / str(int(before[-1].name) + 1 if before else 1)


def _identity(pid: int) -> str:
    """Return ``pid start host``, as another process may get the same pid later."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else f"{pid} {fields[19]} {os.uname().nodename}"


def read_result(attempt: Path) -> dict[str, Any] | None:
    """Return a job's result.json, or None if the job wrote none."""
    try:
        found: dict[str, Any] = json.loads(read_file(attempt / RESULT).decode())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return found


def computing(home: Home, key: str, but: RunFolder) -> str:
    """Return the id of another living run that has begun a step; empty if none is found."""
    for run_id in reversed(home.run_ids()):
        folder = RunFolder(home.runs / run_id)
        if folder.root != but.root and folder.step(key).exists() and folder.driven():
            return run_id
    return ""


def earlier_attempts(home: Home, keys: frozenset[str]) -> dict[str, list[Path]]:
    """Return the attempts of unfinished runs by key, newest first.

    They have results and checkpoints to continue from.
    """
    found: dict[str, list[Path]] = {}
    for run_id in reversed(home.run_ids()):
        folder = RunFolder(home.runs / run_id)
        steps = folder.root / "steps"
        if folder.complete.exists() or not steps.is_dir() or folder.driven():
            continue
        for key in keys.intersection(entry.name for entry in steps.iterdir()):
            found.setdefault(key, []).extend(reversed(folder.attempts(key)))
    return found


def file_name(key: str, output: str) -> str:
    """Return the name of an output's file, unique in a run; ``KEY.json`` is the step's record."""
    return f"{key}.{file_word(output)}" if output != "json" else f"{key}.output.json"


def code_of(attempt: str) -> str:
    """Return the folder of the project's code in the run of an attempt's folder."""
    return f"{os.path.dirname(os.path.dirname(os.path.dirname(attempt)))}/{CODE}"  # noqa: PTH120
