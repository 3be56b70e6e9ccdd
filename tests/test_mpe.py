"""The particle tasks: MPE2 to the bit, fresh results, copies and pictures."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from mpe2 import all_modules
from mpe_rollouts import EACH, TASKS, make, mpe2, random_actions, rollout, scenario

from robust_gym.registry import task as find_task

with warnings.catch_warnings():
    # PettingZoo's tests import one of its games in a way that it has itself deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import parallel_api_test
    from pettingzoo.test.state_test import state_test


def test_the_family_is_all_of_mpe2():
    theirs = {path.stem for path in Path(all_modules.__file__).parent.glob("*_v[0-9].py")}
    assert len(TASKS) == 24
    for action in ("discrete", "box"):
        assert {scenario(task) for task in TASKS if task.action == action} == theirs


@EACH
def test_is_mpe2_to_the_bit(task):
    theirs, ours = mpe2(task), make(task)
    assert ours.possible_agents == theirs.possible_agents
    for agent in ours.possible_agents:
        assert ours.action_space(agent) == theirs.action_space(agent)
        assert ours.observation_space(agent) == theirs.observation_space(agent)
    assert ours.state_space == theirs.state_space
    for episode in range(4 if task.slow else 12):
        seed = episode if episode % 3 == 0 else None  # seeds in between let the generator go on
        raw, _ = theirs.reset(seed=seed)
        observations, infos = ours.reset(seed=seed)
        np.testing.assert_equal(observations, raw)
        assert infos == {agent: {} for agent in ours.possible_agents}
        for t, action in enumerate(random_actions(ours, episode)):
            raw, raw_rewards, _, raw_truncated, _ = theirs.step(action)
            observations, rewards, terminated, truncated, infos = ours.step(action)
            np.testing.assert_equal(observations, raw)
            np.testing.assert_array_equal(ours.state(), theirs.state())
            assert rewards == dict(raw_rewards)
            assert truncated == dict(raw_truncated) == dict.fromkeys(ours.possible_agents, t == 24)
            assert not any(terminated.values())
            assert infos == {agent: {} for agent in ours.possible_agents}
        assert ours.agents == [] and ours.step({}) == ({}, {}, {}, {}, {})


def test_arguments_are_mpe2s():
    task = find_task("Robust-MPESpread-v0")
    arguments = {"N": 4, "local_ratio": 0.2, "max_cycles": 7}
    theirs, ours = mpe2(task, **arguments), make(task, **arguments)
    theirs.reset(seed=1), ours.reset(seed=1)
    for action in random_actions(ours, 1, 7):
        raw, observed = theirs.step(action), ours.step(action)
        np.testing.assert_equal(observed[0], raw[0])
        assert observed[1] == dict(raw[1])
    assert ours.agents == []


@EACH
def test_conforms_to_pettingzoo(task):
    parallel_api_test(make(task), num_cycles=200)


@EACH
@pytest.mark.filterwarnings("ignore:Environment's m.*imum state space value is:UserWarning")
def test_state_conforms(task):
    from pettingzoo.utils import parallel_to_aec

    state_test(parallel_to_aec(make(task)), make(task))


@EACH
def test_same_seed_same_rollout(task):
    one, other = make(task), make(task)
    np.testing.assert_array_equal(rollout(one), rollout(other))
    np.testing.assert_array_equal(rollout(one, [3]), rollout(make(task), [3]))
    assert not np.array_equal(rollout(one, [3]), rollout(one, [4]))


@EACH
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_go_on_alike(task, duplicate):
    env = make(task)
    np.testing.assert_array_equal(rollout(duplicate(env)), rollout(env))
    env.reset(seed=2)
    actions = random_actions(env, 2)
    for action in actions[:10]:
        env.step(action)
    other = duplicate(env)
    for action in actions[10:]:
        np.testing.assert_equal(env.step(action), other.step(action))
    np.testing.assert_equal(env.reset(), other.reset())
    assert len(pickle.dumps(env)) < 40_000  # no drawing surface of 2 MB


@EACH
def test_results_are_fresh(task):
    env, other = make(task), make(task)
    first, _ = env.reset(seed=0)
    other.reset(seed=0)
    kept = copy.deepcopy(first)
    for action in random_actions(env, 0):
        for array in first.values():
            array += 1000
        env.state()[:] = 0
        first, second = env.step(action)[0], other.step(action)[0]
        np.testing.assert_equal(first, second)
    np.testing.assert_equal(env.reset(seed=0)[0], kept)


@EACH
def test_renders_what_mpe2_renders(task):
    theirs, ours = mpe2(task, render_mode="rgb_array"), make(task, render_mode="rgb_array")
    for seed in (1, 2):
        theirs.reset(seed=seed), ours.reset(seed=seed)
        for action in random_actions(ours, 1, 5):
            theirs.step(action), ours.step(action)
            image = ours.render()
            assert image.shape == (700, 700, 3) and image.dtype == np.uint8
            np.testing.assert_array_equal(image, theirs.render())
    assert copy.deepcopy(ours).render().shape == image.shape
    ours.close()


def test_closing_one_leaves_the_pictures_of_others():
    task = find_task("Robust-MPESpeakerListener-v0")  # its pictures have writing on them
    one, other = (make(task, render_mode="rgb_array") for _ in range(2))
    for env in (one, other):
        env.reset(seed=0)
        env.render()
    image = other.render()
    one.close()
    np.testing.assert_array_equal(other.render(), image)


def test_refuses_what_does_not_exist():
    task = find_task("Robust-MPESpread-v0")
    for arguments, message in (
        ({"render_mode": "ansi"}, "no render mode 'ansi'"),
        ({"local_ratio": 1.5}, "local_ratio must be 0 to 1"),
        ({"max_cycles": 0}, "max_cycles must be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            make(task, **arguments)
    env = make(task)
    for method in (env.state, env.render):
        with pytest.raises(RuntimeError):
            method()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="'agent_1' must be a whole number 0 to 4, got 5"):
        env.step({"agent_0": 0, "agent_1": 5, "agent_2": 0})
    env = make(task, continuous_actions=True)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="'agent_1' must be 5 numbers, got 3"):
        env.step({"agent_0": np.zeros(5), "agent_1": 3, "agent_2": np.zeros(5)})
    for other in (make(task), env):
        other.reset(seed=0)
        with pytest.raises(ValueError, match="no action for 'agent_1'"):
            other.step({"agent_0": other.action_space("agent_0").sample()})


def test_the_null_action_does_nothing():
    task = find_task("Robust-MPESpread-v0")
    env = make(task)
    env.reset(seed=5)
    before = env.state()
    env.step(dict.fromkeys(env.agents, task.null_action))
    np.testing.assert_array_equal(env.state(), before)


def test_listing_tasks_imports_no_simulator():
    code = (
        "import sys, robust_gym.tasks.mpe, robust_gym.tasks.building;"
        "print([m for m in ('mpe2', 'pygame', 'sustaingym', 'pvlib', 'pandas') if m in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"
