"""Gymnasium's classic control tasks, many copies at once, in NumPy: to the bit what its environments compute.

Every copy has an environment that resets it and into whose attributes the dynamics adapter writes; a simulator reads
them when a world begins or changes, and steps all copies in arrays. Where a number is computed alone, an array would be
rounded otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robust_gym.vector.classic_base import Array, ClassicSimulator, Outcome, cosines, squares


def simulate(envs: Sequence[Any], threads: int) -> ClassicSimulator:
    """Make the simulator of one of the five tasks.

    Args:
        envs: The copies' unwrapped environments.
        threads: Not needed: a step of all copies takes less than handing it to a thread.

    Raises:
        ValueError: If it is another environment.
    """
    name = type(envs[0]).__name__
    if name not in SIMULATORS:
        raise ValueError(f"no batched classic control for {name}; there are {', '.join(SIMULATORS)}")
    return SIMULATORS[name](envs)


class CartPole(ClassicSimulator):
    """A cart that keeps a pole upright; the last number of its state is 1 after the pole has fallen."""

    size = 5
    fixed = {"kinematics_integrator": "euler"}

    def _begun(self, env: Any) -> Sequence[float]:
        return (*env.state, 0.0)

    def _numbers(self, env: Any) -> Sequence[float]:
        masses = env.total_mass, env.polemass_length, env.masspole
        return (*masses, env.gravity, env.length, env.force_mag, env.tau)

    def _advance(self, state: Array, world: Array, actions: Array) -> Outcome:
        x, velocity, theta, turning, fallen = state
        total_mass, polemass_length, masspole, gravity, length, force_mag, tau = world
        env = self.env
        force = np.where(actions == 1, force_mag, -force_mag)
        cosine, sine = np.cos(theta), np.sin(theta)
        temp = (force + polemass_length * np.square(turning) * sine) / total_mass
        angular = (gravity * sine - cosine * temp) / (length * (4.0 / 3.0 - masspole * np.square(cosine) / total_mass))
        linear = temp - polemass_length * angular * cosine / total_mass
        x = x + tau * velocity
        velocity = velocity + tau * linear
        theta = theta + tau * turning
        turning = turning + tau * angular
        angle = env.theta_threshold_radians
        terminated = (x < -env.x_threshold) | (x > env.x_threshold) | (theta < -angle) | (theta > angle)
        if env._sutton_barto_reward:
            rewards = np.where(terminated, -1.0, 0.0)
        else:
            rewards = np.where(terminated & (fallen > 0), 0.0, 1.0)
        return np.array((x, velocity, theta, turning, np.maximum(fallen, terminated))), rewards, terminated

    def _observed(self, state: Array) -> Array:
        return np.ascontiguousarray(state[:4].T, np.float32)


class MountainCar(ClassicSimulator):
    """A car that is pushed left, right or not at all."""

    def _numbers(self, env: Any) -> Sequence[float]:
        return env.force, env.gravity

    def _advance(self, state: Array, world: Array, actions: Array) -> Outcome:
        position, velocity = state
        force, gravity = world
        env = self.env
        velocity = velocity + ((actions - 1) * force + cosines(3 * position) * (-gravity))
        velocity = np.minimum(np.maximum(velocity, -env.max_speed), env.max_speed)
        position = np.minimum(np.maximum(position + velocity, env.min_position), env.max_position)
        velocity = np.where((position == env.min_position) & (velocity < 0), 0.0, velocity)
        terminated = (position >= env.goal_position) & (velocity >= env.goal_velocity)
        return np.array((position, velocity)), np.full(len(position), -1.0), terminated


class MountainCarContinuous(ClassicSimulator):
    """A car with a throttle.

    Gymnasium computes in single precision, but for the first step of an episode, and where an action in another
    precision enters: those steps its own environments take.
    """

    size = 3
    """Position, velocity, and 1 before the first step."""

    def _begun(self, env: Any) -> Sequence[float]:
        return (*env.state, 1.0)

    def _numbers(self, env: Any) -> Sequence[float]:
        return (env.power,)

    def step(self, copies: Array | None, actions: Array) -> tuple[Array, Array]:
        """Step some copies, or all; return rewards and terminations."""
        chosen = np.arange(len(self.envs)) if copies is None else copies
        usual = (self._state[2, chosen] == 0) & (actions.dtype == np.float32)
        if usual.all():
            return super().step(copies, actions)
        rewards, terminated = super().step(chosen[usual], actions)
        for copy in chosen[~usual]:
            env = self.envs[copy]
            if not self._state[2, copy]:
                env.state = self._state[:2, copy].astype(np.float32)
            self._seen[copy], rewards[copy], terminated[copy], _, _ = env.step(actions[copy])
            self._state[:, copy] = (*env.state, 0.0)
        return rewards, terminated

    def _advance(self, state: Array, world: Array, actions: Array) -> Outcome:
        position, velocity = state[:2].astype(np.float32)
        (power,) = world
        env, throttle = self.env, actions[:, 0]
        pull = 0.0025 * cosines(3 * position)
        push = throttle * power.astype(np.float32) - pull.astype(np.float32)
        # A limit is a number of Python's, in double precision until it meets the velocity.
        under, over = throttle < env.min_action, throttle > env.max_action
        limit = np.where(under, env.min_action, env.max_action) * power - pull
        velocity = velocity + np.where(under | over, limit.astype(np.float32), push)
        velocity = np.minimum(np.maximum(velocity, -env.max_speed), env.max_speed)
        position = np.minimum(np.maximum(position + velocity, env.min_position), env.max_position)
        velocity = np.where((position == env.min_position) & (velocity < 0), 0, velocity)
        terminated = (position >= env.goal_position) & (velocity >= env.goal_velocity)
        cost = np.array([math.pow(one, 2) for one in throttle.tolist()]) * 0.1
        return np.array((position, velocity, np.zeros(len(cost)))), np.where(terminated, 100.0, 0.0) - cost, terminated


class Pendulum(ClassicSimulator):
    """A pendulum that is swung up by a torque."""

    def _numbers(self, env: Any) -> Sequence[float]:
        return 3 * env.g / (2 * env.l), 3.0 / (env.m * env.l**2), env.dt

    def _advance(self, state: Array, world: Array, actions: Array) -> Outcome:
        angle, speed = state
        weight, ease, dt = world
        env = self.env
        torque = np.clip(actions, -env.max_torque, env.max_torque)[:, 0]
        off = ((angle + np.pi) % (2 * np.pi)) - np.pi
        costs = squares(off) + 0.1 * squares(speed) + 0.001 * squares(torque)
        # A number of Python's takes the precision of the action that it meets.
        speed = speed + (weight * np.sin(angle) + ease.astype(torque.dtype) * torque) * dt
        speed = np.clip(speed, -env.max_speed, env.max_speed)
        return np.array((angle + speed * dt, speed)), -costs, np.zeros(len(costs), bool)

    def _observed(self, state: Array) -> Array:
        angle, speed = state
        return np.ascontiguousarray(np.array((np.cos(angle), np.sin(angle), speed)).T, np.float32)


class Acrobot(ClassicSimulator):
    """Two links, and a torque between them."""

    size = 4
    fixed = {"book_or_nips": "book", "torque_noise_max": 0.0}

    def load(self, copies: Array) -> None:
        """Take over the state and the world of some copies, whose environments have just been reset."""
        super().load(copies)
        for copy in copies:  # what is seen first is computed in single precision, all else in double
            self._seen[copy] = self.envs[copy]._get_ob()

    def _numbers(self, env: Any) -> Sequence[float]:
        """Return what the equations of motion make of the parameters, in Gymnasium's order of operations."""
        m1, m2, inertia, g = env.LINK_MASS_1, env.LINK_MASS_2, env.LINK_MOI, 9.8
        l1, lc1, lc2 = env.LINK_LENGTH_1, env.LINK_COM_POS_1, env.LINK_COM_POS_2
        first = m1 * lc1**2, m2, inertia, l1**2 + lc2**2, 2 * l1 * lc2, lc2**2, l1 * lc2
        falling = m2 * lc2 * g, (m1 * lc1 + m2 * l1) * g
        turning = m2 * l1 * lc2, 2 * m2 * l1 * lc2, m2 * lc2**2 + inertia
        return (*first, *falling, *turning, env.dt, *env.AVAIL_TORQUE)

    def _advance(self, state: Array, world: Array, actions: Array) -> Outcome:
        dt, torque = world[12], world[13:][actions, np.arange(len(actions))]
        half = dt / 2.0
        k1 = _turned(state, torque, world)
        k2 = _turned(state + half * k1, torque, world)
        k3 = _turned(state + half * k2, torque, world)
        k4 = _turned(state + dt * k3, torque, world)
        state = state + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        state[:2] = _wrapped(state[:2])
        limits = np.array([[self.env.MAX_VEL_1], [self.env.MAX_VEL_2]])
        state[2:] = np.minimum(np.maximum(state[2:], -limits), limits)
        terminated = -np.cos(state[0]) - np.cos(state[1] + state[0]) > 1.0
        return state, np.where(terminated, 0.0, -1.0), terminated

    def _observed(self, state: Array) -> Array:
        cosine, sine = np.cos(state[:2]), np.sin(state[:2])
        seen = np.array((cosine[0], sine[0], cosine[1], sine[1], state[2], state[3]))
        return np.ascontiguousarray(seen.T, np.float32)


