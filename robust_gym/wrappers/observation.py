"""The observation channel: what the agent sees, from the reset observation on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym.disruption import DisruptionError
from robust_gym.task import Task
from robust_gym.wrappers import effects
from robust_gym.wrappers.base import (
    ChannelWrapper,
    Effect,
    Signal,
    TermRunner,
    box_scale,
    channel_terms,
    find_task,
    runners,
    through,
)


class Delay(effects.Delay):
    """The observation of some steps ago; the reset observation until then."""

    def first(self, value: Any) -> Any:
        """A sensor's buffer starts with what it first read."""
        return value


class Freeze(Effect):
    """Each dimension sticks with probability p, for a number of steps."""

    def __init__(self, signal: Signal, p: float, steps: float) -> None:
        super().__init__(signal)
        self._p = p
        self._steps = int(steps)

    def reset(self, rng: np.random.Generator) -> None:
        """Free every dimension."""
        super().reset(rng)
        shape = self.signal.space.shape or ()
        self._left = np.zeros(shape, np.int64)
        self._held = np.zeros(shape, self.signal.space.dtype)

    def __call__(self, value: Any) -> Any:
        starts = (self._left == 0) & (self.rng.random(self._left.shape) < self._p)
        self._held = np.where(starts, value, self._held)
        self._left = np.where(starts, self._steps + 1, self._left)  # its own value now, then `steps` stale ones
        stuck = self._left > 0
        self._left = self._left - stuck
        return np.where(stuck, self._held, value)


class Random(Effect):
    """With probability p, another value of a Discrete observation, drawn uniformly."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p

    def __call__(self, value: Any) -> Any:
        space = self.signal.space
        assert isinstance(space, spaces.Discrete)
        # Both numbers are drawn at every step, so that the noise does not depend on what happened before.
        wrong, other = self.rng.random() < self._p, int(self.rng.integers(1, space.n)) if space.n > 1 else 0
        return space.start + (value - space.start + other) % space.n if wrong else value


def observation_signal(space: spaces.Space[Any], task: Task | None, agent: str | None = None) -> Signal:
    """Describe the observations of a single-agent environment, or of one agent.

    Args:
        space: The space, of one part where the observation is a dict.
        task: The task whose measured scales apply.
        agent: Name of the agent, or of the part of a dict.

    Raises:
        DisruptionError: If the observations are neither Box nor Discrete.
    """
    if isinstance(space, spaces.Discrete):
        return Signal(space, np.ones(()), None)
    if not isinstance(space, spaces.Box):
        raise DisruptionError(f"observation disruptions act on Box and Discrete observations, got {space}")
    measured: Any = None if task is None else task.observation_scale
    if isinstance(measured, dict):
        measured = measured.get(agent)
    null = np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype)
    return Signal(space, box_scale(space, measured), null)


class ObservationDisruption(ChannelWrapper):
    """Disturbs what the agent sees.

    A Dict observation is disturbed part by part, each with noise of its own; what the task lists as
    ``undisturbed`` (the goal) stays true. What leaves the wrapper is inside the observation space, which stays as
    it is: values are clipped to finite bounds. Noise is in units of each dimension's own scale: the task's measured
    standard deviation, or half the range of a bounded dimension, or 1.

    Args:
        env: The environment.
        disruption: Terms of the observation channel, such as ``"obs:gauss:0.1+obs:delay:2"``.
        task: Id of the task whose measured scales apply; ``None`` for an environment of your own.

    Raises:
        DisruptionError: If the string is malformed or the observations cannot be disturbed so.

    Examples:
        >>> import gymnasium as gym
        >>> env = ObservationDisruption(gym.make("CartPole-v1"), "obs:bias:0.1")
        >>> observation, _ = env.reset(seed=1)
    """

    def __init__(self, env: gym.Env[Any, Any], disruption: str, task: str | None = None) -> None:
        RecordConstructorArgs.__init__(self, disruption=disruption, task=task)
        gym.Wrapper.__init__(self, env)
        terms = channel_terms(disruption, "observation")
        space, found = env.observation_space, find_task(task)
        if isinstance(space, spaces.Dict):
            spared = () if found is None else found.undisturbed
            self._parts: dict[str | None, list[TermRunner]] = {
                name: runners(terms, observation_signal(part, found, name), part=name)
                for name, part in space.spaces.items()
                if name not in spared
            }
        else:
            self._parts = {None: runners(terms, observation_signal(space, found))}
        self._runners: Sequence[TermRunner] = [runner for chain in self._parts.values() for runner in chain]

    def _disturb(self, observation: Any) -> Any:
        if None in self._parts:
            return through(self._parts[None], observation)
        return {
            name: through(self._parts[name], value) if name in self._parts else value
            for name, value in observation.items()
        }

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset; the first observation is disturbed too."""
        observation, info = super().reset(seed=seed, options=options)
        return self._disturb(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, and disturb the observation."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return self._disturb(observation), reward, terminated, truncated, info
