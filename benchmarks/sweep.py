"""Sweeps: a search with pruning against random search, Wingspan against Optuna alone, and what a short trial costs.

Targets, all in one run on a quiet machine of two cores:

- 64 trials of TPE with ASHA reach random search's validation loss in at most half of the slot-seconds that 64 trials of
  random search need, over five seeds. The loss is the median of random search's best ones. Some searches miss it with all
  their trials. These are counted in two ways, and the target has to hold in both: with the slot-seconds that they used; and
  as searches that start again with another seed, so that the slot-seconds of all are divided by the number that reached it.
- For the best loss at equal slot-seconds, TPE with ASHA then tries further settings in what random search had.
- The same sweep without pruning takes at most 1.2 times the wall time of Optuna alone with joblib's processes. Both start
  new processes in each turn.
- A trial of 10 ms costs at most 30 ms, over a thousand of them.
"""

import argparse
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from nothing import rest
from sweep_training import Settings, digits, fit, train

import wingspan as ws

TRIALS, SEEDS, LANES = 64, 5, 2
MORE = 8  # times as many trials at most, where their slot-seconds are bounded
SHARE, OVERHEAD, SHORT_MS = 0.5, 1.2, 30.0
NUMBERS = {
    "rate": ws.log_uniform(1e-4, 1.0),
    "momentum": ws.uniform(0.0, 0.99),
    "decay": ws.log_uniform(1e-6, 1e-2),
}
SIZES = {"width": [64, 128, 256], "batch": [16, 32, 64]}  # they change what a trial costs
ONE_SIZE = {"width": 128, "batch": 32}
Course = list[tuple[float, float]]  # slot-seconds used, best loss so far


def searched(
    home: Path,
    search: str,
    prune: str,
    seed: int,
    trials: int,
    *,
    one_size: bool = False,
    seconds: float | None = None,
) -> ws.Run:
    """Run one sweep of the training; with `seconds`, until its trials have used so many slot-seconds."""
    p = ws.Pipeline(f"{search}-{prune}")
    p.sweep(
        fit,
        p.step(digits),
        over=NUMBERS if one_size else NUMBERS | SIZES,
        metric="loss",
        trials=trials,
        parallel=LANES,
        search=search,
        prune=prune,
        seed=seed,
        constants={"study": seed} | (ONE_SIZE if one_size else {}),
        hours=seconds and seconds / 3600,
    )
    return p.run(home=home)


def course(run: ws.Run) -> Course:
    """Return the best loss after each trial, over the slot-seconds that were used until then."""
    trials = run.study.trials
    used = accumulate(each.wall_s for each in trials)
    values = [each.value if each.state == "complete" else float("inf") for each in trials]
    return list(zip(used, accumulate(values, min), strict=True))


def reached(found: Course, level: float) -> tuple[float, bool]:
    """Return the slot-seconds until a loss was reached, or all that were used, and whether it was."""
    return next(((used, True) for used, best in found if best <= level), (found[-1][0], False))


def expected(found: Sequence[tuple[float, bool]]) -> float:
    """Return the slot-seconds to a loss, if a search that misses it starts again with another seed."""
    hits = sum(hit for _, hit in found)
    return sum(used for used, _ in found) / hits if hits else math.inf


def at(found: Course, used: float) -> float:
    """Return the best loss that so many slot-seconds gave."""
    return [best for spent, best in found if spent <= used][-1]


def interval(ours: list[Course], theirs: list[Course]) -> tuple[float, float, float]:
    """Return the ratio of slot-seconds to the same loss, with the ends of its 95 % bootstrap interval over the seeds.

    Each resample has its own loss: the median of random search's best ones in it.
    """
    pairs, source = list(zip(ours, theirs, strict=True)), random.Random(0)

    def ratio(rows: list[tuple[Course, Course]]) -> float:
        level = statistics.median_low(b[-1][1] for _, b in rows)
        a, b = ([reached(row[side], level) for row in rows] for side in (0, 1))
        return expected(a) / expected(b)

    ratios = sorted(ratio(source.choices(pairs, k=len(pairs))) for _ in range(2000))
    return ratio(pairs), ratios[50], ratios[-51]


