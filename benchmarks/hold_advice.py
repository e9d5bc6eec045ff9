"""Judge every model on simulated pools with known truth; exit 0 only if the aims are reached.

python benchmarks/hold_advice.py [--days-ospool 18] [--days-corpus 110] [--seeds 801,802,803] [--cache FOLDER] [--jobs 2]

The two shipped parameter sets, three seeds each, some 25,000 holds a pool; then each set judged by what was learned on the
other. Nothing was chosen on these seeds. Simulated logs stay in the cache, 10 GB of them; --jobs pools are judged at a time, with
4 GB of memory each.
"""

import argparse
import io
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

from wingspan.advisor.judging.evaluate import check_targets
from wingspan.cli.holds_report import print_report
from wingspan.recipes.hold_judging import Judging, Pool, judge_pool


def judge(pool: Pool, other: Pool | None, cache: Path) -> tuple[str, int]:
    """Return what is printed of a pool, and how many aims were missed."""
    began = time.process_time()
    report = judge_pool(pool, Judging(), other, cache)
    title = f"{pool.parameters} seed {pool.seed}"
    text = io.StringIO()
    with redirect_stdout(text):
        print_report(title + (f", trained on {other.parameters}" if other else ""), report)
        print(f"{time.process_time() - began:.0f} s of CPU")
    return text.getvalue(), sum(not reached for reached in check_targets(report).values())


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days-ospool", type=float, default=18.0)
    options.add_argument("--days-corpus", type=float, default=110.0)
    options.add_argument("--seeds", default="801,802,803")
    options.add_argument("--cache", type=Path, default=Path.home() / ".cache/wingspan/simulated")
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--no-transfer", action="store_true")
    given = options.parse_args()
    days = {"ospool": given.days_ospool, "corpus": given.days_corpus}
    seeds = [int(seed) for seed in given.seeds.split(",")]
    cases: list[tuple[Pool, Pool | None]]
    cases = [(Pool(name, seed, days[name]), None) for seed in seeds for name in days]
    if not given.no_transfer:
        pools = [Pool(name, seeds[0], days[name]) for name in days]
        cases += [(pools[0], pools[1]), (pools[1], pools[0])]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    missed = 0
    with ProcessPoolExecutor(given.jobs) as workers:
        for text, count in workers.map(
            judge, *zip(*cases, strict=True), [given.cache] * len(cases)
        ):
            print(text, flush=True)
            missed += count
    print(f"\n{missed} aims missed in {len(cases)} pools")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
