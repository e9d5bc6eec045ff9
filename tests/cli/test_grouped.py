"""Options of a command that stand in records are options of their own."""

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from wingspan.cli.grouped import grouped
from wingspan.cli.tables import train


@dataclass(frozen=True)
class Size:
    """How large."""

    width: Annotated[int, typer.Option(help="In metres.")]
    height: Annotated[int, typer.Option("--tall", help="In metres.")] = 2


def draw(name: Annotated[str, typer.Argument()], size: Size, color: str = "red") -> None:
    """Draw it."""
    print(name, size, color)


def test_each_field_of_a_record_is_an_option():
    """With its name, its help and its default; the command gets the record."""
    app = typer.Typer()
    app.command()(grouped(draw))
    run = CliRunner()
    said = run.invoke(app, ["box", "--width", "3", "--tall", "4", "--color", "blue"])
    assert said.output.strip() == f"box {Size(3, 4)} blue"
    assert run.invoke(app, ["box", "--width", "3"]).output.strip() == f"box {Size(3)} red"
    assert run.invoke(app, ["box"]).exit_code == 2  # the width is missing
    assert "Draw it." in run.invoke(app, ["--help"]).output


def test_no_option_of_train_is_in_two_groups():
    """A later group would take the value of an earlier one."""
    made = grouped(train)
    assert len(made.__annotations__) == len(made.__signature__.parameters) > 40
