"""SISL's walkers that carry a package together, and how their Box2D world is written."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from pettingzoo.sisl.multiwalker.multiwalker import raw_env
from pettingzoo.sisl.multiwalker.multiwalker_base import MOTORS_TORQUE

from robust_gym.task import Task
from robust_gym.tasks._aec import Simultaneous

_SEEN = 24
"""Numbers that a walker's own joints and lidar contribute to the state."""


class Walkers(Simultaneous):
    """PettingZoo's ``multiwalker_v9``, of which two things are mended.

    The state outlives a fallen walker. An episode whose time is up is truncated; PettingZoo calls it terminated.
    """

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Let all living agents act; see `Simultaneous.step`."""
        observations, rewards, terminated, truncated, infos = super().step(actions)
        game = self.game.env
        if terminated and game.frames >= game.max_cycles:
            ended = dict(zip(self.possible_agents, game.last_dones, strict=True))
            terminated = {agent: bool(ended[agent]) for agent in terminated}
            truncated = {agent: not over for agent, over in terminated.items()}
        return observations, rewards, terminated, truncated, infos

    def _whole(self) -> list[float]:
        """Return what each walker's joints and lidar say, zeros for one that has fallen, and the package's place."""
        game = self.game.env
        seen = [walker.get_observation() if walker.hull is not None else [0.0] * _SEEN for walker in game.walkers]
        return [*np.ravel(seen), *game.package.position, game.package.angle]


def multiwalker(**kwargs: Any) -> Walkers:
    """Make PettingZoo's ``multiwalker_v9``; arguments are its own, such as ``n_walkers`` and ``render_mode``."""
    return Walkers(raw_env(**kwargs))


class MultiwalkerDynamics:
    """Writes into the walkers, their package and the ground, which every reset builds anew.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Simultaneous, task: Task) -> None:
        self._env = env
        self._nominal = {name: parameter.nominal for name, parameter in task.dynamics.items()}

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Choose the terrain that the coming reset builds."""
        self._env.game.env.hardcore = values.get("terrain", "grass") == "hardcore"

    def apply(self, values: Mapping[str, float]) -> None:
        """Write into the present bodies; those of fallen walkers are gone."""
        game = self._env.game.env
        scaled = {name: nominal * values.get(name, 1.0) for name, nominal in self._nominal.items() if nominal}
        slope = math.radians(values.get("slope", 0.0))
        game.world.gravity = (-scaled["gravity"] * math.sin(slope), -scaled["gravity"] * math.cos(slope))
        walkers = [walker for walker in game.walkers if walker.hull is not None]
        _write_density([walker.hull for walker in walkers], scaled["hull_density"])
        _write_density([leg for walker in walkers for leg in walker.legs], scaled["leg_density"])
        _write_density([game.package], scaled["package_density"])
        _write_friction(game.terrain, scaled["friction"])
        _write_friction([game.package], scaled["package_friction"])
        torque, speed = scaled["motor_torque"] / MOTORS_TORQUE, scaled["motor_speed"]
        for walker in walkers:
            walker.__dict__.pop("apply_action", None)
            if (torque, speed) != (1.0, 1.0):
                walker.apply_action = functools.partial(_act, walker, torque, speed)


def _act(walker: Any, torque: float, speed: float, action: Any) -> None:
    type(walker).apply_action(walker, action)
    for joint, effort in zip(walker.joints, np.clip(np.abs(action), 0, 1), strict=True):
        joint.maxMotorTorque = float(MOTORS_TORQUE * effort) * torque
        joint.motorSpeed *= speed


def _write_density(bodies: Iterable[Any], density: float) -> None:
    for body in bodies:
        for fixture in body.fixtures:
            # Box2D computes a body's centre anew, not quite to the bit, so what is right is left alone.
            if fixture.density != density:
                fixture.density = density
                body.ResetMassData()


def _write_friction(bodies: Iterable[Any], friction: float) -> None:
    for body in bodies:
        for fixture in body.fixtures:
            if fixture.friction != friction:
                fixture.friction = friction
                for contact in body.contacts:
                    contact.contact.ResetFriction()
