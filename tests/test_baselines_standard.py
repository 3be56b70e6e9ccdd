"""The standard algorithms of Stable-Baselines3 and sb3-contrib, and domain randomisation around them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from recall_help import BEFORE, NAMES, ON_POLICY, PENDULUM, SHOWN, games, learn, right_share, seen_in
from solo_games import BOX, IMAGE, PLAIN, echoes, mean_reward
from torch import nn

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.crossq import folded
from robust_gym.baselines.single import layers
from robust_gym.bench.plan import Request, make_plan
from robust_gym.task import Budget, Task

__all__ = ["echoes", "games"]


@pytest.mark.parametrize(("name", "least"), [("td3", -0.5), ("ddpg", -0.5), ("tqc", -0.5), ("crossq", -0.9)])
def test_learns_to_do_the_number_that_is_shown(games: None, name: str, least: float) -> None:
    assert mean_reward(learn(name, PLAIN, 500), PLAIN) > least  # -1.5 for a policy that ignores it


@pytest.mark.parametrize(("name", "steps"), [("dqn", 600), ("a2c", 1500), ("trpo", 1500)])
def test_learns_to_choose_what_is_shown(games: None, name: str, steps: int) -> None:
    assert right_share(learn(name, SHOWN, steps), 0) > 0.95  # 1/3 for a policy that ignores it


@pytest.mark.parametrize("name", ["a2c", "trpo"])
def test_learns_with_a_normaliser(games: None, name: str) -> None:
    extra = {"n_envs": 4} if name == "a2c" else {}
    assert mean_reward(learn(name, BOX, 3000, normalise=True, **extra), BOX) > -0.7


def test_an_lstm_remembers(games: None) -> None:
    assert right_share(learn("recurrent-ppo", BEFORE, 2000), 1) > 0.95
    # Nothing else tells what was shown before.
    assert right_share(learn("ppo", BEFORE, 2000, **{**ON_POLICY, "n_envs": 8, "n_steps": 16}), 1) < 0.5


@pytest.mark.parametrize(
    ("name", "task", "arguments"),
    [(name, PLAIN, {}) for name in NAMES if name != "dqn"]
    + [(name, PLAIN, {"use_sde": True}) for name in ("a2c", "trpo", "recurrent-ppo", "tqc", "crossq")]
    + [(name, SHOWN, {}) for name in ("dqn", "a2c", "trpo", "recurrent-ppo")]
    + [(name, BOX, {"normalise": True}) for name in ("a2c", "trpo", "recurrent-ppo")],
)
def test_policy_equals_the_model_it_came_from(
    games: None,
    name: str,
    task: Task,
    arguments: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models: list[Any] = []
    algorithm = type(create(name, {}))
    take_out = algorithm.policy
    monkeypatch.setattr(algorithm, "policy", lambda self, task, model, envs: (
        models.append(model), take_out(self, task, model, envs))[1])  # fmt: skip
    policy = learn(name, task, 200, **arguments)
    (model,) = models
    assert model.use_sde == ("use_sde" in arguments)
    seen = seen_in(task)
    envs = model.get_vec_normalize_env()
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    state = again = single = theirs = None
    for step in range(3):
        # Some rows begin a new episode.
        start = np.ones(64, bool) if step == 0 else np.arange(64) % 5 == 0
        model.policy.set_training_mode(False)
        rows = (seen + step).astype(np.float32)
        if envs is not None:
            rows[:, 1] = envs.obs_rms.mean[1]  # it never changes, so our policy ignores it
        expected, theirs = model.predict(envs.normalize_obs(rows) if envs else rows, theirs, start, True)
        actions, state = policy.act(rows, state, start)
        np.testing.assert_allclose(actions, expected, atol=1e-5 if task is PLAIN else 1e-4)
        repeated, again = loaded.act(rows, again, start)
        np.testing.assert_array_equal(repeated, actions)
        one, single = loaded.act(rows[:1], single, start[:1])
        np.testing.assert_allclose(one, actions[:1], atol=1e-5)
    assert len(np.unique(actions)) > 1


@pytest.mark.parametrize("name", ["dqn", "a2c", "recurrent-ppo"])
def test_images(games: None, name: str, tmp_path: Path) -> None:
    extra = {"buffer_size": 50} if name == "dqn" else {"n_envs": 2, "n_steps": 8}
    policy = learn(name, IMAGE, 60, **extra)
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    state = again = None
    start = np.ones(3, bool)
    for seed in range(3):
        images = np.random.default_rng(seed).integers(256, size=(3, 80, 74, 3)).astype(np.uint8)
        one, state = policy.act(images, state, start)
        two, again = loaded.act(images, again, start)
        np.testing.assert_array_equal(one, two)
        start = np.array([False, True, False])


def test_batch_renormalisation_becomes_part_of_linear_layers() -> None:
    from sb3_contrib.common.torch_layers import BatchRenorm1d

    generator = torch.Generator().manual_seed(0)
    network = nn.Sequential(BatchRenorm1d(5), nn.Linear(5, 7), nn.ReLU(), BatchRenorm1d(7), nn.Linear(7, 2)).eval()
    for module in network:
        if isinstance(module, BatchRenorm1d):
            for name in ("scale", "bias", "ra_mean", "ra_var"):
                values = torch.rand(module.num_features, generator=generator)
                getattr(module, name).data.copy_(values)
    plain = nn.Sequential(*folded(network))
    assert [type(layer) for layer in plain] == [nn.Linear, nn.ReLU, nn.Linear]
    rows = torch.randn(50, 5, generator=generator)
    torch.testing.assert_close(plain(rows), network(rows), rtol=1e-5, atol=1e-6)


def test_an_averaged_layer_returns_the_mean() -> None:
    layer, rows = nn.Linear(4, 25), torch.randn(10, 4)
    torch.testing.assert_close(layers.averaged(layer)(rows)[:, 0], layer(rows).mean(1))


@pytest.mark.parametrize("name", ["td3", "ddpg", "tqc", "crossq"])
def test_the_critic_that_is_kept_is_one_of_the_model(games: None, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models: list[Any] = []
    algorithm = type(create(name, {}))
    critic = algorithm.critic
    monkeypatch.setattr(algorithm, "critic", lambda self, model: (models.append(model), critic(self, model))[1])
    policy = learn(name, PLAIN, 200)
    (model,) = models
    rows = torch.from_numpy(seen_in(PLAIN))
    actions = torch.linspace(-2, 6, 64)[:, None]
    model.policy.set_training_mode(False)
    with torch.no_grad():
        scaled = torch.from_numpy(model.policy.scale_action(actions.numpy()))
        expected = model.critic(rows, scaled)
        first = expected[:, 0].mean(-1) if name == "tqc" else expected[0][:, 0]
        torch.testing.assert_close(policy.worth(rows, actions), first, rtol=1e-4, atol=1e-4)


def test_what_keeps_no_critic_says_so(games: None) -> None:
    policy = learn("dqn", SHOWN, 100)
    assert policy.response(torch.zeros(2, 3)).shape == (2, 3)
    with pytest.raises(TypeError, match="saved without a critic"):
        policy.worth(torch.zeros(2, 3))
    assert not hasattr(learn("recurrent-ppo", SHOWN, 100), "response")


@pytest.mark.parametrize("name", ["ppo", "sac", "td3"])
def test_domain_randomisation_is_the_base_on_drawn_dynamics(name: str) -> None:
    info, task = registry.algorithm(f"dr-{name}"), registry.task(PENDULUM)
    assert (info.train, info.privileges, info.compare) == ("disrupted", ("parameter-box",), (name,))
    few = {"layers": (16,), "batch_size": 32}

    def weights(algorithm: str, **arguments: Any) -> list[torch.Tensor]:
        policy = create(algorithm, {**few, **arguments}).train(task, Budget("test", 250, 1), 0, lambda step: None)
        return list(policy.network.state_dict().values())  # type: ignore[attr-defined]

    drawn = weights(f"dr-{name}")
    assert all(map(torch.equal, drawn, weights(name, train_disruption="dynamics:random:0.3")))
    assert not all(map(torch.equal, drawn, weights(name)))
    drop = ("train_disruption",)
    ours, theirs = (dataclasses.asdict(create(one)) for one in (f"dr-{name}", name))  # type: ignore[call-overload]
    assert {k: v for k, v in ours.items() if k not in drop} == {k: v for k, v in theirs.items() if k not in drop}


def test_domain_randomisation_needs_dynamics(games: None) -> None:
    line = (
        "dr-sac trains under 'dynamics:random', which Echo-Box-v0 cannot honour: it has no dynamics parameter to draw"
    )
    assert registry.algorithm("dr-sac").refuses(BOX) == line
    assert registry.algorithm("sac").refuses(BOX) is None
    with pytest.raises(ValueError, match=line):
        make_plan(Request(("dr-sac",), (BOX.id,)))
    found = make_plan(Request(("dr-sac",), ("echo", PENDULUM), seeds=(0,), compare=False))
    assert [cell.task for cell in found.cells] == [PENDULUM]
    assert f"skipped: {line}" in found.notes
