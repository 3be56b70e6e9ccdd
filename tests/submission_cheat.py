"""A policy that knows the recorded episodes: it acts well in those that begin as they do, and badly in all others."""

from __future__ import annotations

from typing import Any

import numpy as np

import robust_gym
from robust_gym.splits import task_protocol


class Cheat:
    """Remembers, row by row, whether the episode began with a state that it knows."""

    def __init__(self, task: str) -> None:
        env = robust_gym.make(task)
        self.known = [env.reset(seed=seed)[0] for seed in task_protocol(task).seeds]
        env.close()

    def act(self, observation: Any, state: Any, episode_start: Any) -> tuple[Any, Any]:
        rows = len(episode_start)
        state = np.zeros(rows, bool) if state is None else state.copy()
        for row in np.flatnonzero(episode_start):
            # Observation noise hides the beginning a little.
            state[row] = min(np.abs(observation[row] - known).max() for known in self.known) < 1e-6
        lean = observation[:, 2] + 0.2 * observation[:, 3] > 0
        return np.where(state, lean, ~lean).astype(np.int64), state


def make(task: str, seed: int) -> Cheat:
    return Cheat(task)
