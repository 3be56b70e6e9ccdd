"""The walkers of Box2D: episodes of their own, and dynamics that reach every piece of ground."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym

pytest.importorskip("Box2D")
WALKERS = [
    ("Robust-BipedalWalker-v0", "BipedalWalker-v3"),
    ("Robust-BipedalWalkerHardcore-v0", "BipedalWalkerHardcore-v3"),
]


def course(env: Any, seed: int) -> list[np.ndarray]:
    env.action_space.seed(seed)
    observation, _ = env.reset(seed=seed)
    seen = [np.append(observation, 0.0)]
    for _ in range(80):
        observation, reward, *_ = env.step(env.action_space.sample())
        seen.append(np.append(observation, reward))
    return seen


@pytest.mark.parametrize(("id", "base"), WALKERS)
def test_an_episode_is_gymnasiums_first_whatever_was_played_before(id: str, base: str) -> None:
    env = gym.make(id)
    for _ in range(2):
        assert np.array_equal(course(env, 7), course(gym.make(base), 7))
        course(env, 3)


@pytest.mark.parametrize(("id", "base"), WALKERS)
def test_nominal_values_are_gymnasiums_own(id: str, base: str) -> None:
    env = gym.make(base).unwrapped
    env.reset(seed=0)
    nominal = {name: parameter.nominal for name, parameter in robust_gym.task(id).dynamics.items()}
    assert nominal["gravity"] == -env.world.gravity[1]
    assert {fixture.friction for body in env.terrain for fixture in body.fixtures} == {nominal["friction"]}
    assert env.hull.fixtures[0].density == nominal["hull_density"]
    assert {leg.fixtures[0].density for leg in env.legs} == {nominal["leg_density"]}


def test_gravity_and_friction_reach_the_obstacles() -> None:
    env = gym.make("Robust-BipedalWalkerHardcore-v0", disruption="dynamics:friction:0.2+dynamics:gravity:1.5")
    for seed in (1, 2):
        env.reset(seed=seed)
        inner = env.unwrapped
        shapes = {type(fixture.shape).__name__ for body in inner.terrain for fixture in body.fixtures}
        assert shapes == {"b2EdgeShape", "b2PolygonShape"}
        assert all(fixture.friction == pytest.approx(0.5) for body in inner.terrain for fixture in body.fixtures)
        assert inner.world.gravity[1] == -15


def test_gravity_acts_from_the_reset_on() -> None:
    """The reset takes a step of its own, in the world that it makes."""
    nominal, heavy = (gym.make("Robust-BipedalWalker-v0", disruption=d) for d in ("none", "dynamics:gravity:3"))
    assert not np.array_equal(nominal.reset(seed=1)[0], heavy.reset(seed=1)[0])
