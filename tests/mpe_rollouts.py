"""What the tests of the particle tasks share: MPE2's own environments, and rollouts."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from robust_gym.registry import task as find_task
from robust_gym.task import Task, load
from robust_gym.tasks._mpe_env import Particles

THEIRS = {
    "Robust-MPESpread-v0": "simple_spread_v3",
    "Robust-MPESpeakerListener-v0": "simple_speaker_listener_v4",
    "Robust-MPEReference-v0": "simple_reference_v3",
}
EACH = pytest.mark.parametrize("task", [find_task(id) for id in THEIRS], ids=list(THEIRS))


def make(task: Task, **kwargs) -> Particles:
    env = load(task.base)(**{**task.kwargs, **kwargs})
    assert isinstance(env, Particles)
    return env


def mpe2(task: Task, **kwargs):
    return importlib.import_module(f"mpe2.{THEIRS[task.id]}").parallel_env(**kwargs)


def random_actions(env, seed: int, steps: int = 25) -> list[dict[str, int]]:
    rng = np.random.default_rng(seed)
    return [{a: int(rng.integers(env.action_space(a).n)) for a in env.possible_agents} for _ in range(steps)]


def rollout(env, seeds=range(6)) -> np.ndarray:
    """States and rewards of whole episodes of random actions, as one vector."""
    numbers = []
    for seed in seeds:
        env.reset(seed=seed)
        numbers.append(env.state())
        for action in random_actions(env, seed):
            _, rewards, *_ = env.step(action)
            numbers += [env.state(), np.array(list(rewards.values()))]
    return np.concatenate(numbers)
