"""The robot itself: bytes of states out, bytes of commands in, physics between them. Knows no network and no clock."""

# mujoco's classes are compiled and ship no stubs.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from parkour.errors import ExportError
from parkour.exporters.manifest import Manifest
from parkour.exporters.manifest_file import read_manifest
from parkour.tasks.robot import find_robot
from parkour_deploy.dds.layout import COMMAND, STATE, Message, intact, modes, read
from parkour_mujoco.fake_go2.faults import SILENCE
from parkour_mujoco.fake_go2.options import FakeOptions
from parkour_mujoco.physics import SolverSettings
from parkour_mujoco.robot_files import load_robot_files
from parkour_mujoco.sim2sim.contexts import Contexts
from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, WayPoints, build_courses, choose_terrains
from parkour_mujoco.sim2sim.depth import DepthCamera
from parkour_mujoco.sim2sim.terms import TaskTerms
from parkour_mujoco.sim2sim.world import State, World

STEP = 2
"""Between two states: a Go2 sends 500 a second [ms]."""
CONTROL = 20
"""Between two looks at way points and falls, as in training [ms]."""
JOINTS = 12
SHOVE = 60.0
"""Torque that ``tilt`` turns the base with, for a quarter of a second [N m]."""
SHOVED = 0.25
HUNG = 0.6
"""Height at which a robot that hangs has its base [m]."""
LYING = 0.12
"""Height above the ground at which a robot is laid down [m]."""


@dataclass
class Counts:
    """Commands that came."""

    obeyed: int = 0
    corrupt: int = 0
    """With a wrong checksum: ignored, as by the robot."""
    disabled: int = 0
    """That enable no motors."""
    torn: int = 0
    """While the robot's own controller ran: two writers tear at the motors."""


