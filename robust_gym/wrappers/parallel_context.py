"""The privileged view for PettingZoo parallel environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper

from robust_gym.task import Task
from robust_gym.wrappers.context import Context, View, reported


class ParallelVisibleContext(BaseParallelWrapper[Any, Any, Any]):
    """Shows every agent the true dynamics of the world.

    Each agent sees it as in [VisibleContext][robust_gym.wrappers.context.VisibleContext].

    The global state of ``state()`` is left as it is.

    Args:
        env: The environment of a task, whose agents' infos report ``"dynamics"``.
        task: The task.

    Raises:
        ValueError: If the task has neither parameters nor shifts.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any], task: Task) -> None:
        super().__init__(env)
        self.context = Context(task)
        self._views = {agent: View(env.observation_space(agent), self.context) for agent in env.possible_agents}
        self._present = np.zeros(0)

    def observation_space(self, agent: Any) -> Any:
        """Return what an agent's observations, with the context, are in."""
        return self._views[agent].space

    @property
    def observation_spaces(self) -> dict[Any, Any]:
        """The spaces of all agents' observations."""
        return {agent: view.space for agent, view in self._views.items()}

    def _seen(self, observations: Mapping[Any, Any]) -> dict[Any, Any]:
        return {agent: self._views[agent](one, self._present) for agent, one in observations.items()}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Reset, and show the world."""
        observations, infos = self.env.reset(seed=seed, options=options)
        self._present = self.context(reported(next(iter(infos.values()), {}), self.env))
        return self._seen(observations), infos

    def step(self, actions: dict[Any, Any]) -> tuple[Any, ...]:
        """Step, and show the world, which may have changed."""
        observations, rewards, terminations, truncations, infos = self.env.step(actions)
        for info in infos.values():  # the world is the same for all
            if "dynamics" in info:
                self._present = self.context(info["dynamics"])
                break
        return self._seen(observations), rewards, terminations, truncations, infos
