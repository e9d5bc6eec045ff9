"""Pages in a real browser: nothing is loaded, clicks and keys work, and axe finds nothing that keeps people out."""

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from wingspan.cli.main import app
from wingspan.report.model_page import model_page
from wingspan.report.render import render
from wingspan.report.run_page import run_page
from wingspan.tabular.card import Card
from wingspan.tabular.evaluate import Metric, evaluation
from wingspan.tabular.importance import Importance
from wingspan.tabular.metrics import count_scores

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None
)
NO_BROWSER = (
    "NO BROWSER, so pages are not tried in one: apt-get install chromium; pip install playwright"
)
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def browser():
    """Give Debian's Chromium; skips where it, or what drives it, is not installed."""
    driver = pytest.importorskip("playwright.sync_api", reason=NO_BROWSER)
    if CHROMIUM is None:
        pytest.skip(NO_BROWSER)
    with driver.sync_playwright() as started:
        arguments = ["--no-sandbox"] if os.getuid() == 0 else []  # root may not have one
        running = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


@contextmanager
def opened(browser, file, *, width=1200, height=800, scheme="light", address=""):
    """Open a file as a user does; whatever the page logs or asks for from elsewhere is an error."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    faults = []
    page.on("console", lambda said: faults.append(said.text) if said.type != "log" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.partition("#")[0] == file.as_uri() or asked.url.startswith("data:")
            else faults.append(asked.url)
        ),
    )
    page.goto(file.as_uri() + address)
    yield page
    page.close()
    assert faults == []


def violations(page):
    """Return what axe calls serious."""
    package = pytest.importorskip("axe_playwright_python", reason=NO_BROWSER)
    source = (Path(package.__file__).parent / "axe.min.js").read_text()
    page.evaluate(source)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        (one["id"], [node["html"][:120] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in SERIOUS
    ]


def test_a_failed_run_in_a_browser(browser, failed_run):
    """Cause, step and command stand within 800 pixels; a step opens by click and by key; axe finds nothing serious."""
    with opened(browser, failed_run[0] / "page.html") as page:
        for told in (
            "fit[3] failed",
            "ValueError: depth <b>3</b> is too much",
            "wingspan run work.py",
        ):
            box = page.get_by_text(told).first.bounding_box()
            assert box["y"] + box["height"] <= 800, told
        page.locator("#pipeline svg a", has_text="fit[2]").click()
        assert page.locator("#panel-title").inner_text() == "fit[2]"
        assert violations(page) == []
        page.keyboard.press("Escape")
        assert not page.locator("#panel").is_visible()
        page.locator("#pipeline svg a", has_text="fit[1]").focus()
        page.keyboard.press("Enter")
        assert page.locator("#panel-title").inner_text() == "fit[1]"
        assert page.url.endswith("#step=fit[1]")
        page.locator("#panel-close").click()
        assert page.evaluate("document.activeElement.textContent").startswith("fit[1]")
        page.get_by_role("button", name="state", exact=True).click()
        assert page.locator("[data-table=steps] tbody td").nth(1).inner_text() == "done"
        assert violations(page) == []


def test_the_address_names_the_step_that_is_open(browser, failed_run):
    """A link opens its step, also one from within another step; Back goes to the one before it."""
    with opened(browser, failed_run[0] / "page.html", address="#step=fit[3]") as page:
        title = page.locator("#panel-title")
        assert title.inner_text() == "fit[3]"
        page.locator("#panel-body a", has_text="result of read").click()
        assert title.inner_text() == "read"
        assert page.url.endswith("#step=read")
        page.go_back()
        assert title.inner_text() == "fit[3]"
        page.keyboard.press("Escape")
        page.wait_for_url(lambda url: "#" not in url)
        page.locator("#pipeline svg a", has_text="best").click()
        page.go_back()
        assert not page.locator("#panel").is_visible()


def test_what_is_cut_off_on_a_phone_fades_at_its_side(browser, failed_run):
    """A table that is wider than the window fades on the right, and no more once it is scrolled there."""
    with opened(browser, failed_run[0] / "page.html", width=390) as page:
        table = page.locator("[data-table=steps] .scroll")
        page.wait_for_selector("[data-table=steps] .more-right")
        assert table.evaluate("box => getComputedStyle(box).maskImage").startswith(
            "linear-gradient"
        )
        table.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
        page.wait_for_selector("[data-table=steps] .scroll:not(.more-right)")


@pytest.mark.long
def test_a_run_of_10_000_steps_opens_within_two_seconds(browser, tmp_path, make_step, make_run):
    """At most 10 MB; a filter finds a step among all."""
    names = [f"fit[{k}]" for k in range(10_000)]
    steps = [make_step("read"), *(make_step(name, needs=("read",)) for name in names)]
    file = tmp_path / "page.html"
    file.write_text(render(run_page(make_run(steps), {})))
    assert file.stat().st_size <= 10_000_000
    begin = time.perf_counter()
    with opened(browser, file) as page:
        took = page.evaluate("performance.now()")
        print(f"{file.stat().st_size:,} bytes, {took:.0f} ms, {time.perf_counter() - begin:.2f} s")
        assert took <= 2_000
        page.locator("[data-table=steps] input").fill("fit[9876]")
        assert page.locator("[data-table=steps] tbody tr").count() == 1


SWEEP = """
import math
import wingspan as ws

