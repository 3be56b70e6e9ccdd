"""The time limit of a multi-agent task, which Gymnasium's ``TimeLimit`` is for a single-agent one."""

from __future__ import annotations

from typing import Any

from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper


class ParallelTimeLimit(BaseParallelWrapper[Any, Any, Any]):
    """Truncates all agents that still play when an episode has lasted so many steps.

    An environment that ends by itself by then is left as it is.

    Args:
        env: The environment.
        steps: Longest episode, in steps.
    """

    def __init__(self, env: ParallelEnv[Any, Any, Any], steps: int) -> None:
        super().__init__(env)
        self._steps = steps
        self._t = 0
        self._cut = False

    @property
    def agents(self) -> list[Any]:
        """The agents that still play: none once the time is up."""
        return [] if self._cut else self.env.agents

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        """Reset the environment and the time."""
        self._t, self._cut = 0, False
        result: tuple[Any, Any] = self.env.reset(seed=seed, options=options)
        return result

    def step(self, actions: dict[Any, Any]) -> tuple[Any, ...]:
        """Step, and end the episode when the time is up; after that, nothing is left to step."""
        if self._cut:
            return {}, {}, {}, {}, {}
        result: tuple[Any, ...] = self.env.step(actions)
        self._t += 1
        if self._t < self._steps or not (late := self.env.agents):
            return result
        self._cut = True
        observations, rewards, terminations, truncations, infos = result
        return observations, rewards, terminations, {**truncations, **dict.fromkeys(late, True)}, infos
