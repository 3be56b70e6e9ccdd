"""Copies of one of Gymnasium's classic control tasks: what its five simulators share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray
Outcome = tuple[Array, Array, Array]
"""States ``[numbers, copies]``, rewards ``[copies]``, and whether the episode has ended, ``[copies]``."""


class ClassicSimulator:
    """What all five share: a state and a world of a few numbers for each copy.

    Args:
        envs: The copies' unwrapped environments.
    """

    size = 2
    """Numbers of a state."""
    fixed: Mapping[str, Any] = {}
    """Attributes of the environment that may not be others here."""

    def __init__(self, envs: Sequence[Any]) -> None:
        self.env, self.envs = envs[0], envs
        self._choices = int(getattr(self.env.action_space, "n", 0))
        self._state = np.zeros((self.size, len(envs)))
        self._world = np.zeros((len(self._numbers(self.env)), len(envs)))
        self._seen = np.zeros((len(envs), *self.env.observation_space.shape), np.float32)

    def load(self, copies: Array) -> None:
        """Take over the state and the world of some copies, whose environments have just been reset."""
        for copy in copies:
            self._state[:, copy] = self._begun(self.envs[copy])
            self.world(copy)
        self._seen[copies] = self._observed(self._state[:, copies])

    def world(self, copy: int) -> None:
        """Take over the world of one copy.

        Raises:
            ValueError: If it computes in a way that is not computed here.
        """
        env = self.envs[copy]
        for name, value in self.fixed.items():
            if getattr(env, name) != value:
                raise ValueError(f"{name} of a batched {type(env).__name__} is {value!r}, not {getattr(env, name)!r}")
        self._world[:, copy] = self._numbers(env)

    def step(self, copies: Array | None, actions: Array) -> tuple[Array, Array]:
        """Step some copies, or all; return rewards and terminations.

        Raises:
            ValueError: If an action is not in the action space.
        """
        if copies is None:
            self._check(actions, np.arange(len(self.envs)))
            self._state, rewards, terminated = self._advance(self._state, self._world, actions)
            self._seen = self._observed(self._state)
            return rewards, terminated
        chosen = actions[copies]
        self._check(chosen, copies)
        rewards, terminated = np.zeros(len(self.envs)), np.zeros(len(self.envs), bool)
        state, rewards[copies], terminated[copies] = self._advance(
            self._state[:, copies], self._world[:, copies], chosen
        )
        self._state[:, copies], self._seen[copies] = state, self._observed(state)
        return rewards, terminated

    def _check(self, actions: Array, copies: Array) -> None:
        if not self._choices:
            return
        if not np.issubdtype(actions.dtype, np.integer):
            raise ValueError(f"actions must be whole numbers from 0 to {self._choices - 1}, got {actions.dtype}")
        wrong = (actions < 0) | (actions >= self._choices)
        if wrong.any():
            place = wrong.argmax()
            raise ValueError(f"action {actions[place]} of copy {copies[place]} is not from 0 to {self._choices - 1}")

    def observe(self) -> Array:
        """Return what all copies observe, ``[copies, dimensions]``."""
        return self._seen.copy()

    def close(self) -> None:
        """Do nothing: there are no threads."""

    def _begun(self, env: Any) -> Sequence[float]:
        """Return the state of an environment that has just been reset."""
        return tuple(env.state)

    def _numbers(self, env: Any) -> Sequence[float]:
        """Return the numbers of an environment that make its world."""
        raise NotImplementedError

    def _advance(self, state: Array, world: Array, actions: Array) -> Outcome:
        """Return what a step of some copies leads to."""
        raise NotImplementedError

    def _observed(self, state: Array) -> Array:
        """Return what copies in some states observe, ``[copies, dimensions]``."""
        return np.ascontiguousarray(state[:2].T, np.float32)


def squares(values: Array) -> Array:
    """Return the square of each number, as the power of that number alone: C's pow, which is not always a product."""
    flat = values.ravel()
    each = flat.tolist() if values.dtype == np.float64 else flat
    return np.array([one**2 for one in each], values.dtype).reshape(values.shape)


def cosines(values: Array) -> Array:
    """Return the cosine of each number by ``math.cos``, which on some machines is another function than NumPy's."""
    return np.array([math.cos(one) for one in values.tolist()])
