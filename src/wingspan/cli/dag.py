"""``wingspan dag show``: a DAG file as a picture, and what its nodes did."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson
from wingspan.cli.runs import check_file
from wingspan.errors import FormatError
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.dag.dag import Dag
    from wingspan.dag.times import NodeTimes

app = typer.Typer(
    help="DAG files of HTCondor's DAGMan.", no_args_is_help=True, rich_markup_mode=None
)
_NAMES = 6  # names shown of a layer
_LAYERS = 40  # layers shown; of more, the first and the last
_DRAWN = 2_000  # nodes in a picture at most; of more, one box a layer


@app.callback()
def options() -> None:
    """DAG files of HTCondor's DAGMan."""


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE.dag", help="A DAG file.")],
    svg: Annotated[Path | None, typer.Option(help="SVG file for a picture.")] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of stamps without one [default: this machine's].")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="Nodes timed, slowest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Draw a DAG file by layers, with times and the critical path.

    Times are shown if the log of its nodes lies next to it.
    """
    from wingspan.dag.reader import read_dag
    from wingspan.dag.times import critical_path, nodes_log, time_nodes
    from wingspan.files import write_atomically

    if svg:
        check_file("--svg", svg)
    dag = read_dag(file)
    if not dag.nodes:
        fix = "give a DAG file, whose lines name nodes: JOB fit fit.sub"
        raise FormatError(str(file), "expected a DAG file, found no node in it", fix)
    log = nodes_log(file)
    times = time_nodes(log, timezone=timezone) if log.exists() else {}
    path = critical_path(dag, times)
    states = {name: _state(dag, name, times) for name in dag.nodes}
    if svg:
        write_atomically(svg, _picture(dag, states, times))
    if as_json:
        print_json(_to_json(dag, states, times, path))
        return
    _print_head(dag, states)
    _print_layers(dag, states)
    _print_times(times, path, rows)
    if svg:
        print(f"picture: {svg}")


def _state(dag: "Dag", name: str, times: Mapping[str, "NodeTimes"]) -> str:
    """Return each node's state by its last job; DONE in the DAG or its rescue comes first."""
    if dag.nodes[name].done:
        return "done"
    return times[name].state if name in times else "waiting"


def _to_json(
    dag: "Dag", states: Mapping[str, str], times: Mapping[str, "NodeTimes"], path: list[str]
) -> dict[str, Any]:
    parents = dag.parents()
    nodes = [
        {
            **asdict(node),
            "parents": parents[name],
            "state": states[name],
            "times": asdict(times[name]) if name in times else None,
        }
        for name, node in dag.nodes.items()
    ]
    return {
        "file": str(dag.path),
        "rescue": str(dag.rescue) if dag.rescue else None,
        "nodes": nodes,
        "layers": dag.layers(),
        "max_jobs": dict(dag.max_jobs),
        "commands": dag.commands,
        "critical_path": path,
    }


def _print_head(dag: "Dag", states: Mapping[str, str]) -> None:
    kinds = Counter(node.kind for node in dag.nodes.values())
    several = ", ".join(f"{count:,} {kind}" for kind, count in kinds.items() if kind != "job")
    edges = sum(len(parents) * len(children) for parents, children in dag.edges)
    print(
        f"{dag.path}: {counted(len(dag.nodes), 'node')}, {counted(edges, 'edge')}{several and f' ({several})'}"
    )
    if dag.rescue:
        done = sum(node.done for node in dag.nodes.values())
        print(f"rescue DAG {dag.rescue.name}: {counted(done, 'node')} done")
    counts = Counter(states.values())
    print("  ".join(f"{count:,} {state}" for state, count in counts.items()))
    for category, limit in dag.max_jobs.items():
        print(f"at most {limit} of category {category} at a time")


def _print_layers(dag: "Dag", states: Mapping[str, str]) -> None:
    layers = dag.layers()
    width = len(str(len(layers)))
    for number, layer in enumerate(layers, 1):
        if len(layers) > _LAYERS and _LAYERS // 2 < number <= len(layers) - _LAYERS // 2:
            if number == _LAYERS // 2 + 1:
                print(f"{'':{width}} ... {len(layers) - _LAYERS:,} layers ...")
            continue
        names = ", ".join(_named(name, states[name]) for name in layer[:_NAMES])
        more = f" and {len(layer) - _NAMES:,} more" if len(layer) > _NAMES else ""
        print(f"{number:{width}} | {len(layer):,}: {names}{more}")


def _named(name: str, state: str) -> str:
    return name if state == "waiting" else f"{name} ({state})"


def _print_times(times: Mapping[str, "NodeTimes"], path: list[str], rows: int) -> None:
    if not times:
        return
    print(
        f"\n{'node':24} {'queue s':>8} {'input s':>8} {'run s':>8} {'output s':>8} {'held s':>7} {'attempts':>8} {'holds':>5}"
    )
    slowest = sorted(times, key=lambda name: times[name].start - times[name].end)
    for name in slowest[:rows]:
        one = times[name]
        spent = f"{one.queue_s:8.1f} {one.input_s:8.1f} {one.run_s:8.1f} {one.output_s:8.1f}"
        print(f"{name:24} {spent} {one.held_s:7.1f} {one.attempts:8} {one.holds:5}")
    if len(slowest) > rows:
        print(f"{len(slowest) - rows:,} more: --rows {len(slowest)}")
    if path:
        whole = times[path[-1]].end - times[path[0]].start
        busy = sum(times[name].run_s for name in path)
        shown = path if len(path) <= 12 else [*path[:6], "...", *path[-6:]]
        print(f"critical path: {' -> '.join(shown)}: {whole:.1f} s, {busy:.1f} s of them running")


def _picture(dag: "Dag", states: Mapping[str, str], times: Mapping[str, "NodeTimes"]) -> str:
    """Return an SVG of the nodes, or of the layers if there are too many nodes to see."""
    from wingspan.draw.graph import Node, graph_svg

    layers = dag.layers()
    if len(dag.nodes) <= _DRAWN and sum(len(a) * len(b) for a, b in dag.edges) <= 10 * _DRAWN:
        parents = dag.parents()
        return graph_svg(
            [
                Node(
                    name,
                    _colour(states[name]),
                    f"{times[name].run_s:.1f} s" if name in times else dag.nodes[name].submit,
                    tuple(layers[-2])
                    if dag.nodes[name].kind == "final" and len(layers) > 1
                    else parents[name],
                )
                for layer in layers
                for name in layer
            ]
        )
    boxes = []
    for number, layer in enumerate(layers[:_DRAWN], 1):
        done = sum(states[name] == "done" for name in layer)
        state = "done" if done == len(layer) else "waiting"
        needs = (f"layer {number - 1}",) if number > 1 else ()
        boxes.append(
            Node(f"layer {number}", state, f"{counted(len(layer), 'node')}, {done:,} done", needs)
        )
    return graph_svg(boxes)


def _colour(state: str) -> str:
    return "stopped" if state == "held" else state
