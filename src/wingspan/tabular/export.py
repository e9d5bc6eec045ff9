"""Write a folder that scores rows without Wingspan.

It holds a script, the model file, and its requirements.
"""

from pathlib import Path

from wingspan.errors import SettingError
from wingspan.files import aside, copy, json_text
from wingspan.tabular.bundle import Bundle, read_card, read_preparation

_SCRIPT = Path(__file__).with_name("score_script.py")
_NEEDED = ("numpy", "polars", "scikit-learn", "skops")


def export_model(folder: Path, out: Path) -> Path:
    """Write the scoring folder of a bundle to `out`, whole or not at all.

    Raises
    ------
    SettingError
        The model has cleaning rules, which the script does not know; or the folder is there already.
    """
    Bundle.verify(folder)
    preparation, card = read_preparation(folder), read_card(folder)
    if (
        preparation.rules.as_json()
        != type(preparation.rules)(missing_target=preparation.rules.missing_target).as_json()
    ):
        problem = "the model cleans its rows by rules, which a script alone does not know"
        fix = "score with: wingspan predict, or train without --rules and with --no-date-parts"
        raise SettingError("models export", problem, fix)
    if preparation.compatibility or preparation.reading:
        problem = "the model was trained in compatibility mode, or reads numbers with marks"
        raise SettingError("models export", problem, "score with: wingspan predict")
    ordinal = any(category.ordinal for category in preparation.categories)
    if preparation.texts or preparation.means or ordinal:
        problem = "the model uses words of texts, an order or target means, which a script alone does not know"
        raise SettingError("models export", problem, "score with: wingspan predict")
    if out.exists():
        raise SettingError(f"--out {out}", "it is there already", "name a folder that is not there")
    facts = {
        "target": preparation.target,
        "task": preparation.task,
        "classes": list(preparation.classes),
        "threshold": card.threshold,
        "numbers": [[n.name, n.fill, n.indicator] for n in preparation.numbers],
        "categories": [
            [c.name, list(c.values), None if c.folded is None else list(c.folded)]
            for c in preparation.categories
        ],
    }
    versions = [f"{name}=={card.versions[name]}" for name in _NEEDED if name in card.versions]
    with aside(out) as temporary:
        temporary.mkdir()
        copy(folder / "model.skops", temporary / "model.skops")
        copy(folder / "card.md", temporary / "card.md")
        (temporary / "preparation.json").write_text(json_text(facts))
        (temporary / "requirements.txt").write_text("\n".join([*versions, ""]))
        (temporary / "score.py").write_text(_SCRIPT.read_text())
    return out
