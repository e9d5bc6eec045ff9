"""Judge all models on the sealed test, in one table; each figure has an interval over clusters.

Skill is measured against the best simple rate on the test itself, calibrated or not, or a constant: a reference that a
poor calibration has spoilt would flatter every model. Two tables: of holds that were released, whose outcome the log tells; and, where a simulator's truth is given, of
all holds, as if each were released at once and without a fix. The second knows what no log does.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from wingspan.advisor.judging import metrics
from wingspan.advisor.judging.contest import (
    ADVISING,
    ALWAYS,
    CONSTANT,
    PER_CODE,
    Contest,
    Contestant,
)
from wingspan.advisor.judging.metrics import (
    RATIOS,
    Draws,
    Figure,
    figure,
)
from wingspan.advisor.judging.removal import Removal
from wingspan.advisor.judging.slices import Slice, describe, warn
from wingspan.advisor.models.baselines import Releases, as_released, blindly
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.advisor.samples.split import Split, incident_weights
from wingspan.advisor.samples.truth import REMOVE, Truth

_PARTS: Final = 8
_CHOSEN: Final = "by its Brier score on the slice that calibrates, not on the test"
_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Line:
    """One model in a table: figures by their names."""

    model: str
    figures: dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Table:
    """All models on the same samples.

    Attributes
    ----------
    reference
        The simple rate with the lowest Brier score here: skill is over it.
    codes
        Of each hold code: samples, and the skill of the judged model over the reference.
    course
        The judged model's Brier score in parts of equal size: when each begins (UTC seconds), and the score.
    reliability
        In parts of equal size by what the judged model said: the mean of what it said, and the share that paid.
    """

    title: str
    episodes: int
    clusters: int
    base_rate: float
    reference: str
    lines: tuple[Line, ...]
    codes: dict[str, tuple[int, Figure]]
    course: tuple[tuple[float, float], ...]
    reliability: tuple[tuple[float, float], ...] = ()

    def of(self, model: str, name: str) -> Figure:
        """Return one figure."""
        line = next(each for each in self.lines if each.model == model)
        return line.figures[name]


@dataclass(frozen=True, slots=True)
class Report:
    """What the sealed test said.

    Attributes
    ----------
    holds, labelled, incidents
        In all logs.
    slices
        Labelled samples that train, calibrate and test.
    purged
        Labelled samples of no slice.
    warnings
        Why figures may mislead.
    winner
        None where too little was there to choose by; `chosen` then says what is lacking.
    judged
        The model of the figures by code and over time: the winner, else what advises without one.
    covered
        Part of the tested holds of whose code and sub-code any release was known in training.
    """

    holds: int
    labelled: int
    incidents: int
    slices: tuple[Slice, ...]
    purged: int
    warnings: tuple[str, ...]
    winner: str | None
    judged: str
    chosen: str
    covered: float
    tables: tuple[Table, ...]


@dataclass(frozen=True, slots=True)
class _Test:
    """What the figures of a table are made from."""

    samples: Samples
    rows: Rows
    releases: Releases
    label: Reals
    weights: Reals
    draws: Draws


def evaluate(
    samples: Samples, split: Split, contest: Contest, truth: Truth | None = None
) -> Report:
    """Open the sealed test and judge every model on it."""
    rows = split.test.open()
    label = samples.label
    told = rows[~np.isnan(label[rows])]
    tables = [
        _table(
            "released holds, as the log tells",
            _test(samples, told, as_released(samples, told), label[told]),
            contest,
            None,
        )
    ]
    if truth is not None:
        known = rows[truth.known[rows]]
        pays = truth.pays[known, 0].astype(np.float64)
        test = _test(samples, known, blindly(len(known), truth.delays_s[0]), pays)
        tables.append(_table("all holds, by the truth", test, contest, truth))
    evidence = np.array([contest.rates.evidence(cause) for cause in samples.causes], np.int64)
    covered = float((evidence[samples.cause[rows]] > 0).mean()) if len(rows) else 0.0
    parts = {"training": split.train, "calibrating": split.calibrate, "test": told}
    slices = tuple(describe(name, samples, part) for name, part in parts.items())
    return Report(
        holds=len(samples),
        labelled=int((~np.isnan(label)).sum()),
        incidents=len(samples.incidents),
        slices=slices,
        purged=split.purged,
        warnings=warn(slices),
        winner=contest.winner,
        judged=contest.judged,
        chosen=contest.lacking or _CHOSEN,
        covered=covered,
        tables=tuple(tables),
    )


def _test(samples: Samples, rows: Rows, releases: Releases, label: Reals) -> _Test:
    draws = metrics.draw_clusters(samples.episodes.cluster[rows])
    return _Test(samples, rows, releases, label, incident_weights(samples, rows), draws)


def _table(title: str, test: _Test, contest: Contest, truth: Truth | None) -> Table:
    said = {
        each.name: each.probability(test.samples, test.rows, test.releases)
        for each in contest.contestants
    }
    reference, plain = _reference(test, contest, said)
    lines = []
    for each in contest.contestants:
        values = _measure(test, said[each.name], plain)
        if truth is not None:
            values |= _judge_actions(test, each, contest.removal, truth)
        lines.append(Line(each.name, {name: figure(value) for name, value in values.items()}))
    best = said[contest.judged]
    error = test.weights * (best - test.label) ** 2
    base = float(np.average(test.label, weights=test.weights)) if len(test.rows) else float("nan")
    return Table(
        title=title,
        episodes=len(test.rows),
        clusters=test.draws.counts.shape[1],
        base_rate=base,
        reference=reference,
        lines=tuple(lines),
        codes=_by_code(test, best, plain),
        course=tuple(
            metrics.by_time(
                test.samples.moments.clock[test.rows],
                _PARTS,
                lambda part: float(error[part].sum() / test.weights[part].sum()),
            )
        ),
        reliability=_reliability(test, best),
    )


def _reference(test: _Test, contest: Contest, said: dict[str, Reals]) -> tuple[str, Reals]:
    """Return the name and the probabilities of the simple rate that does best on the test."""
    simple = {}
    for each in contest.contestants:
        if each.name in {CONSTANT, PER_CODE, ADVISING}:
            simple[each.name] = said[each.name]
            plain = each.raw(test.samples, test.rows, test.releases)
            simple[f"{each.name}, uncalibrated"] = plain
    scores = {
        name: float((test.weights * (p - test.label) ** 2).sum()) for name, p in simple.items()
    }
    best = min(scores, key=lambda name: scores[name])
    return best, simple[best]


def _reliability(test: _Test, p: Reals) -> tuple[tuple[float, float], ...]:
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), _BINS) if len(part)]
    means = [
        [float(np.average(values[part], weights=test.weights[part])) for values in (p, test.label)]
        for part in parts
    ]
    return tuple((said, seen) for said, seen in means)


def _measure(test: _Test, p: Reals, reference: Reals) -> dict[str, Reals]:
    """Return the figures of probabilities, in every draw."""
    draws, y, w = test.draws, test.label, test.weights
    error, resolution = metrics.calibration(draws, p, y, w)
    return {
        "skill": metrics.skill(draws, p, reference, y, w),
        "brier": metrics.brier(draws, p, y, w),
        "calibration error": error,
        "resolution": resolution,
        "AP pays": metrics.average_precision(draws, p, y, w),
        "AP in vain": metrics.average_precision(draws, 1 - p, 1 - y, w),
        **{
            f"cost 1:{ratio:g}": metrics.cost(draws, ratio * p < 1 - p, y, w, ratio)
            for ratio in RATIOS
        },
    }


def _judge_actions(
    test: _Test, contestant: Contestant, removal: Removal, truth: Truth
) -> dict[str, Reals]:
    """Return what the model's actions would come to, against those of an oracle that knows the truth."""
    draws, rows, w = test.draws, test.rows, test.weights
    found: dict[str, Reals] = {}
    releases = [blindly(len(rows), delay_s) for delay_s in truth.delays_s]
    each = [contestant.probability(test.samples, rows, release) for release in releases]
    pays = np.stack(each, axis=1)
    for ratio in RATIOS:
        action = removal.choose(pays, test.samples, rows, ratio)
        regret = truth.costs(rows, action, ratio) - truth.least(rows, ratio)
        found[f"regret 1:{ratio:g}"] = metrics.share(draws, w * regret, w)
        if ratio == RATIOS[0]:
            removed, lost = (action == REMOVE) * w, truth.hopeless[rows].astype(np.float64)
            found["good removed"] = metrics.share(draws, removed * (1 - lost), w * (1 - lost))
            found["hopeless removed"] = metrics.share(draws, removed * lost, w * lost)
            found["removals right"] = metrics.share(draws, removed * lost, removed)
    return found


