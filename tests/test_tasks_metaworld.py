"""Meta-World: every task can still be solved on today's MuJoCo, and the parameters do what they say."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym.task import load

metaworld = pytest.importorskip("metaworld")
TASKS = robust_gym.list_tasks("metaworld")
SOLVED = ["button-press-topdown-v3", "door-open-v3", "drawer-open-v3", "pick-place-v3", "reach-v3", "window-open-v3"]


def made(id: str, disruption: str | None = None, seed: int = 1) -> Any:
    env = gym.make(id, disruption=disruption)
    env.reset(seed=seed)
    return env


def test_all_fifty_tasks_are_here() -> None:
    assert {robust_gym.task(id).kwargs["name"] for id in TASKS} == set(metaworld.ALL_V3_ENVIRONMENTS)
    assert len(TASKS) == 50


@pytest.mark.parametrize("id", TASKS)
def test_nominal_values_and_spaces_are_those_of_the_environment(id: str) -> None:
    task, env = robust_gym.task(id), gym.make(id)
    for seed in range(2):
        observation, _ = env.reset(seed=seed)
        # The goal is observed as it is: neither hidden nor clipped.
        np.testing.assert_array_equal(observation[36:39], env.unwrapped._target_pos)
        assert observation in env.observation_space
    assert env.observation_space.shape == (39,)
    measured = load(task.adapter)(env.unwrapped, task).measure()
    assert set(measured) == {name for name, one in task.dynamics.items() if one.mode == "scale"}
    for name, value in measured.items():
        assert task.dynamics[name].nominal == pytest.approx(value, abs=6e-4), name


@pytest.mark.parametrize("name", SOLVED)
@pytest.mark.filterwarnings("ignore:Constant.s. may be too high")
def test_the_scripted_policy_solves_the_task(name: str) -> None:
    from metaworld.policies import ENV_POLICY_MAP

    (id,) = (id for id in TASKS if robust_gym.task(id).kwargs["name"] == name)
    policy, env = ENV_POLICY_MAP[name](), gym.make(id)
    observation, _ = env.reset(seed=0)
    for _ in range(500):
        action = np.clip(policy.get_action(observation), -1, 1).astype(np.float32)
        observation, *_, info = env.step(action)
        if info["success"]:
            break
    assert info["success"]


def test_the_weld_that_drags_the_hand_is_meta_worlds() -> None:
    model = gym.make("Robust-MetaworldReach-v0").unwrapped.model
    np.testing.assert_array_equal(model.eq_data[0, :11], [0, 0, 0, 0, 0, 0, -1, 0, 0, 0, 5])


def test_goals_follow_the_seed_and_nothing_else() -> None:
    env = gym.make("Robust-MetaworldPickPlace-v0")
    env.action_space.seed(0)
    expected = env.action_space.sample()
    env.action_space.seed(0)
    first, _ = env.reset(seed=3)
    np.random.seed(0)  # noqa: NPY002 (the generator that Meta-World draws from when it is not seeded)
    other, _ = env.reset(seed=4)
    for _ in range(5):
        env.step(np.ones(4, np.float32))
    again, _ = env.reset(seed=3)
    np.testing.assert_array_equal(first, again)
    assert (first[36:39] != other[36:39]).any()
    assert (env.reset()[0][36:39] != first[36:39]).any()
    # Resets leave the user's stream of random actions alone.
    np.testing.assert_array_equal(env.action_space.sample(), expected)


def test_the_goal_survives_a_change_of_mass() -> None:
    nominal, heavy = (
        made("Robust-MetaworldBasketball-v0"),
        made("Robust-MetaworldBasketball-v0", "dynamics:object_mass:2"),
    )
    goals = [env.step(np.zeros(4, np.float32))[0][36:39] for env in (nominal, heavy)]
    np.testing.assert_array_equal(goals[0], goals[1])


def test_an_action_moves_the_hand_as_far_as_it_says() -> None:
    def moved(disruption: str | None) -> float:
        env: Any = made("Robust-MetaworldReach-v0", disruption)
        before = float(env.unwrapped.data.mocap_pos[0, 0])
        env.step(np.array([1, 0, 0, 0], np.float32))
        return float(env.unwrapped.data.mocap_pos[0, 0]) - before

    assert moved(None) == pytest.approx(0.01)
    assert moved("dynamics:action_scale:2") == pytest.approx(0.02)


def test_a_push_moves_the_object() -> None:
    def moved(disruption: str | None) -> float:
        env: Any = made("Robust-MetaworldPush-v0", disruption)
        first, *_ = env.step(np.zeros(4, np.float32))
        for _ in range(10):
            last, *_ = env.step(np.zeros(4, np.float32))
        return float(last[4] - first[4])

    assert abs(moved(None)) < 1e-3
    assert moved("dynamics:object_push:15") > 0.01
    assert moved("dynamics:object_push:-15") < -0.01


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_go_on_alike(duplicate: Any) -> None:
    env = made("Robust-MetaworldPickPlace-v0", "dynamics:action_scale:2+dynamics:object_mass:2")
    action = np.array([1.0, -1.0, -1.0, 0.5], np.float32)
    for _ in range(3):
        env.step(action)
    twins = [duplicate(env), duplicate(duplicate(env))]
    for _ in range(5):
        expected = env.step(action)
        for twin in twins:
            np.testing.assert_equal(twin.step(action)[:4], expected[:4])
    expected = env.reset()
    for twin in twins:
        np.testing.assert_array_equal(twin.reset()[0], expected[0])
        assert twin.action_space == twin.unwrapped.action_space == env.unwrapped.action_space
        assert twin.unwrapped.action_scale == env.unwrapped.action_scale == 0.02


def test_an_episode_is_truncated_at_the_horizon() -> None:
    env = made("Robust-MetaworldReach-v0")
    action = np.zeros(4, np.float32)
    for _ in range(499):
        *_, terminated, truncated, _ = env.step(action)
        assert not terminated and not truncated
    *_, terminated, truncated, _ = env.step(action)
    assert truncated and not terminated
