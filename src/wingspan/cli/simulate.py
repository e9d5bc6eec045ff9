"""``wingspan simulate``: event logs of a pool with known causes, and their truth file."""

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wingspan.cli.json_output import print_json
from wingspan.cli.options import AsJson
from wingspan.cli.paper import console
from wingspan.errors import SettingError
from wingspan.shown import counted

if TYPE_CHECKING:
    from wingspan.simulator.marginals import Marginal
    from wingspan.simulator.pool import Simulated


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    parameters: Annotated[
        str,
        typer.Argument(metavar="PARAMETERS", help="A TOML or JSON file, or: corpus, ospool."),
    ],
    out: Annotated[
        Path, typer.Option(help="Log to write; further access points write theirs next to it.")
    ],
    truth: Annotated[
        Path,
        typer.Option(help="File for the causes, and what releases would have done (JSON lines)."),
    ],
    seed: Annotated[int, typer.Option(help="Random seed; the same seed gives the same bytes.")] = 0,
    days: Annotated[
        float | None, typer.Option(help="Days to simulate [default: as in the parameters].")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Simulate a pool: event logs that HTCondor reads, and the truth.

    Prints how the logs compare with real ones.
    """
    from wingspan.simulator import pool
    from wingspan.simulator.marginals import marginals
    from wingspan.simulator.parameters import load_parameters

    chosen = load_parameters(parameters)
    if days is not None:
        if days <= 0:
            raise SettingError(
                "--days", f"expected more than 0, found {days}", "give a number such as 10"
            )
        chosen = replace(chosen, days=days)
    began = time.perf_counter()
    made = pool.simulate(chosen, seed, out, truth)
    seconds = time.perf_counter() - began
    rows = marginals(truth)
    if as_json:
        print_json(_facts(made, truth, seconds, rows))
        return
    _print_table(rows)
    for log in made.logs:
        print(f"log    {log}")
    print(f"truth  {truth}")
    rate = made.events / seconds
    counts = (
        counted(made.jobs, "job"),
        counted(made.holds, "hold"),
        counted(made.events, "event"),
    )
    print(f"{', '.join(counts)} in {seconds:.1f} s ({rate:,.0f} a second)")


def _facts(
    made: "Simulated", truth: Path, seconds: float, rows: "tuple[Marginal, ...]"
) -> dict[str, object]:
    """Return what was simulated, for a program."""
    return {
        "logs": [str(log) for log in made.logs],
        "truth": str(truth),
        "jobs": made.jobs,
        "holds": made.holds,
        "events": made.events,
        "bytes": made.bytes,
        "seconds": seconds,
        "marginals": [asdict(row) | {"fits": row.fits} for row in rows],
    }


def _print_table(rows: "tuple[Marginal, ...]") -> None:
    from rich.table import Table

    table = Table(
        "", "prior", "simulated", "band", title="shape priors of public logs, not pool truth"
    )
    for row in rows:
        band = f"{row.low:.3g} - {row.high:.3g}" + ("" if row.fits else "  outside")
        table.add_row(row.name, f"{row.prior:.4g}", f"{row.simulated:.4g}", band)
    console().print(table)
