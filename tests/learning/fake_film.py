"""In place of the process that films: what it was told and what it finds around it, written where the film would be."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

WHAT = {"fail": "FAKE_FILM_FAILS", "slow": "FAKE_FILM_SLEEPS"}


def main() -> None:
    checkpoint, file, *_ = sys.argv[1:]
    time.sleep(float(os.environ.get(WHAT["slow"], "0")))
    if said := os.environ.get(WHAT["fail"]):
        print(f"a line before\n{said}", file=sys.stderr)
        sys.exit(1)
    found = {"arguments": sys.argv[1:], "environment": dict(os.environ), "weights": Path(checkpoint).stat().st_size}
    Path(file).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