def compare(home: Path, trials: int, seeds: int) -> bool:
    """Compare TPE with ASHA and random search without pruning, seed by seed."""
    plain, pruned, longer = [], [], []
    print(f"{'seed':>4} {'random s':>9} {'best':>7} {'tpe+asha s':>11} {'best':>7} {'pruned':>7}")
    for seed in range(seeds):
        plain.append(course(searched(home, "random", "none", seed, trials)))
        seconds = plain[-1][-1][0]
        other = searched(home, "tpe", "asha", seed, trials)
        pruned.append(course(other))
        stopped = other.study.counts["pruned"]
        longer.append(course(searched(home, "tpe", "asha", seed, MORE * trials, seconds=seconds)))
        a, b = plain[-1][-1], pruned[-1][-1]
        print(f"{seed:4} {a[0]:9.1f} {a[1]:7.4f} {b[0]:11.1f} {b[1]:7.4f} {stopped:7}", flush=True)
    level = statistics.median_low(each[-1][1] for each in plain)
    missed = [sum(each[-1][1] > level for each in found) for found in (plain, pruned)]
    print(
        f"\nloss {level:.4f}: the median of random search's best; missed by {missed[0]} of {seeds} random searches "
        f"and {missed[1]} of TPE + ASHA"
    )
    ratio, low, high = interval(pruned, plain)
    print(f"slot-seconds to it, where a miss starts again: {ratio:.2f}x ({low:.2f} to {high:.2f})")
    found = [sum(reached(each, level)[0] for each in side) for side in (pruned, plain)]
    worse = max(ratio, found[0] / found[1])
    print(f"where a miss counts with what it used: {found[0] / found[1]:.2f}x")
    equal = [(at(a, min(a[-1][0], b[-1][0])), b[-1][1]) for a, b in zip(plain, longer, strict=True)]
    means = [statistics.mean(column) for column in zip(*equal, strict=True)]
    print(f"best loss at equal slot-seconds: random {means[0]:.4f}, TPE + ASHA {means[1]:.4f}")
    print(f"slot-seconds to the loss, the worse of both: {worse:.2f}x, target <= {SHARE}x\n")
    return worse <= SHARE


def drawn(trial: object) -> dict[str, float]:
    """Draw the same parameters from Optuna's trial."""
    return {
        "rate": trial.suggest_float("rate", 1e-4, 1.0, log=True),
        "momentum": trial.suggest_float("momentum", 0.0, 0.99),
        "decay": trial.suggest_float("decay", 1e-6, 1e-2, log=True),
        **ONE_SIZE,
    }


def optuna_worker(journal: str, trials: int) -> None:
    """Take part in a study that joblib's processes share."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from threadpoolctl import threadpool_limits

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(journal))
    study = optuna.create_study(study_name="s", storage=storage, load_if_exists=True)
    data = digits()

    def loss(trial: optuna.Trial) -> float:
        return train(data, Settings(**drawn(trial)), lambda *_: False, 99)

    with threadpool_limits(1):
        study.optimize(loss, n_trials=trials)


def alone(folder: Path, trials: int) -> float:
    """Return the wall time of Optuna with joblib's processes."""
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown()  # the workers of the turn before
    start = time.perf_counter()
    journal = str(folder / "optuna.log")
    Parallel(n_jobs=LANES)(delayed(optuna_worker)(journal, trials // LANES) for _ in range(LANES))
    return time.perf_counter() - start


def beside_optuna(folder: Path, trials: int) -> bool:
    """Compare the wall times of as many trainings of one size, in turns."""
    ours, theirs = [], []
    for turn in range(3):
        (folder / f"turn{turn}").mkdir()
        theirs.append(alone(folder / f"turn{turn}", trials))
        start = time.perf_counter()
        searched(folder / f"turn{turn}" / "home", "tpe", "none", 99, trials, one_size=True)
        ours.append(time.perf_counter() - start)
    ratio = min(ours) / min(theirs)
    print(
        f"{trials} trials without pruning: Wingspan {min(ours):.1f} s, Optuna {min(theirs):.1f} s"
    )
    print(f"wall time {ratio:.2f}x, target <= {OVERHEAD}x\n")
    return ratio <= OVERHEAD


def short(home: Path, trials: int) -> bool:
    """Measure what a trial costs whose function takes 10 ms."""
    p = ws.Pipeline("short")
    p.sweep(
        rest,
        over={"x": ws.uniform(0.0, 1.0)},
        metric="x",
        trials=trials,
        parallel=LANES,
        search="random",
    )
    start = time.perf_counter()
    p.run(home=home)
    each = 1000 * (time.perf_counter() - start) / trials
    print(f"{trials} trials of 10 ms: {each:.1f} ms a trial, target <= {SHORT_MS:g} ms")
    return each <= SHORT_MS


def main() -> int:
    """Measure all three; exit with 0 if all targets hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--short", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="more of them narrow the interval")
    parser.add_argument("parts", nargs="*", default=["short", "optuna", "pruning"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as made:
        parts = {
            "short": lambda: short(Path(made) / "short", given.short),
            "optuna": lambda: beside_optuna(Path(made), given.trials),
            "pruning": lambda: compare(Path(made) / "compared", given.trials, given.seeds),
        }
        held = [parts[each]() for each in given.parts]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
