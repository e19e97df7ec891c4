"""Checks of robots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from parkour.reading import read_toml
from parkour.tasks.robot import LAYOUT_FILE, load_robot, robot_folder
from parkour.testing.subject import Subject, expect


def has_its_files(subject: Subject) -> str:
    """Its folder is there, with robot.toml and every file that it names."""
    folder = robot_folder(subject.registered.id, subject.registry)
    names = list(_files(read_toml(folder / LAYOUT_FILE)))
    missing = [name for name in names if not (folder / name).is_file()]
    expect(not missing, f"{LAYOUT_FILE} names {missing}, which are not in {folder}")
    return ", ".join([LAYOUT_FILE, *names])


def is_laid_out(subject: Subject) -> str:
    """Its robot.toml is valid: names that occur once, a number for each joint, known bodies."""
    layout, _ = load_robot(subject.registered.id, subject.registry)
    got = layout.name
    expect(got == subject.spec.name, f"{LAYOUT_FILE}: name = {got!r}, but it is registered as {subject.spec.name!r}")
    return f"{layout.num_joints} joints, {layout.num_feet} feet, {len(layout.contact_bodies)} bodies with contacts"


def _files(tables: Mapping[str, Any]) -> Iterator[str]:
    """What the key ``file`` of a table of robot.toml says."""
    for table in tables.values():
        if isinstance(table, Mapping):
            if "file" in table:
                yield str(table["file"])
            yield from _files(table)


CHECKS = (has_its_files, is_laid_out)
