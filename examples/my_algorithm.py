"""An algorithm of your own in one file: basic random search over linear policies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.baselines.base import Progress, read_policy, save_policy, training_seed
from robust_gym.registry import register_algorithm
from robust_gym.task import Budget, Task


# --8<-- [start:policy]
class LinearPolicy:
    """Scores ``weights @ observation``: the action itself, or one score per Discrete action."""

    def __init__(self, weights: np.ndarray, space: spaces.Space[Any], task: Task) -> None:
        self.weights = weights
        self._space = space
        self._task = task

    def act(self, observation: np.ndarray, state: Any, episode_start: np.ndarray) -> tuple[Any, Any]:
        """Choose the actions of a batch ``[B, …]``; without memory, the state stays what it is."""
        scores = observation.reshape(len(observation), -1) @ self.weights.T
        if isinstance(self._space, spaces.Discrete):
            return scores.argmax(axis=1), state
        actions = scores.reshape(-1, *self._space.shape)
        return np.clip(actions, self._space.low, self._space.high).astype(self._space.dtype), state

    def save(self, directory: Path) -> None:
        """Write the weights as safetensors, and JSON that names the algorithm and the task."""
        import torch

        weights = {"weights": torch.from_numpy(self.weights)}
        save_policy(directory, "random-search", self._task, weights, {})


# --8<-- [end:policy]


# --8<-- [start:algorithm]
@register_algorithm(
    "random-search",
    about="Basic random search: a linear policy, moved along random directions that did well.",
    apis=("gymnasium",),
    observations=("box",),
    modules=("torch",),
    install='pip install "robust-gym[torch]"',
    paper="Mania et al., Simple random search of static linear policies, NeurIPS 2018 (BRS)",
)
@dataclass
class RandomSearch:
    """Basic random search.

    Attributes:
        directions: Random directions tried in an iteration, each both ways for one episode.
        step_size: How far the weights move.
        noise: How far the weights of a trial are away.
        train_disruption: Disruption of the training episodes.
    """

    directions: int = 8
    step_size: float = 0.1
    noise: float = 0.3
    train_disruption: str = "none"

    def train(self, task: Task, budget: Budget, seed: int, progress: Progress) -> LinearPolicy:
        """Train, using at most ``budget.steps`` environment steps."""
        from robust_gym.tasks import make

        rng = np.random.default_rng(seed)
        env = make(task.id, disruption=self.train_disruption)
        space = env.action_space
        rows = space.n if isinstance(space, spaces.Discrete) else int(np.prod(space.shape))
        weights = np.zeros((rows, int(np.prod(env.observation_space.shape))))
        used = 0
        while used < budget.steps:
            deltas = rng.standard_normal((self.directions, *weights.shape))
            returns = np.zeros((2, self.directions))
            for number, delta in enumerate(deltas):
                for way, sign in enumerate((1, -1)):
                    trial = LinearPolicy(weights + sign * self.noise * delta, space, task)
                    left = budget.steps - used
                    returns[way, number], steps = _episode(env, trial, training_seed(rng), left)
                    used += steps
                    progress(used)
            if used == budget.steps:
                break  # in the middle of an iteration, whose returns are not all whole
            spread = returns.std() or 1.0
            better = np.tensordot(returns[0] - returns[1], deltas, 1)
            weights += self.step_size / (self.directions * spread) * better
        env.close()
        return LinearPolicy(weights, space, task)

    @staticmethod
    def load(directory: Path, task: Task) -> LinearPolicy:
        """Load what the policy has saved."""
        from robust_gym.tasks import make

        weights, _ = read_policy(directory)
        env = make(task.id)
        env.close()
        return LinearPolicy(weights["weights"].numpy(), env.action_space, task)


# --8<-- [end:algorithm]


def _episode(env: Any, policy: LinearPolicy, seed: int, most: int) -> tuple[float, int]:
    """Return the return of one episode of at most ``most`` steps, and its number of steps."""
    observation, _ = env.reset(seed=seed)
    total, steps, over = 0.0, 0, False
    while not over and steps < most:
        (action,), _ = policy.act(observation[None], None, np.zeros(1, bool))
        observation, reward, terminated, truncated, _ = env.step(action)
        total, steps, over = total + float(reward), steps + 1, terminated or truncated
    return total, steps
