"""Models and checkpoints that the built-in tasks use, found through :func:`robot_dir`."""

from __future__ import annotations

from pathlib import Path


def robot_dir(name: str) -> Path:
    """Folder of a built-in robot: its ``robot.toml`` and the model file that it names.

    Raises:
        FileNotFoundError: no robot of that name is here.
    """
    folder = Path(__file__).parent / name
    if not (folder / "robot.toml").is_file():
        raise FileNotFoundError(f"no robot {name!r} in {folder.parent}")
    return folder
