"""``wingspan train`` starts early what it will surely need."""

from wingspan.cli import tables
from wingspan.recipes.table_classifier import Classifier, table_classifier
from wingspan.runner import local


def test_the_templates_that_are_started_early_are_those_that_the_plan_needs(tmp_path):
    """What is begun before there is a plan is what the plan asks for, or it would be begun twice."""
    data = tmp_path / "loans.csv"
    data.write_text("age,late\n" + "".join(f"{n},{n % 2}\n" for n in range(40)))
    pipeline = table_classifier(Classifier(data, "late"))
    assert pipeline.name == tables._PIPELINE
    plan = pipeline.plan(tmp_path / "home")
    needed = {local._preload_of(step) for step in plan.steps}
    assert needed == {local._preload([name], tables._RECIPE) for name in ("sklearn", "polars")}


def test_only_the_first_run_of_a_folder_starts_anything_early(tmp_path):
    """An unchanged command must not wait for libraries that it does not need."""
    home = tmp_path / "home"
    with tables._runner(home, 1, "local") as runner:
        assert len(runner._processes._templates) == 2
    history = home / "history" / f"{tables._PIPELINE}.json"
    history.parent.mkdir(parents=True)
    history.write_text("{}")
    with tables._runner(home, 1, "local") as runner:
        assert not runner._processes._templates


def test_nothing_is_started_early_here_for_a_run_on_a_pool(tmp_path):
    """Jobs of a pool run elsewhere."""
    with tables._runner(tmp_path / "home", 1, "condor") as runner:
        assert runner is None
