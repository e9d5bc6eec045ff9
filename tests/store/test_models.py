"""What is stored of a model can be read: every model comes back, or is refused at once with the place and a way out."""

import functools
import operator
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from scipy.spatial.distance import cosine
from sklearn import datasets
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import BisectingKMeans, FeatureAgglomeration, KMeans
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, mutual_info_classif
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import f1_score, fbeta_score, make_scorer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.neighbors import KernelDensity, KNeighborsClassifier, NearestNeighbors
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    SplineTransformer,
    StandardScaler,
    scale,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators
from sklearn.utils.estimator_checks import _enforce_estimator_tags_X, _enforce_estimator_tags_y

from wingspan.errors import UnsupportedTypeError
from wingspan.store.codec import decode, encode

HERE = frozenset({__name__})
USES = ("predict_proba", "predict", "transform", "score_samples", "kneighbors")
X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": ["u", "v"] * 30})
TEXTS = ["red fox", "blue fox", "red sky"] * 20


def double(x):
    """Double."""
    return 2 * x


def agreement(y, predicted):
    """Score."""
    return float(np.mean(y == predicted))


def made_here(times):
    """Return a function that only this call holds, under the name of one that the module has."""

    def double(x):
        return times * x

    return double


class Mine(ClassifierMixin, BaseEstimator):
    """A classifier of a user's project."""

    def __init__(self, inner=None, hook=None):
        self.inner = inner
        self.hook = hook

    def fit(self, x, y):
        self.inner_ = clone(self.inner).fit(x, y)
        self.classes_ = np.unique(y)
        return self

    def predict(self, x):
        return self.inner_.predict(x)


class Kept(Mine):
    """A classifier that saves itself, whatever scikit-learn's class is stored by."""

    def save(self, folder):
        np.save(folder / "classes.npy", self.classes_)

    @classmethod
    def load(cls, folder):
        made = cls(hook=lambda: 1)
        made.classes_ = np.load(folder / "classes.npy")
        return made


def search(scoring, **more):
    return GridSearchCV(LogisticRegression(), {"C": [0.5, 1.0]}, scoring=scoring, cv=2, **more)


CATEGORIES = HistGradientBoostingClassifier(
    random_state=0, max_iter=2, categorical_features=[False, False, True]
)
CODED = np.c_[X[:, :2], X[:, 2] > 0]
SELECT = make_column_selector
MODELS = {  # name -> model, what it is fitted on, targets
    "boosting with categories": (CATEGORIES, CODED, Y),
    "boosting from dtypes": (
        HistGradientBoostingClassifier(
            random_state=0, max_iter=2, categorical_features="from_dtype"
        ),
        FRAME.astype({"c": "category"}),
        Y,
    ),
    "boosting, stopped early": (
        HistGradientBoostingClassifier(random_state=0, max_iter=3, early_stopping=True),
        X,
        Y,
    ),
    "search with a scorer": (search(make_scorer(f1_score)), X, Y),
    "search with scorers": (
        search({"a": make_scorer(f1_score, pos_label=1), "b": "roc_auc"}, refit="a"),
        X,
        Y,
    ),
    "search with a function": (search(make_scorer(agreement)), X, Y),
    "search with a partial": (search(make_scorer(functools.partial(fbeta_score, beta=2))), X, Y),
    "search in folds": (
        GridSearchCV(
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression": [LogisticRegression(), SVC()]},
            cv=StratifiedKFold(2),
        ),
        X,
        Y,
    ),
    "random search": (
        RandomizedSearchCV(
            Ridge(), {"alpha": scipy.stats.loguniform(0.1, 1)}, n_iter=2, cv=2, random_state=0
        ),
        X,
        Y,
    ),
    "threshold": (TunedThresholdClassifierCV(LogisticRegression(), cv=2), X, Y),
    "function of one's own": (FunctionTransformer(double), X, None),
    "ufunc": (FunctionTransformer(np.log1p, inverse_func=np.expm1), np.abs(X), None),
    "function of NumPy": (FunctionTransformer(np.nan_to_num), X, None),
    "function of scikit-learn": (FunctionTransformer(scale), X, None),
    "partial": (FunctionTransformer(functools.partial(np.clip, a_min=0, a_max=1)), X, None),
    "target": (
        TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1),
        X,
        Y,
    ),
    "columns": (
        make_column_transformer(
            (StandardScaler(), SELECT(dtype_include=np.number)),
            (OneHotEncoder(sparse_output=False), SELECT(dtype_include=[object, "str"])),
        ),
        FRAME,
        None,
    ),
    "columns of categories": (
        make_column_transformer((OneHotEncoder(), SELECT(dtype_include=pd.CategoricalDtype))),
        FRAME.astype({"c": "category"}),
        None,
    ),
    "pandas out": (
        make_column_transformer((StandardScaler(), SELECT("^[ab]$"))).set_output(
            transform="pandas"
        ),
        FRAME,
        None,
    ),
    "words": (TfidfVectorizer(), TEXTS, None),
    "words by key": (
        TfidfVectorizer(preprocessor=operator.itemgetter("t")),
        [{"t": text} for text in TEXTS],
        None,
    ),
    "words, a set left out": (CountVectorizer(stop_words=["fox", "sky"]), TEXTS, None),
    "calibrated": (CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2), X, Y),
    "vote": (VotingClassifier([("a", LogisticRegression()), ("b", SVC())]), X, Y),
    "stack": (StackingClassifier([("a", LogisticRegression()), ("b", SVC())], cv=2), X, Y),
    "groups": (KMeans(2, n_init=1, random_state=0), X, None),
    "halves": (BisectingKMeans(2, random_state=0), X, None),
    "merged features": (FeatureAgglomeration(2), X, None),
    "neighbours": (NearestNeighbors(algorithm="kd_tree"), X, None),
    "neighbours on a ball": (
        NearestNeighbors(algorithm="ball_tree", metric="haversine"),
        X[:, :2],
        None,
    ),
    "neighbours by a function": (KNeighborsClassifier(metric=cosine), X, Y),
    "density": (KernelDensity(), X, None),
    "process": (
        GaussianProcessClassifier(ConstantKernel() * RBF() + WhiteKernel(), random_state=0),
        X,
        Y,
    ),
    "network": (MLPClassifier(max_iter=3, random_state=np.random.RandomState(1)), X, Y),
    "forest": (IsolationForest(n_estimators=3, random_state=0), X, None),
    "logistic": (LogisticRegression(), X, Y),
    "tree": (DecisionTreeClassifier(random_state=0), X, Y),
    "trees": (RandomForestClassifier(20, random_state=0), X, np.where(Y, "yes", "no")),
    "boosting": (HistGradientBoostingClassifier(max_iter=10, random_state=0), X, np.arange(60) % 3),
    "kernel": (SVC(kernel=rbf_kernel), X, Y),
    "splines": (SplineTransformer(), X, None),
    "best features": (
        SelectKBest(functools.partial(mutual_info_classif, random_state=0), k=2),
        X,
        Y,
    ),
    "weights by truth": (LogisticRegression(class_weight={True: 3, False: 1}), X, Y.astype(bool)),
    "weights by number": (LogisticRegression(class_weight={np.int64(0): 3, np.int64(1): 1}), X, Y),
    "one's own": (Mine(make_pipeline(StandardScaler(), LogisticRegression())), X, Y),
    "one's own inside": (make_pipeline(StandardScaler(), Mine(LogisticRegression())), X, Y),
    "one's own with a function": (Mine(LogisticRegression(), hook=double), X, Y),
    "sets and words of truth": (
        FunctionTransformer(kw_args={True: {"x", "y", 1}, None: frozenset({("a", 1), ("b", 2)})}),
        X,
        None,
    ),
    "one's own with values": (
        Mine(
            LogisticRegression(), hook={None: 1, False: 2, True: frozenset("ab"), 1.5: {"x", "y"}}
        ),
        X,
        Y,
    ),
}


