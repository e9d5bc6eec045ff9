"""Make the page of a run and write it: the one place of this package that writes."""

from pathlib import Path
from typing import TYPE_CHECKING

from wingspan.files import write_atomically
from wingspan.report.details import read_details
from wingspan.report.page import Page
from wingspan.report.render import render
from wingspan.report.run_facts import read_run
from wingspan.report.run_page import run_page

if TYPE_CHECKING:
    from wingspan.runner.run import Run


def page_of_run(run: "Run") -> Page:
    """Return the page of a run as it is now."""
    facts = read_run(run)
    return run_page(facts, read_details(run, facts))


def write_page(page: Page, out: Path) -> None:
    """Write a page as one HTML file, whole or not at all."""
    write_atomically(out, render(page))
