"""A job that ends without a result: its step has failed, and what the job wrote is kept with the run."""

import sys

import pytest

from wingspan.cli.main import main

STEPS = """
    import shutil
    from pathlib import Path
    import wingspan as ws

    def removes() -> int:
        home = next(above for above in Path.cwd().parents if above.name == "home")
        shutil.rmtree(home)
        return 1

    def pipeline() -> ws.Pipeline:
        p = ws.Pipeline("odd")
        p.step(removes)
        return p
"""


def test_logs_show_what_a_job_wrote_that_sent_no_result(project, small_pool, capsys, monkeypatch):
    """The advice of the failure names `wingspan logs`, which prints it, also after the DAG's folder is gone."""
    project.write(odd=STEPS)
    run = project.fresh("odd").pipeline().run("htcondor", check=False)
    event = run.events["removes"]
    assert (event.state, event.attempt) == ("failed", 1)
    assert "sent no result" in event.problem
    assert "run.logs('removes')" in event.fix
    assert "Traceback (most recent call last)" in run.logs("removes")
    monkeypatch.setattr(sys, "argv", ["wingspan", "logs", "removes"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr()
    assert "FileNotFoundError" in said.out
    assert "has written nothing" not in said.err
