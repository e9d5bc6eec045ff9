"""``wingspan train`` as a user runs it: what it prints, deploys, and exits with."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest


def wingspan(*words, cwd, check=0):
    """Run the command in a folder; return its output and its messages after checking its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "wingspan", *words],
        cwd=cwd,
        check=False,
        capture_output=True,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("WINGSPAN_")},
    )
    assert done.returncode == check, done.stdout + done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path_factory):
    """A folder with a table of 300 rows that is neither trivial nor hopeless."""
    folder = tmp_path_factory.mktemp("training")
    random = np.random.default_rng(0)
    a, b = random.normal(size=300), random.choice(list("xyz"), 300)
    late = (a + (b == "x") + random.normal(size=300) > 0.5).astype(int)
    lines = [f"{x:.3f},{y},{z}" for x, y, z in zip(a, b, late, strict=True)]
    (folder / "t.csv").write_text("a,b,late\n" + "\n".join(lines) + "\n")
    return folder


@pytest.mark.long
def test_an_estimator_that_fails_leaves_the_table_of_the_others(folder):
    """Exit code 1; nothing is deployed until the user says so; models without probabilities stand beside others."""
    words = ["train", "t.csv", "--target", "late"]
    words += ["--estimators", "logistic_regression,linear_svc,decision_tree"]
    words += ["--parameter", "decision_tree.max_depth=-3"]
    out, err = wingspan(*words, cwd=folder, check=1)
    assert "max_depth" in err
    heading = next(line for line in out.splitlines() if line.startswith("metric"))
    assert {"logistic_regression", "linear_svc"} <= set(heading.replace("*", "").split())
    loss = next(line for line in out.splitlines() if line.startswith("log_loss"))
    assert loss.split()[-1] == "-"
    assert "failed: decision_tree" in out
    assert "--deploy-anyway" in out
    assert not (folder / "models").exists()
    out, _ = wingspan(*words, "--deploy-anyway", "--json", cwd=folder, check=1)
    told = json.loads(out)
    assert told["failed"] == ["decision_tree"]
    assert told["deployed"]["model"] == "late@1"
    card = (folder / "models/late/1/card.md").read_text()
    assert "None" not in card
