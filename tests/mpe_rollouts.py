"""What the tests of the particle tasks share: MPE2's own environments, and rollouts."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from gymnasium import spaces

from robust_gym.registry import list_tasks
from robust_gym.registry import task as find_task
from robust_gym.task import Task, load
from robust_gym.tasks._mpe_env import Particles

TASKS = [find_task(id) for id in list_tasks("mpe")]
EACH = pytest.mark.parametrize("task", TASKS, ids=[task.id for task in TASKS])
DISCRETE = [task for task in TASKS if task.action == "discrete"]
EACH_DISCRETE = pytest.mark.parametrize("task", DISCRETE, ids=[task.id for task in DISCRETE])


def make(task: Task, **kwargs) -> Particles:
    env = load(task.base)(**{**task.kwargs, **kwargs})
    assert isinstance(env, Particles)
    return env


def mpe2(task: Task, **kwargs):
    return importlib.import_module(f"mpe2.{scenario(task)}").parallel_env(**{**task.kwargs, **kwargs})


def scenario(task: Task) -> str:
    return task.source.split()[1]


def random_actions(env, seed: int, steps: int = 25) -> list[dict]:
    rng = np.random.default_rng(seed)
    return [{a: _random(env.action_space(a), rng) for a in env.possible_agents} for _ in range(steps)]


def _random(space: spaces.Space, rng: np.random.Generator):
    if isinstance(space, spaces.Discrete):
        return int(rng.integers(space.n))
    return rng.random(space.shape, np.float32)


def rollout(env, seeds=None) -> np.ndarray:
    """States and rewards of whole episodes of random actions, as one vector; fewer of those with many agents."""
    numbers = []
    if seeds is None:
        seeds = range(2 if len(env.possible_agents) > 4 else 6)
    for seed in seeds:
        env.reset(seed=seed)
        numbers.append(env.state())
        for action in random_actions(env, seed):
            _, rewards, *_ = env.step(action)
            numbers += [env.state(), np.array(list(rewards.values()))]
    return np.concatenate(numbers)
