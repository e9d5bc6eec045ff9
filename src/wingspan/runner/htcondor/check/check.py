"""Check a plan against the pool that a profile names.

Nothing is submitted, unless a probe is asked for.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from wingspan.accesspoint.access import Access, check_access, run_to_end
from wingspan.accesspoint.idle import Pool, look_at_pool
from wingspan.accesspoint.matching import Slot
from wingspan.accesspoint.versions import sends_common_files
from wingspan.errors import PoolError, ReadOnlyError, SpaceError, WingspanError
from wingspan.planning.plan import Plan, PlannedStep, is_sweep
from wingspan.pool.personal import use_pool
from wingspan.runner.htcondor.check.command_check import check_commands
from wingspan.runner.htcondor.check.gpu_wheel import check_wheel, wheel_here, with_torch
from wingspan.runner.htcondor.check.lacking import check_project_files
from wingspan.runner.htcondor.check.preflight import (
    Check,
    check_imports,
    check_outputs,
    check_references,
    check_requests,
    check_run_folder,
    check_secrets,
    check_transfer,
    megabytes,
)
from wingspan.runner.htcondor.check.proof import folder_in, prove_imports
from wingspan.runner.htcondor.chirp_commands import channel_words
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.reference import url_of
from wingspan.runner.htcondor.shared import ENVIRONMENTS, problem_of
from wingspan.runner.htcondor.words import argument
from wingspan.runner.htcondor.write.environment import environment_of
from wingspan.runner.htcondor.write.image import (
    image_commands,
    images_of,
    require_image,
    steps_in,
)
from wingspan.runner.htcondor.write.nodes import Node, nodes_of
from wingspan.runner.htcondor.write.project_code import contents_of, project_files
from wingspan.runner.htcondor.write.travel import Way, travels, way_of
from wingspan.runner.prepare import constants_of
from wingspan.runner.run_folder import Home, RunFolder
from wingspan.store.store import Store

_LEAST_FREE_MB = 32
_PROBE_S = 180.0  # three negotiation cycles of a pool with default settings
_PROBE = """#!/bin/sh
# Reads what the access point wrote in the shared folder, and answers in the same folder.
who="$(id -un) on $(uname -n)"
[ "$(cat "$1/here" 2>/dev/null)" = here ] || { echo "$who cannot read it"; exit 1; }
echo there > "$1/there" || { echo "$who cannot write in it"; exit 1; }
echo "$who"
"""


def check_plan(
    plan: Plan,
    home: Home,
    profile: Profile,
    folder: RunFolder | None = None,
    *,
    probe: bool = False,
) -> tuple[Check, ...]:
    """Look at everything that can be known before a submission.

    Parameters
    ----------
    folder
        Folder of the plan's run, where its constants lie; None for a new plan.
    probe
        Submit one small job that reads and writes the profile's shared folder.
    """
    steps = plan.to_run()
    checks, access, pool = _reach()
    broken = check_references(steps, profile.staging)
    staging = {} if broken else profile.staging
    way = _way(access, steps, profile)
    more = [way.url] if way is not None and way.url else []
    nodes = nodes_of(plan, lambda step: [*_urls(step, staging), *more, *sorted(constants_of(step))])
    checks += broken
    if access is not None and pool is not None:
        checks += _against_slots(nodes, profile, access, pool)
    code = project_files(plan, folder)
    environment, imports = None, check_imports(steps, profile.image)
    if access is not None and steps:
        environment = check_environment(steps, home, profile, way, len(nodes))
        checks.append(environment)
        imports = _proof(environment, plan, folder, home) or imports
    images = check_images(steps, profile)
    if profile.shared is None:
        each = _bytes_of_each(code, environment, images)
        limit = access.input_limit_mb if access is not None else None
        checks += check_transfer(nodes, sizes_of(plan, home, folder), each, limit, staging)
    else:
        found = f"none: jobs read and write in {profile.shared}"
        checks.append(Check("transfer", True, found, facts={"bytes": 0}))
    checks += [
        *images,
        imports,
        check_project_files(steps, chain.from_iterable(code.values()), Store(home.store)),
        check_outputs(steps),
        check_secrets(steps, profile),
        *check_commands(steps, profile, ask=access is not None),
        _channel(steps, profile),
        check_run_folder(home.root),
        _writable(home.root),
    ]
    if profile.shared is not None:
        checks.append(check_shared(profile.shared))
        if probe and access is not None and all(check.ok for check in checks[-2:]):
            checks.append(probe_shared(profile.shared, home, profile))
    return tuple(checks)


def _against_slots(
    nodes: Sequence[Node], profile: Profile, access: Access, pool: Pool
) -> list[Check]:
    """Match the nodes' requests, and the GPU code of PyTorch, against the pool's slots."""
    owner = access.user.partition("@")[0]
    checks = check_requests(nodes, profile, pool, owner)
    if with_torch(nodes) and profile.image is None and (wheel := wheel_here()):
        checks += check_wheel(nodes, wheel, profile, pool, owner)
    return checks


def _bytes_of_each(
    code: Mapping[str, Iterable[Path]], environment: Check | None, images: Sequence[Check]
) -> int:
    """Return the bytes that every job is sent: modules, environment, and the largest image."""
    modules = sum(file.stat().st_size for files in code.values() for file in files if file.exists())
    libraries = 0 if environment is None else int(environment.facts.get("each_bytes", 0))
    image = max((int(check.facts.get("bytes", 0)) for check in images), default=0)
    return modules + libraries + image


def _channel(steps: Sequence[PlannedStep], profile: Profile) -> Check:
    """Say how running jobs send their metrics, and whether those of sweeps hear the search."""
    swept = any(is_sweep(step) for step in steps)
    images = bool(images_of(steps, profile))
    return Check("channel", True, channel_words(profile.chirp, sweeps=swept, images=images))


def _urls(step: PlannedStep, staging: Mapping[Path, str]) -> list[str]:
    return [url for file in step.files if (url := url_of(file, staging)) is not None]


def _reach() -> tuple[list[Check], Access | None, Pool | None]:
    """Find the pool, check the permissions, and look at its slots.

    A pool that cannot be reached is one failed check.
    """
    try:
        config = use_pool()
        access = check_access()
        pool = look_at_pool()
    except PoolError as error:
        return [Check("pool", False, f"{error.where}: {error.problem}", error.fix)], None, None
    versions = access.versions
    seen = f"{access.access_point}, HTCondor {versions.access_point}, bindings {versions.bindings}, as {access.user}"
    found = [Check("pool", True, seen, facts={"config": str(config), "user": access.user})]
    points = Counter(_version_of(slot) for slot in pool.slots)
    slots = ", ".join(f"{count} of {version}" for version, count in points.most_common())
    if not pool.negotiators:
        problem = "the pool has no negotiator: no job will ever start"
        return [*found, Check("slots", False, problem, "ask its administrator")], access, pool
    seen = f"{len(pool.slots)}: {slots}" if slots else "none"
    return (
        [*found, Check("slots", bool(pool.slots), seen, "see: wingspan pool status")],
        access,
        pool,
    )


def _version_of(slot: Slot) -> str:
    """Return the HTCondor version of a slot's machine; a question mark where its ad has none."""
    return next(iter(str(slot.now.get("CondorVersion", "")).split()[1:2]), "?")


