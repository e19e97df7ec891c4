"""Twenty thousand hostile inputs: ``python benchmarks/fuzz.py [--many 20000] [--seed 0] [--json FILE]``.

Task files, options, checkpoints, recordings, metrics, exports, listings, environment variables and text for a terminal,
as ``tests/robustness`` tries two thousand of them in CI. Prints a table of what came of them, and what was not clean.
Exit status 1 if anything was not.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import sys
import tempfile
import time
from pathlib import Path

from parkour.storage import write_text

ROOT = Path(__file__).resolve().parent.parent
MEMORY = 12 << 30
"""Address space [bytes]: an input that takes more fails, and is counted as a traceback."""
SHOWN = 20
"""Failures that are printed."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--many", type=int, default=20_000, help="inputs")
    parser.add_argument("--seed", type=int, default=0, help="of all inputs")
    parser.add_argument("--json", type=Path, help="write counts and failures here")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    import torch

    from tests.robustness.fuzzing import Result, fuzz
    from tests.robustness.targets_of_files import all_targets

    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable(logging.CRITICAL)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result: Result = fuzz(all_targets(Path(folder)), options.many, options.seed)
    print("| target | tried | refused in one line | accepted and sound | tracebacks | hangs | nonsense | slowest [s] |")
    print("|---|---|---|---|---|---|---|---|")
    for name, count in result.counts.items():
        bad = " | ".join(str(count.outcomes[outcome]) for outcome in ("traceback", "hang", "nonsense"))
        print(f"| {name} | {count.tried} | {count.refused} | {count.accepted} | {bad} | {count.slowest:.2f} |")
    print(f"\n{result.tried} inputs in {time.monotonic() - begin:.0f} s, {len(result.failures)} not clean")
    for failure in result.failures[:SHOWN]:
        print(f"{failure.target} {failure.index}: {failure.outcome} {failure.what}")
    if options.json is not None:
        rows = {"tried": result.tried, "failures": [vars(failure) for failure in result.failures]}
        write_text(options.json, json.dumps(rows, indent=1) + "\n", "--json")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
