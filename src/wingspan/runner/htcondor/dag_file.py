"""`Plan` -> the text of a DAG file. Pure; time grows with nodes and edges only.

The commands are those of the manual's DAGMan reference.
"""

from collections.abc import Iterable, Mapping

from wingspan.files import json_text
from wingspan.pipeline.resources import Resources
from wingspan.planning.plan import Plan, PlannedStep
from wingspan.runner.htcondor.submit_description import FAILED_EXIT, LOST, submit_description
from wingspan.runner.job import file_name


def dag_text(plan: Plan, inputs: Mapping[str, Iterable[str]]) -> str:
    """Return the DAG of the steps that are to run.

    Parameters
    ----------
    inputs
        Key -> files to send besides what other steps make, relative to the folder of results.
    """
    steps = {step.key: step for step in plan.to_run()}
    nodes = {key: f"step{number}" for number, key in enumerate(steps, 1)}
    requests = {json_text(step.resources): Resources(**step.resources) for step in steps.values()}
    names = {text: f"request{number}" for number, text in enumerate(requests, 1)}
    outputs_of = {step.key: step.outputs for step in plan.steps}
    lines = []
    for text, asked in requests.items():
        lines += [
            f"SUBMIT-DESCRIPTION {names[text]} {{",
            submit_description(asked).rstrip("\n"),
            "}",
        ]
    for key, step in steps.items():
        node = nodes[key]
        files = ",".join([*_made(step, outputs_of), *inputs.get(key, ())])
        outputs = ",".join(file_name(key, output) for output in step.outputs)
        lines += [
            f"# {step.name}",
            f"JOB {node} {names[json_text(step.resources)]}",
            f'VARS {node} key="{key}" inputs="{files}" outputs="{outputs}"',
            f"RETRY {node} {LOST} UNLESS-EXIT {FAILED_EXIT}",
        ]
    lines += _edges(steps, nodes)
    return "\n".join(lines) + "\n"


def _made(step: PlannedStep, outputs_of: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the files of other steps' results that a step reads."""
    files: dict[str, None] = {}
    for key, output in step.inputs.values():
        files[f"{key}.json"] = None
        for name in outputs_of[key] if output is None else (output,):
            files[file_name(key, name)] = None
    return list(files)


def _edges(steps: Mapping[str, PlannedStep], nodes: Mapping[str, str]) -> list[str]:
    """Return one line for all children that have the same parents."""
    children: dict[tuple[str, ...], list[str]] = {}
    for key, step in steps.items():
        parents = tuple(nodes[need] for need in step.needs if need in nodes)
        if parents:
            children.setdefault(parents, []).append(nodes[key])
    return [
        f"PARENT {' '.join(parents)} CHILD {' '.join(found)}" for parents, found in children.items()
    ]
