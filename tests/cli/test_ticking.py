"""What a running step logs is shown while its run goes on."""

import io
import time
from pathlib import Path

import wingspan as ws
from wingspan.cli import ticking
from wingspan.cli.progress import Progress


def fitted_half(until: str) -> int:
    """Log, and go on only once that was seen."""
    ws.log({"fitted": 0.5, "seconds_left": 40}, step=50)
    while not Path(until).exists():
        time.sleep(0.01)
    return 1


def test_what_a_step_logs_is_shown_before_it_ends(tmp_path, monkeypatch):
    """The step ends only after its line was printed, so it was printed while it ran."""
    monkeypatch.setattr(ticking, "EACH_S", 0.02)
    seen = tmp_path / "seen"

    class Out(io.StringIO):
        def write(self, text):
            if "fitted 0.5, seconds_left 40 at step 50" in text:
                seen.touch()
            return super().write(text)

    p = ws.Pipeline("shown")
    p.step(fitted_half, str(seen))
    run = p.prepare(home=tmp_path / "home")
    out = Out()
    with Progress.of(run, out) as progress, ticking.ticking(progress, run):
        from wingspan.runner.drive import drive

        drive(run.folder, run.home, progress)
    assert run["fitted_half"] == 1
    assert "fitted 0.5, seconds_left 40 at step 50" in out.getvalue()
