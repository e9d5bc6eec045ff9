"""Tensors and state dicts of torch <-> safetensors."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_LONE = "tensor"


def write(value: "torch.Tensor | dict[str, torch.Tensor]", path: Path) -> dict[str, Any]:
    """Write a tensor or a dict of tensors; what shares memory is written apart."""
    from safetensors.torch import save

    named = value if isinstance(value, dict) else {_LONE: value}
    path.write_bytes(
        save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in named.items()})
    )
    return {"lone": not isinstance(value, dict), "order": list(named)}


def read(
    path: Path, record: dict[str, Any], _trusted: frozenset[str]
) -> "torch.Tensor | dict[str, torch.Tensor]":
    """Read what `write` wrote, in its order, on the CPU."""
    from safetensors.torch import load

    named = load(path.read_bytes())
    return named[_LONE] if record["lone"] else {name: named[name] for name in record["order"]}
