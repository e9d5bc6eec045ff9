"""Make pages and write them: the one place of this package that writes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wingspan.files import write_atomically
from wingspan.report.compare_page import compare_page
from wingspan.report.details import read_details
from wingspan.report.page import Page
from wingspan.report.redact import (
    NOTE,
    redacted_card,
    redacted_details,
    redacted_log,
    redacted_run,
    redactor_of,
)
from wingspan.report.render import render
from wingspan.report.run_facts import read_run
from wingspan.report.run_page import run_page

if TYPE_CHECKING:
    from wingspan.runner.run import Run


def page_of_run(run: "Run", *, redact: bool = False) -> Page:
    """Return the page of a run as it is now."""
    facts = read_run(run)
    details = read_details(run, facts, output=not redact)
    if redact:
        by = redactor_of(facts)
        facts, details = redacted_run(facts, by), redacted_details(details, by)
    return run_page(facts, details, redacted=redact)


def page_of_two(one: "Run", other: "Run", *, redact: bool = False) -> Page:
    """Return the page that compares two runs, the older one first."""
    facts = sorted((read_run(one), read_run(other)), key=lambda each: each.created)
    if not redact:
        return compare_page(*facts)
    both = replace(facts[0], steps=facts[0].steps + facts[1].steps)
    by = redactor_of(replace(both, parameters=both.parameters + facts[1].parameters))
    page = compare_page(*(redacted_run(each, by) for each in facts))
    return replace(page, left_out=[NOTE])


def page_of_logs(paths: Sequence[Path], *, redact: bool = False) -> Page:
    """Return the page of event logs, or of folders of them."""
    from wingspan.report.log_facts import read_log
    from wingspan.report.log_page import log_page

    facts = read_log(paths)
    page = log_page(redacted_log(facts) if redact else facts)
    return replace(page, left_out=[*page.left_out, NOTE]) if redact else page


def page_of_model(folder: Path, name: str, *, redact: bool = False) -> Page:
    """Return the page of a model, from the folder that it was deployed or saved in."""
    from wingspan.report.model_page import model_page
    from wingspan.tabular.bundle import read_card

    card = read_card(folder)
    page = model_page(name, redacted_card(card) if redact else card)
    return replace(page, left_out=[*page.left_out, NOTE]) if redact else page


def write_page(page: Page, out: Path) -> None:
    """Write a page as one HTML file, whole or not at all."""
    write_atomically(out, render(page))
