"""Gymnasium's MuJoCo robots, version 5, for many copies at once: what they observe and earn, to the bit.

A robot computes from arrays ``[copies, …]`` what the environment class of the same name computes from one ``MjData``.
The constants are read from an environment, so that its keyword arguments hold here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

Array = np.ndarray
Outcome = tuple[Array, Array]
"""Rewards ``[copies]``, and whether the episode has ended, ``[copies]``."""


class Fields(Protocol):
    """Where a robot reads MjData's fields of all copies."""

    models: list[Any]

    def __getitem__(self, name: str) -> Array:
        """Return a field, ``[copies, …]``."""


class Robot:
    """What all robots share.

    Args:
        env: One of the copies.
    """

    reads: tuple[str, ...] = ("qpos", "qvel")
    """The fields it reads."""
    forces = False
    """Whether it reads contact forces, which MuJoCo computes only when asked, after a step."""

    def __init__(self, env: Any) -> None:
        self.env = env
        self.dt = env.dt
        self.skipped = 0
        if getattr(env, "_exclude_current_positions_from_observation", False):
            self.skipped = int(env.observation_structure["skipped_qpos"])

    def observe(self, d: Fields) -> Array:
        """Return observations ``[copies, dimensions]``."""
        return np.concatenate((d["qpos"][:, self.skipped :], d["qvel"]), axis=1)

    def before(self, d: Fields) -> Any:
        """Return what ``outcome`` needs to know of the state before a step."""

    def outcome(self, d: Fields, before: Any, actions: Array) -> Outcome:
        """Return rewards and terminations after a step."""
        raise NotImplementedError

    def _control_cost(self, actions: Array) -> Array:
        return self.env._ctrl_cost_weight * np.square(actions).sum(axis=1)

    @staticmethod
    def _never(d: Fields) -> Array:
        return np.zeros(len(d.models), bool)


class Runner(Robot):
    """HalfCheetah and Swimmer: forward velocity less the cost of control."""

    def before(self, d: Fields) -> Array:
        """Return where they are."""
        return d["qpos"][:, 0].copy()

    def outcome(self, d: Fields, before: Array, actions: Array) -> Outcome:
        """Return rewards; they never fall."""
        return self._forward(d, before) - self._control_cost(actions), self._never(d)

    def _forward(self, d: Fields, before: Array) -> Array:
        velocity: Array = (d["qpos"][:, 0] - before) / self.dt
        return self.env._forward_reward_weight * velocity


class Walker2d(Runner):
    """Walker2d: forward velocity and staying upright, less the cost of control."""

    def observe(self, d: Fields) -> Array:
        """Return positions and clipped velocities."""
        return np.concatenate((d["qpos"][:, self.skipped :], np.clip(d["qvel"], -10, 10)), axis=1)

    def outcome(self, d: Fields, before: Array, actions: Array) -> Outcome:
        """Return rewards, and which have fallen."""
        healthy = self._healthy(d)
        rewards = self._forward(d, before) + healthy * self.env._healthy_reward
        return rewards - self._control_cost(actions), ~healthy & self.env._terminate_when_unhealthy

    def _healthy(self, d: Fields) -> Array:
        height, angle, env = d["qpos"][:, 1], d["qpos"][:, 2], self.env
        return _between(height, env._healthy_z_range) & _between(angle, env._healthy_angle_range)


class Hopper(Walker2d):
    """Hopper: as Walker2d, and no part of the state may grow without bound."""

    def _healthy(self, d: Fields) -> Array:
        state = np.concatenate((d["qpos"][:, 2:], d["qvel"]), axis=1)
        return super()._healthy(d) & _between(state, self.env._healthy_state_range).all(axis=1)


