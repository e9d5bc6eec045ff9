"""Draw the screens of docs/: each is what a command prints about a simulated pool.

    python docs/site/screens.py

The pool is simulated with a fixed seed, so users, hosts and jobs are made up.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from wingspan.draw.screen import screen_svg

IMAGES = Path(__file__).parents[1] / "images"
POOL = ("ospool", "--seed", "11", "--days", "2")
WIDTH = 120
ROWS = 12


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


def draw(folder: str, name: str, *words: str) -> None:
    """Draw what a command prints."""
    lines = printed(folder, *words).rstrip().splitlines()
    (IMAGES / f"{name}.svg").write_text(screen_svg(f"wingspan {' '.join(words)}", lines))


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
