"""Training of the LSTM: samples a second, and where its time goes.

    python benchmarks/lstm.py [EPISODES]     (default 20,000)

The examples are those of a simulated pool, repeated if it has fewer. On a CPU the target is 80 % of the wall time inside
forward and backward. On a GPU the ceiling is forward and backward alone, on one batch that stays there.
"""

import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from wingspan.advisor.holds.timeline import make_timeline
from wingspan.advisor.models.lstm import Lstm
from wingspan.advisor.models.network import NetworkConfig, make_network
from wingspan.advisor.models.train import Examples, expand, train
from wingspan.advisor.samples.samples import make_samples
from wingspan.advisor.samples.tensors import Layout, Tensors, make_tensors
from wingspan.eventlog.read import read_events
from wingspan.simulator import pool
from wingspan.simulator.parameters import load_parameters

SHARE, EPOCHS, LAYOUT = 0.8, 3, Layout()
INSIDE = [0.0]


class Timed(Lstm):
    """The LSTM with its forward passes timed; on a GPU the time is that of the launches."""

    def forward(self, frames, facts):
        """Return the logits."""
        start = time.perf_counter()
        logits = super().forward(frames, facts)
        INSIDE[0] += time.perf_counter() - start
        return logits


def examples_of_a_pool(count):
    """Return `count` labelled examples of a simulated pool."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        parameters = replace(load_parameters("ospool"), days=float(os.environ.get("DAYS", "3")))
        pool.simulate(parameters, 0, log, Path(folder) / "truth")
        samples = make_samples(make_timeline(read_events(sorted(Path(folder).glob("log*")))))
        made = make_tensors(samples.timeline, samples.moments, LAYOUT)
    labelled = np.flatnonzero(np.isfinite(samples.label))
    print(f"{len(samples):,} episodes simulated, {len(labelled):,} with a label", flush=True)
    rows = np.resize(labelled, count)
    tensors = Tensors(made.counts[rows], made.mask[rows], made.job[rows])
    return Examples(
        tensors, samples.label[rows], 1 / samples.incidents.size[samples.incidents.number[rows]]
    )


def timed_training(examples, config, device):
    """Return samples a second from the second epoch on, and the share of forward and backward."""
    rows = np.arange(len(examples.labels))
    split = int(0.9 * len(rows))
    stamps = []

    def note(_):
        if device == "cuda":
            torch.cuda.synchronize()
        stamps.append((time.perf_counter(), INSIDE[0], sum(resource.getrusage(0)[:2])))

    backward = torch.Tensor.backward

    def timed_backward(*args, **options):
        start = time.perf_counter()
        backward(*args, **options)
        INSIDE[0] += time.perf_counter() - start

    torch.Tensor.backward = timed_backward
    try:
        train(examples, rows[:split], rows[split:], config, on_epoch=note, device=device)
    finally:
        torch.Tensor.backward = backward
    wall, inside, cpu = (np.array(stamps[-1]) - np.array(stamps[0])).tolist()
    return split * (len(stamps) - 1) / wall, inside / wall, split * (len(stamps) - 1) / cpu


def ceiling(examples, config, device, steps=50):
    """Return samples a second of forward and backward alone, on one batch that stays on the device."""
    network = make_network(config, LAYOUT.j * (LAYOUT.e + 1), 0).to(device)
    part = slice(0, config.batch)
    arrays = (
        torch.from_numpy(each[part]).to(device)
        for each in (examples.tensors.counts, examples.tensors.mask)
    )
    frames, facts = expand(*arrays), torch.zeros(config.batch, 0, device=device)
    for step in range(steps + 5):
        if step == 5:
            if device == "cuda":
                torch.cuda.synchronize()
            start = time.perf_counter()
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = network(frames, facts).float().sum()
        loss.backward()
    if device == "cuda":
        torch.cuda.synchronize()
    return steps * config.batch / (time.perf_counter() - start)


def main():
    """Print the figures; exit with 1 when the target is missed."""
    sys.modules["lstm_benchmark"] = sys.modules["__main__"]
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    examples = examples_of_a_pool(count)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = NetworkConfig(
        epochs=EPOCHS, patience=EPOCHS, batch=256, network="lstm_benchmark:Timed"
    )
    rate, share, of_cpu = timed_training(examples, config, device)
    most = ceiling(examples, config, device)
    print(
        f"{device}, {torch.get_num_threads()} threads, {config.layers} x {config.hidden}, {LAYOUT}"
    )
    on_cpu = device == "cpu"
    rows = [
        ("samples a second", f"{rate:,.0f}", ""),
        ("samples a CPU second", f"{of_cpu:,.0f}", ""),
        ("samples a second, forward and backward alone", f"{most:,.0f}", ""),
        ("wall time inside forward and backward", f"{share:.0%}", f">= {SHARE:.0%}" if on_cpu else ""),
    ]  # fmt: skip
    print(f"{'figure':46} {'found':>8}  target")
    for name, found, target in rows:
        print(f"{name:46} {found:>8}  {target}")
    sys.exit(on_cpu and share < SHARE)


if __name__ == "__main__":
    main()
