"""How the dynamics of the particle worlds are written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robust_gym.task import Task
from robust_gym.tasks._mpe_env import Particles


class ParticleDynamics:
    """Writes dynamics into the world of `Particles`, which keeps them over a reset.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Particles, task: Task) -> None:
        world = env.world
        self._env = env
        self._scalars = {"time_step": world.dt, "damping": world.damping}
        self._scalars |= {"contact_force": world.contact_force, "contact_margin": world.contact_margin}
        self._agents = [(agent, agent.initial_mass, agent.size, agent.max_speed) for agent in world.agents]
        self._landmarks = [(landmark, landmark.size) for landmark in world.landmarks]

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set all parameters of the coming episode."""
        self.apply({name: float(value) for name, value in values.items()})

    def apply(self, values: Mapping[str, float]) -> None:
        """Set all parameters; those without a value are nominal."""
        env, world = self._env, self._env.world
        wind = np.array([values.get("wind_x", 0.0), values.get("wind_y", 0.0)])
        env.wind = wind if wind.any() else None
        env.power = values.get("acceleration", 1.0)
        scaled = {name: nominal * values.get(name, 1.0) for name, nominal in self._scalars.items()}
        world.dt = scaled["time_step"]
        # Nobody can lose more than all of its velocity.
        world.damping = min(1.0, scaled["damping"])
        world.contact_force, world.contact_margin = scaled["contact_force"], scaled["contact_margin"]
        for agent, mass, size, speed in self._agents:
            agent.initial_mass = mass * values.get("mass", 1.0)
            agent.size = size * values.get("agent_size", 1.0)
            if speed is not None:
                agent.max_speed = speed * values.get("max_speed", 1.0)
        for landmark, size in self._landmarks:
            landmark.size = size * values.get("landmark_size", 1.0)
        env.channel.gain = values.get("message_gain", 1.0)
        env.channel.crosstalk = values.get("crosstalk", 0.0)
        env.channel.delay = round(values.get("message_delay", 0.0))
