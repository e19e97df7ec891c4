"""torchrun without words of its own: ``python -m parkour.learning.torchrun COUNT MODULE ARGUMENT...``.

What the processes say is enough: torchrun would add warnings, a table of failures and its own traceback to the one line
of an error, and to a Ctrl-C.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

PATIENCE = 600
"""How long processes that were told to stop may take to finish an iteration and save [s]."""


def main(count: int, module: str, arguments: Sequence[str]) -> int:
    """Run ``python -m module arguments`` ``count`` times together; the exit status.

    Zero, that of the process which failed first, or 128 + the signal that this one was stopped with.
    """
    # What torchrun would set too, with a warning.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(PATIENCE))
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.disable(logging.CRITICAL)
    try:
        run.main(["--standalone", f"--nproc-per-node={count}", "-m", module, *arguments])
    except ChildFailedError as error:
        status = error.get_first_failure()[1].exitcode
        return status if status >= 0 else 128 - status
    except SignalException as error:
        return 128 + error.sigval
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
