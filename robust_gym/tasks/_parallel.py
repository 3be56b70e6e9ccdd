"""What our own PettingZoo environments have in common: named agents with discrete actions."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv


class DiscreteTeam(ParallelEnv[str, np.ndarray, int]):
    """A parallel environment whose agents all live until the episode ends, each with a Discrete action.

    Args:
        observation_spaces: Every agent's observation space, in the agents' order.
        action_sizes: Every agent's number of actions.
        state_space: The space of ``state()``.
        render_mode: One of ``metadata["render_modes"]``, or ``None``.

    Raises:
        ValueError: If the environment has no such render mode.
    """

    metadata: dict[str, Any] = {"name": "discrete_team", "render_modes": [], "is_parallelizable": True}

    def __init__(
        self,
        observation_spaces: Mapping[str, spaces.Box],
        action_sizes: Mapping[str, int],
        state_space: spaces.Box,
        render_mode: str | None = None,
    ) -> None:
        modes = self.metadata["render_modes"]
        if render_mode is not None and render_mode not in modes:
            known = ", ".join(map(repr, modes)) or "none"
            raise ValueError(f"{self.metadata['name']} has no render mode {render_mode!r}; render modes: {known}")
        self.render_mode = render_mode
        self.possible_agents = list(observation_spaces)
        self.agents: list[str] = []
        self.observation_spaces = dict(observation_spaces)
        self.action_spaces = {agent: spaces.Discrete(size) for agent, size in action_sizes.items()}
        self.state_space = state_space
        self._sizes = [(agent, action_sizes[agent]) for agent in self.possible_agents]

    def observation_space(self, agent: str) -> spaces.Box:
        """Return an agent's observation space."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Discrete:
        """Return an agent's action space."""
        return self.action_spaces[agent]

    def _read(self, actions: Mapping[str, Any]) -> list[int]:
        """Return the actions in the agents' order.

        Raises:
            ValueError: If an agent has no action, or one that is not in its space.
        """
        chosen = []
        for agent, size in self._sizes:
            try:
                action = operator.index(actions[agent])
            except KeyError:
                raise ValueError(f"no action for {agent!r}; every one of {', '.join(self.agents)} needs one") from None
            except TypeError:
                action = -1
            if not 0 <= action < size:
                raise ValueError(
                    f"the action of {agent!r} must be a whole number 0 to {size - 1}, got {actions[agent]!r}"
                )
            chosen.append(action)
        return chosen

    def _results(
        self, observations: dict[str, np.ndarray], rewards: Sequence[float], over: bool
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Return what a step returns; when the time is up all agents are truncated and leave."""
        agents = self.possible_agents
        if over:
            self.agents = []
        return (
            observations,
            dict(zip(agents, rewards, strict=True)),
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, over),
            {agent: {} for agent in agents},
        )
