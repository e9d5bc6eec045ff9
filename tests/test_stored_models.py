"""A model that a step returns is read by the next step, or the step that returns it says what is wrong with it."""

import pytest

import wingspan as ws
from wingspan.errors import StepFailedError

# What its jobs and commands run is covered by other tests.

PARTS = """
    import numpy as np
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score, make_scorer
    from sklearn.model_selection import GridSearchCV
    from sklearn.preprocessing import FunctionTransformer

    X = np.random.default_rng(0).normal(size=(60, 3))
    Y = (X[:, 0] > 0).astype(int)

    class Most(ClassifierMixin, BaseEstimator):
        def fit(self, x, y):
            self.most_ = int(np.bincount(y).argmax())
            return self

        def predict(self, x):
            return np.full(len(x), self.most_)

    def boosted() -> HistGradientBoostingClassifier:
        model = HistGradientBoostingClassifier(max_iter=2, categorical_features=[False, False, True])
        return model.fit(np.c_[X[:, :2], X[:, 2] > 0], Y)

    def searched() -> GridSearchCV:
        return GridSearchCV(LogisticRegression(), {"C": [1.0]}, scoring=make_scorer(f1_score), cv=2).fit(X, Y)

    def own() -> ClassifierMixin:
        return Most().fit(X, Y)

    def bad() -> dict:
        return {"models": [1, FunctionTransformer(np.loadtxt)]}
"""
USE = """
    import numpy as np

    def rows(model) -> int:
        return len(model.predict(np.zeros((4, 3))))
"""


@pytest.fixture
def parts(project):
    project.write(parts=PARTS, use=USE)
    return project


def test_models_with_functions_are_read_by_the_next_step(parts):
    """Boosting with categories and a search with a scorer predict in another step."""
    made, use = parts.fresh("parts"), parts.fresh("use")
    p = ws.Pipeline("models")
    for function in (made.boosted, made.searched):
        p.step(use.rows, p.step(function), name=f"use {function.__name__}")
    run = p.run()
    assert [run["use boosted"], run["use searched"]] == [4, 4]


def test_a_class_of_the_makers_module_is_read_by_a_step_that_does_not_import_it(parts):
    """A model of one's own goes through steps of other modules, and is trusted there too."""
    made, use = parts.fresh("parts"), parts.fresh("use")
    p = ws.Pipeline("own")
    p.step(use.rows, p.step(made.own))
    run = p.run()
    assert run["rows"] == 4
    assert type(run["own"]).__name__ == "Most"


def test_the_step_that_returns_a_model_that_could_not_be_read_fails(parts):
    """The message names the step, the place inside the result, and a way out."""
    made, use = parts.fresh("parts"), parts.fresh("use")
    p = ws.Pipeline("bad")
    p.step(use.rows, p.step(made.bad))
    with pytest.raises(StepFailedError, match="step bad") as caught:
        p.run()
    assert "step bad, result['models'][1].func" in str(caught.value)
    assert "def own_loadtxt(x): return numpy.loadtxt(x)" in str(caught.value)
