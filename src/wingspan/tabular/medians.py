"""Fill missing numbers with the median of the training rows.

A median needs all values of a column at once.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wingspan.tabular.blocks import Table, iter_blocks
from wingspan.tabular.clean import clean, is_missing
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.split import SplitRule, assign, train_mask


def with_medians(
    table: Table, rules: Sequence[SplitRule], preparations: Sequence[Preparation]
) -> list[Preparation]:
    """Return preparations, one for each rule, that fill with medians where they are asked to.

    Notes
    -----
    The values of the columns that have holes are held in memory, 8 bytes each.
    """
    first = preparations[0]
    names = {n.name for each in preparations for n in each.numbers if n.missing}
    if first.treatment.fill != "median" or not names:
        return list(preparations)
    held: dict[str, list[np.ndarray]] = {name: [] for name in names}
    masks: list[list[np.ndarray]] = [[] for _ in rules]
    assignments = [assign(table, rule) for rule in rules]
    columns = list(dict.fromkeys([*first.schema.names, *rules[0].columns]))
    for block, frame in enumerate(iter_blocks(table, columns)):
        cleaned = clean(frame, first.rules)
        kept = cleaned.keep & ~is_missing(frame[first.target])
        for name in names:
            held[name].append(cleaned.frame[name].cast(float).to_numpy())
        for mask, assignment in zip(masks, assignments, strict=True):
            mask.append(train_mask(assignment, block, frame) & kept)
    chosen = [np.concatenate(mask) for mask in masks]
    values = {name: np.concatenate(parts) for name, parts in held.items()}
    return [
        replace(
            each,
            numbers=tuple(
                replace(n, fill=float(np.nanmedian(values[n.name][mask]))) if n.name in names else n
                for n in each.numbers
            ),
        )
        for each, mask in zip(preparations, chosen, strict=True)
    ]
