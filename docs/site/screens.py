"""Draw the screens of docs/: what commands print about a simulated pool, and the report of its logs.

    python docs/site/screens.py

The pictures of the report need Chromium and playwright; without them they stay as they are. The pool is simulated with a fixed seed, so users, hosts and jobs are made up.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from wingspan.draw.screen import screen_svg

IMAGES = Path(__file__).parents[1] / "images"
POOL = ("ospool", "--seed", "11", "--days", "2")
WIDTH = 120
ROWS = 12
SHOTS = (  # width, height, scheme, the part of the page
    ("light", 1000, 640, "light", ""),
    ("dark", 1000, 640, "dark", "#time"),
    ("phone", 390, 700, "light", ""),
)


def main() -> None:
    """Simulate the pool, run the commands, and draw what they print."""
    with tempfile.TemporaryDirectory() as scratch:
        Path(scratch, "logs").mkdir()
        printed(scratch, "simulate", *POOL, "--out", "logs/pool.log", "--truth", "truth.jsonl")
        advice = json.loads(printed(scratch, "holds", "advise", "logs", "--json"))
        jobs = [job for incident in advice["incidents"] for job in incident["jobs"]]
        job = next((job for job in jobs if job["edit_attribute"]), jobs[0])
        log = f"logs/pool.{job['access_point'].partition('.')[0]}.log"
        draw(scratch, "holds_advise", "holds", "advise", "logs", "--rows", str(ROWS))
        draw(scratch, "holds_explain", "holds", "explain", job["job"], log)
        printed(scratch, "report", "logs", "--out", "report.html")
        shoot(Path(scratch, "report.html"), "report_log")


def draw(folder: str, name: str, *words: str) -> None:
    """Draw what a command prints."""
    lines = printed(folder, *words).rstrip().splitlines()
    (IMAGES / f"{name}.svg").write_text(screen_svg(f"wingspan {' '.join(words)}", lines))


def shoot(page: Path, name: str) -> None:
    """Photograph a report in light, in the dark and on a phone."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None or importlib.util.find_spec("playwright") is None:
        sys.exit("no pictures of the report: apt-get install chromium; pip install playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for kind, width, height, scheme, part in SHOTS:
            size = {"width": width, "height": height}
            shown = browser.new_page(viewport=size, color_scheme=scheme)
            shown.goto(page.as_uri() + part)
            shown.screenshot(path=IMAGES / f"{name}_{kind}.png")
        browser.close()


def printed(folder: str, *words: str) -> str:
    """Return what a command of Wingspan prints in a folder."""
    environment = {**os.environ, "COLUMNS": str(WIDTH), "TZ": "UTC"}
    command = [sys.executable, "-m", "wingspan", *words]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return ended.stdout


if __name__ == "__main__":
    main()
