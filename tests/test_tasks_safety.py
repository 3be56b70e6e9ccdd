"""The safe tasks: equal to Safety-Gymnasium's own, and changed as their parameters say."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym.task import MissingExtraError, load
from robust_gym.tasks import mujoco, undisturbed

pytest.importorskip("mujoco")
VELOCITY = robust_gym.list_tasks("safety_velocity")
NAVIGATION = robust_gym.list_tasks("safety_navigation")
ROBOTS = ("Point", "Car", "Doggo", "Racecar", "Ant")
SCENARIOS = ("Goal1", "Button1", "Push1", "Circle2", "Run0")
installed = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("safety_gymnasium", "xmltodict", "yaml")),
    reason="needs safety-gymnasium",
)


def made(id: str, disruption: str | None = None, seed: int = 3) -> Any:
    env = robust_gym.make(id, disruption=disruption)
    env.reset(seed=seed)
    return env.unwrapped


def test_every_robot_and_scenario_is_a_task() -> None:
    assert len(VELOCITY) == 6
    assert len(NAVIGATION) == 65
    for id in VELOCITY + NAVIGATION:
        task = robust_gym.task(id)
        assert task.cost is (task.cost_limit == 25.0)
        assert task.cost is not id.endswith(("Goal0-v0", "Button0-v0", "Push0-v0", "Circle0-v0"))


# Speed limits.


@installed
@pytest.mark.parametrize("id", VELOCITY)
def test_velocity_tasks_equal_safety_gymnasium(id: str) -> None:
    from robust_gym.tasks._mujoco_geometry import quiet
    from robust_gym.tasks._safety_navigation_env import library

    robot = id.removeprefix("Robust-Safety").removesuffix("Velocity-v0")
    snake = {"HalfCheetah": "half_cheetah"}.get(robot, robot.lower())
    module = library(f"tasks.safe_velocity.safety_{snake}_velocity_v1")
    with quiet(importlib.import_module("mujoco")):
        theirs = getattr(module, f"Safety{robot}VelocityEnv")()
    ours = robust_gym.make(id)
    assert ours.unwrapped.limit == theirs._velocity_threshold
    np.testing.assert_array_equal(ours.reset(seed=5)[0], theirs.reset(seed=5)[0])
    ours.action_space.seed(5)
    costs = []
    for step in range(300):
        if step % 20 == 10:  # random actions alone are too slow to break a limit
            ours.unwrapped.data.qvel[0] = theirs.data.qvel[0] = 8.0
        action = ours.action_space.sample()
        observation, reward, terminated, _, info = ours.step(action)
        other, their_reward, cost, their_end, _, _ = theirs.step(action)
        np.testing.assert_array_equal(observation, other)
        assert (reward, info["cost"], terminated) == (their_reward, cost, their_end)
        costs.append(cost)
        if terminated:
            np.testing.assert_array_equal(ours.reset()[0], theirs.reset()[0])
    assert 0 < sum(costs) < 300


@pytest.mark.parametrize("id", VELOCITY)
def test_velocity_tasks_have_the_dynamics_of_their_robots(id: str) -> None:
    task, same = robust_gym.task(id), mujoco.TASKS[id.removeprefix("Robust-Safety").removesuffix("Velocity-v0")]
    assert (task.dynamics, task.adapter) == (same.dynamics, same.adapter)
    for name, value in load(task.adapter)(made(id), task).measure().items():
        assert task.dynamics[name].nominal == pytest.approx(value, abs=6e-4), name


# Navigation.


ORIGINAL = """
import importlib, importlib.util, sys, types, warnings
import numpy as np
warnings.simplefilter("ignore")
spec = importlib.util.find_spec("safety_gymnasium")
package = sys.modules["safety_gymnasium"] = types.ModuleType("safety_gymnasium")
package.__path__, package.__file__ = list(spec.submodule_search_locations), spec.origin
colours = importlib.import_module("safety_gymnasium.assets.color").COLOR
hashable = type("hashable", (np.ndarray,), {"__hash__": object.__hash__})
colours.update({name: colour.view(hashable) for name, colour in colours.items()})
from safety_gymnasium.builder import Builder
numbers = []
for robot, scenario in [name.split("/") for name in sys.argv[2:]]:
    env = Builder(f"Safety{robot}{scenario}-v0", {"agent_name": robot})
    env.action_space.seed(0)
    for seed in (4, None):
        numbers.append(env.reset(seed=seed)[0])
        for _ in range(30):
            observation, reward, cost, terminated, _, info = env.step(env.action_space.sample())
            numbers += [observation, [reward, cost, terminated]]
