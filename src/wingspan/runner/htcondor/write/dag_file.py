"""Nodes -> the text of a DAG file. Pure; time grows with nodes and edges only.

The commands are those of the manual's DAGMan reference.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from wingspan.files import json_text
from wingspan.pipeline.resources import Resources
from wingspan.runner.htcondor.profile import Profile
from wingspan.runner.htcondor.write.nodes import Node
from wingspan.runner.htcondor.write.submit_description import submit_description

_LABEL = re.compile(r"[^A-Za-z0-9_.,=\[\]-]+")
_LABEL_LENGTH = 200


def dag_text(
    nodes: Sequence[Node],
    *,
    run_id: str = "",
    common: str = "",
    environment: str = "",
    profile: Profile | None = None,
    settings: Mapping[str, str] | None = None,
    most: Callable[[Resources], Mapping[str, int]] | None = None,
) -> str:
    """Return the DAG of some nodes.

    Parameters
    ----------
    common
        Files that every job gets, relative to the folder of results, comma-separated.
    environment
        Name of the one that is the packed environment; empty if the machines have it.
    profile
        The pool's.
    settings
        Of DAGMan itself, such as ``{"DAGMAN_USER_LOG_SCAN_INTERVAL": "1"}``; the profile's win.
    most
        Gives ``memory`` and ``disk`` of the largest slots for a request, in MB.
    """
    profile = profile or Profile()
    settings = {**(settings or {}), **profile.dagman}
    texts = _request_texts(nodes)
    requests = dict(zip(texts, (node.asked for node in nodes), strict=True))
    names = {text: f"request{number}" for number, text in enumerate(requests, 1)}
    lines = [f"ENV SET _CONDOR_{name}={value}" for name, value in settings.items()]
    for text, asked in requests.items():
        largest = most(asked) if most else None
        description = submit_description(asked, common, environment, profile, largest)
        lines += [f"SUBMIT-DESCRIPTION {names[text]} {{", description.rstrip("\n"), "}"]
    for node, text in zip(nodes, texts, strict=True):
        request = names[text]
        files = ",".join([*node.made, *node.given])
        label = label_of(",".join(step.name for step in node.steps))
        lines += [
            f"JOB {node.name} {request}",
            f'VARS {node.name} inputs="{files}" steps="{label}" run="{label_of(run_id)}"',
        ]
    return "\n".join([*lines, *_edges(nodes)]) + "\n"


def label_of(text: str) -> str:
    """Return a text as a job's ad has it, for people to read: plain characters, cut where it is long."""
    return _LABEL.sub("_", text)[:_LABEL_LENGTH]


def _request_texts(nodes: Sequence[Node]) -> list[str]:
    """Return the request of each node as text; neighbours commonly ask for the same."""
    texts: list[str] = []
    for place, node in enumerate(nodes):
        same = place > 0 and node.asked == nodes[place - 1].asked
        texts.append(texts[-1] if same else json_text(node.asked.to_json()))
    return texts


def _edges(nodes: Iterable[Node]) -> list[str]:
    """Return one line for all children that have the same parents."""
    children: dict[tuple[str, ...], list[str]] = {}
    for node in nodes:
        if node.parents:
            children.setdefault(node.parents, []).append(node.name)
    return [
        f"PARENT {' '.join(parents)} CHILD {' '.join(found)}" for parents, found in children.items()
    ]
