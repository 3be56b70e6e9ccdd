"""Measure each task's observation and reward scales under the random policy.

    python benchmarks/measure_scales.py [TASK ...]

Writes ``observation_scale`` (standard deviation of every dimension, never below a hundredth of the median
one) and ``reward_scale`` (root mean square of one step's reward) into
``robust_gym/measurements.json``. Image observations keep half their range.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import robust_gym
from robust_gym import registry

STEPS = 20_000
FILE = Path(__file__).parents[1] / "robust_gym" / "measurements.json"


def rollout(id: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return observations per agent (``""`` for a single one) and rewards of the random policy."""
    task = registry.task(id)
    env: Any = robust_gym.make(id)
    seen: dict[str, list[np.ndarray]] = {}
    rewards: list[float] = []
    many = task.api == "parallel"
    spaces = {a: env.action_space(a) for a in env.possible_agents} if many else {"": env.action_space}
    for number, space in enumerate(spaces.values()):
        space.seed(number)
    seed = 0
    while len(rewards) < STEPS:
        observation, _ = env.reset(seed=seed)
        seed += 1
        over = False
        while not over:
            for agent, one in (observation if many else {"": observation}).items():
                seen.setdefault(agent, []).append(np.array(one))
            if many:
                observation, reward, _, _, _ = env.step({a: spaces[a].sample() for a in env.agents})
                rewards.extend(reward.values())
                over = not env.agents
            else:
                observation, reward, terminated, truncated, _ = env.step(spaces[""].sample())
                rewards.append(float(reward))
                over = terminated or truncated
    env.close()
    return {agent: np.array(many_of_one) for agent, many_of_one in seen.items()}, np.array(rewards)


def scale(observations: np.ndarray) -> list[float]:
    """Return the scale of every dimension, to six digits."""
    spread = observations.astype(np.float64).std(axis=0).ravel()
    floor = 0.01 * np.median(spread[spread > 0])
    return [float(f"{max(value, floor):.6g}") for value in spread]


def main(ids: list[str]) -> None:
    """Measure and write."""
    data = json.loads(FILE.read_text())
    for id in ids or robust_gym.list_tasks():
        observations, rewards = rollout(id)
        entry = data.setdefault(id, {})
        if registry.task(id).observation != "image":
            scales = {agent: scale(seen) for agent, seen in observations.items()}
            entry["observation_scale"] = scales.get("", scales)
        entry["reward_scale"] = float(f"{np.sqrt(np.mean(rewards**2)):.6g}")
        print(f"{id}: reward scale {entry['reward_scale']:g}", flush=True)
        FILE.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
