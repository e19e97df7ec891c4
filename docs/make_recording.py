"""Makes ``parkour/testing/recorded_states.npz``: ``python docs/make_recording.py`` (needs the mujoco engine)."""

from __future__ import annotations

from pathlib import Path

import torch

from parkour.learning.rng import seed_everything
from parkour.policies.deployed import load_policy
from parkour.policies.source import pretrained_checkpoint, weights_at
from parkour.registry import default_registry, resolve_target
from parkour.tasks import load_task
from parkour.testing.recorded import FILE, record

NUM_ENVS, WARM_UP, STEPS, SEED = 12, 400, 20, 3
NOISE = 3.0
"""Deviation of what is added to the last environment's actions; the first one's are left as they are."""


def main() -> None:
    seed_everything(SEED)
    course = {"levels": 3, "columns": 5, "roughness": [0.02, 0.06], "start_levels": [0, 2]}
    task = load_task("go2-teacher", overlay="train", changes={"course": course})
    engine = resolve_target(default_registry().get("engine", "mujoco").spec.target)()
    env = engine.make_env(task, num_envs=NUM_ENVS, device="cpu", seed=SEED)
    policy = load_policy(weights_at(pretrained_checkpoint("teacher")), task, env)
    scale = torch.linspace(0.0, NOISE, NUM_ENVS)[:, None]

    def act(obs: object) -> torch.Tensor:
        actions = policy(obs)  # type: ignore[arg-type]
        return actions + scale * torch.randn_like(actions)

    seed_everything(SEED)
    obs = env.get_observations()
    with torch.inference_mode():
        for _ in range(WARM_UP):
            obs = env.step(act(obs))[0]
    path = Path(__file__).parents[1] / "parkour" / "testing" / FILE
    record(env, act, STEPS, path)
    env.close()
    print(f"wrote {path}, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
