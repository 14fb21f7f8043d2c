"""``python -m tests.hostile OUT``: make damaged files, ingest them, and say what came of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.hostile.archive import make_archive
from tests.hostile.run import run_hostile


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to make; it must not exist")
    parser.add_argument("--count", type=int, default=10_000, help="number of files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    size = make_archive(options.out / "archive", options.count, options.seed)
    print(f"{options.count} files, {size / 1e6:.0f} MB, seed {options.seed}", flush=True)
    outcome = run_hostile(options.out / "archive", options.out, workers=options.workers)
    print(f"exit code {outcome.code} after {outcome.seconds:.1f} s")
    for name in ("found", "converted", "passed_over"):
        print(f"{name}: {outcome.figures.get(name)}")
    for reason, count in outcome.reasons.most_common():
        print(f"rejected, {reason}: {count}")
    for name, peak in sorted(outcome.peak_kib.items()):
        print(f"peak memory of a {name}: {peak / 1024:.0f} MiB")
    for source, message in outcome.given_up:
        print(f"given up: {source}: {message}")
    for problem in outcome.problems:
        print(f"PROBLEM: {problem}")
    return bool(outcome.problems)


if __name__ == "__main__":
    sys.exit(main())
