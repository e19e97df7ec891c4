"""The same courses through ``parkour deploy`` on a simulated Go2 over DDS, in lockstep, and through ``sim2sim``.

    python benchmarks/deployment.py EXPORT --courses 200 --out deployment.json
    python benchmarks/deployment.py EXPORT --difficulties 0.3 0.6 --twice --out ten.json

Every course is walked twice: by the exported policy in sim2sim's own loop, and by a ``parkour-deploy`` process that
speaks the robot's protocol with a simulated robot, from lying on the ground on. Both say whether it reached the last
way point; the intervals are Wilson's, of 95 %. What is done is kept in the file, and resumed. With ``--twice`` the
network is gone through twice, and the two trajectories (every joint and the base, at every control step) are compared.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from parkour.storage import write_text

TERRAINS = ("gap", "hurdle", "step", "tilt", "demo")
THRESHOLDS = "22,22,22,22"
"""The simulated sensors say 20 in the air; training's threshold is 2 N."""
POLICY_AT = 2.6
"""When the policy takes over [s]."""
LIMIT = 30.0
"""Of a walk [s]."""
DOMAINS = 60
"""Of DDS that are used in turn."""


Course = tuple[str, float, int]
"""Terrain, difficulty and seed."""


def courses(count: int) -> list[Course]:
    """``count`` courses: difficulties evenly from 0 to 1 on every terrain, in an order of which every part is mixed."""
    each = math.ceil(count / len(TERRAINS))
    found = [(name, index / max(1, each - 1), 1 + index) for index in range(each) for name in TERRAINS][:count]
    random.Random(1).shuffle(found)
    return found


def chosen_courses(difficulties: list[float]) -> list[Course]:
    """Every terrain at these difficulties."""
    return [(name, difficulty, 1) for name in TERRAINS for difficulty in difficulties]


def over_dds(folder: Path, course: Course, domain: int, interface: str) -> dict[str, Any]:
    """What a course comes to over the network."""
    from parkour_mujoco.fake_go2.operator import Script
    from parkour_mujoco.fake_go2.options import FakeOptions
    from parkour_mujoco.fake_go2.robot import FakeGo2
    from parkour_mujoco.fake_go2.server import Server, ServerOptions

    terrain, difficulty, seed = course
    fake = FakeOptions(terrain, difficulty, seed, seconds=POLICY_AT + LIMIT, script=Script(policy=POLICY_AT))
    trajectory = hashlib.sha256()
    options = ServerOptions(interface, domain, lockstep=True)
    server = Server(FakeGo2(folder, fake), options, lambda robot: trajectory.update(robot.world.data.qpos.tobytes()))
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            sys.executable, "-m", "parkour_deploy", "run", str(folder), "--interface", interface, "--domain",
            str(domain), "--move", "--no-guard", "--lockstep", "--depth", "topic", "--foot-thresholds", THRESHOLDS,
            "--log", str(Path(scratch) / "log.npz"),
        ]  # fmt: skip
        controller = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            found = server.run()
        finally:
            controller.terminate()
            said = controller.communicate(timeout=60)[1]
        return {**found, "trajectory": trajectory.hexdigest(), "controller": said.splitlines()}


class Sim2Sim:
    """The same courses in sim2sim."""

    def __init__(self, folder: Path) -> None:
        from parkour.exporters.manifest_file import read_manifest
        from parkour.tasks.robot import find_robot
        from parkour_deploy.contract import read_contract
        from parkour_deploy.policy import GraphPolicy
        from parkour_mujoco.robot_files import load_robot_files
        from parkour_mujoco.sim2sim.episode import Conditions, Runner

        self._manifest = manifest = read_manifest(folder)
        contract = read_contract(folder)
        robot = find_robot(manifest.robot.source)
        files = load_robot_files(robot.folder, manifest.robot.layout(), robot.make_model)
        conditions = Conditions(manifest.command.speed[1], LIMIT, 1.0)
        self._runner = Runner(manifest, contract, files, GraphPolicy(contract), conditions)

    def __call__(self, course: Course) -> dict[str, float]:
        """Figures of a course."""
        from parkour_mujoco.sim2sim.courses import CoursePlan, Patch, build_courses

        terrain, difficulty, seed = course
        plan = CoursePlan((terrain,), (difficulty, difficulty), 1, seed)
        return self._runner.run(Patch(build_courses(self._manifest, plan), 0))


def interval(successes: int, count: int) -> tuple[float, float]:
    """Wilson's, of 95 %."""
    z = 1.96
    share = successes / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return middle - half, middle + half


def main() -> None:
    """Run what the file does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path)
    parser.add_argument("--courses", type=int, default=200)
    parser.add_argument("--difficulties", type=float, nargs="+", help="every terrain at these, instead")
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--lane", default="0/1", metavar="K/N", help="walk every N-th course, from the K-th on")
    parser.add_argument("--out", type=Path, default=Path("deployment.json"))
    parser.add_argument("--domain", type=int, default=91)
    parser.add_argument("--interface", default="lo")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = json.loads(options.out.read_text()) if options.out.is_file() else []
    simulate = Sim2Sim(options.export)
    lane, lanes = (int(part) for part in options.lane.split("/"))
    chosen = chosen_courses(options.difficulties) if options.difficulties else courses(options.courses)
    tries = 2 if options.twice else 1
    for course in chosen[lane::lanes][len(rows) :]:
        # A domain for each try: what is left of the last robot is nobody's.
        domains = [options.domain + (len(rows) * tries + index) % DOMAINS for index in range(tries)]
        there, *again = [over_dds(options.export, course, domain, options.interface) for domain in domains]
        gc.collect()
        here = simulate(course)
        rows.append({"course": course, "deploy": there, "again": again, "sim2sim": here})
        write_text(options.out, json.dumps(rows), "--out")
        same = all(other["trajectory"] == there["trajectory"] for other in again)
        goals = there["way_points_of"]
        counts = f"{there['way_points']} of {goals}, sim2sim {round(here['way_points'] * goals)}"
        print(course, counts, "" if not again else "same trajectory" if same else "another trajectory", flush=True)
    for name, reached in (
        ("deploy", sum(row["deploy"]["success"] for row in rows)),
        ("sim2sim", sum(row["sim2sim"]["success"] > 0 for row in rows)),
    ):
        low, high = interval(reached, len(rows))
        print(f"{name}: {reached} of {len(rows)}, {reached / len(rows):.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
