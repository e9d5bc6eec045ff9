"""Write nodes as the text of a DAG file. Pure.

The time grows with nodes and edges only.

The commands are those of the manual's DAGMan reference.
"""

import itertools
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from wingspan.files import json_text
from wingspan.pipeline.resources import Resources
from wingspan.runner.htcondor.dag_folder import LANE_OVER, SELECT, UNLESS_DONE
from wingspan.runner.htcondor.hold_policy import SELECTED_EXIT, amounts
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.words import batch_name
from wingspan.runner.htcondor.write.nodes import Node
from wingspan.runner.htcondor.write.search_service import service_lines
from wingspan.runner.htcondor.write.submit_description import submit_description

_AMOUNTS = frozenset({"memory", "disk", "expected"})
_STATUS_S = 60
_SHOWN = 5  # steps that the comment on a description names
_WORD = re.compile(r"[^A-Za-z0-9_]")
_WHY: Mapping[str, str] = {
    "DAGMAN_USER_LOG_SCAN_INTERVAL": "DAGMan looks for ended jobs each second; by default each 5 s, twice for each level.",
    "DAGMAN_CHECK_QUEUE_INTERVAL": "After this time without news, DAGMan asks the queue for jobs whose last event was lost.",
    "DAGMAN_MAX_JOBS_IDLE": "No more idle jobs than this in the queue (max_idle): DAGMan sends the others later.",
    "DAGMAN_MAX_JOBS_SUBMITTED": "No more jobs than this in the queue at once (max_jobs, --jobs).",
    "DAGMAN_USE_STRICT": "Else DAGMan refuses a folder below /tmp for its log. Such files may vanish.",
}
SUBMIT = "# Submit:"  # begins the line that says how to submit the DAG by hand
_LABEL = re.compile(r"[^A-Za-z0-9_.,=\[\]-]+")
_LABEL_LENGTH = 200
_EDGES = 1000  # between the same parents and children: more of them go through a node of DAGMan's


@dataclass(frozen=True, slots=True)
class Around:
    """What the text of a DAG says besides its nodes.

    Parameters
    ----------
    about
        Lines for people, at the top of the file.
    run_id
        The run, as its jobs name it in their ads.
    common
        Files that every job gets, relative to the folder of results, comma-separated.
    environment
        The packed environment, relative to the folder of results, or its URL; empty if the machines have it.
    once
        HTCondor sends it once to each machine.
    profile
        The pool's.
    settings
        Of DAGMan itself, such as ``{"DAGMAN_USER_LOG_SCAN_INTERVAL": "1"}``; the profile's win.
    limits
        How many jobs of a map may be in the queue at once, by the map's name.
    search
        The universe of the search of sweeps; empty without a search.
    most
        Gives ``memory`` and ``disk`` of the largest slots for a request, in MB.
    status_file
        Where DAGMan writes the state of each node now and then; empty where it is not read.
    """

    about: Sequence[str] = ()
    run_id: str = ""
    common: str = ""
    environment: str = ""
    once: bool = False
    profile: Profile = field(default_factory=Profile)
    settings: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, int] = field(default_factory=dict)
    search: str = ""
    most: Callable[[Resources], Mapping[str, int]] | None = None
    status_file: str = ""


def dag_text(nodes: Sequence[Node], around: Around | None = None) -> str:
    """Return the DAG of some nodes."""
    around = around or Around()
    kinds = _kinds(nodes)
    alike: dict[str, list[Node]] = {}
    for node, kind in zip(nodes, kinds, strict=True):
        alike.setdefault(kind, []).append(node)
    names = {kind: f"request{number}" for number, kind in enumerate(alike, 1)}
    lines = [*(f"# {line}".rstrip() for line in around.about), *_settings(around)]
    for kind, members in alike.items():
        lines += ["", *_description(names[kind], members, around)]
    lines += [""] if names else []
    for node, kind in zip(nodes, kinds, strict=True):
        files = ",".join([*node.made, *node.given])
        label = label_of(",".join(step.name for step in node.steps))
        request = " ".join(f'{name}="{value}"' for name, value in amounts(node.asked).items())
        lines += [
            f"JOB {node.name} {names[kind]}",
            f'VARS {node.name} inputs="{files}" steps="{label}" {request}',
        ]
    priority = around.profile.priority
    lines += [f"PRIORITY ALL_NODES {priority}"] if nodes and priority else []
    lines += _given_back(nodes) + _of_sweeps(nodes)
    if around.search and any(node.lane_of for node in nodes):
        lines += service_lines(around.search)
    return "\n".join([*lines, *_edges(nodes), *_limits(nodes, around.limits)]) + "\n"


def _settings(around: Around) -> list[str]:
    """Return DAGMan's settings, each with its reason."""
    lines = []
    for name, value in {**around.settings, **around.profile.dagman}.items():
        ours = name not in around.profile.dagman
        why = (
            _WHY.get(name, "") if ours else f"From the profile of the pool, {around.profile.name}."
        )
        lines += [f"# {why}"] if why else []
        lines.append(f"ENV SET _CONDOR_{name}={value}")
    if around.status_file:
        why = f"DAGMan writes the state of each node into {around.status_file}, each {_STATUS_S} s at most."
        lines += [f"# {why}", f"NODE_STATUS_FILE {around.status_file} {_STATUS_S}"]
    return ["", *lines] if lines else []