def _turned(state: Array, torque: Array, world: Array) -> Array:
    """Return the time derivatives of Acrobot's angles and of their velocities, ``[4, copies]``."""
    theta1, theta2, dtheta1, dtheta2 = state
    first, m2, inertia, lengths, twice, second, once, fall2, fall1, swing, pull, mass, *_ = world
    cosine, sine = np.cos(theta2), np.sin(theta2)
    square1, square2 = squares(state[2:])
    d1 = first + m2 * (lengths + twice * cosine) + inertia + inertia
    d2 = m2 * (second + once * cosine) + inertia
    phi2 = fall2 * np.cos(theta1 + theta2 - np.pi / 2.0)
    phi1 = -swing * square2 * sine - pull * dtheta2 * dtheta1 * sine + fall1 * np.cos(theta1 - np.pi / 2) + phi2
    ratio = d2 / d1
    ddtheta2 = (torque + ratio * phi1 - swing * square1 * sine - phi2) / (mass - squares(d2) / d1)
    ddtheta1 = -(d2 * ddtheta2 + phi1) / d1
    return np.array((dtheta1, dtheta2, ddtheta1, ddtheta2))


def _wrapped(angles: Array) -> Array:
    """Return angles within a turn around 0, by as many turns as it takes, each rounded."""
    found = angles.ravel()
    # In a few worlds an angle takes many thousand turns, and the others need not wait for it.
    for place in np.flatnonzero(np.abs(found) > np.pi):
        angle = float(found[place])
        while angle > np.pi:
            angle -= 2 * np.pi
        while angle < -np.pi:
            angle += 2 * np.pi
        found[place] = angle
    return found.reshape(angles.shape)


SIMULATORS: Mapping[str, type[ClassicSimulator]] = {
    "AcrobotEnv": Acrobot,
    "CartPoleEnv": CartPole,
    "Continuous_MountainCarEnv": MountainCarContinuous,
    "MountainCarEnv": MountainCar,
    "PendulumEnv": Pendulum,
}
"""The simulator of each of Gymnasium's environment classes."""