def same(there, here):
    """Return whether two results of a model are equal, be they arrays, tables, sparse, or several."""
    if isinstance(here, tuple):
        return all(map(same, there, here))
    if hasattr(here, "toarray"):
        there, here = there.toarray(), here.toarray()
    return type(there) is type(here) and np.array_equal(
        np.asarray(there), np.asarray(here), equal_nan=np.asarray(here).dtype.kind == "f"
    )


def uses(model, x):
    """Return what a model makes of some data, by method."""
    found = {}
    for name in USES:
        if hasattr(model, name):
            try:
                found[name] = getattr(model, name)(x)
            except (ValueError, TypeError, AttributeError, NotImplementedError):
                found[name] = None
    return found


def check_round_trip(model, x, folder):
    """Store a fitted model, read it, and compare what both do with a copy of the data; its bytes are the same again."""
    record = encode(model, folder / "model", trusted=HERE)
    found = decode(folder / "model", record, HERE)
    assert type(found) is type(model)
    assert encode(found, folder / "again", trusted=HERE) == record
    x = x.copy() if hasattr(x, "copy") else list(x)
    expected = uses(model, x)
    actual = uses(found, x)
    assert expected.keys() == actual.keys()
    for name, here in expected.items():
        assert (here is None and actual[name] is None) or same(actual[name], here), name


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_that_is_stored_can_be_read(tmp_path, name):
    """It predicts the same bit for bit, and its bytes are the same when it is stored again."""
    model, x, y = MODELS[name]
    check_round_trip(clone(model).fit(x, y), x, tmp_path)


def fitted(estimator):
    """Fit an estimator of scikit-learn on data that its tags ask for; None where that takes more than tags say."""
    x, y = datasets.make_blobs(30, 3, centers=3, random_state=0)
    tags = estimator.__sklearn_tags__()
    try:
        x = _enforce_estimator_tags_X(estimator, np.abs(x))
        few = tags.classifier_tags is None or not tags.classifier_tags.multi_class
        y = _enforce_estimator_tags_y(estimator, y % 2 if few else y)
        if tags.target_tags.two_d_labels:
            y = np.column_stack([y, y[::-1]])
        if "random_state" in estimator.get_params():
            estimator.set_params(random_state=0)
        return estimator.fit(x, y), x
    except (ValueError, TypeError, IndexError, AttributeError):
        return None


