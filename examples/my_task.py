"""A task of your own in one file: an environment, its dynamics, and the entry that registers it."""

from __future__ import annotations

from collections.abc import Mapping

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, Task


# --8<-- [start:environment]
class Tank(gym.Env):
    """Keep the water in a leaking tank at a given level, by the throttle of a pump.

    The observation is the level and the wanted level, both in metres, in [0, 1].
    The action is the throttle, in [0, 1]. The reward is minus their distance.
    """

    def __init__(self) -> None:
        self.observation_space = spaces.Box(0.0, 1.0, (2,), np.float32)
        self.action_space = spaces.Box(0.0, 1.0, (1,), np.float32)
        self.area = 0.5  # m², of the tank
        self.pump = 0.1  # m³/s, at full throttle
        self.outlet = 0.01  # m², of the hole at the bottom
        self.rain = 0.0  # m³/s
        self._level = self._wanted = 0.0

    def _observation(self) -> np.ndarray:
        return np.array([self._level, self._wanted], np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        """Draw the first level and the wanted one."""
        super().reset(seed=seed)
        self._level, self._wanted = self.np_random.uniform(0.2, 0.8, size=2)
        return self._observation(), {}

    def step(self, action: np.ndarray):
        """Let one second pass."""
        inflow = self.pump * float(action[0]) + self.rain
        outflow = self.outlet * np.sqrt(2 * 9.81 * self._level)  # Torricelli's law
        level = self._level + (inflow - outflow) / self.area
        self._level = float(np.clip(level, 0.0, 1.0))
        return self._observation(), -abs(self._level - self._wanted), False, False, {}


# --8<-- [end:environment]


# --8<-- [start:adapter]
class TankDynamics:
    """Writes dynamics into a tank."""

    def __init__(self, env: Tank, task: Task) -> None:
        self._env = env
        self._task = task

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Write before a reset: the first observation belongs to the new world already."""
        self.apply({name: float(value) for name, value in values.items()})

    def apply(self, values: Mapping[str, float]) -> None:
        """Write after a reset, and within an episode when a schedule changes the values."""
        for name, parameter in self._task.dynamics.items():
            value = values.get(name, parameter.identity)
            scaled = parameter.nominal * value
            setattr(self._env, name, scaled if parameter.mode == "scale" else value)


# --8<-- [end:adapter]


# --8<-- [start:task]
_PARAMETERS = (
    DynamicsParameter("area", "area of the tank", "m²", nominal=0.5, low=0.2, high=5.0),
    DynamicsParameter("pump", "flow at full throttle", "m³/s", nominal=0.1, low=0.2, high=5.0),
    DynamicsParameter("outlet", "area of the hole", "m²", nominal=0.01, low=0.0, high=4.0),
    DynamicsParameter("rain", "rain on it", "m³/s", nominal=0.0, low=0.0, high=0.05, mode="set"),
)

TANK = register_task(
    Task(
        id="Robust-Tank-v0",
        family="water",
        about="Keep the water in a leaking tank at a given level.",
        base="my_task:Tank",
        adapter="my_task:TankDynamics",
        dynamics={parameter.name: parameter for parameter in _PARAMETERS},
        horizon=100,
        steps={"smoke": 1_000, "quick": 20_000, "standard": 100_000},
        source="written for this tutorial",
        spaces={"observation": "Box(0, 1, (2,), float32)", "action": "Box(0, 1, (1,), float32)"},
        observation_scale=[0.14, 0.17],
        reward_scale=0.19,
    )
)
# --8<-- [end:task]


# --8<-- [start:policy]
def controller(observation: np.ndarray) -> np.ndarray:
    """Hold the level against the nominal outflow, and close in on the wanted one."""
    level, wanted = observation
    hold = 0.01 * np.sqrt(2 * 9.81 * level) / 0.1
    return np.clip([hold + 2.0 * (wanted - level)], 0.0, 1.0).astype(np.float32)


# --8<-- [end:policy]
