"""The six values of a safe step."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from robust_gym.wrappers.cost import CostDisruption
from robust_gym.wrappers.safe import Safe


class Costly(gym.Env[np.ndarray, np.ndarray]):
    """Every step costs its number; the third ends the episode."""

    observation_space = spaces.Box(-1.0, 1.0, (1,))
    action_space = spaces.Box(-1.0, 1.0, (1,))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {"begun": True}

    def step(self, action: np.ndarray) -> Any:
        self.t += 1
        return np.zeros(1, np.float32), -1, self.t == 3, False, {"cost": self.t}


def test_a_step_has_six_values_and_reset_two() -> None:
    env = Safe(Costly())
    assert env.reset(seed=1)[1] == {"begun": True}
    steps = [env.step(np.zeros(1)) for _ in range(3)]
    assert [step[1:5] for step in steps] == [
        (-1.0, 1.0, False, False),
        (-1.0, 2.0, False, False),
        (-1.0, 3.0, True, False),
    ]
    assert all(isinstance(number, float) for step in steps for number in step[1:3])
    assert steps[0][5] == {"cost": 1}


def test_the_cost_is_the_one_that_the_agent_is_told() -> None:
    env = Safe(CostDisruption(Costly(), "cost:scale:0.5"))
    env.reset(seed=1)
    assert [env.step(np.zeros(1))[2] for _ in range(3)] == [0.5, 1.0, 1.5]


def test_it_sits_on_the_time_limit_and_is_in_the_spec() -> None:
    gym.register("RobustCostly-v0", entry_point=Costly, max_episode_steps=2)
    try:
        env = Safe(gym.make("RobustCostly-v0", disable_env_checker=True))
        env.reset(seed=1)
        assert [env.step(np.zeros(1))[4] for _ in range(2)] == [False, True]
        assert env.spec is not None
        assert [wrapper.name for wrapper in env.spec.additional_wrappers] == ["Safe"]
    finally:
        gym.registry.pop("RobustCostly-v0")


def test_an_environment_without_costs_is_refused_at_the_first_step() -> None:
    env = Safe(gym.make("CartPole-v1"))
    env.reset(seed=1)
    with pytest.raises(ValueError, match=r"CartPole-v1 reports no info\['cost'\].*safety_velocity"):
        env.step(0)
