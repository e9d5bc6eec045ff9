"""Estimators come back bit for bit, give the same bytes in any process, and load nothing that is not trusted."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from skops.io import dumps

from wingspan.errors import CorruptError, UnsupportedTypeError, UntrustedModelError
from wingspan.store import estimators
from wingspan.store.codec import decode, encode
from wingspan.store.trust import is_trusted


class Mine(BaseEstimator):
    """An estimator of a user's project."""

    def fit(self, x, y=None):
        self.mean_ = x.mean()
        return self


class Other(BaseEstimator):
    """An estimator that no trusted module defines."""


def double(x):
    """Double."""
    return 2 * x


def test_a_class_of_ones_own_is_loaded_from_a_trusted_module_only(tmp_path):
    """The module must be named whole: neither a package around it nor a name that begins alike will do."""
    path = tmp_path / "model"
    record = encode(Mine().fit(np.arange(4.0)), path)
    assert decode(path, record, frozenset({__name__})).mean_ == 1.5
    package, _, last = __name__.rpartition(".")
    for trusted in (set(), {package or "tests"}, {__name__[:-1]}, {last[1:] or "x"}):
        with pytest.raises(UntrustedModelError, match="Mine"):
            decode(path, record, frozenset(trusted))


def test_a_function_of_ones_own_is_loaded_from_its_own_module_only(tmp_path):
    """A function in a model is trusted like a class: where it is defined."""
    path = tmp_path / "model"
    record = encode(FunctionTransformer(double), path)
    assert decode(path, record, frozenset({__name__})).transform(2) == 4
    with pytest.raises(UntrustedModelError, match="double"):
        decode(path, record)


@pytest.mark.parametrize(
    "name",
    [
        *("builtins.eval", "builtins.exec", "os.system", "numpy.load", "numpy.fromfile"),
        *("sklearn.datasets.load_svmlight_file", "scipy.io.loadmat", "sklearn.utils.os.system"),
        *("numpy.no_such_thing", "sklearn.no_such.Class", "numpyx.ndarray", "collections.deque"),
        *("subprocess.Popen", "nodots", "sklearn.base.warnings", "numpy.f2py.os"),
    ],
)
def test_nothing_but_classes_and_ufuncs_of_the_three_packages_is_trusted(name):
    """Functions, modules, what others define and what is not there are refused."""
    assert not is_trusted(name, frozenset())


@pytest.mark.parametrize(
    "name",
    ["sklearn.tree._tree.Tree", "numpy.log1p", "scipy.special.expit", "sklearn.base.BaseEstimator"],
)
def test_classes_and_ufuncs_of_the_three_packages_are_trusted(name):
    """What models are made of may be built."""
    assert is_trusted(name, frozenset())


def test_a_trusted_module_does_not_lend_its_trust_to_what_it_imports():
    """Of a trusted module only what it defines is trusted."""
    trusted = frozenset({__name__})
    assert is_trusted(f"{__name__}.Mine", trusted)
    assert not is_trusted(f"{__name__}.subprocess.run", trusted)
    assert not is_trusted(f"{__name__}.StandardScaler", trusted)


def test_a_model_that_asks_for_a_function_is_refused_before_it_is_built(tmp_path):
    """A file that names numpy.loadtxt in place of a ufunc is not loaded, and not made."""
    path = tmp_path / "model"
    estimators.write(FunctionTransformer(np.log1p), path)
    assert estimators.read(path).transform(0.0) == 0.0
    path.write_bytes(estimators.canonical(dumps(FunctionTransformer(np.loadtxt))))
    with pytest.raises(UntrustedModelError, match="loadtxt"):
        estimators.read(path)
    with pytest.raises(UnsupportedTypeError, match=r"def own_loadtxt\(x\): return numpy.loadtxt"):
        encode(FunctionTransformer(np.loadtxt), tmp_path / "other")


