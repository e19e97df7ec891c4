"""What brings a policy onto a robot: export targets, robot links, depth sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from parkour.specs.spec import Kind, Spec


@dataclass(frozen=True, kw_only=True)
class ExportTargetSpec(Spec):
    """A format that ``parkour export`` writes: a class made as ``Target(**params)``.

    See :class:`parkour.exporters.targets.ExportTarget`.
    """

    kind: ClassVar[Kind] = "export_target"


@dataclass(frozen=True, kw_only=True)
class RobotLinkSpec(Spec):
    """A robot within reach of ``parkour deploy``: a class made as ``Target(context)``.

    See :class:`parkour_deploy.links.link.RobotLink`. For the robot's own computer, where only ``parkour-deploy`` is
    installed, the same address goes into the entry-point group ``parkour.robot_links``.
    """

    kind: ClassVar[Kind] = "robot_link"


@dataclass(frozen=True, kw_only=True)
class DepthSourceSpec(Spec):
    """A depth camera for ``parkour deploy``: a class made as ``Target(context)``.

    See :class:`parkour_deploy.depth.source.DepthSource`; the entry-point group is ``parkour.depth_sources``.
    """

    kind: ClassVar[Kind] = "depth_source"