class FakeGo2:
    """A robot on a course.

    Args:
        folder: of an export, whose task gives robot, terrains and camera.
        options: course and faults.

    Raises:
        ExportError: the export says nothing of the robot's hardware.
    """

    def __init__(self, folder: Path, options: FakeOptions) -> None:
        options.check()
        self.options = options
        self.manifest = manifest = read_manifest(folder)
        if manifest.hardware is None:
            raise ExportError(
                f"{folder}: nothing is known of the robot's hardware, so it has no messages",
                hint="its robot.toml needs a table [hardware]; then export the policy again",
            )
        robot = find_robot(manifest.robot.source)
        layout = manifest.robot.layout()
        self.patch = _course(manifest, options)
        files = load_robot_files(robot.folder, layout, robot.make_model)
        self.world = World(
            files,
            layout,
            self.patch.boxes,
            timestep=STEP / 1000,
            solver=SolverSettings.of(manifest.physics),
            friction=options.friction,
            camera=manifest.camera,
        )
        goals = manifest.goals
        self.goals = WayPoints(self.patch.goals, radius=goals.radius, dwell=goals.dwell, step_dt=CONTROL / 1000)
        self.camera = DepthCamera(manifest.camera) if manifest.camera else None
        self._terms = TaskTerms(manifest, friction=options.friction)
        self._terms.begin(self.patch)
        # The speed that an operator commands is in no message.
        self._contexts = Contexts(
            layout, self.patch, step_dt=CONTROL / 1000, max_steps=round(1000 * options.seconds / CONTROL),
            command=manifest.command.speed[1],
        )  # fmt: skip
        self._default = np.array(layout.default_joint_pos)
        self._motors = np.array(manifest.hardware.motors)
        self._joints = np.argsort(self._motors)
        self._feet = np.array(manifest.hardware.feet)
        self._message = Message(STATE)
        self._command = np.zeros((5, JOINTS))
        self.tick = 0
        """[ms]"""
        self.own_controller = options.sport_mode
        self.counts = Counts()
        self.driven_at: int | None = None
        """Tick of the last command with stiffness that was obeyed."""
        self.limp_at: int | None = None
        """Tick of the first command without stiffness after that one."""
        self.damped_at: int | None = None
        """Tick of the first command without stiffness after the fault."""
        self.walking_since: int | None = None
        self.fell_at: int | None = None
        self.track: list[np.ndarray] = []
        """Position of the base and yaw, every control step from when the policy runs."""
        self._lay_down(np.array(manifest.hardware.lying_joint_pos))

    @property
    def seconds(self) -> float:
        """On its clock."""
        return self.tick / 1000

    @property
    def driven_to_limp(self) -> int | None:
        """From the last command with stiffness to the first without [ms]."""
        return None if self.driven_at is None or self.limp_at is None else self.limp_at - self.driven_at

    @property
    def done(self) -> bool:
        """Whether all way points were reached, it has lain on its back for a second, or its time is over."""
        fallen = self.fell_at is not None and self.tick - self.fell_at > 1000 and self.options.fault is None
        return self.goals.done or fallen or self.seconds >= self.options.seconds

    def fault(self, *kinds: str) -> bool:
        """Whether a fault of one of these kinds has begun."""
        fault = self.options.fault
        return fault is not None and fault.kind in kinds and fault.active(self.seconds)

    @property
    def silent(self) -> bool:
        """Whether it sends no state now."""
        fault = self.options.fault
        return fault is not None and self.fault("stale") and self.seconds < fault.at + SILENCE

    @property
    def picture_due(self) -> bool:
        """Whether a depth picture is taken at this tick."""
        timing = self.manifest.timing
        every = round(1000 * timing.physics_step * timing.decimation) * timing.perception_period
        return self.camera is not None and self.tick % every == 0 and not self.fault("depth")

    def state(self) -> bytes:
        """A message of rt/lowstate."""
        now, fields = self.world.state(), self._message.fields
        quat = np.zeros(4)
        mujoco.mju_mat2Quat(quat, now.rotation.reshape(-1))
        fields["head"], fields["level_flag"], fields["tick"] = (0xFE, 0xEF), 0xFF, self.tick
        fields["quaternion"], fields["gyroscope"] = quat, now.ang_vel
        fields["rpy"] = (now.roll, now.pitch, now.yaw)
        fields["accelerometer"] = now.rotation.T @ np.array([0.0, 0.0, 9.81])
        motor = fields["motor"]
        motor["q"][0, :JOINTS], motor["dq"][0, :JOINTS] = now.joint_pos[self._motors], now.joint_vel[self._motors]
        motor["tau_est"][0, :JOINTS] = self.world.torque[self._motors]
        motor["temperature"][0, :JOINTS] = 35
        force = np.linalg.norm(now.foot_force, axis=-1)[self._feet]
        # The sensors' own numbers: not zero in the air, and not newtons.
        fields["foot_force"] = np.clip(20 + force, 0, 32767)
        fields["remote"] = self._remote()
        fields["soc"], fields["power_v"] = 80, 29.0
        self._break(fields)
        return self._message.seal(corrupt=self.fault("crc"))

    def obey(self, data: bytes) -> int | None:
        """Take a message of rt/lowcmd; the tick that it answers, or None for one that the robot would ignore."""
        if len(data) != COMMAND.itemsize or not intact(data):
            self.counts.corrupt += 1
            return None
        fields = read(data, COMMAND)
        answered = int(fields["reserve"])
        if not modes(data)[:JOINTS].all():
            self.counts.disabled += 1
            return answered
        if self.own_controller:
            self.counts.torn += 1
            return answered
        self.counts.obeyed += 1
        motor = fields["motor"][:JOINTS]
        values = np.stack([motor[name].astype(float) for name in ("q", "dq", "tau", "kp", "kd")])
        self._command = values[:, self._joints]
        if self._command[3].any():
            self.driven_at, self.limp_at = self.tick, None
            return answered
        if self.driven_at is not None and self.limp_at is None:
            self.limp_at = self.tick
        if self.options.fault is not None and self.damped_at is None and self.options.fault.active(self.seconds):
            self.damped_at = self.tick
        return answered

    def step(self) -> None:
        """Two milliseconds on."""
        world = self.world
        if self.walking_since is None and self.seconds >= self.options.script.policy:
            self.walking_since = self.tick
        if self.tick % CONTROL == 0:
            self._look_around(world.state())
        world.torque = world.data.ctrl[:] = self._torque()
        world.data.xfrc_applied[:] = 0.0
        fault = self.options.fault
        if fault is not None and self.fault("tilt") and self.seconds < fault.at + SHOVED:
            world.data.xfrc_applied[world.base_body, 3] = SHOVE
        mujoco.mj_step(world.model, world.data)
        if self.options.hang:
            self._hold_up()
        self.tick += STEP

    def picture(self) -> np.ndarray:
        """``[H, W]`` [m] along the rays."""
        assert self.camera is not None
        self.world.settle()
        return self.camera.capture(self.world.model, self.world.data, rays=True)

    def _look_around(self, now: State) -> None:
        if self.walking_since is None:
            return
        self.track.append(np.array([*now.base_pos, now.yaw]))
        if self.tick > self.walking_since:
            self.goals.advance(now.base_pos[:2])
        if self.fell_at is None and self._failed(now):
            self.fell_at = self.tick

    def _failed(self, now: State) -> bool:
        """Whether the task's terminations take this for a failure."""
        yaws = self.goals.yaws(now.base_pos[:2], now.yaw)
        action = (self._command[0] - self._default) / self.manifest.control.action_scale
        goals = self.goals.seen(now.base_pos[:2], yaws)
        context = self._contexts.acted(now, self.world.torque, goals, action)
        self._contexts.last_force = now.foot_force
        return self._terms.ended(context).failed

    def _torque(self) -> np.ndarray:
        """Each motor's own loop, within what it can give at its speed."""
        pos, dq, tau, kp, kd = self._command
        joint_pos, joint_vel = self.world.joints()
        wanted = tau + kp * (pos - joint_pos) + kd * (dq - joint_vel)
        return self.world.motors.limited(wanted, joint_vel)

    def _remote(self) -> np.ndarray:
        remote = self.options.script.remote(self.seconds)
        keys = set(remote.keys)
        if self.fault("remote"):
            keys.discard("L1")
        if self.fault("stop"):
            keys.add("B")
        return type(remote)(frozenset(keys), right_x=remote.right_x).pack()

    def _break(self, fields: np.ndarray) -> None:
        """Faults of the readings."""
        motor = fields["motor"]
        if self.fault("nan"):
            motor["q"][0, 4] = np.nan
        if self.fault("joint"):
            motor["q"][0, 5] = 0.5
        if self.fault("speed"):
            motor["dq"][0, 1] = 60.0
        if self.fault("torque"):
            motor["tau_est"][0, 2] = 60.0
        if self.fault("hot"):
            motor["temperature"][0, 7] = 95
        if self.fault("battery"):
            fields["power_v"] = 20.0

    def _lay_down(self, joint_pos: np.ndarray) -> None:
        self._rest = self.patch.spawn + np.array([0.0, 0.0, HUNG if self.options.hang else LYING])
        self.world.place(self._rest, joint_pos)

    def _hold_up(self) -> None:
        """The base stays where it hangs."""
        self.world.pin(self._rest)


def _course(manifest: Manifest, options: FakeOptions) -> Patch:
    (terrain,) = choose_terrains(manifest, (options.terrain,))
    plan = CoursePlan((terrain,), (options.difficulty, options.difficulty), 1, options.seed)
    return Patch(build_courses(manifest, plan), 0)