def _kinds(nodes: Sequence[Node]) -> list[str]:
    """Return, for each node, all that it asks for but the amounts that are given to it alone."""
    known: dict[int, str] = {}  # by identity: many nodes share one request
    kinds = []
    for node in nodes:
        if id(node.asked) not in known:
            asked = node.asked.to_json()
            known[id(node.asked)] = json_text({n: v for n, v in asked.items() if n not in _AMOUNTS})
        kinds.append(known[id(node.asked)] + ("lane" if node.lane_of else ""))
    return kinds


def _description(name: str, members: Sequence[Node], around: Around) -> list[str]:
    """Return the submit description that some nodes share."""
    maps = dict.fromkeys(step.name.partition("[")[0] for node in members for step in node.steps)
    shown = [label_of(each) for each in maps]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    count = f"{len(members):,} job{'' if len(members) == 1 else 's'}"
    asked = members[0].asked
    text = submit_description(
        asked,
        around.common,
        around.environment,
        around.profile,
        around.most(asked) if around.most else None,
        label_of(around.run_id),
        once=around.once,
        lane=bool(members[0].lane_of),
    )
    about = f"# {count}: {', '.join(shown[:_SHOWN])}{more}"
    return [about, f"SUBMIT-DESCRIPTION {name} {{", text.rstrip("\n"), "}"]


def submission(dag: str, pipeline: str, profile: Profile) -> str:
    """Return the command that submits a DAG by hand, in its folder."""
    words = ["condor_submit_dag", "-batch-name", batch_name(pipeline)]
    for name, value in notification(profile).items():
        words += ["-append", f"{name} = {value}"]
    return shlex.join([*words, dag])


def submission_in(dag: Path) -> str:
    """Return the command that submits a DAG by hand, as the DAG's first lines say.

    A DAG of an older version gets the shortest command.
    """
    with suppress(OSError), dag.open(errors="replace") as lines:
        for line in itertools.takewhile(lambda line: line.startswith("#"), lines):
            if line.startswith(SUBMIT):
                return line.removeprefix(SUBMIT).strip()
    return shlex.join(["condor_submit_dag", dag.name])


def notification(profile: Profile) -> dict[str, str]:
    """Return the submit commands of DAGMan's job that notify the user at the DAG's end."""
    return {"notification": "Complete", "notify_user": profile.notify} if profile.notify else {}


def label_of(text: str) -> str:
    """Return a text as a job's ad shows it: plain characters, cut where it is long."""
    return _LABEL.sub("_", text)[:_LABEL_LENGTH]


def _edges(nodes: Iterable[Node]) -> list[str]:
    """Return one line for all children of the same parents, or a line for each child.

    Between several parents and several children of one line DAGMan puts a node of its own, which costs a cycle: one
    second, 5 s by its defaults. So that is for many.
    """
    children: dict[tuple[str, ...], list[str]] = {}
    for node in nodes:
        if node.parents:
            children.setdefault(node.parents, []).append(node.name)
    lines = []
    for parents, found in children.items():
        few = len(parents) > 1 and len(parents) * len(found) <= _EDGES
        lines += [
            f"PARENT {' '.join(parents)} CHILD {group}"
            for group in (found if few else [" ".join(found)])
        ]
    return lines


def _given_back(nodes: Iterable[Node]) -> list[str]:
    """Return the lines by which DAGMan skips nodes whose steps an earlier node has run."""
    lines = []
    for node in nodes:
        if node.after:
            keys = " ".join(step.key for step in node.steps)
            lines += [f"SCRIPT PRE {node.name} {UNLESS_DONE} {keys}", f"PRE_SKIP {node.name} 1"]
    why = "A job that has run for the task time gives back the tasks that are left; these nodes run them, else are skipped."
    return [f"# {why}", *lines] if lines else []


def _of_sweeps(nodes: Iterable[Node]) -> list[str]:
    """Return what DAGMan runs before the node of a sweep and after each job of its lanes."""
    lines = []
    for node in nodes:
        if node.lane_of:
            lines += [
                f"RETRY {node.name} {node.retries}",
                f"SCRIPT POST {node.name} {LANE_OVER} $RETURN $RETRY $MAX_RETRIES",
            ]
        elif node.sweeps:
            lines += [
                f"SCRIPT PRE {node.name} {SELECT} {node.name}",
                f"PRE_SKIP {node.name} {SELECTED_EXIT}",
                f"SCRIPT POST {node.name} {SELECT} {node.name} again",
            ]
    why = (
        "A lane runs trials of a sweep; DAGMan starts it again while trials are left. "
        "The sweep's own node takes the best trial's files, and runs a job only if they are missing."
    )
    return [f"# {why}", *lines] if lines else []


def _limits(nodes: Iterable[Node], limits: Mapping[str, int]) -> list[str]:
    """Return the category of each node whose map has a limit, and the limits."""
    lines = [f"CATEGORY {node.name} {_category(node.map)}" for node in nodes if node.map in limits]
    used = {node.map for node in nodes}
    return [
        *lines,
        *(f"MAXJOBS {_category(name)} {most}" for name, most in limits.items() if name in used),
    ]


def _category(name: str) -> str:
    """Return a map's name as one word of a DAG file; maps of strange names keep a limit each."""
    plain = _WORD.sub("_", name)
    return plain if plain == name else f"{plain}-{crc32(name.encode(errors='replace')):08x}"
