"""One of two processes that train together: ``torchrun … -m tests.learning.pair FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from parkour.engines.device import rank
from parkour.learning import train as module
from parkour.learning.options import TrainOptions
from parkour.learning.run_state import RunState
from tests.learning.fakes import fake_task, make_env

states: list[RunState] = []


def main() -> None:
    folder = Path(sys.argv[1])
    restore = module._restore
    module._restore = lambda state, *rest: (states.append(state), restore(state, *rest))[1]
    options = TrainOptions(
        num_envs=4, iterations=4, save_interval=4, device="cpu", log_root=folder, logger="none", progress=False
    )
    # Every second iteration is a DAgger iteration.
    result = module.train(fake_task("algorithm.params.dagger_interval=2"), options, make_env=make_env)
    algorithm = states[0].runner.alg
    report = {
        "actor": algorithm.actor.state_dict(),
        "critic": algorithm.critic.state_dict(),
        "learning_rate": algorithm.learning_rate,
        "loss": result.metrics["Loss/value"],
    }
    torch.save(report, folder / f"rank{rank()}.pt")


if __name__ == "__main__":
    main()
