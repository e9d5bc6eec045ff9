"""Save an advisor to a folder and load it: a card in JSON, and what its model learned.

Loading runs no code from the folder. Rates are JSON, estimators are skops files whose types are checked first, and
networks are safetensors. A user's network class is imported only if it is named as trusted.
"""

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wingspan.advisor.models.baselines import (
    Always,
    Mates,
    Model,
    OsgRule,
    Rates,
    blindly,
)
from wingspan.advisor.models.calibrate import Curve, shifted
from wingspan.advisor.models.checkpoint import CARD as NETWORK_CARD
from wingspan.advisor.models.checkpoint import Saved, load_network, save_network
from wingspan.advisor.models.decision import WORTH, decide, worth_of_each
from wingspan.advisor.models.facts import encoding_from_json
from wingspan.advisor.models.intervals import STRENGTH, interval
from wingspan.advisor.models.learned import Blend, Learned
from wingspan.advisor.models.sequence import CONTROLS
from wingspan.advisor.models.sequence import Sequence as Network
from wingspan.advisor.samples.samples import Reals, Rows, Samples
from wingspan.advisor.samples.truth import HELD_BACK
from wingspan.errors import (
    ConflictError,
    CorruptError,
    FormatError,
    NotFoundError,
    WingspanError,
)
from wingspan.eventlog.rules import Rule
from wingspan.files import aside, digest_file, json_text
from wingspan.store import estimators

FORMAT: Final = 4
CARD: Final = "advisor.json"
_ESTIMATOR: Final = "model.skops"
_PART: Final = "model-{}.skops"  # part of a blend
_NETWORK: Final = "network"
DELAYS_S: Final = (
    0.0,
    600.0,
    3600.0,
    21600.0,
    86400.0,
)  # from now to the releases that are considered


class Counsel(NamedTuple):
    """An advisor's answers about some held jobs.

    Attributes
    ----------
    p
        Probability that the release pays. float64
    wait_s
        Seconds from now to the best release; nan if no release is worth it. float64
    low, high
        95 % interval of `p`, from the clusters it rests on. float64
    evidence
        Clusters with the same code and sub-code and a known outcome of a release. int64
    """

    p: Reals
    wait_s: Reals
    low: Reals
    high: Reals
    evidence: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Advisor:
    """The winning model, its calibration, and the counts that it rests on.

    Attributes
    ----------
    name
        The model's name in the table of the evaluation.
    card
        Its training data and results, as JSON.
    strength
        The most clusters that a probability counts as: see `intervals`.
    """

    name: str
    model: Model = field(repr=False)
    curve: Curve = field(repr=False)
    rates: Rates = field(repr=False)
    card: dict[str, Any] = field(repr=False)
    strength: float = STRENGTH

    def counsel(
        self,
        samples: Samples,
        held_s: float | Reals = 0.0,
        rows: Rows | None = None,
        shift: Reals | None = None,
        rules: Sequence[Rule] | None = None,
    ) -> Counsel:
        """Say when to release held jobs without a fix, and how likely that pays.

        Only what was known at their holds is used.

        Parameters
        ----------
        held_s
            Seconds that they have been held by now: one number, or one for each.
        rows
            The samples in question; by default all.
        shift
            By how much the logit of each probability is moved: see `drift`.
        rules
            The rule for each hold; without them all holds need the same probability for a release.
        """
        rows = np.arange(len(samples)) if rows is None else rows
        after = [blindly(len(rows), held_s + delay_s) for delay_s in DELAYS_S]
        pays = [self.curve(self.model.predict(samples, rows, release)) for release in after]
        table = np.stack(pays, axis=1)
        if shift is not None:
            table = shifted(table, shift[:, None])
        evidence = self.evidence(samples)[rows]
        action = decide(table, WORTH if rules is None else worth_of_each(rules, evidence))
        back = action == HELD_BACK
        p = np.where(back, table.max(axis=1), table[np.arange(len(rows)), np.maximum(action, 0)])
        wait_s = np.where(back, np.nan, np.array(DELAYS_S)[action])
        return Counsel(
            p, wait_s, *interval(p, evidence.astype(np.float64), self.strength), evidence
        )

    def evidence(self, samples: Samples) -> NDArray[np.int64]:
        """Return how many clusters with each hold's code and sub-code were learned from."""
        known = np.array([self.rates.evidence(cause) for cause in samples.causes], np.int64)
        return known[samples.cause]


def save_advisor(advisor: Advisor, folder: Path) -> None:
    """Write an advisor to a new folder, atomically.

    Raises
    ------
    ConflictError
        The folder exists.
    """
    if folder.exists():
        raise ConflictError(
            str(folder), "is there already", "choose another folder, or remove it first"
        )
    with aside(folder) as place:
        place.mkdir()
        kind, learned = _to_json(advisor.model, place)
        content = {
            "format": FORMAT,
            "name": advisor.name,
            "model": {"kind": kind, **learned},
            "curve": asdict(advisor.curve),
            "rates": _rates_to_json(advisor.rates),
            "strength": advisor.strength,
            "card": advisor.card,
        }
        (place / CARD).write_text(json_text(content) + "\n", encoding="utf-8")


