"""Train a network on tensors and labels: seeded, stopped early, resumed after a kill."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.models.network import NetworkConfig, make_network
from wingspan.advisor.samples.samples import Reals, Rows
from wingspan.advisor.samples.tensors import Tensors
from wingspan.errors import ConflictError, CorruptError, FormatError, SettingError
from wingspan.files import digest_bytes, json_text, write_atomically
from wingspan.tracking.patience import Patience, Progress, progress_of

if TYPE_CHECKING:
    import torch

Facts = NDArray[np.float32]

CHECKPOINT: Final = "training.safetensors"
_FIT_SHARE: Final = 0.5  # of the device's free memory
_BEST, _NOW, _ADAM = "best.", "now.", "adam."


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples to learn from.

    Attributes
    ----------
    labels
        1 if the release succeeded, else 0; not nan in the rows that are used.
    weights
        Weight of each example, above 0: 1 / size of its incident.
    facts
        Facts of each hold besides its frames, finite. float32, (example, fact)
    """

    tensors: Tensors = field(repr=False)
    labels: Reals = field(repr=False)
    weights: Reals = field(repr=False)
    facts: Facts | None = field(default=None, repr=False)

    @property
    def known(self) -> Facts:
        """Return the facts, with no columns if there are none."""
        return _or_none(self.facts, len(self.labels))


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training rows: weighted mean losses (nats), and whether it was the best."""

    number: int
    train_loss: float
    validate_loss: float
    best: bool


@dataclass(frozen=True, slots=True)
class Trained:
    """The weights of the best epoch, on the CPU, and the results of all epochs."""

    config: NetworkConfig
    width: int
    weights: dict[str, "torch.Tensor"] = field(repr=False)
    epochs: tuple[Epoch, ...]
    facts: int = 0

    @property
    def best(self) -> Epoch:
        """Return the epoch with the kept weights."""
        return [epoch for epoch in self.epochs if epoch.best][-1]

    def network(self) -> "torch.nn.Module":
        """Return the network with these weights, on the CPU, in the mode of evaluation."""
        made = make_network(self.config, self.width, self.facts)
        made.load_state_dict(self.weights)
        return made.eval()


@dataclass(slots=True)
class _Run:
    """The state that changes with each epoch; `step` is the network or its compiled form."""

    network: "torch.nn.Module"
    step: "torch.nn.Module"
    adam: "torch.optim.Optimizer"
    best: dict[str, "torch.Tensor"]
    epochs: list[Epoch]


@dataclass(frozen=True, slots=True)
class _Data:
    """Torch tensors on the device if they fit, else in pinned main memory."""

    counts: "torch.Tensor"
    mask: "torch.Tensor"
    facts: "torch.Tensor"
    labels: "torch.Tensor"
    weights: "torch.Tensor"
    device: "torch.device"

    def batches(self, rows: "torch.Tensor", size: int) -> Iterator[tuple["torch.Tensor", ...]]:
        """Yield frames, facts, labels and weights of the rows, batch by batch."""
        arrays = (self.counts, self.mask, self.facts, self.labels, self.weights)
        for part in rows.to(self.counts.device).split(size):
            chosen = [each.index_select(0, part) for each in arrays]  # copies whole rows at once
            if self.counts.device != self.device:
                chosen = [each.pin_memory().to(self.device, non_blocking=True) for each in chosen]
            counts, mask, facts, label, weight = chosen
            yield expand(counts, mask), facts, label, weight


def expand(counts: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """Expand uint8 counts and a mask to float32: log1p of the counts, then the mask.

    Shapes: (n, m, j, e) and (n, m, j) become (n, m, j * (e + 1)).
    """
    import torch

    logs = torch.log1p(counts.float())  # a whole array: its parts would not be vectorized
    return torch.cat([logs, mask.unsqueeze(-1).float()], dim=-1).flatten(2)


def train(
    examples: Examples,
    train_rows: Rows,
    validate_rows: Rows,
    config: NetworkConfig,
    checkpoint_folder: Path | None = None,
    *,
    on_epoch: Callable[[Epoch], object] | None = None,
    device: str | None = None,
) -> Trained:
    """Train a network until the validation loss stops falling; keep the best epoch's weights.

    The same seed, data and number of threads give the same bytes on a CPU, also after a kill and a second call with the
    same `checkpoint_folder`.

    Parameters
    ----------
    checkpoint_folder
        Folder for the state of every epoch; without it a killed training starts again.
    device
        Torch device; by default CUDA if available, else the CPU.

    Raises
    ------
    SettingError
        Rows are empty, are in both sets or lack a label or a weight, or the first loss is not finite.
    ConflictError
        The folder's checkpoint is of other data or another config.
    CorruptError, FormatError
        The checkpoint cannot be read, or lacks a part.
    """
    import torch

    _check(examples, train_rows, validate_rows)
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    width = examples.tensors.mask.shape[2] * (examples.tensors.counts.shape[3] + 1)
    facts = examples.known.shape[1]
    path = checkpoint_folder / CHECKPOINT if checkpoint_folder else None
    key = _key(examples, train_rows, validate_rows, config) if path else ""
    data = _to_device(examples, place)
    with torch.random.fork_rng():
        run = _start(config, (width, facts), place)
        if path and path.exists():
            _resume(run, path, key)
        while not _ended(run.epochs, config):
            epoch = _one_epoch(run, data, train_rows, validate_rows, config)
            if path:
                _keep(run, path, key)
            if on_epoch:
                on_epoch(epoch)
    if not run.best:
        problem = f"the loss is {run.epochs[-1].validate_loss} after the first epoch"
        raise SettingError("training", problem, "give a lower rate: rate=0.0005")
    return Trained(config, width, run.best, tuple(run.epochs), facts)


def predict(
    trained: Trained, tensors: Tensors, facts: Facts | None = None, size: int = 4096
) -> Reals:
    """Return the probability that a release succeeds, for every example; on the CPU."""
    import torch

    network = trained.network()
    arrays = (tensors.counts, tensors.mask, _or_none(facts, len(tensors.mask)))
    found = [np.empty(0)]
    with torch.inference_mode():
        for start in range(0, len(tensors.counts), size):
            counts, mask, known = (
                torch.from_numpy(np.array(each[start : start + size], order="C")) for each in arrays
            )
            found.append(network(expand(counts, mask), known).double().sigmoid().numpy())
    return np.concatenate(found)


def _or_none(facts: Facts | None, length: int) -> Facts:
    return np.zeros((length, 0), np.float32) if facts is None else facts


def _check(examples: Examples, train_rows: Rows, validate_rows: Rows) -> None:
    labels, weights = examples.labels, examples.weights
    for name, rows in (("train_rows", train_rows), ("validate_rows", validate_rows)):
        if not len(rows):
            raise SettingError(
                f"training, {name}", "is empty", "give more logs, or split otherwise"
            )
        if not ((labels[rows] >= 0) & (labels[rows] <= 1)).all():
            raise SettingError(f"training, {name}", "has labels that are not 0 to 1", "drop them")
        if not (np.isfinite(weights[rows]) & (weights[rows] > 0)).all():
            raise SettingError(f"training, {name}", "has weights not above 0", "drop these rows")
    if np.intersect1d(train_rows, validate_rows).size:
        problem = "train_rows and validate_rows share examples"
        raise SettingError("training", problem, "split by time, then by incident")


def _key(examples: Examples, train_rows: Rows, validate_rows: Rows, config: NetworkConfig) -> str:
    arrays = [*_arrays(examples), train_rows, validate_rows]
    digests = [digest_bytes(np.ascontiguousarray(each).tobytes()) for each in arrays]
    shapes = [list(each.shape) for each in arrays]
    return digest_bytes(json_text([digests, shapes, asdict(config)]).encode())


def _arrays(examples: Examples) -> tuple[NDArray[Any], ...]:
    tensors = examples.tensors
    return (
        tensors.counts,
        tensors.mask,
        examples.known,
        examples.labels.astype(np.float32),
        examples.weights.astype(np.float32),
    )


def _to_device(examples: Examples, device: "torch.device") -> _Data:
    import torch

    arrays = [torch.from_numpy(np.array(each, order="C")) for each in _arrays(examples)]
    if device.type == "cuda":
        need = sum(each.nbytes for each in arrays)
        if need < _FIT_SHARE * torch.cuda.mem_get_info(device)[0]:
            arrays = [each.to(device) for each in arrays]
    counts, mask, facts, label, weight = arrays
    return _Data(counts, mask, facts, label, weight, device)


def _start(config: NetworkConfig, inputs: tuple[int, int], device: "torch.device") -> _Run:
    import torch

    torch.manual_seed(config.seed)
    network = make_network(config, *inputs).to(device)
    adam = torch.optim.Adam(
        network.parameters(), lr=config.rate, weight_decay=config.decay, fused=True
    )
    return _Run(network, torch.compile(network) if config.compiled else network, adam, {}, [])


def _progress(epochs: list[Epoch], config: NetworkConfig) -> Progress:
    """Return the progress of training, by validation loss."""
    return progress_of(Patience(config.patience), (epoch.validate_loss for epoch in epochs))


def _ended(epochs: list[Epoch], config: NetworkConfig) -> bool:
    return len(epochs) >= config.epochs or _progress(epochs, config).ended


def _one_epoch(
    run: _Run, data: _Data, train_rows: Rows, validate_rows: Rows, config: NetworkConfig
) -> Epoch:
    """Pass once over the training rows, in an order set by seed and epoch alone."""
    import torch

    number = len(run.epochs) + 1
    torch.manual_seed(config.seed * 1_000_003 + number)
    rows = torch.from_numpy(train_rows.astype(np.int64))[torch.randperm(len(train_rows))]
    run.network.train()
    train_loss = _pass(run.step, data, rows, config.batch, run.adam)
    run.network.eval()
    with torch.inference_mode():
        validate = torch.from_numpy(validate_rows.astype(np.int64))
        loss = _pass(run.step, data, validate, config.batch, None)
    best = _progress(run.epochs, config).after(loss).improved
    epoch = Epoch(number, train_loss, loss, best=best)
    if epoch.best:
        run.best = {k: v.detach().cpu().clone() for k, v in run.network.state_dict().items()}
    run.epochs.append(epoch)
    return epoch


def _pass(
    network: "torch.nn.Module",
    data: _Data,
    rows: "torch.Tensor",
    size: int,
    adam: "torch.optim.Optimizer | None",
) -> float:
    """Return the weighted mean loss of the rows; with an optimizer, learn from every batch."""
    import torch

    total = torch.zeros(2, dtype=torch.float64)
    for frames, facts, label, weight in data.batches(rows, size):
        with torch.autocast(data.device.type, torch.bfloat16, enabled=data.device.type == "cuda"):
            logits = network(frames, facts).float()
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, label, reduction="none"
        )
        loss = (losses * weight).sum() / weight.sum()
        if adam:
            adam.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            adam.step()
        part = torch.stack([(losses * weight).sum(), weight.sum()]).detach()
        total = total.to(part.device) + part
    summed, whole = total.tolist()
    return float(summed / whole)


def _keep(run: _Run, path: Path, key: str) -> None:
    """Write the whole state to one file, atomically."""
    from safetensors.torch import save

    parts = {_NOW + k: v for k, v in run.network.state_dict().items()}
    parts |= {_BEST + k: v for k, v in run.best.items()}
    for number, state in run.adam.state_dict()["state"].items():
        parts |= {f"{_ADAM}{number}.{name}": value for name, value in state.items()}
    parts = {k: v.detach().cpu().contiguous() for k, v in parts.items()}
    metadata = {"key": key, "epochs": json_text([asdict(epoch) for epoch in run.epochs])}
    write_atomically(path, save(parts, metadata=metadata))


def _resume(run: _Run, path: Path, key: str) -> None:
    """Read what `_keep` wrote, and nothing else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            parts = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        problem = f"is not a training checkpoint: {error}"
        raise CorruptError(str(path), problem, "remove it to train from the start") from error
    if metadata.get("key") != key:
        problem = "was written for other data or another config"
        raise ConflictError(str(path), problem, "give another folder, or remove this file")
    _check_parts(run, path, parts)
    try:
        epochs = [Epoch(**each) for each in json.loads(metadata["epochs"])]
    except (KeyError, TypeError, ValueError) as error:
        problem = f"lacks or garbles the results of its epochs: {error}"
        raise FormatError(str(path), problem, "remove it to train from the start") from error
    run.network.load_state_dict(_under(_NOW, parts))
    run.best = _under(_BEST, parts)
    state: dict[int, dict[str, Any]] = {}
    for name, value in _under(_ADAM, parts).items():
        number, _, part = name.partition(".")
        state.setdefault(int(number), {})[part] = value
    run.adam.load_state_dict({**run.adam.state_dict(), "state": state})
    run.epochs = epochs


def _check_parts(run: _Run, path: Path, parts: dict[str, Any]) -> None:
    """Refuse a checkpoint whose tensors differ in name, shape or type from this training's."""
    state = run.network.state_dict()
    want = {prefix + k: (v.shape, v.dtype) for prefix in (_NOW, _BEST) for k, v in state.items()}
    for number, weight in enumerate(run.network.parameters()):
        want[f"{_ADAM}{number}.step"] = ((), weight.dtype)
        for name in ("exp_avg", "exp_avg_sq"):
            want[f"{_ADAM}{number}.{name}"] = (weight.shape, weight.dtype)
    found = {k: (v.shape, v.dtype) for k, v in parts.items()}
    if found != want:
        odd = sorted(k for k in want.keys() | found.keys() if want.get(k) != found.get(k))
        problem = f"expected other tensors than it holds: {', '.join(odd[:5])}"
        raise FormatError(str(path), problem, "remove it to train from the start")


def _under(prefix: str, parts: dict[str, Any]) -> dict[str, Any]:
    return {k.removeprefix(prefix): v for k, v in parts.items() if k.startswith(prefix)}
