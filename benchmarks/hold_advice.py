"""Judge every model on simulated pools with known truth; exit 0 only if the aims are reached.

python benchmarks/hold_advice.py [--days-ospool 36] [--days-corpus 225] [--seeds 301,302,303]

The two shipped parameter sets, three seeds each, >= 50,000 holds a pool with the default days; then each set judged
by what was learned on the other. Seeds below 204 were simulated, most of them looked at, while the models were being
built, so they are not in the list. About 350 s of CPU for a pool of `ospool` and 600 s for one of `corpus`, most of it
simulation, and 8 GB of memory; some 80 minutes in all.
"""

import argparse
import sys
import time

from wingspan.advisor.judging.evaluate import check_targets
from wingspan.cli.holds_judge import judge_pool, print_report


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days-ospool", type=float, default=36.0)
    options.add_argument("--days-corpus", type=float, default=225.0)
    options.add_argument("--seeds", default="301,302,303")
    options.add_argument("--no-transfer", action="store_true")
    given = options.parse_args()
    days = {"ospool": given.days_ospool, "corpus": given.days_corpus}
    seeds = [int(seed) for seed in given.seeds.split(",")]
    cases = [(name, seed, None) for seed in seeds for name in days]
    if not given.no_transfer:
        cases += [("ospool", seeds[0], "corpus"), ("corpus", seeds[0], "ospool")]
    missed = 0
    for name, seed, other in cases:
        began = time.process_time()
        on = (other, days[other] if other else None)
        report = judge_pool(name, seed, days[name], on)
        title = f"{name} seed {seed}" + (f", trained on {other}" if other else "")
        print_report(title, report)
        print(f"{time.process_time() - began:.0f} s of CPU", flush=True)
        missed += sum(not reached for reached in check_targets(report).values())
    print(f"\n{missed} aims missed in {len(cases)} pools")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
