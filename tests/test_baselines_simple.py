"""The random policy and the classical controllers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.controller import CONTROLLERS, lunar_lander, lunar_lander_continuous
from robust_gym.evaluate import Policy, evaluate
from robust_gym.task import Budget, Task
from robust_gym.tasks import make

NO_STEPS = Budget("none", 0, 1)


def train(name: str, task: Task, seed: int = 0) -> Policy:
    policy: Policy = create(name).train(task, NO_STEPS, seed, lambda step: None)
    return policy


def mean(policy: Any, task: str, episodes: int = 3, disruptions: tuple[str, ...] = ("none",)) -> float:
    return evaluate(policy, task, disruptions=disruptions, episodes=episodes).results[0].mean


SINGLE = ("Robust-CartPole-v0", "Robust-Pendulum-v0")


@pytest.mark.parametrize("task_id", SINGLE)
def test_random_actions_cover_their_space_evenly(task_id: str) -> None:
    policy = train("random", registry.task(task_id))
    env = make(task_id)
    state, drawn = None, []
    rows = np.arange(64.0)
    for step in range(40):
        seen = np.stack([rows, np.full(64, step)], 1)
        actions, state = policy.act(seen, state, np.full(64, step == 0))
        assert all(env.action_space.contains(action) for action in actions)
        drawn.append(actions.astype(float).ravel())
    values = np.sort(np.concatenate(drawn))
    if env.action_space.shape:
        quantiles = np.interp(np.linspace(0, 1, 5), np.linspace(0, 1, len(values)), values)
        np.testing.assert_allclose(quantiles, np.linspace(-2, 2, 5), atol=0.15)
    else:
        assert abs(values.mean() - 0.5) < 0.03


def test_random_rows_depend_on_their_own_history_alone() -> None:
    policy = train("random", registry.task("Robust-Pendulum-v0"))
    seen = np.random.default_rng(0).normal(size=(6, 5, 3))
    starts = np.zeros((6, 5), bool)
    starts[0] = starts[3, 2] = True
    together, state = [], None
    for t in range(6):
        actions, state = policy.act(seen[t], state, starts[t])
        together.append(actions)
    for row in (4, 2):
        state = None
        for t in range(6):
            actions, state = policy.act(seen[t, row : row + 1], state, starts[t, row : row + 1])
            np.testing.assert_array_equal(actions[0], together[t][row])
    again, _ = policy.act(seen[0], None, starts[0])
    np.testing.assert_array_equal(again, together[0])
    other, _ = train("random", registry.task("Robust-Pendulum-v0"), seed=1).act(seen[0], None, starts[0])
    assert (other != together[0]).all()


def test_random_agents_draw_on_their_own(tmp_path: Path) -> None:
    task = registry.task("Robust-MPESpread-v0")
    policy = train("random", task)
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    env = make(task.id)
    seen, _ = env.reset(seed=0)
    batch = {agent: np.stack([one + row for row in range(64)]) for agent, one in seen.items()}
    actions, _ = policy.act(batch, None, np.ones(64, bool))
    assert list(actions) == env.possible_agents
    assert len({tuple(one.tolist()) for one in actions.values()}) == 3
    assert set(np.concatenate(list(actions.values())).tolist()) == set(range(5))
    again, _ = loaded.act(batch, None, np.ones(64, bool))
    assert all((actions[agent] == again[agent]).all() for agent in actions)


def test_random_returns_do_not_depend_on_what_else_is_evaluated() -> None:
    policy = train("random", registry.task("Robust-CartPole-v0"))
    alone = evaluate(policy, "Robust-CartPole-v0", disruptions=["observation:gauss:0.1"], episodes=5)
    beside = evaluate(
        policy, "Robust-CartPole-v0", disruptions=["action:delay:1", "none", "observation:gauss:0.1"], episodes=5
    )
    assert alone.results[0].returns == beside.results[2].returns
    assert len(set(alone.results[0].returns)) > 1


def test_random_refuses_unbounded_actions() -> None:
    from robust_gym.baselines.random import _Actions

    with pytest.raises(ValueError, match="no uniform distribution over the unbounded action space"):
        _Actions.of(gym.spaces.Box(-np.inf, np.inf, (2,)))


# What each controller reaches at least, over three episodes; random policies stay far below.
LEAST = {
    "Robust-Building-v0": -800.0,
    "Robust-CartPole-v0": 500.0,
    "Robust-MountainCar-v0": -130.0,
    "Robust-MountainCarContinuous-v0": 85.0,
    "Robust-Pendulum-v0": -300.0,
    "Robust-Acrobot-v0": -300.0,
    "Robust-InvertedPendulum-v0": 1000.0,
    "Robust-LunarLander-v0": 200.0,
    "Robust-LunarLanderContinuous-v0": 200.0,
}


@pytest.mark.parametrize("task_id", sorted(CONTROLLERS))
def test_controllers_beat_chance(task_id: str, tmp_path: Path) -> None:
    task = registry.task(task_id)
    if task.missing():
        pytest.skip(task.missing())
    policy = train("controller", task)
    policy.save(tmp_path)
    reached = mean(load_policy(tmp_path), task_id)
    assert reached >= LEAST[task_id]
    assert reached > mean(train("random", task), task_id)


def test_tasks_without_a_controller_are_refused() -> None:
    task = registry.task("Robust-MPESpread-v0")
    assert "controller has nothing for Robust-MPESpread-v0; it has" in str(
        registry.algorithm("controller").refuses(task)
    )
    assert registry.algorithm("controller").refuses(registry.task("Robust-CartPole-v0")) is None
    with pytest.raises(ValueError, match="there is no controller for Robust-MPESpread-v0; tasks with one are"):
        train("controller", task)


@pytest.mark.parametrize("continuous", [False, True])
def test_landers_follow_gymnasium(continuous: bool) -> None:
    pytest.importorskip("Box2D")
    from types import SimpleNamespace

    from gymnasium.envs.box2d.lunar_lander import heuristic

    env: Any = SimpleNamespace(unwrapped=SimpleNamespace(continuous=continuous))
    seen = np.random.default_rng(0).normal(0, 0.5, (500, 8))
    seen[:, 6:] = np.random.default_rng(1).integers(2, size=(500, 2))
    ours = (lunar_lander_continuous if continuous else lunar_lander)(seen)
    theirs = np.stack([np.asarray(heuristic(env, row)) for row in seen])
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
