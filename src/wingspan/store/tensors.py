"""Store torch tensors and state dicts as safetensors.

They are read into main memory, wherever they were.
"""

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wingspan.errors import UnsupportedTypeError

if TYPE_CHECKING:
    import torch

_LONE = "tensor"


def write(value: "torch.Tensor | dict[str, torch.Tensor]", path: Path) -> dict[str, Any]:
    """Write a tensor or a dict of tensors; what shares memory is written apart.

    Raises
    ------
    UnsupportedTypeError
        A tensor is sparse or quantized.
    """
    import torch
    from safetensors.torch import save_file

    named = value if isinstance(value, dict) else {_LONE: value}
    unfit = [name for name, t in named.items() if t.layout != torch.strided or t.is_quantized]
    if unfit:
        fix = "return dense tensors: value.to_dense() or value.dequantize()"
        raise UnsupportedTypeError("", f"not a dense tensor: {', '.join(unfit)}", fix)
    save_file({name: _own_copy(tensor) for name, tensor in named.items()}, path)
    facts = {"lone": not isinstance(value, dict), "order": list(named)}
    return facts | ({"ordered": True} if isinstance(value, OrderedDict) else {})


def _own_copy(tensor: "torch.Tensor") -> "torch.Tensor":
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    return plain.contiguous().clone()


def read(
    path: Path, record: dict[str, Any], _trusted: frozenset[str]
) -> "torch.Tensor | dict[str, torch.Tensor]":
    """Read what `write` wrote, in its order, on the CPU."""
    from safetensors.torch import load

    named = load(path.read_bytes())
    if record["lone"]:
        return named[_LONE]
    pairs = [(name, named[name]) for name in record["order"]]
    return OrderedDict(pairs) if record.get("ordered") else dict(pairs)
