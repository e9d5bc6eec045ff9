"""Make tensors once for all trainings of a job that have the same layout.

Each training is a process of its own, so they share files, which the later ones map into memory.
"""

import os
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from wingspan.advisor.holds.moments import Moments
from wingspan.advisor.holds.timeline import Timeline
from wingspan.advisor.samples.tensors import Layout, Tensors, make_tensors
from wingspan.files import digest_bytes, json_text, remove


def shared_tensors(
    timeline: Timeline, moments: Moments, layout: Layout, folder: Path | None
) -> Tensors:
    """Return the tensors of some moments, and leave them in the folder for others.

    Parameters
    ----------
    folder
        A folder that the trainings share; None makes the tensors here alone.
    """
    if folder is None:
        return make_tensors(timeline, moments, layout)
    place = folder / f"tensors-{_name(timeline, moments, layout)}"
    names = [each.name for each in fields(Tensors)]
    if place.exists():
        return Tensors(*(np.load(place / f"{name}.npy", mmap_mode="r") for name in names))
    made = make_tensors(timeline, moments, layout)
    draft = folder / f".{place.name}.{os.getpid()}"
    try:
        draft.mkdir(parents=True)
        for name in names:
            np.save(draft / f"{name}.npy", getattr(made, name))
        draft.rename(place)
    except (
        OSError
    ):  # another training was first, or the disk is full: these are good for one training
        remove(draft)
    return made


def _name(timeline: Timeline, moments: Moments, layout: Layout) -> str:
    """Return a name that only the same tensors have."""
    events = timeline.events
    arrays = (
        *(timeline.clock, timeline.job, timeline.cluster, timeline.host),
        *(events.code, events.access_point),
        *(moments.hold, moments.upto, moments.clock),
    )
    digests = [digest_bytes(np.ascontiguousarray(each).tobytes()) for each in arrays]
    return digest_bytes(json_text([digests, asdict(layout)]).encode()).rpartition(":")[2][:32]
