"""Draw the screens of docs/: each is what a command prints about a simulated pool.

    python docs/site/screens.py

The pool is simulated with a fixed seed, so users, hosts and jobs are made up.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from wingspan.draw.screen import screen_svg

IMAGES = Path(__file__).parents[1] / "images"
POOL = ("ospool", "--seed", "11", "--days", "2")
WIDTH = 120
SCREENS = {
    "holds_advise": "holds advise pool.log --rows 12",
    "holds_explain": "holds explain {held} pool.log",
}


def main() -> None:
    """Simulate the pool, run the commands, and draw what they print."""
    with tempfile.TemporaryDirectory() as scratch:
        printed(scratch, "simulate", *POOL, "--out", "pool.log", "--truth", "truth.jsonl")
        held = printed(scratch, "holds", "advise", "pool.log", "--only", "1", "--commands")
        job = held.split()[1] if held else ""
        for name, words in SCREENS.items():
            command = words.format(held=job)
            lines = printed(scratch, *command.split()).rstrip().splitlines()
            (IMAGES / f"{name}.svg").write_text(screen_svg(f"wingspan {command}", lines))


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
