"""A log through the export again: does it compute what it computed on the robot?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from parkour_deploy.contract import Contract
from parkour_deploy.errors import DeployError
from parkour_deploy.files import whole_file
from parkour_deploy.log import LogFile
from parkour_deploy.observer import Observer, Readings
from parkour_deploy.policy import GraphPolicy

TOLERANCE = 1e-5
"""Of an action: another machine's processor may round otherwise."""


@dataclass(frozen=True)
class ReplayResult:
    """How a replay compares."""

    steps: int
    episodes: int
    worst: float
    """Greatest difference of an action."""
    equal: bool


def replay(contract: Contract, log: LogFile) -> ReplayResult:
    """Run the steps of a log through the export, pictures and their delays as they were.

    Raises:
        DeployError: the log is another export's, or holds no step of a policy.
    """
    if log.head["export"] != contract.sha256:
        got, expected = log.head["export"][:12], contract.sha256[:12]
        raise DeployError(
            f"{log.path} is of another export: its hash begins with {got}, {contract.folder}'s with {expected}"
        )
    steps = log.steps
    if not steps:
        raise DeployError(f"{log.path} holds no step of the policy")
    observer: Observer[Readings] = Observer(contract, groups={"height_scan": lambda now, group: np.zeros(group.size)})
    policy = GraphPolicy(contract, background=bool(log.head["background"]))
    worst = 0.0
    for index in range(len(steps["tick"])):
        if steps["begins"][index] or index == 0:
            observer.reset()
            policy.reset()
        observation = observer.observe(_readings(steps, index, log))
        raw = policy(observation[None], adopt=bool(steps["adopted"][index]))[0].astype(float)
        action = np.clip(raw, -contract.action_clip, contract.action_clip)
        worst = max(worst, float(np.abs(action - steps["action"][index]).max()))
    return ReplayResult(len(steps["tick"]), max(1, int(steps["begins"].sum())), worst, worst <= TOLERANCE)


def _readings(steps: dict[str, np.ndarray], index: int, log: LogFile) -> Readings:
    row: dict[str, Any] = {key: column[index] for key, column in steps.items()}
    picture = int(row["picture"])
    return Readings(
        ang_vel=row["ang_vel"],
        roll=float(row["roll"]),
        pitch=float(row["pitch"]),
        yaws=(float(row["yaws"][0]), float(row["yaws"][1])),
        command=float(row["command"]),
        flat=bool(log.head["flat"]),
        joint_pos=row["joint_pos"],
        joint_vel=row["joint_vel"],
        action=row["last_action"],
        contact=row["contact"],
        depth=log.pictures[picture] if picture >= 0 else None,
    )


def plot(log: LogFile, folder: Path) -> list[Path]:
    """Pictures of jitter, torques and temperatures over time.

    Raises:
        DeployError: matplotlib is not installed, or nothing was logged.
    """
    try:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot
    except ImportError:
        raise DeployError("plots need matplotlib, which is not installed", hint="pip install matplotlib") from None
    if not log.states:
        raise DeployError(f"{log.path} holds no states")
    folder.mkdir(parents=True, exist_ok=True)
    states, seconds = log.states, log.states["tick"] / 1000.0
    charts = (
        ("latency", "state to command [ms]", seconds, states["latency_ms"]),
        ("torque", "torque [N m]", seconds, states["torque"]),
        ("temperature", "temperature of the motors [°C]", seconds, states["temperature"]),
    )
    written = []
    for name, label, x, y in charts:
        figure, axes = pyplot.subplots(figsize=(9, 3.5), layout="constrained")
        axes.plot(x, y, linewidth=0.7)
        axes.set_xlabel("robot's clock [s]")
        axes.set_ylabel(label)
        written.append(folder / f"{name}.png")
        with whole_file(written[-1]) as part:
            figure.savefig(str(part), dpi=110)
        pyplot.close(figure)
    return written
