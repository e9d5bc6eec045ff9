"""Models of XGBoost and LightGBM <-> the libraries' own formats."""

import importlib
from pathlib import Path
from typing import Any

_MODEL = "model"


def write(value: Any, path: Path) -> dict[str, Any]:  # noqa: ANN401 - of a library that may not be there
    """Write a booster or a model of XGBoost, or a booster of LightGBM."""
    kind = type(value)
    if kind.__module__.startswith("xgboost"):
        path.write_bytes(bytes((getattr(value, "get_booster", lambda: value)()).save_raw("ubj")))
    else:
        path.write_text(value.model_to_string())
    return {"class": f"{kind.__module__}:{kind.__qualname__}"}


def read(path: Path, record: dict[str, Any], _trusted: frozenset[str]) -> Any:  # noqa: ANN401
    """Read what `write` wrote."""
    module, _, name = record["class"].partition(":")
    kind = getattr(importlib.import_module(module), name)
    if record["codec"].startswith("lightgbm"):
        return kind(model_str=path.read_text())
    model = kind()
    model.load_model(bytearray(path.read_bytes()))
    return model