np.save(sys.argv[1], np.concatenate(numbers))
"""


@installed
@pytest.mark.slow
def test_navigation_equals_the_library_as_it_is(tmp_path: Any) -> None:
    worlds, path = ("Point/Goal2", "Doggo/Button1"), tmp_path / "numbers.npy"
    subprocess.run([sys.executable, "-c", ORIGINAL, str(path), *worlds], check=True, capture_output=True, timeout=200)
    numbers = []
    for world in worlds:
        env = undisturbed(robust_gym.task(f"Robust-Safety{world.replace('/', '')}-v0"))
        env.action_space.seed(0)
        for seed in (4, None):
            numbers.append(env.reset(seed=seed)[0])
            for _ in range(30):
                observation, reward, terminated, _, info = env.step(env.action_space.sample())
                numbers += [observation, [reward, info["cost"], terminated]]
    np.testing.assert_array_equal(np.concatenate(numbers), np.load(path))


@installed
@pytest.mark.parametrize("robot", ROBOTS)
def test_nominal_values_are_those_of_the_world(robot: str) -> None:
    for scenario in SCENARIOS:
        task = robust_gym.task(f"Robust-Safety{robot}{scenario}-v0")
        measured = load(task.adapter)(made(task.id), task).measure()
        left = set(task.dynamics) - set(measured)
        assert left == {name for name in task.dynamics if task.dynamics[name].mode == "set"}
        for name, value in measured.items():
            assert task.dynamics[name].nominal == pytest.approx(value, rel=4e-3), name


@installed
def test_a_seed_determines_the_episode_whatever_came_before() -> None:
    def episode(env: Any, seed: int) -> list[np.ndarray]:
        env.action_space.seed(seed)
        return [env.reset(seed=seed)[0], *(env.step(env.action_space.sample())[0] for _ in range(5))]

    before = np.random.get_state()[1].copy()  # noqa: NPY002 - that it stays as it was is the point
    fresh, used = (robust_gym.make("Robust-SafetyPointButton1-v0") for _ in range(2))
    for seed in (1, 2**40, 2):
        episode(used, seed)
    np.testing.assert_array_equal(episode(used, 9), episode(fresh, 9))
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    again = pickle.loads(pickle.dumps(fresh.unwrapped))
    np.testing.assert_array_equal(episode(again, 9), episode(fresh, 9))


@installed
def test_costs_are_one_number_and_its_parts() -> None:
    env = robust_gym.make("Robust-SafetyPointRun0-v0", disruption="dynamics:push:0.02")
    env.reset(seed=1)
    steps = [env.step(np.zeros(2)) for _ in range(60)]
    costs = [step[4]["cost"] for step in steps]
    outside = [abs(env.unwrapped.task.agent.pos[0]) > 0.5]
    assert costs[0] == 0.0
    assert [costs[-1]] == [1.0] == [float(x) for x in outside]
    assert all(isinstance(step[4][name], float) for step in steps for name in ("cost", "cost_out_of_boundary"))
    assert costs == sorted(costs) == [step[4]["cost_out_of_boundary"] for step in steps]
    near = robust_gym.make("Robust-SafetyPointRun0-v0", disruption="dynamics:push:0.02+dynamics:boundary:0.4")
    near.reset(seed=1)
    assert sum(near.step(np.zeros(2))[4]["cost"] for _ in range(60)) > sum(costs)


@installed
@pytest.mark.parametrize(
    ("disruption", "numbers", "side"),
    [
        ("none", (10, 10), 2.0),
        ("dynamics:layout:sparse", (5, 5), 2.0),
        ("dynamics:layout:crowded", (15, 15), 2.0),
        ("dynamics:layout:wide", (10, 10), 2.5),
    ],
)
def test_layouts(disruption: str, numbers: tuple[int, int], side: float) -> None:
    env = made("Robust-SafetyPointGoal2-v0", disruption)
    names = [env.model.body(number).name for number in range(env.model.nbody)]
    assert tuple(sum(name.startswith(kind) for name in names) for kind in ("hazard", "vase")) == numbers
    assert tuple(env.task.placements_conf.extents) == (-side, -side, side, side)
    assert abs(env.data.xpos[[name.startswith(("hazard", "vase")) for name in names]][:, :2]).max() < side


@installed
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_have_the_layout_of_the_original(duplicate: Any) -> None:
    env = robust_gym.make("Robust-SafetyPointGoal1-v0", disruption="dynamics:layout:crowded+dynamics:hazard_size:1.5")
    observation, _ = env.reset(seed=3)
    twin: Any = duplicate(env)
    np.testing.assert_array_equal(twin.reset(seed=3)[0], observation)
    assert twin.unwrapped.task.hazards.num == 12
    assert twin.unwrapped.model.geom("hazard0").size[0] == pytest.approx(0.3)


@installed
def test_sizes_and_speeds() -> None:
    env = made("Robust-SafetyPointGoal1-v0", "dynamics:hazard_size:1.5+dynamics:goal_size:0.5")
    assert env.task.hazards.size == pytest.approx(0.3)
    assert env.task.goal.size == pytest.approx(0.15)
    assert env.model.geom("hazard0").size[0] == pytest.approx(0.3)
    env = made("Robust-SafetyCarCircle2-v0", "dynamics:circle_radius:0.5+dynamics:boundary:2")
    assert (env.task.circle.radius, env.task.sigwalls.locate_factor) == pytest.approx((0.75, 2.25))
    assert abs(env.model.body("sigwall2").pos[1]) == pytest.approx(2.25)
    env = made("Robust-SafetyCarCircle1-v0", "dynamics:boundary:0.5")
    assert [tuple(place) for place in env.task.agent.placements] == [(-0.4, -0.8, 0.4, 0.8)]
    moved = []
    for speed in ("none", "dynamics:gremlin_speed:3", "dynamics:gremlin_travel:0.5"):
        env = made("Robust-SafetyPointButton1-v0", speed)
        env.step(np.zeros(2))
        (x, y, _), time = env.data.mocap_pos[0], env.data.time - env.model.opt.timestep
        moved.append((np.arctan2(x, y) / time, np.hypot(x, y)))
    np.testing.assert_allclose(moved, [(1.0, 0.35), (3.0, 0.35), (1.0, 0.175)], rtol=1e-9)


@installed
def test_the_first_observation_belongs_to_the_new_world() -> None:
    first = {}
    for disruption in ("none", "dynamics:gravity:2"):
        env = robust_gym.make("Robust-SafetyDoggoGoal1-v0", disruption=disruption)
        first[disruption] = env.reset(seed=2)[0]
        np.testing.assert_array_equal(env.unwrapped.task.obs(), first[disruption])
        assert env.unwrapped.model.opt.gravity[2] == pytest.approx(-9.81 if disruption == "none" else -19.62)
    assert not np.array_equal(*first.values())


@installed
def test_motors_and_pushes() -> None:
    def speed(disruption: str, forward: float) -> float:
        env = robust_gym.make("Robust-SafetyPointGoal0-v0", disruption=disruption)
        env.reset(seed=3)
        for _ in range(20):
            env.step(np.array([forward, 0.0]))
        return float(env.unwrapped.task.agent.vel[0] if forward == 0.0 else np.hypot(*env.unwrapped.data.qvel[:2]))

    assert speed("dynamics:actuator_gain:0", 1.0) < 1e-6
    assert speed("dynamics:actuator_gain:2", 1.0) > speed("none", 1.0) > 0.05
    assert speed("dynamics:push:-0.01", 0.0) < -0.05 < 0.05 < speed("dynamics:push:0.01", 0.0)


@installed
def test_a_world_without_room_says_so() -> None:
    env = undisturbed(robust_gym.task("Robust-SafetyPointGoal1-v0"))
    env.task.random_generator.sample_layout = lambda: False
    with pytest.raises(RuntimeError, match="no room for all objects; use fewer or smaller ones"):
        env.reset(seed=1)


def test_without_the_package_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def hidden(name: str, package: str | None = None) -> Any:
        return None if name == "safety_gymnasium" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", hidden)
    with pytest.raises(MissingExtraError, match="--no-deps safety-gymnasium==1.0.0"):
        gym.make("Robust-SafetyPointGoal1-v0")
    assert "Robust-SafetyPointGoal1-v0" in robust_gym.list_tasks("safety_navigation")


@installed
def test_gremlins_whose_speed_changes_go_on_from_where_they_are() -> None:
    env = robust_gym.make("Robust-SafetyPointButton1-v0", disruption="dynamics:gremlin_speed:3~steps=60..120")
    for _ in range(2):  # the second episode begins as the first did
        env.reset(seed=0)
        places = []
        for _ in range(180):
            env.step(np.zeros(env.action_space.shape, np.float32))
            places.append(env.unwrapped.data.mocap_pos.copy())
        moved = np.linalg.norm(np.diff(places, axis=0), axis=-1).max(axis=1)
        usual = moved[:50].max()
        assert 2 * usual < moved[70:110].max() < 4 * usual
        assert moved.max() < 4 * usual
    env.close()
