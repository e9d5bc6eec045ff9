"""`wingspan dag show` draws DAG files and times their nodes."""

import json

import pytest
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.errors import DeclarationError, SettingError

DAG = """\
JOB A n.sub
JOB B n.sub
JOB C n.sub
FINAL F n.sub
CATEGORY C few
MAXJOBS few 2
PARENT A CHILD B C
"""


def event(code, cluster, second, text, *more):
    stamp = f"2026-11-21 03:{second // 60:02}:{second % 60:02}"
    return "\n".join([f"{code:03} ({cluster:03}.000.000) {stamp} {text}", *more, "..."]) + "\n"


def submitted(cluster, second, node):
    notes = f'    [ DAGNodeName = "{node}"; JobBatchName = "d.dag+23" ]'
    return event(0, cluster, second, "Job submitted from host: <127.0.0.1:9618>", notes)


def ended(cluster, second, code):
    how = f"\t(1) Normal termination (return value {code})"
    words = ("Run Remote", "Run Local", "Total Remote", "Total Local")
    usage = [f"\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  {word} Usage" for word in words]
    return event(5, cluster, second, "Job terminated.", how, *usage)


LOG = "".join(
    [
        submitted(1, 0, "A"),
        event(40, 1, 4, "Started transferring input files"),
        event(40, 1, 7, "Finished transferring input files"),
        event(1, 1, 10, "Job executing on host: <127.0.0.1:9618>"),
        event(40, 1, 28, "Started transferring output files"),
        event(40, 1, 30, "Finished transferring output files"),
        ended(1, 30, 0),
        submitted(2, 35, "B"),
        event(1, 2, 40, "Job executing on host: <127.0.0.1:9618>"),
        ended(2, 45, 1),
        submitted(3, 46, "B"),
        event(12, 3, 50, "Job was held.", "\tno space", "\tCode 13 Subcode 28"),
        event(13, 3, 60, "Job was released.", "\tok"),
        event(1, 3, 70, "Job executing on host: <127.0.0.1:9618>"),
        ended(3, 100, 0),
        submitted(4, 36, "C"),
        event(1, 4, 41, "Job executing on host: <127.0.0.1:9618>"),
        ended(4, 51, 0),
        event(
            16, 4, 52, "POST Script terminated.", ended(4, 52, 3).split("\n")[1], "    DAG Node: C"
        ),
    ]
)


@pytest.fixture
def show(tmp_path):
    """Write the DAG and show it."""
    (tmp_path / "d.dag").write_text(DAG)

    def run(*options):
        done = CliRunner().invoke(app, ["dag", "show", str(tmp_path / "d.dag"), *options])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return run


def test_a_dag_is_drawn_by_layers(show, tmp_path):
    """Counts, throttles, one line a layer, the FINAL node last; the picture has a box for each node."""
    told = show("--svg", str(tmp_path / "d.svg"))
    assert "4 nodes, 2 edges (1 final)" in told
    assert "at most 2 of category few" in told
    assert "1 | 1: A\n2 | 2: B, C\n3 | 1: F\n" in told
    picture = (tmp_path / "d.svg").read_text()
    assert picture.count("<rect") == 8
    assert picture.count("<path") == 4


def test_a_picture_in_a_folder_that_is_not_there_is_refused(show, tmp_path):
    """No folder is made for it; neither is a folder taken for a file."""
    with pytest.raises(SettingError, match=r"--svg .*: there is no folder .*\n  -> .*mkdir -p"):
        show("--svg", str(tmp_path / "nodir" / "d.svg"))
    with pytest.raises(SettingError, match="expected a file, found a folder"):
        show("--svg", str(tmp_path))
    assert not (tmp_path / "nodir").exists()


def test_nodes_are_timed_from_their_log(show, tmp_path):
    """Seconds of queue, transfers, run and hold; attempts; a POST script's exit code; who made it long."""
    (tmp_path / "d.dag.nodes.log").write_text(LOG)
    found = json.loads(show("--json", "--timezone", "UTC"))
    nodes = {node["name"]: node for node in found["nodes"]}
    assert {name: node["state"] for name, node in nodes.items()} == {
        "A": "done",
        "B": "done",
        "C": "failed",
        "F": "waiting",
    }
    a, b = nodes["A"]["times"], nodes["B"]["times"]
    assert [a[key] for key in ("queue_s", "input_s", "run_s", "output_s")] == [7, 3, 18, 2]
    assert [b[key] for key in ("queue_s", "run_s", "held_s")] == [5 + 4 + 10, 5 + 30, 10]
    assert [b[key] for key in ("attempts", "runs", "holds")] == [2, 2, 1]
    assert found["critical_path"] == ["A", "B"]
    told = show("--rows", "2")
    assert "critical path: A -> B: 100.0 s, 53.0 s of them running" in told
    assert "1 more: --rows 3" in told


def test_what_a_rescue_dag_calls_done_is_done(show, tmp_path):
    """The newest rescue DAG is told of, its nodes are marked."""
    (tmp_path / "d.dag.rescue001").write_text("DONE A\n")
    told = show()
    assert "rescue DAG d.dag.rescue001: 1 node done" in told
    assert "A (done)" in told


def test_a_log_without_nodes_times_nothing(show, tmp_path):
    """A log that is empty yet changes nothing of the picture."""
    (tmp_path / "d.dag.nodes.log").write_text("")
    assert "critical path" not in show()


def test_large_dags_are_summarised(show, tmp_path):
    """Many layers are cut in the middle, many nodes of a layer counted; the picture has a box a layer."""
    wide = [f"w{number}" for number in range(3000)]
    chain = [f"c{number}" for number in range(60)]
    jobs = "".join(f"JOB {name} n.sub\n" for name in [*wide, *chain])
    lines = [
        f"PARENT {' '.join(wide)} CHILD c0",
        *map("PARENT {} CHILD {}".format, chain, chain[1:]),
    ]
    (tmp_path / "d.dag").write_text(jobs + "\n".join(lines))
    told = show("--svg", str(tmp_path / "d.svg"))
    assert " 1 | 3,000: w0, w1, w2, w3, w4, w5 and 2,994 more" in told
    assert "... 21 layers ..." in told
    assert (tmp_path / "d.svg").read_text().count("<g>") == 61


def test_a_wrong_dag_is_told_with_its_line(show, tmp_path):
    """The reader's message reaches the user."""
    (tmp_path / "d.dag").write_text("JOB A n.sub\nPARNT A CHILD B\n")
    with pytest.raises(DeclarationError, match=r"d.dag:2: PARNT is not a command of DAGMan"):
        show()
