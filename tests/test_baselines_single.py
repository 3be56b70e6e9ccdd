"""PPO and SAC: Stable-Baselines3 trains, our own light policy acts."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from baseline_help import global_state
from solo_games import BOX, DISCRETE, IMAGE, PLAIN, Echo, echoes, mean_reward
from torch import nn

pytest.importorskip("stable_baselines3")

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.single import layers, sb3
from robust_gym.baselines.single.frames import STACK, StackedFrames, push, shrink
from robust_gym.baselines.single.policy import FeedForwardPolicy
from robust_gym.baselines.single.standard import fit_rollout
from robust_gym.baselines.single.tuned import tuned
from robust_gym.task import Budget, Task

__all__ = ["echoes"]

SMALL: dict[str, dict[str, Any]] = {
    "ppo": {"n_steps": 64, "n_envs": 2, "layers": (16,), "learning_rate": 1e-2},
    "sac": {"layers": (16,), "learning_rate": 1e-2, "batch_size": 32, "gamma": 0.5},
}


def train(name: str, task: Task, steps: int, seed: int = 0, **arguments: Any) -> FeedForwardPolicy:
    algorithm = create(name, {**SMALL[name], **arguments})
    return algorithm.train(task, Budget("test", steps, 1), seed, lambda step: None)


@pytest.mark.parametrize(
    ("name", "task", "steps", "least"),
    [("ppo", DISCRETE, 1500, 0.95), ("ppo", BOX, 3000, -0.7), ("sac", PLAIN, 600, -0.5), ("ppo", IMAGE, 384, 0.95)],
)
def test_learns_to_do_what_is_shown(echoes: None, name: str, task: Task, steps: int, least: float) -> None:
    # A policy that ignores the observation gets 1/3 and 1/2 of the discrete games, and -1.5 of the other.
    extra = {"gamma": 0.5, "normalise": task is not IMAGE} if name == "ppo" else {}
    rate = 1e-3 if task is IMAGE else 1e-2
    assert mean_reward(train(name, task, steps, learning_rate=rate, **extra), task) > least


@pytest.mark.parametrize(("name", "task"), [("ppo", BOX), ("ppo", DISCRETE), ("sac", BOX)])
def test_policy_equals_the_model_it_came_from(
    echoes: None, name: str, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = []
    take_out = sb3.policy_of

    def spy(*parts: Any, **options: Any) -> FeedForwardPolicy:
        kept.append(parts)
        return take_out(*parts, **options)

    monkeypatch.setattr(sb3, "policy_of", spy)
    models: list[Any] = []
    import stable_baselines3

    kind = getattr(stable_baselines3, name.upper())
    learn = kind.learn
    monkeypatch.setattr(kind, "learn", lambda model, *a, **k: (models.append(model), learn(model, *a, **k))[1])
    extra = {"normalise": True} if name == "ppo" else {}
    policy = train(name, task, 200, **extra)
    seen = (
        np.random.default_rng(0).normal(100, 50, (64, *Echo(**task.kwargs).observation_space.shape)).astype(np.float32)
    )
    envs = kept[0][-1]
    if name == "ppo" and task is BOX:
        seen[:, 1] = envs.obs_rms.mean[1]  # it never changes, so our policy ignores it
    normalised = envs.normalize_obs(seen) if hasattr(envs, "normalize_obs") else seen
    expected, _ = models[0].predict(normalised, deterministic=True)
    actions, state = policy.act(seen, None, np.ones(64, bool))
    assert state is None
    np.testing.assert_allclose(actions, expected, atol=1e-4)
    assert len(np.unique(actions)) > 1


@pytest.mark.parametrize(("name", "task"), [("ppo", DISCRETE), ("sac", BOX), ("ppo", IMAGE)])
def test_saved_policy_acts_the_same(echoes: None, name: str, task: Task, tmp_path: Path) -> None:
    policy = train(name, task, 130, **({"normalise": True} if name == "ppo" else {}))
    policy.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy.json", "policy.safetensors"]
    loaded = load_policy(tmp_path)
    space = Echo(**task.kwargs).observation_space
    space.seed(0)
    state = other = None
    start = np.ones(3, bool)
    for _ in range(3):
        seen = np.stack([space.sample() for _ in range(3)])
        one, state = policy.act(seen, state, start)
        two, other = loaded.act(seen, other, start)
        np.testing.assert_array_equal(one, two)
        start = np.zeros(3, bool)


@pytest.mark.parametrize(("name", "task"), [("ppo", BOX), ("sac", BOX)])
def test_same_seed_same_weights_and_nothing_global_moves(echoes: None, name: str, task: Task) -> None:
    def weights(seed: int) -> list[torch.Tensor]:
        return list(train(name, task, 130, seed).network.state_dict().values())

    torch.manual_seed(1)
    before = global_state()
    one = weights(3)
    assert global_state() == before
    torch.manual_seed(2)
    assert all(map(torch.equal, one, weights(3)))
    assert not all(map(torch.equal, one, weights(4)))


def test_every_episode_has_a_training_seed(echoes: None) -> None:
    envs = sb3.training_envs(DISCRETE, "none", 2, np.random.SeedSequence(0), normalise=False, gamma=0.9)
    with contextlib.closing(envs):
        envs.seed(2**31)
        envs.reset()
        for _ in range(25):
            envs.step(np.zeros(2, int))
        seeds = [seed for env in envs.envs for seed in env.unwrapped.seeds]
    assert len(seeds) == 6 == len(set(seeds))
    assert all(seed is not None and 0 <= seed < 2**30 for seed in seeds)


def test_training_disruption_reaches_training(echoes: None) -> None:
    plain, noisy = (train("ppo", BOX, 130, train_disruption=text) for text in ("none", "observation:gauss:0.5"))
    assert not torch.equal(plain.network[0].weight, noisy.network[0].weight)


@pytest.mark.parametrize(("name", "task"), [("ppo", DISCRETE), ("sac", BOX)])
@pytest.mark.parametrize("steps", [10, 333])
def test_budget_is_kept(echoes: None, name: str, task: Task, steps: int) -> None:
    reported: list[int] = []
    arguments = {**SMALL[name], **({"train_freq": 4} if name == "sac" else {})}
    create(name, arguments).train(task, Budget("test", steps, 1), 0, reported.append)
    assert reported == sorted(reported) and 0.75 * steps < reported[-1] <= steps


@pytest.mark.parametrize(
    "wish", [(1, 2048, 64), (8, 32, 256), (4, 1024, 64), (16, 16, 64), (1, 8, 256), (32, 2048, 64)]
)
@pytest.mark.parametrize("steps", [2, 7, 100, 2000, 50_000, 1_000_000])
def test_rollouts_fit_the_budget(steps: int, wish: tuple[int, int, int]) -> None:
    n_envs, n_steps, batch_size = fit_rollout(steps, *wish)
    assert n_envs >= 1 and n_steps >= 2 and n_envs * n_steps <= steps
    assert n_envs * n_steps % batch_size == 0
    assert n_envs <= wish[0] and batch_size <= wish[2]
    if steps == 1_000_000:
        assert (n_envs, n_steps) == wish[:2] or wish[0] == 32


def test_a_step_is_no_budget(echoes: None) -> None:
    with pytest.raises(ValueError, match="ppo needs a budget of at least 2 steps, got 1"):
        train("ppo", DISCRETE, 1)
    with pytest.raises(ValueError, match="ent_coef must be a number of at least 0, .*, got 'much'"):
        train("sac", BOX, 10, ent_coef="much")
    train("sac", BOX, 10, ent_coef=0.1)


def test_tuned_values() -> None:
    task = registry.task("Robust-Pendulum-v0")
    assert tuned("ppo", task, {})["gamma"] == 0.9
    assert tuned("ppo", task, {"gamma": 0.5, "n_steps": None})["gamma"] == 0.5
    assert tuned("ppo", registry.task("Robust-Hopper-v0"), {})["normalise"] is True
    assert tuned("sac", registry.task("Robust-BipedalWalker-v0"), {})["layers"] == (400, 300)
    from robust_gym.baselines.single import tuned as module

    for default, families, tasks in module._TABLES.values():
        known = {registry.task(id).family for id in registry.list_tasks()}
        assert set(families) <= known and set(tasks) <= set(registry.list_tasks())
        assert all(set(values) <= set(default) for table in (families, tasks) for values in table.values())


@pytest.mark.parametrize("steps", [64, 1280])
def test_numbers_that_never_change_are_ignored(echoes: None, steps: int) -> None:
    policy = train("ppo", BOX, steps, normalise=True)
    assert policy.moments is not None
    assert torch.isinf(policy.moments[1]).tolist() == [False, True]
    seen, state, start = np.array([[120.0, 40.0]]), None, np.ones(1, bool)
    disturbed = seen + np.array([[0.0, 5.0]])
    np.testing.assert_array_equal(policy.act(seen, state, start)[0], policy.act(disturbed, state, start)[0])


def test_frames_are_grey_small_and_stacked() -> None:
    images = np.random.default_rng(0).integers(256, size=(2, 8, 6, 3)).astype(np.uint8)
    small = shrink(images)
    assert small.shape == (2, 4, 3) and small.dtype == np.uint8
    grey = images[1, 2:4, 4:6] @ np.array([0.299, 0.587, 0.114])
    assert small[1, 1, 2] == round(float(grey.mean()))
    first = push(None, images, np.ones(2, bool))
    assert first.shape == (2, STACK, 4, 3) and (first == small[:, None]).all()
    second = push(first, images[::-1], np.array([False, True]))
    assert (second[0, :-1] == small[0]).all() and (second[0, -1] == small[1]).all()
    assert (second[1] == small[0]).all()


def test_training_sees_the_frames_that_the_policy_sees() -> None:
    env = StackedFrames(Echo("image"))
    bare = Echo("image")
    stack = None
    for episode in range(2):
        seen, raw = env.reset(seed=episode)[0], bare.reset(seed=episode)[0]
        assert env.observation_space.contains(seen)
        for step in range(6):
            stack = push(stack, raw[None], np.array([step == 0]))
            np.testing.assert_array_equal(seen, stack[0])
            seen, raw = env.step(0)[0], bare.step(0)[0]


def test_layers_are_described_and_built() -> None:
    network = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 2, (3, 4), stride=(1, 2)), nn.ReLU()), nn.Flatten(), nn.Linear(4, 3), nn.Tanh()
    )
    described = json.loads(json.dumps(layers.describe(network)))
    built = layers.build(described)
    built.load_state_dict(nn.Sequential(*layers.flat([network])).state_dict())
    images = torch.randn(5, 1, 4, 5)
    torch.testing.assert_close(built(images), network(images))
    with pytest.raises(TypeError, match="no description of the layer GELU"):
        layers.describe(nn.GELU())
    for wrong in (["linear", 3], ["gelu"], [], "relu", ["conv", 1, 2, "x", 1, 1, 1], ["relu", 3]):
        with pytest.raises(ValueError, match="describes no layer"):
            layers.build([wrong])


def test_damaged_policies_are_refused(echoes: None, tmp_path: Path) -> None:
    train("ppo", DISCRETE, 10).save(tmp_path)
    meta = json.loads((tmp_path / "policy.json").read_text())
    for key, value in (("layers", [["linear", 2, 2]]), ("head", {"kind": "dice", "low": [], "high": []}), ("head", {})):
        (tmp_path / "policy.json").write_text(json.dumps({**meta, key: value}))
        with pytest.raises(ValueError, match="holds no feed-forward policy|unknown action head 'dice'"):
            load_policy(tmp_path)


def test_a_policy_is_loaded_without_stable_baselines3(echoes: None, tmp_path: Path) -> None:
    create("ppo").train(registry.task("Robust-CartPole-v0"), Budget("test", 100, 1), 0, lambda step: None).save(
        tmp_path
    )
    code = (
        "import sys, pathlib; from robust_gym.baselines.base import load_policy;"
        f"load_policy(pathlib.Path({str(tmp_path)!r})); sys.exit('stable_baselines3' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_cannot_be_trained_is_refused() -> None:
    sac = registry.algorithm("sac")
    assert "discrete" in str(sac.refuses(registry.task("Robust-CartPole-v0")))
    assert "single-agent" in str(registry.algorithm("ppo").refuses(registry.task("Robust-MPESpread-v0")))
    assert sac.refuses(registry.task("Robust-CarRacing-v0")) is None
