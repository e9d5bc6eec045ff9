"""Pages in a real browser: nothing is loaded, clicks and keys work, and axe finds nothing that keeps people out."""

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from wingspan.report.render import render
from wingspan.report.run_page import run_page

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
def opened(browser, file, *, width=1200, height=800, scheme="light"):
    """Open a file as a user does; whatever the page logs or asks for from elsewhere is an error."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    faults = []
    page.on("console", lambda said: faults.append(said.text) if said.type != "log" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url == file.as_uri() or asked.url.startswith("data:")
            else faults.append(asked.url)
        ),
    )
    page.goto(file.as_uri())
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
        page.locator("#panel-close").click()
        assert page.evaluate("document.activeElement.textContent").startswith("fit[1]")
        page.get_by_role("button", name="state", exact=True).click()
        assert page.locator("[data-table=steps] tbody td").nth(1).inner_text() == "done"
        assert violations(page) == []


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_every_width_and_scheme_is_readable(browser, failed_run, scheme, width):
    """Nothing is wider than the window, and contrast holds in the dark too."""
    with opened(browser, failed_run[0] / "page.html", width=width, scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []


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
