"""Environments to measure in: a user's, without what only tests need, and one for the peers."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACE = ROOT / ".venv-benchmarks"


def _made(name: str, lock: str, *, with_wingspan: bool) -> Path:
    """Return the interpreter of an environment, made anew when its lock has changed."""
    folder = PLACE / name
    python = folder / "bin" / "python"
    stamp, wanted = folder / "made-from", (ROOT / lock).read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        install = ["uv", "-q", "pip", "install", "--compile-bytecode", "--python", str(python)]
        subprocess.run(["uv", "-q", "venv", "--clear", str(folder)], check=True)
        subprocess.run([*install, "--require-hashes", "-r", str(ROOT / lock)], check=True)
        if with_wingspan:
            subprocess.run([*install, "--no-deps", str(ROOT)], check=True)
        stamp.write_text(wanted)
    elif with_wingspan:
        install = ["uv", "-q", "pip", "install", "--compile-bytecode", "--python", str(python)]
        subprocess.run(
            [*install, "--no-deps", "--reinstall-package", "wingspan", str(ROOT)], check=True
        )
    return python


@cache
def wingspan_python() -> Path:
    """Return the interpreter of an environment with Wingspan, as a user installs it."""
    return _made("wingspan", "requirements.lock", with_wingspan=True)


@cache
def peers_python() -> Path:
    """Return the interpreter of an environment with pandas and scikit-learn."""
    return _made("peers", "requirements-peers.lock", with_wingspan=False)