def _way(access: Access | None, steps: Sequence[PlannedStep], profile: Profile) -> Way | None:
    """Return how the environment travels; None where it does not, or no pool can be reached."""
    if access is None or not travels(profile, steps):
        return None
    return way_of(profile, once=sends_common_files(access.versions.access_point))


def _proof(environment: Check, plan: Plan, folder: RunFolder | None, home: Home) -> Check | None:
    """Import with the environment that was made what jobs will; None where they are given none."""
    if "at" not in environment.facts:
        return None
    steps = plan.to_run()
    files = contents_of(project_files(plan, folder), folder, plan.sources)
    return prove_imports(steps, Path(environment.facts["at"]), files, home.root)


def check_environment(
    steps: Sequence[PlannedStep], home: Home, profile: Profile, way: Way | None, jobs: int
) -> Check:
    """Make the environment as a run would, and report how it travels and its size.

    The run finds it ready and does not make it again.
    """
    if way is None:
        where = f"in {profile.image}" if profile.image else "where it is here"
        return Check("environment", True, f"jobs find it {where}")
    found, limit = environment_of(steps), profile.environment_limit_mb
    try:
        if way.kind == "shared" and way.folder is not None:
            path = found.unpacked(way.folder, lambda _: None)
        else:
            path = found.packed(home.root / ENVIRONMENTS, limit)
    except (SpaceError, ReadOnlyError) as error:
        return Check("environment", False, error.problem, error.fix)
    except OSError as error:
        problem = f"{error.filename or way.folder}: {error.strerror}"
        return Check("environment", False, problem, "make a folder there that you may write to")
    size = path.stat().st_size if path.is_file() else 0
    facts = {"bytes": size, "each_bytes": way.sent_bytes(size), "way": way.kind, "at": str(path)}
    return Check("environment", True, way.text(size, jobs), facts=facts)


