"""Lay out the card of a deployed model as a page. Pure."""

from typing import TYPE_CHECKING

from wingspan.report.amounts import number
from wingspan.report.model_blocks import evaluation_blocks, importance_blocks
from wingspan.report.page import Block, Callout, Cell, Lines, Page, Pairs, Section, Table
from wingspan.shown import counted, shown

if TYPE_CHECKING:
    from wingspan.tabular.card import Card


def model_page(name: str, card: "Card") -> Page:
    """Return the page of a model: how good it is, on which rows, what it needs, how it was made."""
    evaluations = {"on test rows": card.evaluation}
    if card.validation is not None:
        evaluations["on validation rows"] = card.validation
    made = [
        Section("quality", "How well", evaluation_blocks(evaluations)),
        Section("compared", "Compared with", _candidates(card)),
        Section(
            "importance", "What it needs", importance_blocks(card.importance, "importance-columns")
        ),
        Section("data", "Data", _data(card)),
        Section("columns", "Columns", _columns(card)),
        Section("training", "Training", _training(card)),
    ]
    return Page(
        name,
        "",
        [card.estimator, f"predicts {card.target}", f"trained on {counted(card.rows, 'row')}"],
        [_lead(card)],
        [section for section in made if section.blocks],
    )


def _lead(card: "Card") -> Callout:
    """Return the deciding metrics on test rows, and what is odd about the data."""
    metrics = card.evaluation.metrics
    names = [name for name in card.selected_by if name in metrics] or list(metrics)[:1]
    lines = [
        f"{name} {number(metrics[name].value)} ({number(metrics[name].low)} to {number(metrics[name].high)})"
        for name in names
    ]
    lines.append(f"On {card.evaluation.rows:,} test rows that training did not see.")
    if card.evaluation.classes:
        lines.append(f"A row is predicted as positive above {card.threshold:g}.")
    findings = card.survey.findings if card.survey is not None else []
    title = f"{card.estimator} for {card.target}"
    more = [
        (
            f"{counted(len(findings), 'warning')} about the data",
            shown("\n".join(map(str, findings))),
            False,
        )
    ]
    return Callout("good", title, lines, more=more if findings else ())


def _candidates(card: "Card") -> list[Block]:
    if len(card.candidates) < 2:
        return []
    names = list(dict.fromkeys(name for values in card.candidates.values() for name in values))
    rows: list[list[Cell]] = [
        [
            model,
            *(
                (number(value), value) if (value := values.get(name)) is not None else ""
                for name in names
            ),
        ]
        for model, values in card.candidates.items()
    ]
    judged = card.validation or card.evaluation
    kind = "test" if card.validation is None else "validation"
    caption = f"On {judged.rows:,} {kind} rows; chosen by {', then '.join(card.selected_by)}"
    numeric = frozenset(range(1, len(names) + 1))
    return [Table("candidates", caption, ["model", *names], rows, numeric)]


def _data(card: "Card") -> list[Block]:
    split = ", ".join(
        f"{key} {value}" for key, value in card.split.items() if value not in {None, 0}
    )
    rows = [
        ("files", ", ".join(card.data)),
        ("rows", f"{card.rows:,}"),
        ("digest", card.data_digest),
        ("split", split),
        ("unseen categories", card.unseen),
    ]
    return [Pairs(rows), *([Lines(card.notes)] if card.notes else [])]


def _columns(card: "Card") -> list[Block]:
    if card.survey is None:
        rows: list[list[Cell]] = [[name, kind] for name, kind in card.columns.items()]
        return [Table("columns-read", "Columns", ["column", "kind"], rows)]
    rows = [
        [
            each.name,
            each.kind,
            (f"{each.missing:,}", each.missing),
            (f"{each.distinct:,}", each.distinct),
            each.used,
        ]
        for each in card.survey.columns
    ]
    columns = ["column", "kind", "missing", "distinct", "used as"]
    return [Table("columns-read", "Columns", columns, rows, frozenset({2, 3}))]


def _training(card: "Card") -> list[Block]:
    rows = [("estimator", card.estimator), ("seed", f"{card.seed}")]
    rows += [(name, str(value)) for name, value in card.parameters.items()]
    return [Pairs(rows), Pairs(list(card.versions.items()))]
