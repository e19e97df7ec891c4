"""Robots that are not the built-in one: the scaffold's dog, changed by replacing text in its files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from parkour.reading import read_toml
from parkour.tasks.resolved import ResolvedTask
from parkour.tasks.robot import RobotFile
from parkour.tasks.validation import validate
from parkour_cli.scaffold import project_files

CONTENTS = project_files("parkour-robot-dog", "robot")
MODEL, TOML = CONTENTS["parkour_robot_dog/robot/model.xml"], CONTENTS["parkour_robot_dog/robot/robot.toml"]
LEGS = ("FL", "FR", "RL", "RR")
Change = tuple[str, str]
"""Old text and new."""


def with_robot(task: ResolvedTask, folder: Path, model: str, toml: str) -> ResolvedTask:
    """The task with the robot of these two files, which are written to ``folder``."""
    (folder / "model.xml").write_text(model)
    (folder / "robot.toml").write_text(toml)
    own = {key: value for key, value in read_toml(folder / "robot.toml").items() if not isinstance(value, dict)}
    return replace(task, robot=validate(RobotFile, own).layout(), robot_folder=str(folder), make_robot_model=None)


def changed(text: str, *changes: Change) -> str:
    """``text`` with every occurrence of what is old replaced; each must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def with_feet(geom: str) -> str:
    """The dog's model with other shapes for feet."""
    foot = '<geom name="{}_foot_collision" {}/>'
    return changed(MODEL, *((foot.format(leg, 'class="foot"'), foot.format(leg, geom)) for leg in LEGS))


def hexapod() -> tuple[str, str]:
    """Model and ``robot.toml`` of a dog with a third pair of legs, between the others."""
    model, toml = MODEL, TOML
    for side in "LR":
        leg = re.search(rf'      <body name="F{side}_hip".*?\n      </body>\n', model, re.DOTALL)
        assert leg
        middle = leg[0].replace(f"F{side}_", f"M{side}_").replace('pos="0.18 ', 'pos="0.0 ')
        model = model.replace("    </body>\n  </worldbody>", f"{middle}    </body>\n  </worldbody>")
    pair = lambda text: f"{text.replace('RL', 'ML')}, {text.replace('RL', 'MR')}, {text}"  # noqa: E731
    for part in ("hip_joint", "thigh_joint", "calf_joint", "thigh", "calf", "foot"):
        toml = toml.replace(f'"RL_{part}"', pair(f'"RL_{part}"'))
    toml = re.sub(r"= \[([-\d., ]+)\]", _of_six_legs, toml)
    parts = [f"{leg}_{part}" for part in ("thigh", "calf", "foot") for leg in ("ML", "MR")]
    return model, toml + "".join(f'{part} = ["{part}_collision"]\n' for part in parts)


def _of_six_legs(found: re.Match[str]) -> str:
    """Numbers of joints, for four legs, with the first two of each kind of joint again in the middle."""
    numbers = found[1].split(", ")
    if len(numbers) != 12:
        return found[0]
    rows = [numbers[i : i + 4] for i in (0, 4, 8)]
    return f"= [{', '.join(number for row in rows for number in row[:2] + row[:2] + row[2:])}]"
