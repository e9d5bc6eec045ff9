"""Store models of XGBoost and boosters of LightGBM in the libraries' own formats."""

from pathlib import Path
from typing import Any

from wingspan.errors import UnsupportedTypeError
from wingspan.store.classes import reference, resolve
from wingspan.store.tree import from_tree, to_tree


def write(value: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401 - of a library that may not be there
    """Write a booster, or a model of XGBoost's scikit-learn interface with its parameters.

    Raises
    ------
    UnsupportedTypeError
        A parameter is not a plain value.
    """
    if hasattr(value, "model_to_string"):
        path.write_text(value.model_to_string(num_iteration=-1))
        return {}
    kind = type(value)
    if hasattr(value, "save_raw"):
        path.write_bytes(bytes(value.save_raw("ubj")))
        return {"class": reference(kind)}
    params = to_tree(value.get_params(), lambda _: None, _refuse)
    named = path.with_name(f"{path.name}.ubj")  # the suffix says the format
    value.save_model(named)
    named.rename(path)
    return {"class": reference(kind), "params": params}


def _refuse(value: object) -> Any:  # noqa: ANN401 - raises
    problem = f"a parameter of an XGBoost model is of type {type(value).__qualname__}"
    raise UnsupportedTypeError("", problem, "give XGBoost's name for it")


def read(path: Path, record: dict[str, Any], _trusted: frozenset[str]) -> Any:  # noqa: ANN401
    """Read what `write` wrote."""
    if "class" not in record:
        import lightgbm

        return lightgbm.Booster(model_str=path.read_text())
    kind: Any = resolve(record["class"])
    model = kind()
    model.load_model(bytearray(path.read_bytes()))
    if (
        "params" in record
    ):  # after loading, which writes what XGBoost made of them over what was given
        model.set_params(**from_tree(record["params"], dict))
    return model