def fit(rate: float, kind: str) -> dict[str, float]:
    loss = 1.0
    for epoch in range(5):
        loss = abs(math.log10(rate) + 2.5) + math.exp(-epoch) + (0.1 if kind == "sgd" else 0.0)
        ws.log({"loss": loss}, step=epoch + 1)
    return {"loss": loss}

def pipeline() -> ws.Pipeline:
    p = ws.Pipeline("tune")
    over = {"rate": ws.log_uniform(1e-5, 1e-1), "kind": ["adam", "sgd"]}
    p.sweep(fit, over=over, metric="loss", goal="minimize", trials=40, search="random", seed=1)
    return p
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory, failed_run):
    """Write a page of each kind: a run, a sweep, two runs, event logs, a model."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "tune.py").write_text(SWEEP)
    (folder / "pool.log").write_text(LOG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert CliRunner().invoke(app, ["run", "tune.py"]).exit_code == 0
        assert CliRunner().invoke(app, ["report", "--out", "sweep.html"]).exit_code == 0
        assert (
            CliRunner().invoke(app, ["report", "last", "last", "--out", "two.html"]).exit_code == 0
        )
        assert CliRunner().invoke(app, ["report", "pool.log", "--out", "log.html"]).exit_code == 0
    (folder / "model.html").write_text(render(model_page("late@1", card())))
    (folder / "run.html").write_text((failed_run[0] / "page.html").read_text())
    return folder


LOG = """000 (012.000.000) 2025-11-04 10:00:00Z Job submitted from host: <10.0.0.1:9618?alias=ap>
...
001 (012.000.000) 2025-11-04 10:00:05Z Job executing on host: <10.0.0.2:9618>
...
012 (012.000.000) 2025-11-04 10:00:15Z Job was held.
\tFailed to execute '/x': (errno=8: 'Exec format error')
\tCode 6 Subcode 8
...
"""


def card():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 300)
    scores = random.random((300, 2)) + np.eye(2)[y]
    scores /= scores.sum(axis=1, keepdims=True)
    return Card(
        data=["loans.csv"],
        data_digest="blake2b-256:00ff",
        rows=300,
        columns={"age": "number"},
        target="late",
        split={"kind": "hash"},
        estimator="decision_tree",
        parameters={},
        seed=42,
        evaluation=evaluation(count_scores(scores, y, 0, threshold=0.5), ["no", "yes"]),
        importance=Importance("f1", 100, {"age": Metric(0.2, 0.1, 0.3)}, {"age": 1.5}),
    )


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("kind", ["run", "sweep", "two", "log", "model"])
def test_every_page_width_and_scheme_is_readable(browser, pages, kind, scheme, width):
    """Nothing is wider than the window, no error, no request, and axe finds nothing serious."""
    with opened(browser, pages / f"{kind}.html", width=width, scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []


@pytest.mark.long
def test_a_trial_is_highlighted_in_every_picture(browser, pages):
    """By the pointer in a picture, and by the keyboard in the table; the table sorts, filters and copies."""
    with opened(browser, pages / "sweep.html") as page:
        rows = page.locator("[data-table=trials-0] tbody tr")
        assert rows.count() == 40
        rows.nth(3).focus()
        trial = rows.nth(3).get_attribute("data-trial")
        hot = page.locator(f"svg [data-trial='{trial}'].hot")
        assert hot.count() >= 3
        assert page.locator("svg .hot").count() == hot.count()
        page.locator(f"svg polyline[data-trial='{(int(trial) + 1) % 40}']").first.dispatch_event(
            "mouseover", {"bubbles": True}
        )
        assert page.locator(f"tr[data-trial='{(int(trial) + 1) % 40}'].hot").count() == 1
        page.get_by_role("button", name="rate", exact=True).click()
        rates = [
            float(text)
            for text in page.locator(
                "[data-table=trials-0] tbody tr td:nth-child(5)"
            ).all_inner_texts()
        ]
        assert rates == sorted(rates, reverse=True)
        page.locator("[data-table=trials-0] input").fill("adam complete")
        assert 0 < rows.count() < 40
        page.evaluate(
            "document.execCommand = () => { window.copied = document.activeElement.value; return true; }; delete navigator.__proto__.clipboard"
        )
        page.locator("[data-table=trials-0] .copy-rows").click()
        lines = page.evaluate("window.copied").splitlines()
        assert lines[0].split("\t")[:3] == ["trial", "state", "loss"]
        assert len(lines) == rows.count() + 1


@pytest.mark.long
def test_a_page_is_printed_whole(browser, pages):
    """No part of a table is cut off by its frame."""
    with opened(browser, pages / "run.html") as page:
        page.emulate_media(media="print")
        cut = page.evaluate(
            "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollHeight > one.clientHeight + 1).length"
        )
        assert cut == 0
        assert not page.get_by_role("button", name="Copy as TSV").first.is_visible()
