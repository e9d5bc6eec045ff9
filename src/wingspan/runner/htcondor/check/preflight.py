"""Check a plan and a profile for what would fail on the pool, before it is submitted.

Each function looks at one thing and returns `Check`s; what they need of the pool is given to them.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from wingspan.accesspoint.idle import Pool
from wingspan.accesspoint.matching import Match, match, slots_text
from wingspan.accesspoint.request import job_ad
from wingspan.errors import SettingError
from wingspan.pipeline.resources import Resources
from wingspan.pipeline.submit_commands import parameters_named
from wingspan.planning.plan import PlannedStep
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.reference import url_of
from wingspan.runner.htcondor.words import folder_problem
from wingspan.runner.htcondor.write.nodes import Node
from wingspan.runner.htcondor.write.submit_description import commands_of
from wingspan.shown import counted, listed

# a name's end, its words joined by _; of parameters only what cannot mean anything else: pad_token, sort_key
_SECRET = re.compile(
    r"(?:^|_)(?:api_?key|key|token|secret|password|passwd|credentials?)$", re.IGNORECASE
)
_SECRET_PARAMETER = re.compile(
    r"(?:^|_)(?:(?:api|access|private|secret)_?key|(?:api|access|auth)_?token|secret|password|passwd)$",
    re.IGNORECASE,
)
_OF_NAMES = re.compile(r"(?<=[a-z])(?=[A-Z])")
_MB = 1024**2
_SECRET_FIX = (
    "take it out: everybody can read a job's description; a step reads it from a file that you send as an input,"
    " mode 0600"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked: what was found, and how to fix it if it is wrong.

    A `warning` stops nothing, but is hardly what the user meant.
    """

    name: str
    ok: bool
    found: str
    fix: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    warning: bool = False


def check_requests(nodes: Sequence[Node], profile: Profile, pool: Pool, owner: str) -> list[Check]:
    """Match each different request of a plan against the pool's slots.

    The slots also need the transfer plug-ins for the request's URLs.
    """
    groups: dict[tuple[str, str], tuple[Resources, list[str]]] = {}
    for node in nodes:
        asked = replace(node.asked, image=node.asked.image or profile.image)
        urls = {f"{url.partition('://')[0]}://" for url in node.given if "://" in url}
        names = groups.setdefault((repr(asked), ",".join(sorted(urls))), (asked, []))[1]
        names.extend(step.name for step in node.steps)
    return [
        _request(asked, urls, names, profile, pool, owner)
        for (_, urls), (asked, names) in groups.items()
    ]


def _request(
    asked: Resources, urls: str, names: Sequence[str], profile: Profile, pool: Pool, owner: str
) -> Check:
    title = f"request of {listed(names)}"
    try:
        commands = {**commands_of(asked, profile), "transfer_input_files": urls}
        found = match(job_ad(commands, owner), pool.slots)
    except SettingError as error:
        return Check(title, False, f"{error.where}: {error.problem}", error.fix)
    facts = _facts(asked, names, found)
    if not found.total:
        return Check(title, False, "the pool has no slots", "see: wingspan pool status", facts)
    if found.fit:
        text = f"can run in {found.fit} of {slots_text(found.total)}, with room in {found.free} now"
        return Check(title, True, text, facts=facts)
    failing = "; ".join(clause.text for clause in found.failing) or "all that is asked together"
    then = f"; then {slots_text(found.changed)} would match"
    text = f"none of the pool's slots ({found.total}) meets: {failing}"
    change = "; ".join(found.change)
    way = parameters_named(change)
    return Check(title, False, text, f"{change}{then}{f'; {way}' if way else ''}", facts)


def _facts(asked: Resources, names: Sequence[str], found: Match) -> dict[str, Any]:
    clauses = [clause._asdict() for clause in found.clauses]
    counts = {"slots": found.total, "fit": found.fit, "free": found.free}
    return {"steps": list(names), "resources": asked.to_json(), **counts, "clauses": clauses}


