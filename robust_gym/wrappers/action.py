"""The action channel: what the actuators do with the agent's command."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym.disruption import DisruptionError
from robust_gym.task import Task
from robust_gym.wrappers.base import ChannelWrapper, Signal, box_scale, channel_terms, find_task
from robust_gym.wrappers.runner import Chain


def action_signal(space: spaces.Space[Any], task: Task | None, agent: int = 0, agents: int = 1) -> Signal:
    """Describe the actions of a single-agent environment, or of one agent.

    Args:
        space: The actions.
        task: The task, which knows a discrete action that does nothing.
        agent: The agent's number.
        agents: How many there are.

    Raises:
        DisruptionError: If the actions are neither Box nor Discrete.
    """
    family = "" if task is None else task.family
    if isinstance(space, spaces.Box):
        null = np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype)
        return Signal(space, box_scale(space), null, family=family, agent=agent, agents=agents)
    if isinstance(space, spaces.Discrete):
        nothing = None if task is None else task.null_action
        return Signal(space, np.ones(()), nothing, family=family, agent=agent, agents=agents)
    raise DisruptionError(f"action disruptions act on Box and Discrete actions, got {space}")


class ActionDisruption(ChannelWrapper):
    """Disturbs the action on its way to the environment, inside the action space.

    Noise is in units of half the action range of each dimension.

    Args:
        env: The environment.
        disruption: Terms of the action channel, such as ``"action:gauss:0.1+action:delay:2"``.
        task: Id of the task, which knows a discrete action that does nothing; ``None`` for your own environment.

    Raises:
        DisruptionError: If the string is malformed or the actions are neither Box nor Discrete.
    """

    def __init__(self, env: gym.Env[Any, Any], disruption: str, task: str | None = None) -> None:
        RecordConstructorArgs.__init__(self, disruption=disruption, task=task)
        gym.Wrapper.__init__(self, env)
        terms = channel_terms(disruption, "action")
        self._chain = Chain(terms, action_signal(env.action_space, find_task(task)))
        self._chains = (self._chain,)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step with the disturbed action; the caller's array is left as it is."""
        return self.env.step(self._chain(action))