def check_images(steps: Sequence[PlannedStep], profile: Profile) -> list[Check]:
    """Look for the container images that are files, and say how jobs get each."""
    checks = []
    for image in images_of(steps, profile):
        try:
            size = require_image(image, profile.shared, steps_in(image, steps, profile))
        except WingspanError as error:
            checks.append(Check("image", False, f"{error.where}: {error.problem}", error.fix))
            continue
        way = f"{megabytes(size)}, sent to each job" if size else "not sent: machines find it there"
        checks.append(Check("image", True, f"{image}: {way}", facts={"bytes": size}))
    return checks


def sizes_of(plan: Plan, home: Home, folder: RunFolder | None) -> Callable[[str], int | None]:
    """Return a function from the name of a result file or constant to its bytes.

    It returns None for what no step has made yet.
    """
    store = Store(home.store)
    done = store.done(step.key for step in plan.steps) if home.store.is_dir() else frozenset()

    def size(name: str) -> int | None:
        if name in plan.constants:
            return int(plan.constants[name][1].get("bytes", 0))
        if folder is not None and folder.constant(name).exists():
            return folder.constant(name).stat().st_size
        key, _, output = name.partition(".")
        if key not in done:
            return None
        outputs = store.result(key)["outputs"]
        return int(outputs[output].get("bytes", 0)) if output in outputs else 0

    return size


def _writable(home: Path) -> Check:
    there = next(one for one in (home, *home.parents) if one.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        free = shutil.disk_usage(there).free >> 20
        found, facts = f"{free} MB free", {"free_mb": free}
        if free >= _LEAST_FREE_MB:
            return Check("run folder's disk", True, found, facts=facts)
        found = f"{there}: {found}; results and logs need at least {_LEAST_FREE_MB} MB"
        fix = "free some space: wingspan store gc; or name another disk: --home, or WINGSPAN_HOME"
        return Check("run folder's disk", False, found, fix, facts)
    problem, fix = f"nothing can be written in {there}", "name another: --home, or WINGSPAN_HOME"
    return Check("run folder's disk", False, problem, fix)


def check_shared(shared: Path) -> Check:
    """Write, read and remove a file in the shared folder, as this user on this machine."""
    fix = f"make {shared} a folder that you may write to, on every machine of the pool"
    problem = problem_of(shared)
    if problem:
        return Check("shared folder", False, f"{shared}: {problem}", fix)
    return Check("shared folder", True, f"{shared}: written and read as this user")


def probe_shared(shared: Path, home: Home, profile: Profile, within_s: float = _PROBE_S) -> Check:
    """Let one small job read and write the shared folder, then remove all traces of it."""
    title = "shared folder, from a job"
    fix = f"mount {shared} on the machines that run jobs, writable for you; or leave the key shared out"
    with folder_in(shared) as meeting, folder_in(home.root) as work:
        (meeting / "here").write_text("here")
        script, log = work / "probe.sh", work / "log"
        script.write_text(_PROBE)
        script.chmod(0o755)
        commands = {
            "executable": str(script),
            "arguments": argument(str(meeting)),
            "initialdir": str(work),
            "output": "said",
            "error": "said-too",
            "should_transfer_files": "YES",
            "request_cpus": "1",
            "request_memory": "64MB",
            "request_disk": "64MB",
            **image_commands(profile.image, profile.shared),
            **profile.submit,
        }
        try:
            job, ended = run_to_end(commands, log, within_s)
        except PoolError as error:
            return Check(title, False, f"{error.where}: {error.problem}", error.fix)
        if not ended:
            problem = f"job {job} did not end within {within_s:.0f} s; it is removed"
            return Check(title, False, problem, "look at the requests above, or try again")
        said = (work / "said").read_text(errors="replace").strip()
        if (meeting / "there").exists():
            return Check(title, True, f"read and written by {said}")
        return Check(title, False, f"{shared}: {said or 'the job said nothing'}", fix)
