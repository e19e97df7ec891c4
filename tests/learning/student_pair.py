"""One of two processes that train a student: ``torchrun … -m tests.learning.student_pair FOLDER TEACHER TASK``."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from parkour.engines.device import rank
from parkour.learning import train as module
from parkour.learning.options import TrainOptions
from parkour.learning.run_state import RunState
from tests.learning.student_fakes import make_student_env, student_task

states: list[RunState] = []


def main() -> None:
    folder, teacher, task = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    restore = module._restore
    module._restore = lambda state, *rest: (states.append(state), restore(state, *rest))[1]
    options = TrainOptions(
        num_envs=4, iterations=3, device="cpu", log_root=folder, logger="none", progress=False, checkpoint=teacher
    )
    sets = ("algorithm.params.learning_rate_schedule='cosine'", "algorithm.params.mirrored_share=0.5")
    result = module.train(student_task(*sets, name=task), options, make_env=make_student_env)
    algorithm = states[0].runner.alg
    report = {
        "student": algorithm.student.state_dict(),
        "loss": result.metrics["Loss/action"],
        "rate": algorithm.learning_rate,
    }
    torch.save(report, folder / f"rank{rank()}.pt")


if __name__ == "__main__":
    main()
