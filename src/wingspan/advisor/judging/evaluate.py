"""Judge all models on the sealed test, with an interval over clusters for each figure.

Skill is measured against the best simple rate on the test itself, or a constant: a poor reference would flatter every
model. There are two tables. The first is of released holds, by the outcome in the log. The second needs a simulator's
truth and is of all holds, as if each were released at once without a fix.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from wingspan.advisor.answers.own_fault import own_shifts_of
from wingspan.advisor.judging import metrics
from wingspan.advisor.judging.contest import (
    ADVISING,
    ALWAYS,
    CONSTANT,
    PER_CODE,
    Contest,
    Contestant,
)
from wingspan.advisor.judging.metrics import Draws, Figure, figure
from wingspan.advisor.judging.policy import (
    PRINTED,
    Answers,
    Coverage,
    advised_outcomes,
    answers_for,
    count_answers,
    cover,
    judge_answers,
    look_costs,
)
from wingspan.advisor.judging.slices import Slice, describe, warn
from wingspan.advisor.judging.stored import count_openings
from wingspan.advisor.judging.verdicts import Verdicts, judge_verdicts
from wingspan.advisor.models.baselines import Releases, as_released, blindly
from wingspan.advisor.models.calibrate import shifted
from wingspan.advisor.models.decision import RATIO, decide, decision_cost
from wingspan.advisor.models.drift import outcomes_since, shifts
from wingspan.advisor.models.saved import Advisor
from wingspan.advisor.models.transfer import trained_until
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.advisor.samples.split import Split, incident_weights
from wingspan.advisor.samples.truth import HELD_BACK, Truth

_PARTS: Final = 8
_CHOSEN: Final = "by the cost of decisions on blocks before the test"
_STORED: Final = "when it was trained"
_BINS: Final = 10
FOLLOWED: Final = "winner, followed"  # shifted by the outcomes since its training
_SIMPLE: Final = frozenset({CONSTANT, PER_CODE, ADVISING})


@dataclass(frozen=True, slots=True)
class Line:
    """One model in a table: figures by name."""

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
        For each hold code: samples, and the skill of the judged model over the reference.
    course
        The judged model's Brier score in parts of equal size: when each begins (UTC seconds), and the score.
    reliability
        In parts of equal size, by predicted probability: its mean, and the share that paid.
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
    """The result of the sealed test.

    Attributes
    ----------
    holds, labelled, incidents
        Counts over all logs.
    slices
        The training, calibrating and test slices.
    purged
        Labelled samples in no slice.
    warnings
        Reasons why figures may mislead.
    winner
        None if there was too little to choose by; `chosen` then says what is lacking.
    judged
        The model of the figures by code and over time: the winner, else the rates that advise without one.
    covered
        Share of the tested holds for whose code and sub-code training had a release.
    coverage
        Coverage of the intervals printed with advice on the tested holds.
    answers
        Each printed answer's share of the tested holds.
    verdicts
        Scores of the verdicts on where the faults lie; None without a simulator's truth.
    opened
        How often holds of this test were judged on before; None if that is not counted.
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
    coverage: Coverage
    answers: dict[str, float]
    verdicts: Verdicts | None = None
    opened: int | None = None


@dataclass(frozen=True, slots=True)
class _Test:
    """The inputs of a table's figures."""

    samples: Samples
    rows: Rows
    releases: Releases
    label: Reals
    weights: Reals
    draws: Draws


def evaluate(
    samples: Samples,
    split: Split,
    contest: Contest,
    truth: Truth | None = None,
    journal: Path | None = None,
) -> Report:
    """Open the sealed test and judge every model on it; a journal counts the openings."""
    rows = split.test.open()
    opened = count_openings(samples, rows, journal) if journal else None
    label = samples.label
    released = rows[~np.isnan(label[rows])]
    answers = answers_for(samples, rows, contest.advising())
    first = _test(samples, released, as_released(samples, released), label[released])
    shift = _shifts(samples, rows, contest.advising())
    tables = [_table("released holds, by the log", first, contest, shift)]
    coverage, verdicts = cover(samples, answers, label[rows]), None
    if truth is not None:
        known = truth.known[rows]
        mine = Answers(
            rows[known], [answers.advice[place] for place in np.flatnonzero(known).tolist()]
        )
        tables.append(_true_table(samples, mine, contest, shift, truth))
        coverage = cover(samples, mine, advised_outcomes(mine, truth))
        verdicts = judge_verdicts(mine.advice, [truth.cause[row] for row in mine.rows])
    evidence = np.array([contest.rates.evidence(cause) for cause in samples.causes], np.int64)
    parts = {"training": split.train, "calibrating": split.calibrate, "test": released}
    slices = tuple(describe(name, samples, part) for name, part in parts.items() if len(part))
    return Report(
        holds=len(samples),
        labelled=int((~np.isnan(label)).sum()),
        incidents=len(samples.incidents),
        slices=slices,
        purged=split.purged,
        warnings=warn(slices),
        winner=contest.winner,
        judged=contest.judged,
        chosen=contest.lacking or (_STORED if contest.stored else _CHOSEN),
        covered=float((evidence[samples.cause[rows]] > 0).mean()) if len(rows) else 0.0,
        tables=tuple(tables),
        coverage=coverage,
        answers=count_answers(answers, incident_weights(samples, rows)),
        verdicts=verdicts,
        opened=opened,
    )


