"""What makes each robust method on TD3 and SAC what it is, on games whose answers are known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from offpolicy_games import CONFOUNDED, CORNERS, DISTRACTED, SADDLE, games

pytest.importorskip("stable_baselines3")

from stable_baselines3.common.vec_env import DummyVecEnv

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.baselines.single import sb3
from robust_gym.baselines.single.causal_model import CausalModel
from robust_gym.baselines.single.discriminator import Discriminator
from robust_gym.baselines.single.omegas import Omegas, at_place
from robust_gym.baselines.single.policy import FeedForwardPolicy
from robust_gym.baselines.single.recent import RecentReplay
from robust_gym.task import Budget, Task

__all__ = ["games"]

FAST: dict[str, Any] = {"layers": (32,), "learning_rate": 1e-2, "batch_size": 64, "gamma": 0.0}


def trained(name: str, task: Task, steps: int, seed: int = 0, **arguments: Any) -> tuple[FeedForwardPolicy, Any]:
    """Return a policy, and the model that it was taken out of."""
    algorithm: Any = create(name, {**FAST, **arguments})
    models: list[Any] = []
    take_out = algorithm.policy
    algorithm.policy = lambda task, model, envs: (models.append(model), take_out(task, model, envs))[1]
    return algorithm.train(task, Budget("test", steps, 1), seed, lambda step: None), models[0]


@pytest.mark.parametrize(("name", "low", "high"), [("m2td3", 0.15, 0.45), ("soft-m2td3", 0.3, 0.75)])
def test_the_worst_corner_is_found_and_answered(games: None, name: str, low: float, high: float) -> None:
    # The best action is 0.8 in the middle of the box, and 0.3 in its worst corner, (1, -1).
    policy, model = trained(name, SADDLE, 1800, train_disruption=CORNERS, batch_size=100)
    worst = model.omegas.places()[model.omegas.probabilities.argmax()]
    assert worst[0] > 0.9 and worst[1] < -0.9
    seen = np.random.default_rng(0).uniform(-1, 1, (64, 2)).astype(np.float32)
    mean = float(policy.act(seen, None, np.ones(64, bool))[0].mean())
    assert low < mean < high

    # The critic that is kept is that of the worst world, as a critic of states and actions.
    rows, actions = torch.from_numpy(seen), torch.linspace(-1, 1, 64)[:, None]
    with torch.no_grad():
        expected = model.critic.q1_forward(torch.cat([rows, worst.expand(64, 2)], 1), actions)[:, 0]
    torch.testing.assert_close(policy.worth(rows, actions), expected, atol=1e-4, rtol=1e-4)


def test_training_worlds_are_anywhere_first_and_at_candidates_later(games: None, monkeypatch: Any) -> None:
    envs: list[Any] = []
    make = sb3.training_envs
    monkeypatch.setattr(sb3, "training_envs", lambda *a, **k: (envs.append(make(*a, **k)), envs[0])[1])
    quiet = {"learning_starts": 0.5, "omega_noise": 0.0, "omega_noise_end": 0.0}
    _, model = trained("m2td3", SADDLE, 400, train_disruption=CORNERS, **quiet)
    assert isinstance(envs[0], DummyVecEnv)
    worlds = envs[0].envs[0].unwrapped.configured
    slopes = np.array([world["slope"] for world in worlds])
    assert len(worlds) == 41 and len(set(slopes[:21])) == 21
    assert (np.abs(slopes) <= 1).all() and np.ptp(slopes[:21]) > 1
    assert all(0.5 <= world["height"] <= 1.5 for world in worlds)
    # Without noise, a world that is chosen late is a candidate's.
    before = model.num_timesteps
    model.num_timesteps = model.learning_starts
    place = model.method.world(model, 10)
    model.num_timesteps = before
    assert any(np.allclose(place, one) for one in model.omegas.places().detach().numpy())


def test_candidates_restart_by_the_rule() -> None:
    torch.manual_seed(0)
    omegas = Omegas(4, 2, 10)
    places = torch.tensor([[0.50, 0.50], [0.54, 0.45], [-0.5, 0.2], [0.9, -0.9]])
    for logits, place in zip(omegas.logits, places, strict=True):
        logits.data.copy_(torch.logit((place + 1) / 2))
    omegas.probabilities.copy_(torch.tensor([0.4, 0.3, 0.26, 0.04]))
    assert omegas.restart(0.08, 0.03) == []  # |0.04| + |0.05| is more
    torch.testing.assert_close(omegas.places(), places)
    # The first of a pair that is too close begins anew, with the mean probability of the others; then the unlikely one.
    assert omegas.restart(0.1, 0.05) == [0, 3]
    torch.testing.assert_close(omegas.places()[1:3], places[1:3])
    assert (omegas.places()[[0, 3]] - places[[0, 3]]).abs().sum(1).min() > 1e-3
    assert (omegas.places().abs() <= 1).all()
    first = (0.3 + 0.26 + 0.04) / 3
    last = (first + 0.3 + 0.26) / 3
    expected = torch.tensor([first, 0.3, 0.26, last])
    torch.testing.assert_close(omegas.probabilities, expected / expected.sum())


def test_soft_weights_are_the_probabilities_of_selection() -> None:
    torch.manual_seed(0)
    omegas, soft, hard = Omegas(3, 1, 10), create("soft-m2td3"), create("m2td3")
    for worst in (2, 2, 0, 2):
        omegas.was_worst(worst)
    keep = 0.9
    expected = [1 / 3 * keep**4 + 0.1 * keep, 1 / 3 * keep**4, 1 / 3 * keep**4 + 0.1 * (keep**3 + keep**2 + 1)]
    torch.testing.assert_close(omegas.probabilities, torch.tensor(expected))
    assert float(omegas.probabilities.sum()) == pytest.approx(1)
    values = torch.tensor([1.0, 5.0, -2.0], requires_grad=True)
    soft.actor_loss(values, omegas.probabilities).backward()
    torch.testing.assert_close(values.grad, -omegas.probabilities)
    assert hard.actor_loss(values, omegas.probabilities).item() == 2.0
    drawn = torch.multinomial(omegas.probabilities, 20_000, replacement=True).bincount() / 20_000
    torch.testing.assert_close(drawn, omegas.probabilities, atol=0.02, rtol=0)


@pytest.mark.parametrize(("name", "half_way"), [("m2td3", 0.55), ("soft-m2td3", 0.1)])
def test_the_noise_on_worlds_falls_linearly_to_its_end(name: str, half_way: float) -> None:
    # Soft M2TD3's ends after half of the run.
    torch.manual_seed(0)
    method: Any = create(name, {"restart_distance": 0.0, "restart_probability": 0.0})
    omegas = Omegas(2, 1, 10)
    omegas.probabilities.copy_(torch.tensor([1.0, 0.0]))
    model = SimpleNamespace(omegas=omegas, learning_starts=0, _total_timesteps=80)
    for done, spread in ((0, 1.0), (20, (1.0 + half_way) / 2), (40, half_way), (80, 0.1)):
        model.num_timesteps = done
        drawn = np.array([method.world(model, 0) for _ in range(2_000)])
        assert drawn.std() == pytest.approx(spread, rel=0.06)
        assert drawn.mean() == pytest.approx(omegas.place(0).item(), abs=4 * spread / 2_000**0.5)


def test_a_critic_of_worlds_becomes_one_of_a_world() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3 + 2 + 1, 5)
    state, place, action = torch.randn(7, 3), torch.randn(2), torch.randn(7, 1)
    folded = at_place(layer, place, after=3)
    whole = layer(torch.cat([state, place.expand(7, 2), action], 1))
    torch.testing.assert_close(folded(torch.cat([state, action], 1)), whole)


@pytest.mark.parametrize(("penalty", "apart"), [(0.0, 1.5), (1.0, 1.0)])
def test_log_odds_are_the_logarithm_of_the_ratio_of_densities(penalty: float, apart: float) -> None:
    # Of two Gaussians with unit variance, log p(x) / q(x) is linear; its slope is the distance of their means. The
    # gradient penalty asks for a slope of 1, and so leaves it alone where that is the distance.
    torch.manual_seed(0)
    middle, step = torch.tensor([0.2, -0.1, 0.0]), apart * torch.tensor([0.6, 0.0, 0.8])
    discriminator = Discriminator(3, 32)
    optimiser = torch.optim.Adam(discriminator.parameters(), 3e-3)
    for _ in range(600):
        ones, zeros = (middle + sign * step / 2 + torch.randn(256, 3) for sign in (1, -1))
        loss = discriminator.loss(ones, zeros, penalty)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    rows = middle + torch.randn(500, 3)
    with torch.no_grad():
        odds = discriminator(rows[:, :1], rows[:, 1:2], rows[:, 2:])[:, 0]
    ratio = (rows - middle) @ step
    assert float((odds - ratio).abs().mean()) < 0.25
    assert float(torch.corrcoef(torch.stack([odds, ratio]))[0, 1]) > 0.97


def test_ompo_targets_hold_the_shifted_reward_less_the_log_odds(games: None) -> None:
    algorithm: Any
    _, model = trained("ompo", DISTRACTED, 80, train_disruption="none", local_size=40, discriminator_steps=2)
    assert int(model.discriminator.trained) == 80
    algorithm, batch = model.method, model.replay_buffer.sample(8)
    algorithm.alpha = 0.5
    odds = model.discriminator(batch.observations, batch.actions, batch.next_observations)
    for y in algorithm.targets(model, batch):  # gamma is 0
        torch.testing.assert_close(y, batch.rewards + 1.0 - 0.5 * odds)
    model.gamma = 0.9
    torch.manual_seed(5)
    targets = algorithm.targets(model, batch)
    torch.manual_seed(5)
    action, log_prob = model.actor.action_log_prob(batch.next_observations)
    slow = torch.min(*model.critic_target(batch.next_observations, action))
    bonus = torch.exp(model.log_ent_coef) * log_prob[:, None]
    for y, quick in zip(targets, model.critic(batch.next_observations, action), strict=True):
        expected = batch.rewards + 1.0 - 0.5 * odds + 0.9 * (0.05 * quick + 0.95 * slow - bonus)
        torch.testing.assert_close(y, expected)


def test_a_replay_knows_its_latest_transitions_and_where_episodes_began() -> None:
    line = gym.spaces.Box(-100, 100, (1,), np.float32)
    replay = RecentReplay(8, line, line, device="cpu")
    ends = {2, 6, 7, 11}
    for t in range(13):
        one = np.array([[t]], np.float32)
        replay.add(one, one + 0.5, one, np.array([float(t)]), np.array([t in ends]), [{}])
        if t == 4:
            assert set(replay.starts(50).flatten().tolist()) == {0, 3}
        if t == 7:
            assert set(replay.starts(50).flatten().tolist()) == {3, 7}  # what follows 7 is not there yet
    assert set(replay.starts(50).flatten().tolist()) == {7, 8, 12}
    assert set(replay.latest(200, 3).observations.flatten().tolist()) == {10, 11, 12}
    assert set(replay.latest(400, 30).observations.flatten().tolist()) == set(range(5, 13))
    with pytest.raises(ValueError, match="of one environment, got 2"):
        RecentReplay(8, line, line, device="cpu", n_envs=2)


def test_donors_differ_most_in_one_number_and_least_in_the_others() -> None:
    torch.manual_seed(0)
    states = torch.randn(30, 4)
    which = torch.randint(4, (30,))
    moved = create("rsc-sac").permuted(states, which)  # type: ignore[attr-defined]
    for row, i in enumerate(which.tolist()):
        apart = (states - states[row]).square()
        ratio = apart[:, i] / (apart.sum(1) - apart[:, i] + 1e-6)
        expected = states[row].clone()
        expected[i] = states[ratio.argmax(), i]
        torch.testing.assert_close(moved[row], expected)
    assert (moved != states).any(1).all()


def test_a_batch_is_changed_in_its_share_and_relabelled_by_the_model(games: None) -> None:
    _, model = trained("rsc-sac", CONFOUNDED, 60, share=0.5)
    batch = super(type(model.replay_buffer), model.replay_buffer).sample(512)
    prepared = model.method.prepared(model, batch)
    changed = (prepared.observations != batch.observations).any(1)
    assert 0.4 < changed.float().mean() < 0.6
    torch.testing.assert_close(prepared.rewards[~changed], batch.rewards[~changed])
    torch.testing.assert_close(prepared.next_observations[~changed], batch.next_observations[~changed])
    effects = model.causal.effects(torch.cat([prepared.observations, batch.actions], 1))
    # The model foretells by how much states change: no error of its own is larger than a step of the world.
    torch.testing.assert_close(prepared.next_observations[changed], (prepared.observations + effects[:, :2])[changed])
    torch.testing.assert_close(prepared.rewards[changed], effects[changed, 2:])
    assert ((prepared.observations != batch.observations).sum(1) <= 1).all()
    model.method.share = 0.0
    assert torch.equal(model.method.prepared(model, batch).observations, batch.observations)


def test_the_causal_graph_keeps_causes_and_drops_what_comes_along() -> None:
    torch.manual_seed(0)
    model = CausalModel(3, 1, 16)
    optimiser = torch.optim.Adam(model.parameters(), 3e-2)
    for _ in range(500):
        x, idle, a = torch.rand(64, 1) * 2 - 1, torch.randn(64, 1), torch.rand(64, 1) * 2 - 1
        along = 5 * x + 1.0 * torch.randn(64, 1)
        effects = torch.cat([(x + a) / 2, torch.randn(64, 1), 3 * idle, -((a - x) ** 2)], 1)
        causes = torch.cat([x, along, idle, a], 1)
        model.watch(torch.cat([causes, effects], 1))
        optimiser.zero_grad()
        model.loss(causes, effects, 1.0, 0.1, 1.0).backward()
        optimiser.step()
    expected = [[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]]
    assert model.graph().tolist() == expected
    # Without the edge, the number that comes along makes no difference to what is foretold.
    other = causes.clone()
    other[:, 1] = -causes[:, 1]
    assert torch.equal(model.effects(causes), model.effects(other))
    assert float(torch.corrcoef(torch.stack([model.effects(causes)[:, 3], effects[:, 3]]))[0, 1]) > 0.95


def test_what_merely_comes_along_is_ignored_under_a_shift(games: None) -> None:
    rng = np.random.default_rng(0)
    asked = rng.uniform(-1, 1, 500)
    together, shifted = (
        np.stack([asked, sign * asked + rng.normal(size=500)], 1).astype(np.float32) for sign in (5, -5)
    )
    # Random actions for longer, and a fixed temperature: actions that answer what is asked come along with it too.
    common = {"learning_starts": 0.4, "ent_coef": "0.1"}
    moved = {"sac": 0.0, "rsc-sac": 0.0}
    for seed in (0, 1):
        for name in moved:
            extra = {"model_learning_rate": 3e-2, "penalty": 1.0} if name == "rsc-sac" else {}
            policy, model = trained(name, CONFOUNDED, 2000, seed, **common, **extra)
            first, second = (policy.act(seen, None, np.ones(500, bool))[0] for seen in (together, shifted))
            moved[name] += float(np.mean((first - second) ** 2))
            if name == "rsc-sac":
                assert model.causal.graph()[:, 2].tolist() == [1, 0, 1]
    assert moved["rsc-sac"] < 0.5 * moved["sac"]


def test_states_that_differ_in_a_distractor_are_close(games: None) -> None:
    sizes = {"features": 8, "encoder_layers": (32,), "model_units": 32, "encoder_learning_rate": 1e-2}
    policy, model = trained("dbc", DISTRACTED, 1000, gamma=0.5, learning_starts=0.2, **sizes)
    rng = np.random.default_rng(0)
    asked, idle = (torch.from_numpy(one).float() for one in (rng.uniform(-1, 1, 300), rng.normal(size=300)))
    others, noise = asked.flip(0), idle.flip(0)

    def apart(one: torch.Tensor, other: torch.Tensor, beside: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        encode = policy.network[:4]
        return (encode(torch.stack([one, beside], 1)) - encode(torch.stack([other, there], 1))).abs().sum(1)

    relevant, distracting = apart(asked, others, idle, idle), apart(asked, asked, idle, noise)
    assert distracting.mean() < relevant.mean() / 4
    # The distance follows the difference of rewards, 3 times that of what is asked.
    assert float(torch.corrcoef(torch.stack([relevant, (asked - others).abs()]))[0, 1]) > 0.95
    # Latent states neither fall together nor fly apart.
    assert 0.3 < float(relevant.mean() / 8) < 6
    # One network holds the encoder and the actor.
    seen = torch.stack([asked, idle], 1)
    expected = model.actor(seen, deterministic=True)
    actions, _ = policy.act(seen.numpy(), None, np.ones(300, bool))
    np.testing.assert_allclose(actions, expected.detach().numpy(), atol=1e-5)
    assert model.actor.features_extractor is model.critic.features_extractor


def test_dbc_sees_pictures() -> None:
    pytest.importorskip("Box2D")
    task = registry.task("Robust-CarRacing-v0")
    arguments = {"layers": (16,), "features": 6, "batch_size": 4, "learning_starts": 0.5, "buffer_size": 16}
    policy = create("dbc", arguments).train(task, Budget("test", 16, 1), 0, lambda step: None)
    images = np.random.default_rng(0).integers(256, size=(2, 96, 96, 3)).astype(np.uint8)
    actions, _ = policy.act(images, None, np.ones(2, bool))
    assert actions.shape == (2, 3)
