"""Fetch, the Shadow hand, Adroit and the kitchen: they are the library's, and their dynamics do what they say."""

from __future__ import annotations

import copy
import importlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from robot_rollouts import made, played, still

import robust_gym
from robust_gym.registry import task as find_task
from robust_gym.task import load

mujoco = pytest.importorskip("mujoco")
pytest.importorskip("gymnasium_robotics")

ONE_PER_CLASS = (
    "FetchReach",
    "FetchPush",
    "FetchSlideDense",
    "FetchPickAndPlace",
    "HandReach",
    "HandManipulateBlock",
    "HandManipulateEggRotateContinuousTouchSensors",
    "HandManipulatePenRotateBooleanTouchSensors",
    "AdroitHandDoor",
    "AdroitHandHammer",
    "AdroitHandPen",
    "AdroitHandRelocate",
)


@pytest.mark.parametrize("name", [*ONE_PER_CLASS, "FrankaKitchen"])
def test_nominal_values_are_those_of_the_model(name: str) -> None:
    task = find_task(f"Robust-{name}-v0")
    measured = load(task.adapter)(made(name, seed=None).unwrapped, task).measure()
    assert len(measured) >= 5
    for parameter, value in measured.items():
        assert task.dynamics[parameter].nominal == pytest.approx(value, rel=1e-3), parameter


@pytest.mark.parametrize("name", ONE_PER_CLASS)
def test_undisturbed_is_the_library_s_environment(name: str) -> None:
    id = find_task(f"Robust-{name}-v0").kwargs["id"]
    np.testing.assert_array_equal(played(made(name, seed=None)), played(gym.make(id, disable_env_checker=True)))


@pytest.mark.filterwarnings("ignore:.*nested Dict")
def test_the_kitchen_is_the_library_s_laid_flat() -> None:
    ours, theirs = made("FrankaKitchen"), gym.make("FrankaKitchen-v1", disable_env_checker=True)
    assert {space.shape for space in (ours.observation_space["desired_goal"],)} == {(17,)}
    for have, (want, _) in [(ours.reset(seed=4)[0], theirs.reset(seed=4))]:
        np.testing.assert_array_equal(have["observation"], want["observation"])
        for goal in ("achieved_goal", "desired_goal"):
            np.testing.assert_array_equal(have[goal], np.concatenate(list(want[goal].values())))
    action = ours.action_space.sample()
    np.testing.assert_array_equal(ours.step(action)[0]["observation"], theirs.step(action)[0]["observation"])


@pytest.mark.parametrize("name", ["HandManipulateBlock", "HandManipulatePenContinuousTouchSensors"])
def test_a_seed_fixes_an_episode_whatever_was_played_before(name: str) -> None:
    env = made(name, seed=None)
    fresh = played(env)
    played(env, seed=9, steps=20)
    np.testing.assert_array_equal(played(env), fresh)


def test_goals_can_be_relabelled() -> None:
    """Hindsight replay asks the environment underneath for the reward of another goal."""
    for name in ("FetchPush", "HandManipulateEgg", "HandReach", "FrankaKitchen"):
        env = made(name)
        observation, reward, _, _, info = env.step(env.action_space.sample())
        goals = observation["achieved_goal"], observation["desired_goal"]
        assert env.unwrapped.compute_reward(*goals, info) == reward
        batch = env.unwrapped.compute_reward(*(np.stack([goal, goal]) for goal in goals), info)
        np.testing.assert_array_equal(batch, [reward, reward])


def test_reward_type_reaches_the_environment() -> None:
    assert still(made("HandReach", reward_type="dense"), 1).step(np.zeros(20, np.float32))[1] not in (0.0, -1.0)
    sparse = made("AdroitHandPen", reward_type="sparse")
    assert sparse.unwrapped.sparse_reward
    assert copy.deepcopy(sparse.unwrapped).sparse_reward, "the library's own copies forget it"


# The import.


def test_the_import_says_nothing() -> None:
    line = "import robust_gym.tasks._robotics_library as library; library.load()"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


@pytest.fixture
def utils() -> Iterator[Any]:
    module: Any = importlib.import_module("gymnasium_robotics.utils.mujoco_utils")
    kept = module.mujoco
    module.mujoco = mujoco
    yield module
    module.mujoco = kept


def test_joint_types_are_mended_only_where_the_library_refuses_them(
    utils: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from robust_gym.tasks import _robotics_library

    refused = _robotics_library._refuses(utils, mujoco)
    monkeypatch.setattr(_robotics_library, "_refuses", lambda *_: False)
    _robotics_library.load()
    assert utils.mujoco is mujoco
    monkeypatch.undo()
    _robotics_library.load()
    assert (utils.mujoco is not mujoco) == refused
    assert not _robotics_library._refuses(utils, mujoco)


# The kitchen's tasks.


def test_the_kitchen_asks_for_other_tasks() -> None:
    nominal, env = made("FrankaKitchen"), made("FrankaKitchen", "dynamics:tasks:complete")
    start, _ = env.reset(seed=1)
    asked = nominal.reset(seed=1)[0]["desired_goal"]
    # Both burners and the hinge cabinet (numbers 0-3 and 7-8) are to be left as they are.
    left = [0, 1, 2, 3, 7, 8]
    np.testing.assert_array_equal(start["desired_goal"][left], start["achieved_goal"][left])
    others = np.setdiff1d(np.arange(17), left)
    np.testing.assert_array_equal(start["desired_goal"][others], asked[others])
    for one, expected in ((nominal, 7), (env, 4)):
        one.reset(seed=1)
        assert one.unwrapped.compute_reward(asked, asked, {}) == expected
    unaltered = env.unwrapped
    assert "microwave" in env.step(np.zeros(9))[4]["tasks_to_complete"]
    assert unaltered.observation_space["desired_goal"].shape == (17,)


def test_every_family_member_is_there() -> None:
    names = robust_gym.list_tasks("robotics")
    assert len(names) == 8 + 25 + 4 + 1
    assert {find_task(name).observation for name in names} == {"dict", "box"}