def _shifts(samples: Samples, rows: Rows, advisor: Advisor | None) -> Reals | None:
    """Return for each sample the shift that `advise` applies; None if it applies none."""
    if advisor is None:
        return None
    found = np.zeros(len(samples))
    if len(rows):
        upto = samples.moments.upto[rows]
        past = outcomes_since(
            trained_until(advisor, samples.timeline), samples.episodes, int(upto.min())
        )
        found = own_shifts_of(samples, rows, past)
        found[rows] += shifts(advisor, samples, past, rows, upto, found)
    return found


def _true_table(
    samples: Samples, answers: Answers, contest: Contest, shift: Reals | None, truth: Truth
) -> Table:
    rows = answers.rows
    pays = truth.pays[rows, 0].astype(np.float64)
    test = _test(samples, rows, blindly(len(rows), truth.delays_s[0]), pays)
    table = _table("all holds, by the truth", test, contest, shift, truth)
    values = judge_answers(samples, answers, truth, test.draws)
    printed = Line(PRINTED, {name: figure(value) for name, value in values.items()})
    return replace(table, lines=(*table.lines, printed))


def _test(samples: Samples, rows: Rows, releases: Releases, label: Reals) -> _Test:
    draws = metrics.draw_clusters(samples.episodes.cluster[rows])
    return _Test(samples, rows, releases, label, incident_weights(samples, rows), draws)


def _table(
    title: str,
    test: _Test,
    contest: Contest,
    shift: Reals | None,
    truth: Truth | None = None,
) -> Table:
    entered = contest.contestants
    said = {each.name: each.probability(test.samples, test.rows, test.releases) for each in entered}
    reference = _reference(test, said)
    plain = said.get(reference, np.full(len(test.rows), 0.5))
    lines = []
    for each in entered:
        values = _measure(test, said[each.name], plain)
        if truth is not None:
            values |= _judge_actions(test, each, truth)
        lines.append(Line(each.name, {name: figure(value) for name, value in values.items()}))
    best = said[contest.judged]
    if shift is not None:
        best = shifted(best, shift[test.rows])
        values = _measure(test, best, plain)
        values["error by chance"] = metrics.calibration_by_chance(test.draws, best, test.weights)
        lines.append(Line(FOLLOWED, {name: figure(value) for name, value in values.items()}))
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


def _reference(test: _Test, said: dict[str, Reals]) -> str:
    """Return the simple rate with the lowest Brier score on the test."""
    names = [name for name in said if name in _SIMPLE]
    errors = {name: float((test.weights * (said[name] - test.label) ** 2).sum()) for name in names}
    return min(errors, key=lambda name: errors[name], default="one half")


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
        "AP fails": metrics.average_precision(draws, 1 - p, 1 - y, w),
        "cost": metrics.share(draws, w * decision_cost(p, y), w),
    }


def _judge_actions(test: _Test, contestant: Contestant, truth: Truth) -> dict[str, Reals]:
    """Return the figures of the model's decisions alone, against an oracle that knows the truth."""
    draws, rows, w = test.draws, test.rows, test.weights
    releases = [blindly(len(rows), delay_s) for delay_s in truth.delays_s]
    each = [contestant.probability(test.samples, rows, release) for release in releases]
    action = decide(np.stack(each, axis=1))
    lost = truth.hopeless[rows].astype(np.float64)
    back = look_costs(test.samples, rows, w) + RATIO * (1 - lost)
    regret = truth.costs(rows, action, back) - truth.least(rows, back)
    held = (action == HELD_BACK) * w
    return {
        "regret": metrics.share(draws, w * regret, w),
        "good held back": metrics.share(draws, held * (1 - lost), w * (1 - lost)),
        "hopeless held back": metrics.share(draws, held * lost, w * lost),
        "held back rightly": metrics.share(draws, held * lost, held),
    }


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
    """Return which goals were reached on all holds of a simulated pool, by printed answers."""
    table = report.tables[-1]

    def printed(name: str) -> float:
        return table.of(PRINTED, name).value

    judged = FOLLOWED if any(each.model == FOLLOWED for each in table.lines) else report.judged
    model = {name: table.of(judged, name) for name in ("skill", "calibration error")}
    least = min(table.of(name, "regret").value for name in (ALWAYS, ADVISING))
    return {
        "Brier skill over the best simple rate, with its interval over clusters, above 0": model[
            "skill"
        ].low
        > 0,
        "calibration error at most 0.03": model["calibration error"].value <= 0.03,
        "regret at most half of always release's and of the template rate's": printed("regret")
        <= least / 2,
        "at most 1 % of the jobs that are not hopeless removed": printed("good removed") <= 0.01,
        "at least 60 % of the hopeless are to be fixed or removed": printed("hopeless held back")
        >= 0.6,
        "at most 10 % of the others are": printed("good held back") <= 0.1,
        "printed intervals have the rate in 90 to 98 % of the groups": 0.9
        <= report.coverage.share
        <= 0.98,
    }