def _by_code(test: _Test, best: Reals, plain: Reals) -> dict[str, tuple[int, Figure]]:
    found = {}
    code = test.samples.episodes.code[test.rows]
    cluster = test.samples.episodes.cluster[test.rows]
    for number in np.unique(code).tolist():
        part = np.flatnonzero(code == number)
        draws = metrics.draw_clusters(cluster[part])
        values = metrics.skill(draws, best[part], plain[part], test.label[part], test.weights[part])
        found[str(number)] = (len(part), figure(values))
    return found


def check_targets(report: Report) -> dict[str, bool]:
    """Say which of the aims the winner reached, on all holds of a simulated pool."""
    table = report.tables[-1]

    def of(name: str, model: str = report.judged) -> Figure:
        return table.of(model, name)

    least = min(of("regret 1:5", ALWAYS).value, of("regret 1:5", PER_CODE).value)
    return {
        "Brier skill over the best simple rate, with its interval over clusters, above 0": of(
            "skill"
        ).low
        > 0,
        "calibration error at most 0.03": of("calibration error").value <= 0.03,
        "regret at most half of always release's and of the rate per code's": of("regret 1:5").value
        <= least / 2,
        "at most 1 % of the jobs that are not hopeless removed": of("good removed").value <= 0.01,
        "at least 30 % of the hopeless removed": of("hopeless removed").value >= 0.3,
    }