class Ant(Robot):
    """Ant: forward velocity of the torso and staying off the ground, less the costs of control and of contacts."""

    reads: tuple[str, ...] = ("qpos", "qvel", "xpos", "cfrc_ext")
    forces = True

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._body = int(env.data.body(env._main_body).id)

    def observe(self, d: Fields) -> Array:
        """Return positions, velocities and clipped contact forces."""
        parts = [d["qpos"][:, self.skipped :], d["qvel"]]
        if self.env._include_cfrc_ext_in_observation:
            forces = np.clip(d["cfrc_ext"], *self.env._contact_force_range)[:, 1:]
            parts.append(forces.reshape(len(forces), -1))
        return np.concatenate(parts, axis=1)

    def before(self, d: Fields) -> Array:
        """Return where the torsos are."""
        return d["xpos"][:, self._body, 0].copy()

    def outcome(self, d: Fields, before: Array, actions: Array) -> Outcome:
        """Return rewards, and which lie on the ground or have taken off."""
        env = self.env
        velocity = (d["xpos"][:, self._body, 0] - before) / self.dt
        low, high = env._healthy_z_range
        finite = np.isfinite(d["qpos"]).all(axis=1) & np.isfinite(d["qvel"]).all(axis=1)
        healthy = finite & (low <= d["qpos"][:, 2]) & (d["qpos"][:, 2] <= high)
        forces = np.clip(d["cfrc_ext"], *env._contact_force_range)
        contact = env._contact_cost_weight * np.square(forces).reshape(len(forces), -1).sum(axis=1)
        rewards = velocity * env._forward_reward_weight + healthy * env._healthy_reward
        rewards = rewards - (self._control_cost(actions) + contact)
        return rewards, ~healthy & env._terminate_when_unhealthy


class Humanoid(Robot):
    """Humanoid: forward velocity of the centre of mass and staying upright, less control and contact costs."""

    reads: tuple[str, ...] = ("qpos", "qvel", "xipos", "cinert", "cvel", "qfrc_actuator", "cfrc_ext", "ctrl")
    forces = True

    def observe(self, d: Fields) -> Array:
        """Return positions, velocities, inertia, velocities of bodies, actuator and contact forces."""
        env, many = self.env, len(d.models)
        parts = [d["qpos"][:, self.skipped :], d["qvel"]]
        if env._include_cinert_in_observation is True:
            parts.append(d["cinert"][:, 1:].reshape(many, -1))
        if env._include_cvel_in_observation is True:
            parts.append(d["cvel"][:, 1:].reshape(many, -1))
        if env._include_qfrc_actuator_in_observation is True:
            parts.append(d["qfrc_actuator"][:, 6:])
        if env._include_cfrc_ext_in_observation is True:
            parts.append(d["cfrc_ext"][:, 1:].reshape(many, -1))
        return np.concatenate(parts, axis=1)

    def before(self, d: Fields) -> Array:
        """Return where the centres of mass are."""
        masses = np.array([model.body_mass for model in d.models])
        moments: Array = np.einsum("nb,nbj->nj", masses, d["xipos"])[:, 0]
        return moments / masses.sum(axis=1)

    def outcome(self, d: Fields, before: Array, actions: Array) -> Outcome:
        """Return rewards, and which have fallen."""
        env = self.env
        velocity = (self.before(d) - before) / self.dt
        healthy = _between(d["qpos"][:, 2], env._healthy_z_range)
        rewards = env._forward_reward_weight * velocity + healthy * env._healthy_reward
        costs = self._control_cost(d["ctrl"]) + self._impact(d, env._contact_cost_weight, env._contact_cost_range)
        return rewards - costs, ~healthy & env._terminate_when_unhealthy

    @staticmethod
    def _impact(d: Fields, weight: float, limits: tuple[float, float]) -> Array:
        forces = d["cfrc_ext"]
        return np.clip(weight * np.square(forces).reshape(len(forces), -1).sum(axis=1), *limits)


class HumanoidStandup(Humanoid):
    """HumanoidStandup: the height of the torso, less the costs of control and of impacts."""

    reads: tuple[str, ...] = ("qpos", "qvel", "cinert", "cvel", "qfrc_actuator", "cfrc_ext", "ctrl")

    def before(self, d: Fields) -> Any:
        """Nothing is needed."""

    def outcome(self, d: Fields, before: Any, actions: Array) -> Outcome:
        """Return rewards; it may lie for ever."""
        env = self.env
        # A disruption of one copy leaves the time step of all as it is.
        height = (d["qpos"][:, 2] - 0) / env.model.opt.timestep
        impact = self._impact(d, env._impact_cost_weight, env._impact_cost_range)
        return height - self._control_cost(d["ctrl"]) - impact + 1, self._never(d)


class InvertedPendulum(Robot):
    """InvertedPendulum: 1 for every step that the pole stays up."""

    def outcome(self, d: Fields, before: Any, actions: Array) -> Outcome:
        """Return rewards, and which poles have fallen."""
        fallen = ~np.isfinite(self.observe(d)).all(axis=1) | (np.abs(d["qpos"][:, 1]) > 0.2)
        return (~fallen).astype(np.float64), fallen