def test_a_selection_of_features_comes_back(tmp_path):
    """A model with one of scikit-learn's scores of features comes back."""
    random = np.random.default_rng(0)
    x = random.normal(size=(50, 4))
    y = (x[:, 1] > 0).astype(int)
    model = make_pipeline(StandardScaler(), SelectKBest(k=2), DecisionTreeClassifier()).fit(x, y)
    record = encode(model, tmp_path / "model")
    assert np.array_equal(decode(tmp_path / "model", record).predict(x), model.predict(x))


def test_a_model_with_a_part_that_cannot_be_stored_is_refused(tmp_path):
    """A lambda in a model is named when the model is stored."""
    with pytest.raises(
        UnsupportedTypeError, match=r"^value\.func: .*<lambda>, which cannot be imp"
    ):
        encode(FunctionTransformer(lambda x: x), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_changed_model_file_is_not_opened(tmp_path):
    """A byte that changed is seen before anything is built."""
    path = tmp_path / "model"
    record = encode(StandardScaler(), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptError):
        decode(path, record)


def data():
    """Return a few rows of two classes."""
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 3))
    return x, (x[:, 0] > 0).astype(int)


def test_xgboost_models_come_back(tmp_path):
    """A model keeps its class, its parameters and its predictions; a booster its predictions."""
    xgboost = pytest.importorskip("xgboost")
    x, y = data()
    model = xgboost.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1).fit(x, y)
    record = encode({"model": model, "booster": model.get_booster()}, tmp_path / "model")
    found = decode(tmp_path / "model", record)
    assert type(found["model"]) is xgboost.XGBClassifier
    assert found["model"].get_params()["max_depth"] == 2
    assert np.array_equal(found["model"].predict_proba(x), model.predict_proba(x))
    matrix = xgboost.DMatrix(x)
    assert np.array_equal(found["booster"].predict(matrix), model.get_booster().predict(matrix))
    assert encode(found["model"], tmp_path / "a") == encode(model, tmp_path / "b")


def test_lightgbm_models_come_back(tmp_path):
    """A model comes back alone and inside a scikit-learn pipeline, with equal bytes again; so does a booster."""
    lightgbm = pytest.importorskip("lightgbm")
    x, y = data()
    model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1).fit(x, y)
    inside = make_pipeline(model).fit(x, y)
    for number, one in enumerate((model, inside)):
        record = encode(one, tmp_path / f"{number}")
        found = decode(tmp_path / f"{number}", record)
        assert np.array_equal(found.predict_proba(x), one.predict_proba(x))
        assert encode(found, tmp_path / f"{number}.again") == record
    record = encode(model.booster_, tmp_path / "booster")
    found = decode(tmp_path / "booster", record)
    assert np.array_equal(found.predict(x), model.booster_.predict(x))


def test_torch_tensors_and_state_dicts_come_back(tmp_path):
    """Tensors keep type and values, a state dict its order; what shares memory is stored apart."""
    torch = pytest.importorskip("torch")
    base = torch.arange(6.0).reshape(2, 3)
    state = {
        "z": base.T,
        "a": base,
        "half": torch.ones(2, dtype=torch.bfloat16),
        "n": torch.tensor(3),
    }
    record = encode({"state": state, "one": base[0]}, tmp_path / "value")
    found = decode(tmp_path / "value", record)
    assert list(found["state"]) == list(state)
    layer = torch.nn.Linear(2, 1).state_dict()
    again = decode(tmp_path / "layer", encode(layer, tmp_path / "layer"))
    assert type(again) is type(layer)
    assert (
        encode(dict(layer), tmp_path / "other")["digest"]
        != encode(layer, tmp_path / "third")["digest"]
    )
    assert all(torch.equal(found["state"][name], state[name]) for name in state)
    assert found["state"]["half"].dtype is torch.bfloat16
    assert torch.equal(found["one"], base[0])
    with pytest.raises(UnsupportedTypeError, match="dense"):
        encode(base.to_sparse(), tmp_path / "sparse")
