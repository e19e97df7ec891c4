"""Several processes on one machine: started together, watched, and ended together."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

import torch

from parkour.child_process import python_command, python_environment
from parkour.engines.device import distributed
from parkour.errors import DeviceError, ParkourError, TrainingError
from parkour.learning.peers import HOST, LAUNCHER, Peers, make_store
from parkour.learning.process import ENDS
from parkour.learning.signals import NAMES, STOPPING, ignored_hangup

PATIENCE = 600.0
"""How long processes that were told to stop, or lost one of them, may take to finish a rollout and save [s]."""
FAREWELL = 3.0
"""How long they may take to end when the last networks are saved [s]."""
TICK = 0.1
"""Between looks at them [s]."""


def wants_processes(gpus: int, device: str | None) -> bool:
    """Whether to start processes: asked for more than one, and not one of them already.

    Raises:
        ParkourError: fewer than one.
        DeviceError: more than there are.
    """
    if gpus < 1:
        raise ParkourError(f"got {gpus} GPUs, expected at least 1", hint="--gpus 1")
    if gpus == 1 or distributed():
        return False
    if device != "cpu" and gpus > torch.cuda.device_count():
        raise DeviceError(f"got {gpus} GPUs, but torch sees {torch.cuda.device_count()}", hint="parkour doctor")
    return True


def run_processes(
    count: int, module: str, arguments: Sequence[str], notify: Callable[[str], None] = lambda line: None
) -> int:
    """Run ``python -m module arguments`` ``count`` times together; returns the exit status.

    Ctrl-C, SIGTERM and SIGHUP reach the processes once, and they save before they end; the second ends all at once,
    those too that no longer listen.

    Raises:
        TrainingError: a process was killed, or failed while they trained; says which, and where the last networks are.
    """
    store = make_store()
    with _signals(notify) as asked:
        processes = _start(count, module, arguments, store.port)
        try:
            return _Watch(processes, Peers(store), asked).until_the_end()
        finally:
            _end(processes)


def _start(count: int, module: str, arguments: Sequence[str], port: int) -> list[subprocess.Popen[bytes]]:
    """Start all of them. A signal that comes meanwhile waits until all are known, and in each until it is ready."""
    command = python_command("parkour.learning.process", [module, *arguments])
    shared = {"MASTER_ADDR": HOST, "MASTER_PORT": str(port), "WORLD_SIZE": str(count), LAUNCHER: str(os.getpid())}
    shared |= {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for rank in range(count):
            environment = python_environment(**shared, RANK=str(rank), LOCAL_RANK=str(rank))
            processes.append(subprocess.Popen(command, start_new_session=True, env=environment))
    except BaseException:
        _end(processes)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return processes


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End those that live, stopped ones too."""
    for process in processes:
        if process.poll() is None:
            process.kill()
    for process in processes:
        process.wait()


@contextlib.contextmanager
def _signals(notify: Callable[[str], None]) -> Iterator[list[int]]:
    """While it lasts, the signals that came, in order."""
    asked: list[int] = []

    def ask(number: int, frame: object) -> None:
        if not asked:
            with contextlib.suppress(OSError):  # A terminal that is gone.
                notify(STOPPING.format(NAMES[number]))
        asked.append(number)

    before = {number: signal.signal(number, ask) for number in ENDS if not ignored_hangup(number)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Watch:
    """Waits for processes, and for signals to us.

    Args:
        processes: by rank.
        peers: what they tell.
        asked: signals that came, which grows.
    """

    def __init__(self, processes: Sequence[subprocess.Popen[bytes]], peers: Peers, asked: list[int]) -> None:
        self._processes, self._peers, self._asked = processes, peers, asked
        self._told = False
        """Whether they know that they are to stop."""

    def until_the_end(self) -> int:
        """The exit status, once all of them have ended or are to be ended."""
        deadline = float("inf")
        while self._living():
            if self._asked and not self._told:
                self._tell()
                deadline = time.monotonic() + PATIENCE
            if len(self._asked) > 1 or time.monotonic() > deadline:
                return 128 + self._asked[0]
            lost = self._lost()
            if lost is not None:
                return self._without(lost)
            time.sleep(TICK)
        lost = self._lost()
        return self._status() if lost is None else self._without(lost)

    def _tell(self) -> None:
        """Pass the first signal on."""
        self._told = True
        for process in self._living():
            process.send_signal(self._asked[0])

    def _living(self) -> list[subprocess.Popen[bytes]]:
        return [process for process in self._processes if process.poll() is None]

    def _lost(self) -> int | None:
        """The rank of the first process that ended and should not have."""
        fine = {0} | ({128 + self._asked[0], -self._asked[0]} if self._told else set())
        ended = [(rank, process.returncode) for rank, process in enumerate(self._processes)]
        bad = [(rank, status) for rank, status in ended if status is not None and status not in fine]
        # One that was killed explains those that failed without it.
        return min(bad, key=lambda item: (item[1] > 0, item[0]))[0] if bad else None

    def _status(self) -> int:
        """Of processes that ended as they should have."""
        stopped = self._told and any(process.returncode for process in self._processes)
        return 128 + self._asked[0] if stopped else 0

    def _without(self, lost: int) -> int:
        """Let the others save what they know, if they train; the status, or an error that says what became of it."""
        status = self._processes[lost].returncode
        self._peers.lose(lost)
        if self._peers.folder is not None:
            self._wait_for_rescue()
        if status > 0 and self._peers.saved is None:
            return status  # It has said why.
        raise self._loss(lost, status)

    def _wait_for_rescue(self) -> None:
        """Until the last networks are saved and the processes have ended, or it takes too long, or a signal comes."""
        deadline = time.monotonic() + PATIENCE
        before, saved = len(self._asked), False
        while self._living() and time.monotonic() < deadline and len(self._asked) == before:
            if not saved and self._peers.saved is not None:
                saved, deadline = True, time.monotonic() + FAREWELL
            time.sleep(TICK)

    def _loss(self, lost: int, status: int) -> TrainingError:
        """The line about a process that is lost."""
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"failed with status {status}"
        who = f"rank {lost} of {len(self._processes)} (process {self._processes[lost].pid}) {how}"
        saved, folder = self._peers.saved, self._peers.folder
        if folder is None:
            return TrainingError(f"{who} before training began")
        last = f"rank {saved.rank} saved the last networks: {saved.path}" if saved else "nothing more could be saved"
        hint = f"parkour train --resume --run {folder} --gpus {len(self._processes)}"
        return TrainingError(f"{who}; {last}", hint=hint)
