"""`wingspan simulate`: writes logs and truth, and prints what they look like."""

import json

from typer.testing import CliRunner

from wingspan.cli.main import app

SMALL = "days = 0.2\n[workload]\njobs_per_day = 2000.0\n[log]\naccess_points = 1\n"


def run(tmp_path, *options):
    (tmp_path / "small.toml").write_text(SMALL)
    paths = ["--out", str(tmp_path / "pool.log"), "--truth", str(tmp_path / "truth.jsonl")]
    command = ["simulate", str(tmp_path / "small.toml"), *paths, *options]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return result.output


def test_prints_the_simulated_beside_the_priors(tmp_path):
    """The table has priors and simulated values; the files are named."""
    output = run(tmp_path)
    assert "prior" in output
    assert "holds released" in output
    assert "not pool truth" in output
    assert "events in" in output
    assert (tmp_path / "pool.log").read_text().startswith("008 (-01.-01.-01)")


def test_json_has_files_counts_and_marginals(tmp_path):
    """`--json` prints one object."""
    facts = json.loads(run(tmp_path, "--json", "--seed", "9", "--days", "0.1"))
    assert facts["logs"] == [str(tmp_path / "pool.log")]
    assert facts["events"] > 100
    assert {"name", "prior", "simulated", "fits"} <= set(facts["marginals"][0])
