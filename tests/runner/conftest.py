"""What tests of runners share: the jobs of a DAG, carried out without a pool."""

import json
import subprocess
import sys

import pytest


@pytest.fixture
def run_jobs():
    """Give a function that carries out the nodes of a DAG in order, each in its own sandbox with all there is by then."""

    def run(dag):
        results = dag.parent / "results"
        nodes = json.loads((dag.parent / "nodes.json").read_text())
        for name in sorted(nodes, key=lambda node: int(node.rpartition("-")[2])):
            sandbox = dag.parent / "sandboxes" / name
            sandbox.mkdir(parents=True)
            job = dag.parent / "jobs" / f"{name}.json"
            for file in (job, *dag.parent.glob("code-*.zip"), *results.iterdir()):
                (sandbox / file.name).write_bytes(file.read_bytes())
            command = [sys.executable, "-m", "wingspan.runner.htcondor.execution_point", name]
            subprocess.run(command, cwd=sandbox, check=True, capture_output=True)
            for file in sandbox.iterdir():
                if file.is_file() and file.name != job.name:
                    (results / file.name).write_bytes(file.read_bytes())

    return run
