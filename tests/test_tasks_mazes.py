"""PointMaze and AntMaze: they are the library's, their walls can be exchanged, and their dynamics do what they say."""

from __future__ import annotations

import copy
import pickle
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym.registry import task as find_task
from robust_gym.task import load

pytest.importorskip("mujoco")
pytest.importorskip("gymnasium_robotics")

EACH = ("PointMazeUMaze", "PointMazeLargeDiverseGR", "AntMazeOpenDiverseG", "AntMazeMedium")


def made(name: str, disruption: str | None = None, seed: int | None = 1, **kwargs: Any) -> Any:
    env = gym.make(f"Robust-{name}-v0", disruption=disruption, disable_env_checker=True, **kwargs)
    if seed is not None:
        env.reset(seed=seed)
    return env


def played(env: Any, seed: int = 3, steps: int = 20) -> list[Any]:
    env.action_space.seed(seed)
    seen = [env.reset(seed=seed)[0]]
    seen += [env.step(env.action_space.sample())[0] for _ in range(steps)]
    return [np.concatenate([one[key] for key in sorted(one)]) for one in seen]


def walls(env: Any) -> set[str]:
    model = env.unwrapped.model
    return {model.geom(index).name for index in range(model.ngeom) if model.geom(index).name.startswith("block")}


@pytest.mark.parametrize("name", EACH)
def test_nominal_values_are_those_of_the_model(name: str) -> None:
    task = find_task(f"Robust-{name}-v0")
    measured = load(task.adapter)(made(name, seed=None).unwrapped, task).measure()
    for parameter, value in measured.items():
        assert task.dynamics[parameter].nominal == pytest.approx(value, abs=6e-4), parameter


@pytest.mark.parametrize("name", EACH)
def test_undisturbed_is_the_library_s_environment(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from robust_gym.tasks import _maze_env  # noqa: F401  registers the library's ids

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # the library's own leaves its file there
    id = find_task(f"Robust-{name}-v0").kwargs["id"]
    np.testing.assert_array_equal(played(made(name, seed=None)), played(gym.make(id, disable_env_checker=True)))


def test_the_map_that_is_left_out_is_another_to_the_bit() -> None:
    from robust_gym.tasks._maze_env import maze

    for robot, version in (("Point", "v3"), ("Ant", "v5")):
        one, other = (maze(f"{robot}Maze_{name}-{version}") for name in ("Open", "Open_Diverse_GR"))
        np.testing.assert_array_equal(played(one), played(other))


def test_building_leaves_no_file_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    env = made("AntMazeUMaze", "dynamics:map:open")
    copy.deepcopy(env.unwrapped).close()
    assert list(tmp_path.iterdir()) == []


def test_mazes_built_at_once_are_each_their_own() -> None:
    from robust_gym.tasks._maze_env import MAPS, maze

    names = ["AntMaze_UMaze-v5", "AntMaze_Large-v5"] * 3
    with ThreadPoolExecutor(3) as pool:
        built = list(pool.map(maze, names))
    counts = [sum(cell == 1 for row in MAPS[word] for cell in row) for word in ("umaze", "large")]
    assert [len(walls(env)) for env in built] == counts * 3


@pytest.mark.parametrize("robot", ["Point", "Ant"])
def test_another_map_has_its_walls_starts_and_goals(robot: str) -> None:
    from robust_gym.tasks._maze_env import MAPS

    plain = made(f"{robot}MazeUMaze")
    env = made(f"{robot}MazeUMaze", "dynamics:map:medium_diverse_g")
    cells = MAPS["medium_diverse_g"]
    assert walls(env) == {f"block_{i}_{j}" for i, row in enumerate(cells) for j, cell in enumerate(row) if cell == 1}
    assert (env.observation_space, env.action_space) == (plain.observation_space, plain.action_space)
    for seed in range(5):
        observation, info = env.reset(seed=seed)
        assert info["dynamics"]["map"] == "medium_diverse_g"
        places = [env.unwrapped.maze.cell_xy_to_rowcol(observation[key]) for key in ("achieved_goal", "desired_goal")]
        assert [cells[row][column] for row, column in places] == ["r", "g"]
        assert env.observation_space.contains(observation)


def test_maps_come_and_go_with_episodes() -> None:
    """In a quarter of the episodes the walls are others; in the rest everything is nominal to the bit."""
    env, plain = made("AntMazeUMaze", "dynamics:map:open~episode=0.5", seed=None), made("AntMazeUMaze", seed=None)
    seen = set()
    for seed in range(6):
        _, info = env.reset(seed=seed)
        word = info["dynamics"]["map"]
        seen.add(word)
        np.testing.assert_array_equal(played(env, seed, 3), played(env, seed, 3))
        if word == "umaze":
            np.testing.assert_array_equal(played(env, seed, 3), played(plain, seed, 3))
    assert seen == {"umaze", "open"}


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_of_a_changed_maze_has_its_walls(duplicate: Any) -> None:
    env = made("PointMazeUMaze", "dynamics:map:large")
    twin = duplicate(duplicate(env))
    _, info = twin.reset(seed=1)
    assert info["dynamics"]["map"] == "large"
    assert walls(twin) == walls(env) != walls(made("PointMazeUMaze"))


def test_a_map_and_a_parameter_act_together() -> None:
    env = made("PointMazeUMaze", "dynamics:map:large+dynamics:particle_mass:2")
    assert env.unwrapped.model.body("particle").mass[0] == pytest.approx(
        2 * made("PointMazeUMaze").unwrapped.model.body("particle").mass[0]
    )


def moved(disruption: str | None, action: float, steps: int = 5) -> float:
    env = made("PointMazeOpen", disruption)
    start = env.unwrapped.data.qpos.copy()
    for _ in range(steps):
        env.step(np.array([action, 0.0], np.float32))
    return float(env.unwrapped.data.qpos[0] - start[0])


def test_the_ball_obeys_its_dynamics() -> None:
    nominal = moved(None, 0.1)
    assert nominal > 0
    assert moved("dynamics:particle_mass:2", 0.1) == pytest.approx(nominal / 2, rel=0.05)
    assert moved("dynamics:actuator_gain:2", 0.1) == pytest.approx(nominal * 2, rel=0.05)
    assert moved("dynamics:joint_damping:5", 0.1) < nominal
    # 10 N of the motor do not overcome 20 N of friction, and 10 N of a push make up for them.
    assert abs(moved("dynamics:joint_friction:20", 0.1)) < 0.05 * nominal
    assert moved("dynamics:push:-10", 0.1) == pytest.approx(0.0, abs=1e-9)
    assert moved("dynamics:push:10", 0.0) == pytest.approx(nominal)


def test_arguments_reach_the_maze_and_goals_can_be_relabelled() -> None:
    env = made("PointMazeUMaze", continuing_task=False, reward_type="dense")
    observation, reward, *_ = env.step(np.zeros(2, np.float32))
    goals = observation["achieved_goal"], observation["desired_goal"]
    assert 0 < reward < 1
    assert env.unwrapped.compute_reward(*goals, {}) == reward
    batch = env.unwrapped.compute_reward(*(np.stack([goal, goal]) for goal in goals), {})
    np.testing.assert_array_equal(batch, [reward, reward])
    env.unwrapped.point_env.set_state(env.unwrapped.goal, np.zeros(2))
    assert env.step(np.zeros(2, np.float32))[2], "an episode that need not go on ends at the goal"


def test_every_family_member_is_there() -> None:
    assert len(robust_gym.list_tasks("mazes")) == 18