def load_advisor(folder: Path, trusted: Collection[str] = ()) -> Advisor:
    """Read what `save_advisor` wrote.

    Parameters
    ----------
    trusted
        Names of network classes, ``module:Class``, that may be imported.

    Raises
    ------
    NotFoundError, FormatError, CorruptError, UntrustedModelError
        The folder has no advisor, or one of another format, with changed bytes, or with classes that are not trusted.
    """
    card = folder / CARD
    if not card.is_file():
        fix = "make one with `wingspan holds train LOGS --out FOLDER`"
        raise NotFoundError(str(folder), f"holds no {CARD}", fix)
    again = "train it again with `wingspan holds train`"
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptError(str(card), f"is not JSON: {error}", again) from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise FormatError(str(card), f"expected format {FORMAT}, found {found!r}", again)
    try:
        model = _from_json(content["model"], folder, trusted)
        curve = Curve(tuple(content["curve"]["scores"]), tuple(content["curve"]["values"]))
        rates = _rates_from_json(content["rates"])
        strength = float(content["strength"])
        return Advisor(content["name"], model, curve, rates, content["card"], strength)
    except WingspanError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise CorruptError(str(card), f"lacks or garbles {error}", again) from error


def _to_json(model: Model, folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the kind of a model and its JSON; an estimator is written to its own file."""
    match model:
        case Rates():
            return "rates", _rates_to_json(model)
        case Mates():
            return "mates", _rates_to_json(model.rates)
        case Learned():
            return "learned", _learned_to_json(model, folder / _ESTIMATOR)
        case Blend():
            each = [
                _learned_to_json(one, folder / _PART.format(number))
                for number, one in enumerate(model.models)
            ]
            return "blend", {"models": each, "weights": model.weights}
        case Network():
            save_network(Saved(model.trained, model.layout), folder / _NETWORK)
            encoding = asdict(model.encoding)
            card = digest_file(folder / _NETWORK / NETWORK_CARD)
            return "network", {"encoding": encoding, "control": model.control, "digest": card}
        case OsgRule():
            return "osg rule", {}
        case Always():
            return "always", {}
        case _:
            problem = f"expected one of the advisor's own models, found {type(model).__qualname__}"
            raise FormatError(str(folder), problem, "keep a model of your own with its own code")


def _from_json(content: dict[str, Any], folder: Path, trusted: Collection[str]) -> Model:
    match content["kind"]:
        case "rates":
            return _rates_from_json(content)
        case "mates":
            return Mates(_rates_from_json(content))
        case "learned":
            return _learned_from_json(content, folder / _ESTIMATOR)
        case "blend":
            each = [
                _learned_from_json(one, folder / _PART.format(number))
                for number, one in enumerate(content["models"])
            ]
            return Blend(tuple(each), tuple(map(float, content["weights"])))
        case "network":
            return _network_from_json(content, folder / _NETWORK, trusted)
        case "osg rule":
            return OsgRule()
        case "always":
            return Always()
        case other:
            fix = "open it with a newer version of Wingspan"
            raise FormatError(str(folder / CARD), f"has a model of kind {other!r}", fix)


def _learned_to_json(model: Learned, path: Path) -> dict[str, Any]:
    estimators.write(model.estimator, path)
    return {
        "names": model.names,
        "templates": model.templates,
        "unnamed": model.unnamed,
        "digest": digest_file(path),
    }


def _learned_from_json(content: dict[str, Any], path: Path) -> Learned:
    if not path.is_file() or digest_file(path) != content["digest"]:
        fix = "copy the folder again, or train again with `wingspan holds train`"
        raise CorruptError(str(path), "is not the file that was written", fix)
    columns = tuple(content["names"]), tuple(content["templates"])
    return Learned(estimators.read(path), *columns, bool(content["unnamed"]))


def _network_from_json(content: dict[str, Any], folder: Path, trusted: Collection[str]) -> Network:
    again = "copy the folder again, or train again with `wingspan holds train`"
    card = folder / NETWORK_CARD
    if not card.is_file() or digest_file(card) != content["digest"]:
        raise CorruptError(str(card), "is not the file that was written", again)
    saved = load_network(folder, trusted)
    encoding = encoding_from_json(content["encoding"])
    if encoding.width != saved.trained.facts or content["control"] not in {"", *CONTROLS}:
        raise CorruptError(str(folder), "does not fit the advisor's card", again)
    return Network(saved.trained, saved.layout, encoding, content["control"])


def _rates_to_json(rates: Rates) -> dict[str, Any]:
    return {"levels": rates.levels, "counts": {key: list(n) for key, n in rates.counts.items()}}


def _rates_from_json(content: dict[str, Any]) -> Rates:
    counts = {
        key: (float(paid), float(total), int(clusters))
        for key, (paid, total, clusters) in content["counts"].items()
        if math.isfinite(paid) and math.isfinite(total)
    }
    return Rates(counts, int(content["levels"]))