def sweep():
    """Yield an instance of every estimator that scikit-learn can make one of for its own tests."""
    from sklearn.utils._test_common.instance_generator import _construct_instances

    for name, kind in all_estimators():
        if name != "FrozenEstimator":
            yield from ((name, estimator) for estimator in _construct_instances(kind))


@pytest.mark.long
def test_every_estimator_of_scikit_learn_comes_back_or_is_refused(tmp_path):
    """All but those that hold themselves come back; few cannot be fitted on such plain data."""
    refused, odd, count = set(), set(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, (name, estimator) in enumerate(sweep()):
            folder = tmp_path / str(number)
            folder.mkdir()
            ready = fitted(estimator)
            if ready is None:
                odd.add(name)
                continue
            try:
                check_round_trip(*ready, folder)
                count += 1
            except UnsupportedTypeError as error:
                refused.add((name, error.where.partition("_")[0]))
    assert refused == {("Birch", "value.root")}
    assert count > 190
    assert len(odd) < 10


class Looped(BaseEstimator):
    """An estimator whose part holds it."""

    def fit(self, x, y=None):
        self.cache_ = {"model": self}
        return self


REFUSED = {  # name -> value, place, and words of the problem and of the way out
    "lambda": (FunctionTransformer(lambda x: x), ".func", "cannot be imported", "top level"),
    "inside": (
        {"models": [None, make_pipeline(StandardScaler(), FunctionTransformer(np.loadtxt))]},
        "['models'][1].steps[1][1].func",
        "function numpy.loadtxt",
        "def own_loadtxt(x): return numpy.loadtxt(x)",
    ),
    "factory": (FunctionTransformer(made_here(3)), ".func", "something else", "top level"),
    "scorer": (
        search(make_scorer(subprocess.call)),
        ".scoring._score_func",
        "function subprocess.call",
        "def own_call",
    ),
    "loop": (Looped().fit(X), ".cache_['model']", "holds itself", "del model.cache_)"),
    "method": (
        CountVectorizer(tokenizer=str.split),
        ".tokenizer",
        "method 'split' of 'str'",
        "own module",
    ),
    "class": (Mine(hook=re.compile("a")), ".hook", "class re.Pattern", "save(self, folder)"),
    "table": (Mine(hook=[FRAME]), ".hook[0]", "pandas", "save(self, folder)"),
    "keys": (Mine(hook={1: "a", "1": "b"}), ".hook", "two keys", "replace"),
    "distribution": (
        RandomizedSearchCV(Ridge(), {"alpha": scipy.stats.randint(1, 5)}),
        ".param_distributions['alpha'].dist",
        "holds itself",
        "save(self, folder)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_not_be_read_is_refused_when_it_is_stored(tmp_path, name):
    """The error says where in the value, what, and a way out; nothing is left."""
    value, place, problem, fix = REFUSED[name]
    with pytest.raises(UnsupportedTypeError) as caught:
        encode(value, tmp_path / "model", trusted=HERE, name="result")
    assert caught.value.where.startswith(f"result{place}")
    assert problem in caught.value.problem
    assert fix in caught.value.fix
    assert list(tmp_path.iterdir()) == []


def test_a_class_of_a_module_that_its_reader_does_not_trust_is_refused(tmp_path):
    """What a reader would refuse is refused when it is stored, if the reader is known."""
    for trusted in (frozenset(), frozenset({"another"})):
        with pytest.raises(UnsupportedTypeError, match=r"^value: .*Mine"):
            encode(Mine(), tmp_path / "model", trusted=trusted)
    assert encode(Mine(), tmp_path / "model")["codec"] == "skops/1"


def test_an_estimator_that_saves_itself_does_so(tmp_path):
    """`save` and `load` are the way out for an estimator that skops cannot store, so they come first."""
    model = Kept(LogisticRegression(), hook=lambda: 1).fit(X, Y)
    record = encode(model, tmp_path / "model")
    assert record["codec"] == "saved/1"
    assert np.array_equal(decode(tmp_path / "model", record).classes_, [0, 1])


def digests(folder):
    """Yield name and digest of each model that holds no class of this module, nor how long it took."""
    for name, (model, x, y) in MODELS.items():
        if "search" not in name and "own" not in name:
            yield name, encode(clone(model).fit(x, y), folder / name)["digest"]


DIGESTS = """
import sys, warnings
from pathlib import Path
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")
import numpy as np
import test_models
junk = [np.random.default_rng().normal(size=n) for n in range(1, 5000, 7)]; del junk
for name, digest in test_models.digests(Path(sys.argv[2])):
    print(name, digest)
"""


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_model_has_the_same_bytes_in_every_process(tmp_path):
    """Neither addresses nor the order of sets leave a trace: a process with another hash seed gives equal digests."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS, Path(__file__).parent, str(tmp_path / "there")],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    here = {f"{name} {digest}" for name, digest in digests(tmp_path / "here")}
    assert here ^ set(done.stdout.splitlines()) == set()
    assert len(here) > 25