class InvertedDoublePendulum(Robot):
    """InvertedDoublePendulum: staying up, less the distance and the velocity of the tip."""

    reads: tuple[str, ...] = ("qpos", "qvel", "site_xpos", "qfrc_constraint")

    def observe(self, d: Fields) -> Array:
        """Return the cart's place, the angles' sines and cosines, velocities, and the force on the cart."""
        angles = d["qpos"][:, 1:]
        force = np.clip(d["qfrc_constraint"], -10, 10)[:, :1]
        parts = (d["qpos"][:, :1], np.sin(angles), np.cos(angles), np.clip(d["qvel"], -10, 10), force)
        return np.concatenate(parts, axis=1)

    def outcome(self, d: Fields, before: Any, actions: Array) -> Outcome:
        """Return rewards, and which poles have fallen."""
        x, y = d["site_xpos"][:, 0, 0], d["site_xpos"][:, 0, 2]
        first, second = d["qvel"][:, 1], d["qvel"][:, 2]
        fallen = y <= 1
        distance = 0.01 * _squares(x) + _squares(y - 2)
        velocity = 1e-3 * _squares(first) + 5e-3 * _squares(second)
        return self.env._healthy_reward * (~fallen).astype(int) - distance - velocity, fallen


class Reacher(Robot):
    """Reacher: the negative distance between fingertip and target, less the cost of control."""

    reads: tuple[str, ...] = ("qpos", "qvel", "xpos")

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._tip, self._target = (int(env.data.body(name).id) for name in ("fingertip", "target"))

    def _gap(self, d: Fields) -> Array:
        gap: Array = d["xpos"][:, self._tip] - d["xpos"][:, self._target]
        return gap

    def observe(self, d: Fields) -> Array:
        """Return the angles' cosines and sines, the target, velocities, and the way to the target."""
        angles = d["qpos"][:, :2]
        parts = (np.cos(angles), np.sin(angles), d["qpos"][:, 2:], d["qvel"][:, :2], self._gap(d)[:, :2])
        return np.concatenate(parts, axis=1)

    def outcome(self, d: Fields, before: Any, actions: Array) -> Outcome:
        """Return rewards; an episode ends by its time limit only."""
        env = self.env
        control = -np.square(actions).sum(axis=1) * env._reward_control_weight
        return -_norms(self._gap(d)) * env._reward_dist_weight + control, self._never(d)


class Pusher(Robot):
    """Pusher: the negative distances between arm, object and goal, less the cost of control."""

    reads: tuple[str, ...] = ("qpos", "qvel", "xpos")

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self._tip, self._thing, self._goal = (int(env.data.body(name).id) for name in ("tips_arm", "object", "goal"))

    def observe(self, d: Fields) -> Array:
        """Return the arm's angles and velocities, and the places of tip, object and goal."""
        places = (d["xpos"][:, body] for body in (self._tip, self._thing, self._goal))
        return np.concatenate((d["qpos"][:, :7], d["qvel"][:, :7], *places), axis=1)

    def outcome(self, d: Fields, before: Any, actions: Array) -> Outcome:
        """Return rewards; an episode ends by its time limit only."""
        env, places = self.env, d["xpos"]
        near = -_norms(places[:, self._thing] - places[:, self._tip]) * env._reward_near_weight
        distance = -_norms(places[:, self._thing] - places[:, self._goal]) * env._reward_dist_weight
        control = -np.square(actions).sum(axis=1) * env._reward_control_weight
        return distance + control + near, self._never(d)


def _between(values: Array, limits: tuple[float, float]) -> Array:
    low, high = limits
    inside: Array = (low < values) & (values < high)
    return inside


def _squares(values: Array) -> Array:
    # The power of one number is C's pow, which may round otherwise than a product.
    return np.array([value**2 for value in values.tolist()])


def _norms(vectors: Array) -> Array:
    # The norm of one vector is a dot product, whose sum is rounded otherwise than that of np.linalg.norm(axis=1).
    return np.array([np.linalg.norm(vector) for vector in vectors])


ROBOTS: Mapping[str, type[Robot]] = {
    "AntEnv": Ant,
    "HalfCheetahEnv": Runner,
    "HopperEnv": Hopper,
    "HumanoidEnv": Humanoid,
    "HumanoidStandupEnv": HumanoidStandup,
    "InvertedDoublePendulumEnv": InvertedDoublePendulum,
    "InvertedPendulumEnv": InvertedPendulum,
    "PusherEnv": Pusher,
    "ReacherEnv": Reacher,
    "SegmentedAnt": Ant,
    "SegmentedSwimmer": Runner,
    "SwimmerEnv": Runner,
    "Walker2dEnv": Walker2d,
}
"""The robot of each of Gymnasium's environment classes, and of those of ours that are one but for the model."""
