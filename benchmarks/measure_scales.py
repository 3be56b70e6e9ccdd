"""Measure each task's observation, reward and cost scales under the random policy, and note its spaces.

    python benchmarks/measure_scales.py [--missing] [TASK ...]

Writes into ``robust_gym/measurements.json``: ``observation_scale`` (standard deviation of every dimension, never below
a hundredth of the median one; 1 where nothing varies), ``reward_scale`` (root mean square of one step's reward),
``cost_scale`` (the same of the steps that cost anything), both 1 where the random policy meets none, and ``spaces``.
Image observations keep half their range; Discrete ones have no scale. Ids, families and globs name tasks;
``--missing`` leaves out those measured already. Tasks of plug-ins are left out: they bring scales of their own.
"""

from __future__ import annotations

import argparse
from typing import Any

import measurements
import numpy as np

import robust_gym
from robust_gym import registry
from robust_gym.conformance.spaces import describe_spaces

STEPS = 20_000
SLOW_STEPS = 3_000
FEWER = {"highway": 500}
"""Of families whose steps take tens of milliseconds."""


class Seen:
    """What the random policy has met.

    Attributes:
        observations: Observations by agent, or by part of a dict observation; ``""`` for the only one.
        rewards: Every reward.
        costs: Every cost.
    """

    def __init__(self) -> None:
        self.observations: dict[str, list[np.ndarray]] = {}
        self.rewards: list[float] = []
        self.costs: list[float] = []

    def see(self, observation: Any) -> None:
        """Note an observation."""
        parts = observation if isinstance(observation, dict) else {"": observation}
        for name, one in parts.items():
            self.observations.setdefault(name, []).append(np.array(one))

    def earn(self, reward: float, info: dict[str, Any]) -> None:
        """Note what one agent was told of a step."""
        self.rewards.append(float(reward))
        if "cost" in info:
            self.costs.append(float(info["cost"]))


def rollout(id: str) -> Seen:
    """Play the random policy."""
    task = registry.task(id)
    env: Any = robust_gym.make(id)
    many = task.api == "parallel"
    spaces = {a: env.action_space(a) for a in env.possible_agents} if many else {"": env.action_space}
    for number, space in enumerate(spaces.values()):
        space.seed(number)
    seen = Seen()
    seed = 0
    steps = FEWER.get(task.family, SLOW_STEPS if task.slow else STEPS)
    while len(seen.rewards) < steps:
        observation, _ = env.reset(seed=seed)
        seed += 1
        over = False
        while not over:
            seen.see(observation)
            if many:
                observation, rewards, _, _, infos = env.step({a: spaces[a].sample() for a in env.agents})
                for agent, reward in rewards.items():
                    seen.earn(reward, infos[agent])
                over = not env.agents
            else:
                observation, reward, terminated, truncated, info = env.step(spaces[""].sample())
                seen.earn(reward, info)
                over = terminated or truncated
    env.close()
    return seen


def scale(observations: list[np.ndarray]) -> list[Any]:
    """Return the scale of every dimension, in the space's shape, to six digits."""
    rows = np.array(observations)
    spread = rows.astype(np.float64).std(axis=0)
    varying = spread[spread > 0]
    floor = 0.01 * np.median(varying) if varying.size else 1.0
    result: list[Any] = np.vectorize(lambda value: float(f"{max(value, floor):.6g}"))(spread).tolist()
    return result


def root_mean_square(values: list[float]) -> float:
    """Return it to six digits, or 1 where there is nothing but zeros."""
    square = float(np.mean(np.square(values))) if values else 0.0
    return float(f"{np.sqrt(square):.6g}") if square else 1.0


def measure(id: str) -> dict[str, Any]:
    """Measure one task."""
    task, seen = registry.task(id), rollout(id)
    entry: dict[str, Any] = {"reward_scale": root_mean_square(seen.rewards), "spaces": describe_spaces(id)}
    if task.cost:
        entry["cost_scale"] = root_mean_square([cost for cost in seen.costs if cost])
    if task.observation not in ("image", "discrete"):
        scales = {name: scale(many) for name, many in seen.observations.items()}
        entry["observation_scale"] = scales.get("", scales)
    return entry


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*")
    parser.add_argument("--missing", action="store_true")
    options = parser.parse_args()
    own = measurements.own_tasks()
    ids = registry.match_tasks(options.tasks) if options.tasks else own
    for id in ids:
        if id not in own:
            print(f"{id} does not come with robust-gym: left out")
            continue
        known = measurements.load().get(id, {})
        if registry.task(id).missing() or (options.missing and "spaces" in known):
            continue
        entry = measure(id)
        measurements.save(id, **entry)
        print(f"{id}: reward scale {entry['reward_scale']:g}", flush=True)


if __name__ == "__main__":
    main()
