"""The transitions of a rollout as the environments made them, for methods that learn a critic of their own."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from torch import Tensor


class Batch(NamedTuple):
    """Transitions.

    Attributes:
        seen: Observations, ``[B, numbers]``.
        actions: What was done, as the environment took it: ``[B, dimensions]``, or choices ``[B]``.
        rewards: ``[B]``.
        after: The next observations, also where the episode ended there, ``[B, numbers]``.
        goes_on: 0 where the world ended (not where time was up), else 1, ``[B]``.
    """

    seen: Tensor
    actions: Tensor
    rewards: Tensor
    after: Tensor
    goes_on: Tensor

    def take(self, rows: Tensor) -> Batch:
        """Return some of them."""
        return Batch(*(part[rows] for part in self))


class Transitions(VecEnvWrapper):
    """Notes every transition; SB3's rollouts lack the last observation of an episode, and whether it was cut short.

    Args:
        venv: The environments, normalised if they are to be.
    """

    def __init__(self, venv: VecEnv) -> None:
        super().__init__(venv)
        self._noted: list[tuple[np.ndarray, ...]] = []
        self._seen: Any = None
        self._actions: Any = None

    def reset(self) -> Any:
        """Reset, and forget what was noted."""
        self._noted.clear()
        self._seen = self.venv.reset()
        return self._seen

    def step_async(self, actions: np.ndarray) -> None:
        """Take over the actions."""
        self._actions = actions
        self.venv.step_async(actions)

    def step_wait(self) -> tuple[Any, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step, and note."""
        observations, rewards, over, infos = self.venv.step_wait()
        after, goes_on = np.array(observations), np.ones(len(over), np.float32)
        for copy in np.flatnonzero(over):
            after[copy] = infos[copy]["terminal_observation"]
            goes_on[copy] = float(infos[copy].get("TimeLimit.truncated", False))
        # A copy of the rewards: SB3 adds to them in place where time is up.
        self._noted.append((self._seen, np.array(self._actions), np.array(rewards), after, goes_on))
        self._seen = observations
        return observations, rewards, over, infos

    def taken(self) -> Batch:
        """Return what was noted since the last call: of each step in turn, the copies in order."""
        seen, actions, rewards, after, goes_on = (
            torch.from_numpy(np.concatenate(parts)) for parts in zip(*self._noted, strict=True)
        )
        self._noted.clear()
        actions = actions.float() if actions.is_floating_point() else actions
        return Batch(seen.float().flatten(1), actions, rewards.float(), after.float().flatten(1), goes_on)
