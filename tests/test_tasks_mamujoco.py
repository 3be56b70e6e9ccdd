"""MaMuJoCo: the package's own dynamics and observations, its repairs, costs, and what dynamics do."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest

from robust_gym.registry import list_tasks
from robust_gym.registry import task as find_task
from robust_gym.task import load
from robust_gym.tasks import make_parallel, mujoco, undisturbed

pytest.importorskip("mujoco")
pytest.importorskip("gymnasium_robotics")

TASKS = [find_task(id) for id in list_tasks("mamujoco")]
EACH = pytest.mark.parametrize("task", TASKS, ids=[task.id for task in TASKS])
PLAIN = [task for task in TASKS if not task.cost and task.kwargs["scenario"] not in ("Pusher", "CoupledHalfCheetah")]
SAFE = [task for task in TASKS if task.cost]

# Safety-Gymnasium's table, m/s.
THRESHOLDS = {
    ("Ant", "2x4"): 2.522,
    ("Ant", "4x2"): 2.418,
    ("HalfCheetah", "6x1"): 2.932,
    ("HalfCheetah", "2x3"): 3.227,
    ("Hopper", "3x1"): 0.9613,
    ("Humanoid", "9|8"): 0.58,
    ("Swimmer", "2x1"): 0.04891,
    ("Walker2d", "2x3"): 1.641,
}


def random_actions(env, steps: int, seed: int = 0) -> list[dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [
        {a: rng.uniform(-1, 1, env.action_space(a).shape) * env.action_space(a).high for a in env.possible_agents}
        for _ in range(steps)
    ]


def theirs(task):
    from robust_gym.tasks._robotics_library import load as load_library

    load_library()
    from gymnasium_robotics import mamujoco_v1

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return mamujoco_v1.parallel_env(task.kwargs["scenario"], task.kwargs["agent_conf"])


def test_the_family_is_every_split_that_mamujoco_knows():
    assert len(TASKS) == 26 and len(SAFE) == 8


@pytest.mark.parametrize("task", PLAIN, ids=[task.id for task in PLAIN])
@pytest.mark.filterwarnings("ignore:.*settotalmass.*")
def test_is_mamujoco_to_the_bit(task):
    ours, raw = undisturbed(task), theirs(task)
    assert ours.possible_agents == raw.possible_agents
    for agent in ours.possible_agents:
        assert ours.action_space(agent) == raw.action_space(agent)
        assert ours.observation_space(agent) == raw.observation_space(agent)
    for seed in (3, None):
        np.testing.assert_equal(ours.reset(seed=seed)[0], raw.reset(seed=seed)[0])
        for actions in random_actions(ours, 30):
            observations, rewards, terminated, truncated, _ = ours.step(actions)
            expected = raw.step(actions)
            np.testing.assert_equal(observations, expected[0])
            assert (rewards, terminated, truncated) == expected[1:4]
            np.testing.assert_array_equal(ours.state(), raw.state())
            if not ours.agents:
                break


@EACH
def test_nominal_values_are_the_models(task):
    measured = load(task.adapter)(undisturbed(task), task).measure()
    for name, value in measured.items():
        assert value == pytest.approx(task.dynamics[name].nominal, abs=6e-4), name


def test_dynamics_are_those_of_the_single_agent_robots():
    assert find_task("Robust-MaAnt4x2-v0").dynamics == mujoco.TASKS["Ant"].dynamics
    assert find_task("Robust-MaHumanoid9p8-v0").dynamics == mujoco.TASKS["Humanoid"].dynamics


def test_heavier_gravity_pulls_the_robot_down():
    heights = {}
    for disruption in (None, "dynamics:gravity:3", "dynamics:gravity:0.3"):
        env = make_parallel("Robust-MaAnt2x4-v0", disruption)
        env.reset(seed=0)
        for _ in range(8):
            env.step({a: np.zeros(4) for a in env.agents})
        heights[disruption] = env.state()[0]
    assert heights["dynamics:gravity:3"] < heights[None] < heights["dynamics:gravity:0.3"]


@pytest.mark.parametrize("task", SAFE, ids=[task.id for task in SAFE])
def test_fast_steps_cost_one(task):
    assert task.kwargs["threshold"] == THRESHOLDS[task.kwargs["scenario"], task.kwargs["agent_conf"]]
    env = undisturbed(task, threshold=0.2)  # random actions reach it
    env.reset(seed=1)
    costs = []
    for actions in random_actions(env, 100):
        _, _, _, _, infos = env.step(actions)
        for info in infos.values():
            speed = info["x_velocity"]
            if task.kwargs["scenario"] in ("Ant", "Humanoid"):
                speed = np.hypot(speed, info["y_velocity"])
            elif task.kwargs["scenario"] != "Swimmer":
                speed = abs(speed)
            assert info["cost"] == float(speed > 0.2)
            costs.append(info["cost"])
    assert set(costs) == {0.0, 1.0}


def test_results_are_the_callers():
    env, other = (undisturbed(find_task("Robust-MaSafetyHopper3x1Velocity-v0")) for _ in range(2))
    observations, infos = env.reset(seed=0)
    other.reset(seed=0)
    for actions in random_actions(env, 5):
        for agent in observations:
            observations[agent] += 1000.0
            infos[agent].clear()
        result = env.step(actions)
        observations, infos = result[0], result[4]
        np.testing.assert_equal(observations, other.step(actions)[0])
        assert all(infos[agent] for agent in env.agents)
    assert env.agents is not env.possible_agents


def test_over_is_over_and_bad_actions_are_named():
    env = undisturbed(find_task("Robust-MaReacher2x1-v0"))
    env.reset(seed=0)
    with pytest.raises(ValueError, match="'agent_1' must be an array of shape \\(1,\\); there is none"):
        env.step({"agent_0": np.zeros(1)})
    with pytest.raises(ValueError, match="'agent_0' must be an array of shape \\(1,\\); got"):
        env.step({"agent_0": np.zeros(2), "agent_1": np.zeros(1)})
    for number, actions in enumerate(random_actions(env, 50)):
        _, _, terminated, truncated, _ = env.step(actions)
        assert not any(terminated.values()) and set(truncated.values()) == {number == 49}
    assert env.agents == [] and env.step({}) == ({}, {}, {}, {}, {})


def test_each_cheetah_sees_its_own_joints_and_the_tendon():
    env = undisturbed(find_task("Robust-MaCoupledHalfCheetah1p1-v0"))
    observations, _ = env.reset(seed=0)
    data = env.single_agent_env.unwrapped.data
    for agent, first in (("agent_0", 3), ("agent_1", 12)):
        for joint in range(first, first + 6):
            assert data.qpos[joint] in observations[agent] and data.qvel[joint] in observations[agent]
    # The tendon runs between the two torsos: its Jacobian along x is the x component of its direction, its length
    # their distance.
    apart = data.body("torso1").xpos - data.body("torso0").xpos
    np.testing.assert_allclose(data.ten_length[0], np.linalg.norm(apart))
    state = env.state()
    np.testing.assert_allclose(state[34:38], np.array([-1, -1, 1, 1]) * np.tile(apart[[0, 2]], 2) / data.ten_length[0])
    np.testing.assert_allclose(state[38:], [data.ten_length[0], data.ten_velocity[0]])


def test_a_stiff_tendon_holds_the_cheetahs_together():
    apart = {}
    for disruption in (None, "dynamics:tendon_stiffness:1000"):
        env = make_parallel("Robust-MaCoupledHalfCheetah1p1-v0", disruption)
        env.reset(seed=0)
        for _ in range(60):  # one pushes forward, the other backward
            env.step({"agent_0": np.ones(6), "agent_1": -np.ones(6)})
        apart[disruption] = env.state()[38]
    assert abs(apart["dynamics:tendon_stiffness:1000"] - 2.0) < abs(apart[None] - 2.0)


def test_pushers_joints_keep_their_order_in_every_process():
    code = (
        "import robust_gym; from robust_gym.registry import task; from robust_gym.tasks import undisturbed;"
        "env = undisturbed(task('Robust-MaPusher3p-v0')); [object() for _ in range({})];"
        "print({{a: o.tolist() for a, o in env.reset(seed=0)[0].items()}})"
    )
    seen = {
        subprocess.run([sys.executable, "-c", code.format(n)], capture_output=True, text=True, check=True).stdout
        for n in (1, 999)
    }
    assert len(seen) == 1
    env = undisturbed(find_task("Robust-MaPusher3p-v0"))
    observations, _ = env.reset(seed=0)
    qpos = env.single_agent_env.unwrapped.data.qpos
    np.testing.assert_array_equal(observations["agent_0"][[0, 2, 4]], qpos[[1, 0, 2]])  # lift, pan, roll: by name


def test_segments_are_built_outside_the_package():
    """MaMuJoCo writes its models into its own folder and deletes them there."""
    from gymnasium_robotics.envs.multiagent_mujoco import many_segment_ant

    env = undisturbed(find_task("Robust-MaManySegmentAnt2x3-v0"))
    robot = env.single_agent_env.unwrapped
    assert robot.model.nu == 24
    assert many_segment_ant.__file__.rpartition("/")[0] not in robot.fullpath
    assert isinstance(env.single_agent_env, gym.wrappers.TimeLimit)


@pytest.mark.parametrize("id", ["Robust-MaManySegmentAnt2x3-v0", "Robust-MaHopper3x1-v0"])
@pytest.mark.parametrize("kwargs", [{}, {"agent_obsk": 0}, {"agent_obsk": None}])
@pytest.mark.filterwarnings("ignore:.*settotalmass.*")
def test_teams_can_be_copied_and_pickled(id, kwargs):
    env = undisturbed(find_task(id), **kwargs)
    expected = env.reset(seed=4)
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        np.testing.assert_equal(twin.reset(seed=4)[0], expected[0])
        for actions in random_actions(env, 3):
            np.testing.assert_equal(twin.step(actions)[:4], env.step(actions)[:4])
        env.reset(seed=4)


def test_limits_of_cost_are_for_the_sum_over_agents():
    limits = {id: find_task(id).cost_limit for id in list_tasks("mamujoco") if find_task(id).cost}
    assert limits["Robust-MaSafetyHalfCheetah6x1Velocity-v0"] == 150
    assert limits["Robust-MaSafetyHumanoid9p8Velocity-v0"] == 50
    for id, limit in limits.items():
        assert limit == 25 * len(make_parallel(id).possible_agents)
