"""Functions that no file holds by name run on a pool too, with the code that the run keeps."""

import textwrap

import pytest

STEPS = """
    import helpers
    import wingspan as ws

    RATE = 3

    def make(n):
        def times(value: int) -> int:
            return n * helpers.scale(value) * RATE
        return times

    two = make(2)

    class Model:
        rate = 4

        @classmethod
        def of_class(cls, value: int) -> int:
            return value * cls.rate

    def pipeline():
        step = 5
        def nested(value: int) -> int:
            return value + step
        p = ws.Pipeline("shapes")
        one = p.step(two, 1)
        p.step(nested, one)
        p.step(Model.of_class, one)
        return p
"""


@pytest.mark.long
@pytest.mark.htcondor
def test_factories_and_inner_functions_run_on_a_pool(pool, job_folder, project, monkeypatch):
    """An edit after the plan reaches no job: the kept code is what is sent."""
    project.write(steps=STEPS, helpers="def scale(n):\n    return 10 * n\n")
    monkeypatch.setenv("WINGSPAN_HOME", str(job_folder / "home"))
    run = project.fresh("steps").pipeline().prepare(on="htcondor")
    project.write(
        helpers="def scale(n):\n    return 0\n", steps=textwrap.dedent("raise SystemExit")
    )
    from wingspan.runner.drive import drive
    from wingspan.runner.events import ignore

    drive(run.folder, run.home, ignore)
    assert {name: run[name] for name in run.steps} == {"times": 60, "nested": 65, "of_class": 240}
