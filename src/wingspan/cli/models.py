"""``wingspan models``: deployed models, their versions and metrics."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson
from wingspan.cli.paper import console
from wingspan.errors import CorruptError, FormatError
from wingspan.shown import shown_name

if TYPE_CHECKING:
    from wingspan.tabular.deploy import Deployed

app = typer.Typer(
    help="Deployed models: list, show, deploy, roll back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Folder = Annotated[
    Path, typer.Option("--models", envvar="WINGSPAN_MODELS", help="The folder of deployed models.")
]
MODELS = Path("models")


@app.command("list")
def list_models(models: Folder = MODELS, as_json: AsJson = False) -> None:
    """List every version of every model; the current one is marked."""
    from wingspan.tabular.deploy import deployed_models

    rows = [_facts(one) | _summary(one.folder) for one in deployed_models(models)]
    if as_json:
        print_json(rows)
    elif not rows:
        print(f"no model is deployed in {models}")
    else:
        _print_table(rows)


def _summary(folder: Path) -> dict[str, object]:
    """Return the main facts of a card; a damaged model is a line of the list, not an error."""
    from wingspan.tabular.bundle import read_card

    try:
        card = read_card(folder)
    except (CorruptError, FormatError) as error:
        return {"damaged": str(error)}
    values = {name: metric.value for name, metric in card.evaluation.metrics.items()}
    facts = {"estimator": card.estimator, "target": card.target}
    return {**facts, "metrics": values, "selected_by": list(card.selected_by)}


def _print_table(rows: list[dict[str, object]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("model", "created", "estimator", "target", "metric"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        made = str(row["created"])[:10]
        name = f"{row['name']}@{row['version']}{' *' if row['current'] else ''}"
        cells = [name, made, *(str(row.get(key, "")) for key in ("estimator", "target"))]
        table.add_row(*map(shown_name, [*cells, _chosen_by(row)]))
    console().print(table)
    print("* current")


def _chosen_by(row: dict[str, object]) -> str:
    """Return the metric that the model was chosen by, else its first metric, with the value."""
    if "damaged" in row:
        return "damaged: see `wingspan models show`"
    metrics, chosen = row.get("metrics"), row.get("selected_by")
    if not isinstance(metrics, dict) or not isinstance(chosen, list):
        return ""
    name = str(next(iter([*chosen, *metrics]), ""))
    value = metrics.get(name)
    return name if value is None else f"{name} {value:.3f}"


@app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="NAME or NAME@VERSION.")],
    picture: Annotated[
        Path | None, typer.Option("--svg", help="File to write a picture of its curves to.")
    ] = None,
    models: Folder = MODELS,
    as_json: AsJson = False,
) -> None:
    """Show a model's card: how good it is, and how it was trained."""
    from wingspan.tabular.bundle import read_card
    from wingspan.tabular.card import card_markdown
    from wingspan.tabular.deploy import find_deployed

    found = find_deployed(models, model)
    card = read_card(found.folder)
    if picture is not None:
        from wingspan.cli.runs import check_file
        from wingspan.files import write_atomically
        from wingspan.tabular.pictures import picture_of

        check_file("--svg", picture)
        write_atomically(picture, picture_of(card.evaluation, found.reference, card.importance))
    if as_json:
        print_json(_facts(found) | {"card": card.as_json()})
    else:
        mark = " (current)" if found.current else ""
        print(f"{found.reference}{mark}, in {found.folder}\n")
        print(card_markdown(card), end="")


@app.command()
def compare(
    one: Annotated[str, typer.Argument(metavar="MODEL", help="NAME or NAME@VERSION.")],
    other: Annotated[str, typer.Argument(metavar="MODEL", help="NAME or NAME@VERSION.")],
    data: Annotated[
        Path, typer.Option(help="Rows with the target that neither model was trained on.")
    ],
    models: Folder = MODELS,
    as_json: AsJson = False,
) -> None:
    """Compare two models on rows whose target is known."""
    from wingspan.cli.model_table import print_evaluations
    from wingspan.tabular.contest import compare as judge_all
    from wingspan.tabular.deploy import load_deployed
    from wingspan.tabular.select import select

    found = judge_all({name: load_deployed(models, name) for name in (one, other)}, data)
    best = select(found)
    if as_json:
        evaluations = {name: each.as_json() for name, each in found.items()}
        print_json({"evaluations": evaluations, "best": best.best, "ties": best.ties})
    else:
        print_evaluations(found, best.best, best.metrics, "row")


@app.command()
def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="NAME or NAME@VERSION.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it must not exist yet.")],
    models: Folder = MODELS,
) -> None:
    """Write a folder that scores rows without Wingspan.

    The folder has a script, the model, and the versions that the model needs.
    """
    from wingspan.tabular.deploy import find_deployed
    from wingspan.tabular.export import export_model

    folder = export_model(find_deployed(models, model).folder, out)
    print(
        f"{folder}: pip install -r requirements.txt, then python score.py ROWS.csv PREDICTIONS.csv"
    )


@app.command()
def deploy(
    bundle: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="A folder with a model, such as models/loan/3."),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name to deploy it under.")],
    models: Folder = MODELS,
    as_json: AsJson = False,
) -> None:
    """Deploy a model from a folder.

    The folder may be a version of a model in another models folder.
    """
    from wingspan.tabular.deploy import deploy as deploy_bundle

    _say(deploy_bundle(bundle, models, name), as_json=as_json)


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model's name.")],
    to: Annotated[
        int | None, typer.Option(help="The version [default: the one before the current one].")
    ] = None,
    models: Folder = MODELS,
    as_json: AsJson = False,
) -> None:
    """Make an older version of a model the current one."""
    from wingspan.tabular.deploy import rollback as roll_back

    _say(roll_back(models, name, to), as_json=as_json)


def _say(one: "Deployed", *, as_json: bool) -> None:
    if as_json:
        print_json(_facts(one))
    else:
        print(f"{one.reference} is current, in {one.folder}")


def _facts(one: "Deployed") -> dict[str, object]:
    return {
        "name": one.name,
        "version": one.version,
        "current": one.current,
        "created": one.created,
        "folder": str(one.folder),
    }
