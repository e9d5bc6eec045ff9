"""A small real training for the benchmark of sweeps: digits, a network of two hidden layers, plain NumPy."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

import wingspan as ws

EPOCHS = 27


class Digits(NamedTuple):
    """Images and their classes, to train on and to validate on."""

    x: np.ndarray
    y: np.ndarray
    x_valid: np.ndarray
    y_valid: np.ndarray


def digits() -> Digits:
    """Return 1,200 images to train on and 597 to validate on."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    x, y = found.data[order] / 16.0, found.target[order]
    return Digits(x[:1200], y[:1200], x[1200:], y[1200:])


class Settings(NamedTuple):
    """What is searched."""

    rate: float
    momentum: float
    decay: float
    width: int
    batch: int


def train(
    data: Digits, settings: Settings, report: Callable[[int, float], bool], seed: int
) -> float:
    """Return the last validation loss; `report(epoch, loss)` says whether to stop."""
    x, y, x_valid, y_valid = data
    source = np.random.default_rng(seed)
    sizes = (64, settings.width, settings.width, 10)
    pairs = list(pairwise(sizes))
    weights = [source.normal(0, np.sqrt(2 / a), (a, b)) for a, b in pairs]
    speeds = [np.zeros_like(each) for each in weights]
    loss = 0.0
    for epoch in range(1, EPOCHS + 1):
        order = source.permutation(len(y))
        for start in range(0, len(y), settings.batch):
            rows = order[start : start + settings.batch]
            step(weights, speeds, x[rows], y[rows], settings)
        loss = cross_entropy(forward(weights, x_valid)[-1], y_valid)
        if report(epoch, loss):
            break
    return loss


def forward(weights: list[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    """Return the input and each layer's output."""
    layers = [x]
    for number, each in enumerate(weights):
        value = np.clip(layers[-1] @ each, -1e6, 1e6)
        layers.append(np.maximum(value, 0) if number < len(weights) - 1 else value)
    return layers


def step(
    weights: list[np.ndarray],
    speeds: list[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    settings: Settings,
) -> None:
    """Go one step of stochastic gradient descent with momentum."""
    rate, momentum, decay, *_ = settings
    layers = forward(weights, x)
    slope = softmax(layers[-1])
    slope[np.arange(len(y)), y] -= 1
    slope /= len(y)
    for number in reversed(range(len(weights))):
        down = layers[number].T @ slope + decay * weights[number]
        if number:
            slope = (slope @ weights[number].T) * (layers[number] > 0)
        speeds[number] = momentum * speeds[number] - rate * np.clip(down, -1e3, 1e3)
        weights[number] = weights[number] + speeds[number]


def softmax(values: np.ndarray) -> np.ndarray:
    """Return shares of each row."""
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def cross_entropy(values: np.ndarray, y: np.ndarray) -> float:
    """Return the mean loss, at most that of a probability of 1e-12."""
    chosen = softmax(values)[np.arange(len(y)), y]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def fit(
    data: Digits, rate: float, momentum: float, decay: float, width: int, batch: int, study: int
) -> float:
    """Train as a trial of Wingspan; `study` keeps the trials of one study apart from another's."""

    def report(epoch: int, loss: float) -> bool:
        ws.log({"loss": loss}, step=epoch)
        return ws.should_stop()

    return train(data, Settings(rate, momentum, decay, width, batch), report, study)
