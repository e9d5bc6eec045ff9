"""Remove one kind of information from tensors or labels, to measure its worth."""

from dataclasses import replace

import numpy as np

from wingspan.advisor.samples.samples import Reals, Rows
from wingspan.advisor.samples.tensors import Tensors


def without_context(tensors: Tensors) -> Tensors:
    """Return tensors with the held job alone, without the context of other jobs."""
    counts, mask, job = tensors.counts.copy(), tensors.mask.copy(), tensors.job.copy()
    counts[:, :, 1:], mask[:, :, 1:], job[:, 1:] = 0, False, -1
    return replace(tensors, counts=counts, mask=mask, job=job)


def shuffled_time(tensors: Tensors, seed: int = 0) -> Tensors:
    """Return tensors with the frames of each example shuffled, so that order carries nothing."""
    length, frames = tensors.mask.shape[:2]
    order = np.argsort(np.random.default_rng(seed).random((length, frames)), axis=1)
    line = np.arange(length)[:, None]
    return replace(tensors, counts=tensors.counts[line, order], mask=tensors.mask[line, order])


def shuffled_labels(labels: Reals, rows: Rows, seed: int = 0) -> Reals:
    """Return labels shuffled among `rows`; a model of them must fall to the base rate."""
    mixed = labels.copy()
    mixed[rows] = np.random.default_rng(seed).permutation(labels[rows])
    return mixed
