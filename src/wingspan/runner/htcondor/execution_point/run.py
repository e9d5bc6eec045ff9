"""Run a part of a plan on an execution point.

::

    SANDBOX/
      NODE.json                 the steps, and what this module must know of the access point
      code-DIGEST.zip           the user's modules
      KEY.json, KEY.OUTPUT, ... results of other nodes; the user's files and constants under their own names;
                                where there is a shared folder, all these are read there, and outputs written there
      home/                     a Wingspan home of this job: what is done and checkpoints, all that a restart needs
      KEY.json, KEY.OUTPUT, KEY.stdout.txt, ...  in the end: one set for each step of the part
"""

import os
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import ReadOnlyError, SpaceError, WingspanError
from wingspan.files import disk_errors, json_text
from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.events import Outcome
from wingspan.runner.failure import refusal
from wingspan.runner.htcondor.dag_folder import STARTED
from wingspan.runner.htcondor.execution_point.arrive import (
    Arrived,
    arrive,
    read_part,
    require_format,
)
from wingspan.runner.htcondor.execution_point.checkpoints import (
    Interrupted,
    checkpoints,
    drop_links,
)
from wingspan.runner.htcondor.execution_point.hand_over import hand_over
from wingspan.runner.htcondor.execution_point.relay import Relay
from wingspan.runner.htcondor.execution_point.room import (
    drop_room,
    give_up_room,
    keep_room,
    refuse_full_disk,
    without_room,
)
from wingspan.runner.htcondor.execution_point.sender import Sender
from wingspan.runner.htcondor.growth import ends_here, with_fix
from wingspan.runner.htcondor.hold_policy import (
    CHECKPOINT_EXIT,
    DISK_EXIT,
    FAILED_EXIT,
    MEMORY_EXIT,
)
from wingspan.runner.htcondor.shared import (
    unusable,
)
from wingspan.runner.job.run import SCHEMA
from wingspan.runner.local.runner import LocalRunner
from wingspan.runner.local.schedule import Machine, Turns, this_machine
from wingspan.runner.run_folder import (
    Home,
    RunFolder,
)

if TYPE_CHECKING:
    from wingspan.runner.htcondor.execution_point.lane import Lane


def run_part(sandbox: Path, name: str) -> int:
    """Run the steps of ``NAME.json``, leave their results, and return the exit code.

    Results go to the sandbox's top folder.

    Raises
    ------
    ConflictError
        A file that came is not the one the plan was made for.
    FormatError
        A newer version wrote what the job is to do.
    """
    begun = time.monotonic()
    part = read_part(sandbox, name)
    home = Home(sandbox / "home")
    folder = RunFolder(home.runs / "part")
    (sandbox / STARTED).mkdir(exist_ok=True)  # a folder does not travel, and no step has it
    folder.root.mkdir(parents=True, exist_ok=True)
    require_format(part)
    folder.plan.touch()  # makes it a run of this home, which goes on from what an interrupted start left
    keep_room(home.root)
    came = arrive(part, sandbox, home, folder)
    lane = None
    if part["lane"] is not None:
        lane = _lane(part, (sandbox, name), (begun, came.origins), came.provided)
    try:
        outcome = _outcome(part, came, lane, begun, sandbox)
    except Interrupted:
        if lane is not None:
            lane.pause()
        drop_room(home.root)  # the home travels
        drop_links(home.root)
        return CHECKPOINT_EXIT
    except SpaceError as error:
        why = give_up_room(error, home.root, _asked_disk(part), part["most"].get("disk"))
        outcome = without_room(why, came.steps, folder.run_id, came.store)
        if lane is not None:
            lane.lack("disk")
    job = (sandbox, name)
    if lane is not None:
        outcome, trials = lane.outcome(came.steps[0], folder, came.store)
        hand_over(outcome, trials, job, folder, came.store, came.origins)
        return lane.leave()
    largest = ends_here(came.provided, part["most"])
    outcome = with_fix(outcome, part["most"]) if largest else outcome
    hand_over(outcome, came.steps, job, folder, came.store, came.origins)
    in_slot = bool(came.provided)
    return _exit_code(outcome, grows=in_slot and not largest, in_slot=in_slot)