def check_transfer(
    nodes: Sequence[Node],
    sizes: Callable[[str], int | None],
    each_bytes: int = 0,
    limit_mb: int | None = None,
    staging: Mapping[Path, str] | None = None,
) -> list[Check]:
    """Count the bytes that are sent to jobs.

    They are compared with the disk that jobs ask for and with the access point's limit.

    What machines fetch by themselves takes disk, but is not sent.

    Parameters
    ----------
    sizes
        Bytes of a result file of another step, or of a constant, by its name; None where it is not known yet.
    each_bytes
        Sent with every job: the user's modules, the environment.
    limit_mb
        MAX_TRANSFER_INPUT_MB of the access point; None: no limit.
    staging
        Folder -> URL: input files below are fetched.
    """
    files = {node.name: _files(node, staging or {}) for node in nodes}
    known = {
        node.name: each_bytes
        + sum(files[node.name][False].values())
        + sum(sizes(name) or 0 for name in (*node.made, *node.given))
        for node in nodes
    }
    fetched = {name: sum(of[True].values()) for name, of in files.items()}
    if not known:
        return []
    total, name = sum(known.values()), max(known, key=lambda one: known[one])
    steps = {node.name: [step.name for step in node.steps] for node in nodes}
    text = f"{megabytes(total)} to {counted(len(known), 'job')}, at most {megabytes(known[name])} to one ({listed(steps[name])})"
    away = sum(fetched.values())
    if away:
        text += f"; {megabytes(away)} are fetched by the machines themselves"
    facts = {"bytes": total, "most_bytes": known[name], "jobs": len(known), "fetched_bytes": away}
    checks = [Check("transfer", True, text, facts=facts)]
    for node in nodes:
        asked, sent = node.asked.disk_mb, -(-known[node.name] // _MB)
        title = f"transfer to {listed(steps[node.name])}"
        room = -(-(known[node.name] + fetched[node.name]) // _MB)
        if room > asked:
            way = "sent and fetched" if fetched[node.name] else "sent"
            problem = f"{room} MB are {way}, and the job asks for a disk of {asked} MB"
            checks.append(Check(title, False, problem, f'Resources(disk="{2 * room}MB")'))
        if limit_mb is not None and sent > limit_mb:
            problem = f"{sent} MB are sent; the access point allows {limit_mb} MB"
            fix = "use a folder that the machines share (the key shared), or smaller inputs"
            checks.append(Check(title, False, problem, fix))
    return checks


def _files(node: Node, staging: Mapping[Path, str]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the bytes of a node's input files by path: those sent, and those fetched."""
    files: tuple[dict[str, int], dict[str, int]] = ({}, {})
    for file in (file for step in node.steps for file in step.files):
        files[url_of(file, staging) is not None][file["path"]] = int(file["size"])
    return files


def check_references(steps: Iterable[PlannedStep], staging: Mapping[Path, str]) -> list[Check]:
    """Look for input files below a staging folder that cannot be fetched by their URL."""
    problems: dict[str, Check] = {}
    for file in (file for step in steps for file in step.files):
        try:
            url_of(file, staging)
        except SettingError as error:
            problem = f"{error.where}: {error.problem}"
            problems[problem] = Check("staging", False, problem, error.fix)
    return list(problems.values())


def check_secrets(steps: Iterable[PlannedStep], profile: Profile) -> Check:
    """Look for keys and tokens in submit commands, their environment, and parameters.

    They are recognized by their names.
    """
    pool = f"[pools.{profile.name}] submit"
    found = [f"{name} ({pool})" for name in secrets_in(profile.submit)]
    for step in steps:
        submit = Resources(**step.resources).submit
        found += [f"{name} (step {step.name}, Resources(submit=))" for name in secrets_in(submit)]
        found += [f"{name} (step {step.name}, parameter)" for name in _secret_parameters(step)]
    if found:
        return Check("secrets", False, f"seem to be keys: {listed(found)}", _SECRET_FIX)
    return Check("secrets", True, "no names of keys in submit commands, environment, parameters")


def _secret_parameters(step: PlannedStep) -> list[str]:
    given = {
        name.removeprefix("parameter "): value
        for name, value in step.components.items()
        if name.startswith("parameter ") and value not in {'""', "null"}
    }
    return [name for name in given if _SECRET_PARAMETER.search(_words(name.rpartition(".")[2]))]


def secrets_in(values: Mapping[str, str]) -> list[str]:
    """Return the names of submit commands, attributes and variables that look like secrets.

    Variables are those that the command ``environment`` sets.

    >>> secrets_in({"environment": '"A=1 WANDB_API_KEY=x"', "+Token": '"x"', "rank": "Mips"})
    ['WANDB_API_KEY', '+Token']
    """
    found = []
    for name, value in values.items():
        if name.lower() in {"environment", "env"}:
            found += [variable for variable in _variables(value) if _secret(variable)]
        elif _secret(name.rpartition(".")[2].lstrip("+")):
            found.append(name)
    return found


def _secret(name: str) -> bool:
    return bool(_SECRET.search(_words(name)))


def _words(name: str) -> str:
    """Return ``WandbApiKey`` as ``Wandb_Api_Key``."""
    return _OF_NAMES.sub("_", name)


def _variables(environment: str) -> list[str]:
    """Return the names that an ``environment`` command sets.

    The new syntax is in quotes; the old one separates by ``;``.
    """
    text = environment.strip()
    if text.startswith('"'):
        try:
            words = shlex.split(text.strip('"').replace('""', '"'))
        except ValueError:
            words = text.strip('"').split()
    else:
        words = text.split(";")
    return [word.partition("=")[0].strip() for word in words if "=" in word]


def check_outputs(steps: Iterable[PlannedStep]) -> Check:
    """Look for commands whose outputs lie outside the job's folder.

    HTCondor brings nothing back from there.
    """
    outside = [
        f"{path} (step {step.name})"
        for step in steps
        if "command" in step.action
        for path in map(str, step.action.get("outputs", {}).values())
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts
    ]
    if outside:
        problem = f"outside the job's folder: {listed(outside)}"
        return Check("outputs", False, problem, "write them to a relative path without ..")
    return Check("outputs", True, "all lie in the job's folder")


def check_imports(steps: Iterable[PlannedStep], image: str | None) -> Check:
    """Look for third-party modules that steps import and this environment lacks.

    Jobs get the modules of this environment.
    """
    names = sorted({name.partition(".")[0] for step in steps for name in step.preload})
    if image is not None:
        text = f"jobs run in {image}, which must have: {', '.join(names) or 'nothing'}"
        return Check("imports", True, text)
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        problem = f"not in this environment: {listed(missing)}"
        return Check("imports", False, problem, f"install them: pip install {' '.join(missing)}")
    return Check("imports", True, f"all there: {', '.join(names) or 'none needed'}")


def check_run_folder(home: Path) -> Check:
    """Refuse a place for runs that does not outlive the machine's next start."""
    folder = home.resolve()
    if folder.is_relative_to("/tmp"):
        problem = f"{folder} is under /tmp: a reboot empties it, and DAGMan by itself refuses it"
        return Check("run folder", False, problem, "name another: --home, or WINGSPAN_HOME")
    problem = folder_problem(folder)
    if problem:
        return Check("run folder", False, problem, "name another: --home, or WINGSPAN_HOME")
    return Check("run folder", True, str(folder))


def megabytes(size: int) -> str:
    """Return a size as people say it: ``3.2 MB``."""
    return f"{size / _MB:,.1f} MB" if size >= _MB // 10 else counted(size, "byte")
