"""What disruptions cost beside the physics, as ratios of CPU time in one run.

    python benchmarks/disruption_overhead.py [--runs 15] [--keep]

One environment: Hopper under a disruption of every channel against Gymnasium's own, step by step, resets apart. What
moves it is disturbed very little, and it does not fall, so that the physics is the same. A batch: four terms of
``VectorDisruption`` on 64 copies of an environment that does nothing, against a step of 64 bare Hoppers in Gymnasium's
``SyncVectorEnv``, one after the other. The limits are 1.25 and 1.05. Pieces alternate, and the least of many times is
taken, which a busy machine disturbs least.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from recorded import Table

import robust_gym
from robust_gym.vector.disruption import VectorDisruption

ID = "Robust-Hopper-v0"
SINGLE = "dynamics:1e-6+action:gauss:1e-6+reward:gauss:0.1+obs:gauss:0.1"
BATCH = "action:gauss:0.1+reward:gauss:0.1+obs:gauss:0.1+obs:delay:2"
COPIES = 64


class Nothing(VectorEnv):
    """Copies of an environment with another one's spaces in which nothing happens."""

    def __init__(self, like: VectorEnv) -> None:
        self.num_envs, self.metadata = like.num_envs, {"autoreset_mode": AutoresetMode.NEXT_STEP}
        self.single_observation_space, self.observation_space = like.single_observation_space, like.observation_space
        self.single_action_space, self.action_space = like.single_action_space, like.action_space
        never = np.zeros(self.num_envs, bool)
        seen: Any = np.zeros(like.observation_space.shape)
        self._same = seen, np.zeros(self.num_envs), never, never, dict[str, Any]()

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Do nothing."""
        return self._same[0], {}

    def step(self, actions: Any) -> Any:
        """Do nothing."""
        return self._same


def seconds(env: Any, actions: np.ndarray) -> float:
    """Return the CPU seconds of a step."""
    env.reset(seed=1)
    before = time.process_time()
    for action in actions:
        env.step(action)
    return (time.process_time() - before) / len(actions)


def reset_seconds(env: Any) -> float:
    """Return the CPU seconds of a reset."""
    before = time.process_time()
    for _ in range(30):
        env.reset(seed=1)
    return (time.process_time() - before) / 30


def least(runs: int, *pieces: Callable[[], float]) -> list[float]:
    """Return the least time of each piece, after a round that warms up."""
    return [min(times) for times in zip(*[[piece() for piece in pieces] for _ in range(runs + 1)][1:], strict=True)]


def row(name: str, bare: float, disturbed: float) -> tuple[str, ...]:
    """Return two times and their ratio."""
    return name, f"{bare * 1e6:.0f}", f"{disturbed * 1e6:.0f}", f"{disturbed / bare:.3f}"


def measure(runs: int) -> Table:
    """Time all pieces."""
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (900, 3)).astype(np.float32)
    plain = gym.make("Hopper-v5", terminate_when_unhealthy=False)
    disturbed = robust_gym.make(ID, disruption=SINGLE, terminate_when_unhealthy=False)
    step, ours = least(runs, lambda: seconds(plain, actions), lambda: seconds(disturbed, actions))
    reset, renewed = least(runs, lambda: reset_seconds(plain), lambda: reset_seconds(disturbed))
    hoppers = SyncVectorEnv([lambda: gym.make("Hopper-v5", terminate_when_unhealthy=False)] * COPIES)
    nothing = Nothing(hoppers)
    only = VectorDisruption(Nothing(hoppers), BATCH, ID)
    many = rng.uniform(-1, 1, (40, COPIES, 3)).astype(np.float32)
    bare, idle, terms = least(
        runs, lambda: seconds(hoppers, many), lambda: seconds(nothing, many), lambda: seconds(only, many)
    )
    rows = [
        row("a step", step, ours),
        row("a reset", reset, renewed),
        row(f"a step of {COPIES} copies", bare, bare + terms - idle),
    ]
    command = f"python benchmarks/disruption_overhead.py --runs {runs}"
    return Table("disruption_overhead", command, ("Hopper, µs CPU", "bare", "disturbed", "ratio"), rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/results and docs/speed.md")
    options = parser.parse_args()
    table = measure(options.runs)
    print(table)
    if options.keep:
        table.keep()