def _outcome(
    part: Mapping[str, Any], came: Arrived, lane: "Lane | None", begun: float, sandbox: Path
) -> Outcome:
    """Run the steps that came.

    Raises
    ------
    Interrupted
        A checkpoint is to be sent.
    SpaceError
        The disk is full.
    """
    done = came.store.done(step.key for step in came.steps)
    steps = tuple(replace(step, done=step.key in done) for step in came.steps)
    plan = Plan(part["pipeline"], steps, ())
    with (
        disk_errors(sandbox),
        closing(_relay(part, plan, came.folder, lane)) as relay,
        checkpoints(came.folder, part["checkpoint_every_s"], relay.look),
    ):
        runner = _runner(part, came.steps, begun, lane, relay)
        outcome = runner.run(plan, came.folder, came.home, relay)
        refuse_full_disk(outcome, came.steps, sandbox)
    return outcome


def _exit_code(outcome: Outcome, *, grows: bool, in_slot: bool) -> int:
    """Return what says how a job ended, and whether it is to start again with more."""
    if outcome.ok:
        return 0
    causes = {event.cause for event in outcome.failed} if in_slot else set()
    if "disk" in causes:
        return DISK_EXIT
    return MEMORY_EXIT if "memory" in causes and grows else FAILED_EXIT


def _runner(
    part: Mapping[str, Any],
    steps: tuple[PlannedStep, ...],
    begun: float,
    lane: "Lane | None",
    relay: Relay,
) -> LocalRunner:
    """Return the runner of a job's steps.

    It runs as many at once as the job may, and starts no task when its time is up.
    """
    if lane is not None:
        sweeps = lane.sweeps(relay)
        return LocalRunner(_machine(steps), fork=True, durable=bool(part["shared"]), sweeps=sweeps)
    turns = Turns(part["tasks"], begun + part["task_time_s"]) if part["tasks"] else None
    durable = bool(part["shared"])
    return LocalRunner(_machine(steps), fork=True, durable=durable, jobs=part["jobs"], turns=turns)


def _relay(part: Mapping[str, Any], plan: Plan, folder: RunFolder, lane: "Lane | None") -> Relay:
    """Return the relay that sends home what steps log while they run.

    For a lane it also hears the answers of the search.
    """
    sender = Sender(part["chirp"], streams=part["streams"])
    script = any("command" in step.action for step in plan.steps)
    steps = {step.key: step.done for step in plan.steps}
    if lane is None:
        return Relay(steps, folder, sender, script=script)
    sender.probe(f"../params/{lane.name}.0.json")
    return Relay({}, folder, sender, script=script, name_of=lane.call_of, whole=lane.metric)


def _lane(
    part: Mapping[str, Any],
    job: tuple[Path, str],
    begun: tuple[float, Mapping[str, str]],
    provided: Mapping[str, int],
) -> "Lane":
    """Take up a lane of a sweep; other jobs import nothing for it."""
    from wingspan.runner.htcondor.execution_point.lane import Lane

    grows = bool(provided) and not ends_here(provided, part["most"])
    return Lane(part, job, *begun, grows=grows)


def _asked_disk(part: Mapping[str, Any]) -> int:
    """Return the disk that the job's steps asked for, in MB."""
    return max(Resources(**step["resources"]).disk_mb for step in part["steps"])


def _machine(steps: tuple[PlannedStep, ...]) -> Machine:
    """Return what this job may use: the request of its steps, and the GPUs the slot gave it."""
    free = this_machine()
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        free.gpus = [name for name in visible.split(",") if name]
    free.cpus = max(int(step.resources.get("cpus", 1)) for step in steps)
    return free


def main(arguments: list[str]) -> None:
    """Run the part of the node named on the command line, in the current folder."""
    sandbox, name = Path.cwd(), arguments[0]
    try:
        with disk_errors(sandbox):
            code = run_part(sandbox, name)
    except (WingspanError, OSError) as error:  # what came is not what was planned, or has no room
        part = read_part(sandbox, name)
        if not isinstance(error, WingspanError) and not part["shared"]:
            raise
        if not isinstance(error, WingspanError) or (
            isinstance(error, ReadOnlyError) and part["shared"]
        ):
            error = unusable(Path(part["shared"]), str(error.__cause__ or error))
        code, why = FAILED_EXIT, refusal(error)
        if isinstance(error, SpaceError):
            code, why = (
                DISK_EXIT,
                give_up_room(error, sandbox / "home", _asked_disk(part), part["most"].get("disk")),
            )
        if part["lane"] is not None:  # other lanes may do better
            (sandbox / f"{name}.failed.json").write_text(json_text(why._asdict()))
        for step in part["steps"] if part["lane"] is None else ():
            result = {"schema": SCHEMA, "key": step["key"], "status": "failed", "outputs": {}}
            whole = {**result, "failure": why._asdict()}
            (sandbox / f"{step['key']}.json").write_text(json_text(whole))
    sys.exit(code)
