"""Estimators are found by name, checked and seeded."""

import importlib
import inspect
import subprocess
import sys

import pytest

from wingspan.errors import SettingError
from wingspan.tabular.estimators import check_estimator, job_cpus, make_estimator, short_names


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("logistic_regression", "sklearn.linear_model:LogisticRegression"),
        ("decision_tree", "sklearn.tree:DecisionTreeClassifier"),
        ("hist_gradient_boosting", "sklearn.ensemble:HistGradientBoostingClassifier"),
        ("linear_svc", "sklearn.svm:LinearSVC"),
        ("gaussian_nb", "sklearn.naive_bayes:GaussianNB"),
        ("dummy", "sklearn.dummy:DummyClassifier"),
    ],
)
def test_short_names_are_scikit_learns(name, path):
    """A short name is the class name in snake case without "classifier"; both ways give the same class."""
    assert short_names()[name] == path
    assert type(make_estimator(name)) is type(make_estimator(path))


def test_every_classifier_of_scikit_learn_is_there():
    """Nothing that scikit-learn itself lists, but wrappers around other estimators, is missing."""
    from sklearn.utils import all_estimators

    wrappers = {"calibration", "frozen", "model_selection", "multiclass", "multioutput"}
    wrappers |= {"semi_supervised", "feature_selection"}
    known = {path.partition(":")[2] for path in short_names().values()}
    listed = {
        name
        for name, made in all_estimators("classifier")
        if made.__module__.split(".")[1].lstrip("_") not in wrappers
    }
    assert listed <= known


def test_names_cost_no_import():
    """Listing the names does not import scikit-learn."""
    code = (
        "import sys; from wingspan.tabular.estimators import short_names; short_names();"
        "sys.exit('sklearn' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_seed_goes_where_there_is_one():
    """random_state is set only where the estimator has it and the user does not set it."""
    assert make_estimator("decision_tree", seed=7).random_state == 7
    assert make_estimator("decision_tree", {"random_state": 3}, seed=7).random_state == 3
    assert not hasattr(make_estimator("gaussian_nb", seed=7), "random_state")


def test_threads_are_the_jobs(monkeypatch):
    """n_jobs is the job's cpus where it has an effect, and never set where scikit-learn deprecates it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert job_cpus() == 3
    assert make_estimator("random_forest").n_jobs == 3
    assert make_estimator("random_forest", cpus=2).n_jobs == 2
    assert make_estimator("random_forest", {"n_jobs": 1}).n_jobs == 1
    assert make_estimator("logistic_regression").n_jobs is None
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert job_cpus() >= 1


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("logistic_regresion", {}, "did you mean logistic_regression"),
        ("random_forest_classifier", {}, "did you mean random_forest[?]"),
        ("nonsense", {}, "unknown estimator 'nonsense'"),
        ("sklearn.svm:LinearSVX", {}, "LinearSVC"),
        ("sklaern.svm:LinearSVC", {}, "cannot import sklaern.svm"),
        ("sklearn.linear_model:LinearRegression", {}, "is a regressor"),
        ("pathlib:PurePath", {}, "has no fit"),
        ("random_forest", {"n_estimator": 3}, "did you mean n_estimators"),
        ("random_forest", {"n_estimator": 3}, "max_depth"),
        ("stacking", {}, "estimators"),
    ],
)
def test_mistakes_are_named(name, parameters, message):
    """A wrong name lists close ones; a wrong parameter lists the valid ones; a non-classifier says what it is."""
    with pytest.raises(SettingError, match=message):
        make_estimator(name, parameters)


def test_parameters_read_from_the_source_are_those_of_the_signature():
    """A parameter that is refused before a run is one that the estimator does not have, and most are known so early."""
    known = 0
    for name, path in short_names().items():
        module, _, attribute = path.partition(":")
        made = getattr(importlib.import_module(module), attribute)
        accepted = list(inspect.signature(made).parameters)
        check_estimator(name, dict.fromkeys(accepted))
        try:
            check_estimator(name, {"nosuch": 1})
        except SettingError as error:
            known += 1
            assert error.fix == f"it takes {', '.join(accepted)}"  # noqa: PT017 - some are not known
    assert known > 0.8 * len(short_names())
    check_estimator("lightgbm:LGBMClassifier", {"nosuch": 1})
