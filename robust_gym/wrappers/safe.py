"""The interface of safe reinforcement learning: a step that returns its cost beside its reward."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs


class Safe(gym.Wrapper, RecordConstructorArgs):
    """Gives an environment Safety-Gymnasium's interface, which constrained algorithms expect.

    ``step`` returns ``(observation, reward, cost, terminated, truncated, info)``; ``reset`` is unchanged. The cost is
    the one that the agent is told: under a disruption of the cost channel the disturbed one, with the true cost in
    ``info["nominal_cost"]``. Put it around everything else, since Gymnasium's wrappers expect five values.

    Args:
        env: An environment whose every step has ``info["cost"]``, as the safe tasks have.

    Examples:
        >>> import robust_gym
        >>> from robust_gym.wrappers.safe import Safe
        >>> env = Safe(robust_gym.make("Robust-SafetyHopperVelocity-v0", disruption="cost:shift:0.5"))
        >>> observation, info = env.reset(seed=0)
        >>> observation, reward, cost, terminated, truncated, info = env.step(env.action_space.sample())
        >>> cost >= 0.5, info["nominal_cost"]
        (True, 0.0)
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)

    def step(self, action: Any) -> tuple[Any, float, float, bool, bool, dict[str, Any]]:  # type: ignore[override]
        """Step.

        Args:
            action: An action of the environment.

        Returns:
            Observation, reward, cost (at least zero), terminated, truncated, info.

        Raises:
            ValueError: If the environment reports no cost.
        """
        observation, reward, terminated, truncated, info = self.env.step(action)
        if "cost" not in info:
            name = self.spec.id if self.spec is not None else str(self.env)
            raise ValueError(
                f"{name} reports no info['cost'], which Safe returns beside the reward; the single-agent tasks of the "
                "families safety_velocity and safety_navigation report one"
            )
        return observation, float(reward), float(info["cost"]), terminated, truncated, info
