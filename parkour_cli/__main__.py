"""Entry point of the command ``parkour``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from parkour.environment import check_environment
from parkour.errors import ParkourError
from parkour.quick_imports import uncollected
from parkour.streams import let_go, open_standard_streams
from parkour_cli.ending import importing, unwound

_DEBUG = "PARKOUR_DEBUG=1 shows where it happened"
_LESS = f"fewer environments (--num-envs), or smaller networks; {_DEBUG}"
_NO_MEMORY = ("DefaultCPUAllocator", "CUDA out of memory", "Failed to allocate")
"""What torch and Warp say that they found none, both in errors of no type of their own."""


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 a :class:`ParkourError`, 2 wrong usage, 128 + N ended by signal N.

    A bug shows its traceback, and with ``PARKOUR_DEBUG=1`` what is no bug does too. A disk that is full and memory that
    is used up are none, wherever they are met.
    """
    open_standard_streams()
    # Plots go into files alone; an unknown backend would end whatever draws one.
    os.environ["MPLBACKEND"] = "agg"
    with importing(), uncollected():
        import typer

        from parkour.commands.help import UsageError
        from parkour_cli.app import app

    try:
        check_environment()
        code = _run(app, args)
        sys.stdout.flush()
        sys.exit(code)
    except UsageError as error:
        from parkour.commands import print_usage_error

        print_usage_error(error)
        sys.exit(error.exit_code)
    except typer.Abort:
        print("error: stopped", file=sys.stderr)
        sys.exit(1)
    except (ParkourError, OSError, MemoryError, RuntimeError) as error:
        if os.environ.get("PARKOUR_DEBUG", "") not in ("", "0"):
            raise
        if isinstance(error, RuntimeError):
            if not _lacks_memory(error):
                raise
            error = MemoryError(str(error).splitlines()[0])
        from parkour.commands import print_error

        _let_the_first_process_speak()
        if not isinstance(error, ParkourError):
            let_go([1])  # What was not written is not tried again when Python ends, which would be an error of its own.
        if not isinstance(error, BrokenPipeError):  # As of a pager that was left: nobody reads what would be said.
            print_error(error if isinstance(error, ParkourError) else _of_the_machine(error))
        sys.exit(1)


def _run(app: Callable[..., int], args: list[str] | None) -> int:
    """The exit status of a command."""
    code = 0
    with _stages_shown(), unwound() as came:
        try:
            code = app(args, prog_name="parkour", standalone_mode=False)
        except (Exception, KeyboardInterrupt):
            if not came:
                raise
            # It broke because it was stopped, in the middle of an import, say.
    return 128 + came[0] if came else code


def _of_the_machine(error: OSError | MemoryError) -> ParkourError:
    """What nobody expected where it happened; notes on it say whose code it was."""
    notes = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    if isinstance(error, MemoryError):
        said = str(error) or "a file or a task takes more than there is"
        return ParkourError(f"out of memory: {said}{notes}", hint=_LESS)
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return ParkourError(f"{where or 'cannot read or write: '}{error.strerror or error}{notes}", hint=_DEBUG)


def _lacks_memory(error: RuntimeError) -> bool:
    """Whether torch or Warp found no memory for a tensor, on a GPU or beside it."""
    return type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in _NO_MEMORY)


def _stages_shown() -> AbstractContextManager[None]:
    """What goes on is shown where there is a terminal to show it on; nothing is imported for it elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    from parkour.commands.progress import stage_line

    return stage_line()


def _let_the_first_process_speak() -> None:
    """Of several processes that train together, all usually meet the same error: the first one that ends ends all."""
    if os.environ.get("LOCAL_RANK", "0") != "0":
        time.sleep(3.0)


if __name__ == "__main__":
    main()
