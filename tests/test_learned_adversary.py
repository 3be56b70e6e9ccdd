"""Critics kept with policies, and adversaries that are trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adversary_help import PENDULUM, policy_of
from torch import nn

import robust_gym
from robust_gym import registry
from robust_gym.baselines.base import load_policy
from robust_gym.baselines.single.adversary import Against, train_adversary
from robust_gym.baselines.single.policy import FeedForwardPolicy, Head
from robust_gym.disruption import DisruptionError
from robust_gym.evaluate import evaluate
from robust_gym.wrappers import bind
from robust_gym.wrappers.attacks import register_learned

# Policies with critics


def test_a_critic_is_saved_and_old_policies_load(tmp_path: Path) -> None:
    policy = policy_of()
    policy.save(tmp_path)
    rows = torch.tensor([[0.1, 0.2, 0.3]])
    loaded = load_policy(tmp_path)
    assert isinstance(loaded, FeedForwardPolicy)
    assert loaded.worth(rows).item() == pytest.approx(0.6)
    policy.critic = None
    policy.save(tmp_path / "old")
    old = load_policy(tmp_path / "old")
    assert isinstance(old, FeedForwardPolicy)
    assert old.critic is None
    with pytest.raises(TypeError, match="without a critic"):
        old.worth(rows)
    meta = json.loads((tmp_path / "policy.json").read_text())
    meta["critic"]["of"] = "luck"
    (tmp_path / "policy.json").write_text(json.dumps(meta))
    with pytest.raises(ValueError, match="'state' or 'action'"):
        load_policy(tmp_path)


@pytest.mark.parametrize("name", ["ppo", "sac"])
def test_the_critics_of_our_algorithms_are_those_they_were_trained_with(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import stable_baselines3 as sb3
    from stable_baselines3.common.base_class import BaseAlgorithm

    from robust_gym.baselines.base import create
    from robust_gym.task import Budget

    models: list[Any] = []
    learn = sb3.PPO.learn if name == "ppo" else sb3.SAC.learn

    def spy(model: BaseAlgorithm, *args: Any, **kwargs: Any) -> Any:
        models.append(model)
        return learn(model, *args, **kwargs)

    monkeypatch.setattr(sb3.PPO if name == "ppo" else sb3.SAC, "learn", spy)
    policy: Any = create(name).train(registry.task(PENDULUM), Budget("own", 128, 1), 0, lambda done: None)
    rows, actions = torch.randn(5, 3), torch.rand(5, 1) * 4 - 2
    with torch.no_grad():
        if name == "ppo":
            expected = models[0].policy.predict_values(rows)
        else:
            expected = models[0].critic(rows, torch.from_numpy(models[0].policy.scale_action(actions.numpy())))[0]
    assert policy.worth(rows, actions).numpy() == pytest.approx(expected[:, 0].numpy(), abs=1e-5)
    clipped = torch.clamp(policy.response(rows), -2, 2)
    assert policy.act(rows.numpy(), None, np.ones(5, bool))[0] == pytest.approx(clipped.numpy())


# Learned adversaries


def constant(task: str, size: int, place: float, directory: Path, channel: str) -> None:
    """Write an adversary that always says the same."""
    network = nn.Sequential(nn.Linear(3, size))
    nn.init.zeros_(network[0].weight)
    nn.init.constant_(network[0].bias, place)
    head = Head("clip", (-1.0,) * size, (1.0,) * size)
    FeedForwardPolicy(network, head, "ppo", registry.task(task)).save(directory)
    (directory / "adversary.json").write_text(json.dumps({"channel": channel}))


@pytest.mark.parametrize(("channel", "size"), [("observation", 3), ("action", 1)])
def test_a_learned_adversary_is_what_it_was_trained_as(channel: str, size: int, tmp_path: Path) -> None:
    constant(PENDULUM, size, 5.0, tmp_path, channel)  # clipped to 1
    name = f"constant_{channel}"
    register_learned(name, tmp_path)
    policy = policy_of(bias=0.3)
    strings = [f"{channel}:adversary:{name},0.25", f"{channel}:bias:0.25"]
    learned, bias = evaluate(policy, PENDULUM, disruptions=strings, episodes=2).results
    assert learned.returns == bias.returns
    task = registry.task(PENDULUM)
    against = Against(robust_gym.make(PENDULUM), policy, channel, 0.25, task)
    total, over = 0.0, False
    against.reset(seed=bias.episode_seeds[0])
    while not over:
        _, reward, terminated, truncated, _ = against.step(np.ones(size, np.float32))
        total, over = total + reward, terminated or truncated
    assert -total == pytest.approx(bias.returns[0], rel=1e-4)
    other = "action" if channel == "observation" else "observation"
    with pytest.raises(DisruptionError, match=f"does not act on the {other} channel"):
        robust_gym.make(PENDULUM, disruption=f"{other}:adversary:{name},0.1")
    with pytest.raises(DisruptionError, match="no use for a budget"):
        robust_gym.make(PENDULUM, disruption=f"{channel}:adversary:{name},0.1,3")


def test_an_adversary_is_trained_and_saved(tmp_path: Path) -> None:
    term = "obs:adversary:learned,0.5"
    first = train_adversary(policy_of(), PENDULUM, term, steps=256, seed=1, directory=tmp_path, n_envs=2)
    again = train_adversary(policy_of(), PENDULUM, term, steps=256, seed=1, n_envs=2)
    seen = np.array([[0.1, 0.2, 0.3]], np.float32)
    one, other, third = (
        policy.act(seen, None, np.ones(1, bool))[0] for policy in (first, again, load_policy(tmp_path))
    )
    assert one.shape == (1, 3)
    assert np.array_equal(one, other)
    assert np.array_equal(one, third)
    register_learned("trained", tmp_path)
    register_learned("trained", tmp_path)
    assert evaluate(policy_of(), PENDULUM, disruptions="obs:adversary:trained,0.5", episodes=1).results[0].mean < 0


def test_what_cannot_be_trained_or_registered_is_said(tmp_path: Path) -> None:
    for disruption in ("obs:0.1", "obs:adversary:mad,0.1", "obs:adversary:learned,0.1+obs:0.1"):
        with pytest.raises(DisruptionError, match="an adversary is trained for"):
            train_adversary(policy_of(), PENDULUM, disruption)
    with pytest.raises(DisruptionError, match="cannot honour"):
        train_adversary(policy_of(), "Robust-FrozenLake-v0")
    with pytest.raises(FileNotFoundError, match="no trained adversary"):
        register_learned("nobody", tmp_path)
    (tmp_path / "adversary.json").write_text("{}")
    with pytest.raises(ValueError, match="an attack already"):
        register_learned("mad", tmp_path)
    with pytest.raises(ValueError, match="lower-case word"):
        register_learned("A b", tmp_path)


def test_a_learned_adversary_of_another_size_is_named(tmp_path: Path) -> None:
    constant(PENDULUM, 2, 1.0, tmp_path, "observation")
    register_learned("too_small", tmp_path)
    env = bind(robust_gym.make(PENDULUM, disruption="obs:adversary:too_small,0.1"), policy_of())
    with pytest.raises(DisruptionError, match="another size"):
        env.reset(seed=0)
