"""Keep the facts about a model, and write them as a Markdown model card."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from platform import python_version
from typing import Any, Self

from wingspan.shown import counted, in_markup
from wingspan.tabular.evaluate import Evaluation, Metric
from wingspan.tabular.importance import Importance
from wingspan.tabular.metrics import IN_UNITS, digits_for, shown_value
from wingspan.tabular.preparation import Preparation
from wingspan.tabular.survey import Survey

UNSEEN = (
    "counted, and treated as a missing value is: as the first category of the column; "
    "as a rare one where a rule folds rare categories"
)
_DIGITS = 4
PACKAGES = ("wingspan", "scikit-learn", "numpy", "polars", "skops")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Card:
    """The facts of one model; JSON-able through `as_json`.

    Attributes
    ----------
    data
        The names of the files that were read.
    data_digest
        Digest of the bytes of the table that was read.
    columns
        Kind of each column by name, in input order, the target included.
    split
        How the test rows were chosen: kind, test_size, seed, stratify.
    evaluation
        On the test rows; its threshold is the one that predictions use.
    validation
        On the validation rows, by which the model was chosen; None if it was chosen on the test rows.
    candidates
        Values of the metrics on those rows, by model; this model is one of them.
    selected_by
        The deciding metric, then the tie breaks.
    unseen
        How categories that training did not see are handled.
    versions
        Version of each package at training.
    notes
        Further lines, such as cleaning rules with the rows they changed.
    survey
        What the columns are and are used as, and what is odd about the table.
    importance
        How much the model needs each column, measured on validation rows.
    """

    data: list[str]
    data_digest: str
    rows: int
    columns: dict[str, str]
    target: str
    split: dict[str, Any]
    estimator: str
    parameters: dict[str, Any]
    seed: int
    evaluation: Evaluation
    validation: Evaluation | None = None
    candidates: dict[str, dict[str, float | None]] = field(default_factory=dict)
    selected_by: list[str] = field(default_factory=list)
    unseen: str = UNSEEN
    versions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    survey: Survey | None = None
    importance: Importance | None = None

    @property
    def threshold(self) -> float:
        """With two classes, the score above which a row is predicted as the positive one."""
        return self.evaluation.threshold

    def __repr__(self) -> str:
        return f"Card: {self.estimator} for {self.target}, of {counted(self.rows, 'row')}\n{self.evaluation!r}"

    def _repr_html_(self) -> str:
        from wingspan.draw.table import table_html

        title = f"<p><b>{in_markup(self.estimator)}</b> for <b>{in_markup(self.target)}</b></p>"
        rows = [("data", ", ".join(self.data)), ("rows", f"{self.rows:,}"), ("seed", self.seed)]
        rows += [*self.parameters.items(), *self.versions.items()]
        facts = table_html(("made of", ""), rows)
        return f"{title}{self.evaluation._repr_html_()}{facts}"

    def as_json(self) -> dict[str, Any]:
        """Return JSON-able values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read what `as_json` gave."""
        found: dict[str, Any] = {"evaluation": Evaluation.from_json(content["evaluation"])}
        if content.get("validation"):
            found["validation"] = Evaluation.from_json(content["validation"])
        if content.get("survey"):
            found["survey"] = Survey.from_json(content["survey"])
        if content.get("importance"):
            found["importance"] = Importance.from_json(content["importance"])
        return cls(**{**content, **found})


def versions_of(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the installed versions of the packages that are present, and Python's."""
    found = {"python": python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def notes_of(preparation: Preparation) -> list[str]:
    """Return what the preparation did that a reader of the card should know."""
    notes = [f"{rule}: {count:,}" for rule, count in preparation.counts.items()]
    notes += [f"column `{name}` is not used: {why}" for name, why in preparation.ignored.items()]
    if preparation.compatibility:
        notes.append(
            "compatibility: means and categories were learned from all rows, those of the test too"
        )
    return notes


def card_markdown(card: Card) -> str:
    """Return the model card: what it predicts, from what, how well, and how it was made."""
    return (
        "\n\n".join(
            [
                f"# {card.estimator} for `{card.target}`",
                _purpose(card),
                "## How well",
                _metrics(card),
                *_confusion(card.evaluation),
                *_comparison(card),
                *_importance(card),
                "## Data",
                _data(card),
                *_columns(card),
                "## Training",
                _training(card),
                _table(("Package", "Version"), card.versions.items()),
                *_notes(card),
            ]
        )
        + "\n"
    )


def _purpose(card: Card) -> str:
    classes = card.evaluation.classes
    if not classes:
        return f"Predicts the number `{card.target}` of a row."
    if len(classes) > 2:
        labels = ", ".join(f"`{label}`" for label in classes)
        return (
            f"Predicts which of {labels} a row's `{card.target}` is: the one of the highest score."
        )
    return (
        f"Predicts whether a row's `{card.target}` is `{classes[1]}` rather than `{classes[0]}`: "
        f"yes where the score is greater than the threshold **{card.threshold:g}**, which the metrics below are for."
    )


def _metrics(card: Card) -> str:
    result = card.evaluation
    head = ("Metric", "Value", f"{result.level:.0%} interval")
    rows = [
        (name, _number(metric.value, digits), _interval(metric, digits))
        for name, metric in result.metrics.items()
        for digits in [_digits(name, [metric.value])]
    ]
    heading = f"On {result.rows:,} test rows that training did not see"
    if card.validation is None or len(card.candidates) < 2:
        return f"{heading}:\n\n{_table(head, rows)}"
    return f"{heading}, and that did not choose the model:\n\n{_table(head, rows)}"


def _interval(metric: Metric, digits: int) -> str:
    if metric.value is None:
        return ""
    return f"{_number(metric.low, digits)} to {_number(metric.high, digits)}"


def _digits(name: str, values: Iterable[float | None]) -> int:
    return digits_for(values, _DIGITS) if name in IN_UNITS else _DIGITS


def _confusion(result: Evaluation) -> list[str]:
    if not result.classes:
        return []
    head = ("Rows", *(f"predicted `{label}`" for label in result.classes))
    rows = [
        (f"is `{label}`", *(f"{count:,}" for count in counts))
        for label, counts in zip(result.classes, result.confusion, strict=True)
    ]
    return [_table(head, rows)]


def _comparison(card: Card) -> list[str]:
    if len(card.candidates) < 2:
        return []
    names = list(dict.fromkeys([*card.evaluation.metrics, *chain(*card.candidates.values())]))
    every = card.candidates.values()
    digits = {name: _digits(name, [values.get(name) for values in every]) for name in names}
    rows = [
        (model, *(_number(values.get(name), digits[name]) for name in names))
        for model, values in card.candidates.items()
    ]
    rule = ", then ".join(card.selected_by)
    on = "test" if card.validation is None else "validation"
    count = (card.validation or card.evaluation).rows
    heading = f"Chosen by {rule}, on {counted(count, f'{on} row')}."
    return ["## Compared with", heading, _table(("Model", *names), rows)]


def _importance(card: Card) -> list[str]:
    """Return what the model needs: the cost of shuffling each column, and coefficients."""
    found = card.importance
    if found is None or not found.columns:
        return []
    heading = f"How much worse {found.metric} is on {found.rows:,} validation rows when a column is shuffled."
    if len(found.columns) < found.inputs:
        heading += f" The {len(found.columns)} most used of {found.inputs:,} columns were shuffled."
    digits = _digits(found.metric, [max(abs(one.value or 0.0) for one in found.columns.values())])
    rows = [
        (name, _number(one.value, digits), _interval(one, digits))
        for name, one in found.columns.items()
    ]
    parts = ["## What it needs", heading, _table(("Column", "Worse by", "95% interval"), rows)]
    if found.coefficients:
        head = ("Feature", "A standard deviation more adds")
        digits = digits_for([max(map(abs, found.coefficients.values()))], _DIGITS)
        weights = [(name, _number(value, digits)) for name, value in found.coefficients.items()]
        parts.append(_table(head, weights))
    return parts


def _data(card: Card) -> str:
    split = ", ".join(
        f"{key} {value}" for key, value in card.split.items() if value not in {None, 0}
    )
    files = ", ".join(f"`{name}`" for name in card.data)
    return "\n".join(
        [
            f"- {files}: {counted(card.rows, 'row')}, digest `{card.data_digest}`",
            f"- split: {split}",
            f"- unseen categories: {card.unseen}",
        ]
    )


def _columns(card: Card) -> list[str]:
    """Return the table of columns, and what is odd about them."""
    if card.survey is None:
        return [_table(("Column", "Kind"), card.columns.items())]
    head = ("Column", "Kind", "Missing", "Distinct", "Used as")
    rows = [
        (each.name, each.kind, f"{each.missing:,}", f"{each.distinct:,}", each.used)
        for each in card.survey.columns
    ]
    warnings = "\n".join(f"- {finding}" for finding in card.survey.findings)
    return [_table(head, rows), *(["### Warnings", warnings] if warnings else [])]


def _training(card: Card) -> str:
    given = ", ".join(f"{key}={value!r}" for key, value in card.parameters.items())
    return f"- estimator: `{card.estimator}({given})`, seed {card.seed}"


def _notes(card: Card) -> list[str]:
    return ["## Notes", "\n".join(f"- {note}" for note in card.notes)] if card.notes else []


def _number(value: float | None, digits: int) -> str:
    return "not defined" if value is None else shown_value(value, digits)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
