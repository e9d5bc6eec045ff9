"""Judge models and stored advisors on event logs, and on simulated pools.

Simulated logs can be kept in a cache: the same parameters, seed and simulator give the same logs.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from wingspan.advisor.holds.timeline import make_timeline
from wingspan.advisor.judging.contest import hold_contest
from wingspan.advisor.judging.evaluate import Report, evaluate
from wingspan.advisor.judging.stored import contest_of, unseen
from wingspan.advisor.models.baselines import Fit
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.samples.samples import Samples, make_samples
from wingspan.advisor.samples.split import Split, split_samples
from wingspan.advisor.samples.truth import Truth, join_truth
from wingspan.eventlog.events import Events
from wingspan.eventlog.logs import read_logs
from wingspan.files import aside, digest_bytes, json_text
from wingspan.simulator import pool
from wingspan.simulator.parameters import Parameters, load_parameters
from wingspan.simulator.truth import read_truth


class Entrants(NamedTuple):
    """Models that take part with those that always do."""

    more: Mapping[str, Fit]
    controls: Mapping[str, Fit]


def _nothing_more(samples: Samples, split: Split) -> Entrants:  # noqa: ARG001
    return Entrants({}, {})


@dataclass(frozen=True, slots=True)
class Judging:
    """How to judge.

    Parameters
    ----------
    advisor
        A stored advisor; without one, models are trained on the first part of the logs.
    entering
        Returns models that take part too.
    journal
        File that counts how often holds were judged on.
    """

    advisor: Advisor | None = None
    entering: Callable[[Samples, Split], Entrants] = _nothing_more
    journal: Path | None = None


class Pool(NamedTuple):
    """A simulated pool: a parameter set, its seed, and how many days if others than the set's."""

    parameters: str
    seed: int
    days: float | None = None


def judge(
    samples: Samples, truth: Truth | None, how: Judging, trained: Samples | None = None
) -> Report:
    """Judge on the last part of the samples.

    Training uses the first part, or the first part of other samples.
    """
    split = unseen(samples, how.advisor) if how.advisor else split_samples(samples)
    if how.advisor:
        contest = contest_of(how.advisor)
    else:
        mine = samples if trained is None else trained
        parts = split if trained is None else split_samples(mine)
        more, controls = how.entering(mine, parts)
        contest = hold_contest(mine, parts, more, controls=controls)
        contest = replace(contest, foreign=trained is not None)
    return evaluate(samples, split, contest, truth, how.journal)


def judge_pool(
    it: Pool, how: Judging, train_on: Pool | None = None, cache: Path | None = None
) -> Report:
    """Judge on the last part of a simulated pool.

    Training uses its first part, or that of another pool.
    """
    with simulated(it, cache) as (samples, truth):
        if train_on is None:
            return judge(samples, truth, how)
        with simulated(train_on, cache) as (trained, _):
            return judge(samples, truth, how, trained)


def read_samples(
    logs: Sequence[Path],
    truth: Path | None = None,
    chosen: Callable[[Events], Events] = lambda events: events,
) -> tuple[Samples, Truth | None]:
    """Read logs, or the chosen events in them, and their truth from a simulator."""
    samples = make_samples(make_timeline(chosen(read_logs(logs))))
    return samples, None if truth is None else join_truth(samples, read_truth(truth))


@contextmanager
def simulated(it: Pool, cache: Path | None = None) -> Iterator[tuple[Samples, Truth | None]]:
    """Simulate a pool, or take its logs from the cache.

    Without a cache, its logs are deleted at the end.
    """
    parameters = load_parameters(it.parameters)
    if it.days is not None:
        parameters = replace(parameters, days=it.days)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (cache or Path(scratch)) / _key(parameters, it.seed)
        if not folder.exists():
            with aside(folder) as place:
                place.mkdir(parents=True)
                pool.simulate(parameters, it.seed, place / "pool.log", place / "truth.jsonl")
        yield read_samples(sorted(folder.glob("*.log")), folder / "truth.jsonl")


def _key(parameters: Parameters, seed: int) -> str:
    """Return a name that changes with parameters, seed and the simulator's own code."""
    sources = sorted(files("wingspan.simulator").iterdir(), key=lambda each: each.name)
    code = b"".join(each.read_bytes() for each in sources if each.name.endswith(".py"))
    asked = json_text({"parameters": asdict(parameters), "seed": seed}).encode()
    return f"{parameters.name}-{seed}-{digest_bytes(asked + code)[-16:]}"
