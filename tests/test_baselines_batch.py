"""Training on batched copies: the bits of training on single environments."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym.task import Budget
from robust_gym.vector import simulator

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")
pytest.importorskip("mujoco.batch")
import torch
from stable_baselines3.common.vec_env import DummyVecEnv

from robust_gym.baselines.base import create
from robust_gym.baselines.single import sb3
from robust_gym.baselines.single.batch import BatchedVecEnv

NOISY = "dynamics:0.2+action:gauss:0.1+reward:flip:0.1+obs:gauss:0.1+obs:delay:1"


@pytest.mark.parametrize("disruption", ["none", NOISY])
def test_collecting_from_the_batch_is_collecting_one_by_one(disruption: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = robust_gym.task("Robust-Hopper-v0")
    together = sb3.training_envs(task, disruption, 3, np.random.SeedSequence(1), normalise=False, gamma=0.99)
    monkeypatch.setattr(sb3, "is_batched", lambda task: False)
    singles = sb3.training_envs(task, disruption, 3, np.random.SeedSequence(1), normalise=False, gamma=0.99)
    assert isinstance(together, BatchedVecEnv)
    assert isinstance(singles, DummyVecEnv)
    assert together.observation_space == singles.observation_space
    assert np.array_equal(together.reset(), singles.reset())
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(200):
        actions = rng.uniform(-1, 1, (3, 3)).astype(np.float32)
        ours, theirs = together.step(actions), singles.step(actions)
        for a, b in zip(ours[:3], theirs[:3], strict=True):
            assert np.array_equal(a, b)
            assert a.dtype == b.dtype
        for a, b in zip(ours[3], theirs[3], strict=True):
            assert a["TimeLimit.truncated"] == b["TimeLimit.truncated"]
            assert a["nominal_reward"] == b["nominal_reward"]
            assert ("terminal_observation" in a) == ("terminal_observation" in b)
            if "terminal_observation" in a:
                ends += 1
                assert np.array_equal(a["terminal_observation"], b["terminal_observation"])
    assert ends > 5
    together.close()
    singles.close()


def test_ppo_learns_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    task = robust_gym.task("Robust-Hopper-v0")
    arguments = {"n_envs": 4, "n_steps": 32, "batch_size": 64, "n_epochs": 2}
    weights = []
    for batched in (True, False):
        monkeypatch.setattr(sb3, "is_batched", simulator.is_batched if batched else lambda task: False)
        policy = create("ppo", arguments).train(task, Budget("smoke", 512, 1), 0, lambda steps: None)
        weights.append(policy.network.state_dict())  # type: ignore[attr-defined]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_some_copies_reset_alone_leave_the_others_as_they_are() -> None:
    noisy = "obs:gauss:0.5+obs:delay:2"
    env = gym.make_vec("Robust-Hopper-v0", num_envs=2, disruption=noisy, autoreset_mode="Disabled")
    env.reset(seed=1)
    seen, *_ = env.step(np.zeros((2, 3), np.float32))
    again, _ = env.reset(seed=[7, None], options={"reset_mask": np.array([True, False])})
    assert np.array_equal(again[1], seen[1])
    alone = robust_gym.make("Robust-Hopper-v0", disruption=noisy)
    assert np.array_equal(again[0], alone.reset(seed=7)[0])
    first = env.step(np.zeros((2, 3), np.float32))[0]
    assert np.array_equal(first[0], alone.step(np.zeros(3, np.float32))[0])
    env.close()
