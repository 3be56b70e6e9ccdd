"""Policies under perturbed observations: bounds and searches, SA-PPO's penalty and WocaR-PPO's worst case."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from solo_games import BOX, DISCRETE, PLAIN, Echo, echoes, mean_reward
from torch import Tensor, nn

pytest.importorskip("stable_baselines3")

from stable_baselines3.common.vec_env import DummyVecEnv

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.baselines.single import perturbation, sb3
from robust_gym.baselines.single.perturbation_transitions import Batch, Transitions
from robust_gym.baselines.single.policy import FeedForwardPolicy
from robust_gym.baselines.wocar_ppo import WocaRPPO
from robust_gym.task import Budget, Task

__all__ = ["echoes"]

SMALL: dict[str, Any] = {
    "n_steps": 64,
    "n_envs": 2,
    "layers": (16,),
    "learning_rate": 1e-2,
    "gamma": 0.5,
    "normalise": True,
}


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def train(name: str, task: Task, steps: int, seed: int = 0, **arguments: Any) -> FeedForwardPolicy:
    algorithm: Any = create(name, {**SMALL, **arguments})
    return algorithm.train(task, Budget("test", steps, 1), seed, lambda step: None)


# --- bounds and searches --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh])
@pytest.mark.parametrize("radius", [0.0, 0.01, 0.3, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_nothing_in_the_box_leaves_the_bounds(activation: type[nn.Module], radius: float, seed: int) -> None:
    torch.manual_seed(seed)
    layers = [nn.Linear(3, 8), activation(), nn.Sequential(nn.Linear(8, 8), activation()), nn.Linear(8, 2)]
    for layer in nn.Sequential(*layers).parameters():
        nn.init.normal_(layer)
    rows = 2 * torch.randn(5, 3)
    low, high = perturbation.bounds(layers, rows - radius, rows + radius)
    corners = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=3)))
    moves = torch.cat([corners, 2 * torch.rand(2000, 3) - 1])
    answers = nn.Sequential(*layers)(rows + radius * moves[:, None])
    slack = 1e-5 * (1 + high.abs().max())
    assert (answers >= low - slack).all() and (answers <= high + slack).all()
    if radius == 0:
        torch.testing.assert_close(low, high)


def test_bounds_of_one_layer_are_reached() -> None:
    layer, rows = nn.Linear(4, 3), torch.randn(6, 4)
    low, high = perturbation.bounds([layer], rows - 0.5, rows + 0.5)
    corners = 0.5 * torch.tensor(list(itertools.product([-1.0, 1.0], repeat=4)))
    answers = layer(rows + corners[:, None])
    torch.testing.assert_close(answers.amin(0), low)
    torch.testing.assert_close(answers.amax(0), high)
    with pytest.raises(TypeError, match="no bounds for the layer GELU"):
        perturbation.bounds([layer, nn.GELU()], rows, rows)


def test_the_search_finds_the_corner_and_stays_in_the_ball() -> None:
    rows, slope = torch.randn(5, 3), torch.tensor([1.0, -2.0, 0.1])
    worst = perturbation.sgld(lambda moved: moved @ slope, rows, 0.3, 10)
    torch.testing.assert_close(worst - rows, (0.3 * slope.sign()).expand(5, 3))
    # Where the divergence begins, there is no slope: it must leave all the same.
    far = perturbation.sgld(lambda moved: (moved - rows).square().sum(-1), rows, 0.3, 10)
    assert ((far - rows).abs() > 0.29).all() and ((far - rows).abs() < 0.3 + 1e-6).all()


def test_the_search_in_a_box_finds_the_least_value() -> None:
    network = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    low, high = torch.tensor([[-0.2, 0.1], [0.5, 0.5]]), torch.tensor([[0.3, 0.2], [0.5, 0.9]])
    found = perturbation.lowest(lambda points: network(points)[:, 0], low, high, 20)
    steps = torch.linspace(0, 1, 101)
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 1, 2)
    least = network(low + grid * (high - low))[..., 0].amin(0)
    torch.testing.assert_close(found, least, atol=2e-3, rtol=0)


def test_which_choices_are_possible() -> None:
    low, high = torch.tensor([[0.0, 2.0, -1.0]]), torch.tensor([[1.0, 3.0, 2.5]])
    assert perturbation.possible(low, high).tolist() == [[False, True, True]]


def model_of(name: str, task: Task, env: Callable[[], gym.Env[Any, Any]], **arguments: Any) -> Any:
    algorithm: Any = create(name, {**SMALL, "n_envs": 1, "eps_growth": 0.0, **arguments})
    return algorithm.model(task, DummyVecEnv([env]), {**algorithm.values(task), "n_steps": 2, "batch_size": 2}, 0)


@pytest.mark.parametrize("kind", ["box", "discrete"])
def test_the_bound_is_above_what_is_found_and_equals_it_without_a_ball(kind: str) -> None:
    policy = model_of("sa-ppo", DISCRETE, lambda: Echo(kind)).policy
    for weight in policy.parameters():
        nn.init.normal_(weight, std=0.3)
    rows = torch.randn(64, 3 if kind == "discrete" else 2)
    for radius in (1e-6, 0.1, 1.0):
        found = perturbation.worst_divergence(policy, rows, radius, "sgld", 20)
        bound = perturbation.worst_divergence(policy, rows, radius, "ibp", 20)
        assert (found <= bound + 1e-5).all()
        assert bound.max() < 1e-4 if radius < 1e-3 else found.min() > 0
    # Of a normal policy of one linear layer, the bound is what can be reached.
    if kind == "box":
        flat = model_of("sa-ppo", DISCRETE, lambda: Echo(kind), layers=()).policy
        nn.init.normal_(flat.action_net.weight)
        exact = (0.1 * flat.action_net.weight.abs().sum() / flat.log_std.exp()) ** 2 / 2
        for inner in ("sgld", "ibp"):
            worst = perturbation.worst_divergence(flat, rows, 0.1, inner, 20)
            torch.testing.assert_close(worst, exact.expand(64), rtol=1e-3, atol=1e-5)


# --- SA-PPO ---------------------------------------------------------------------------------------------------------


def grid_divergence(policy: FeedForwardPolicy, radius: float) -> float:
    """Return the mean over the shown observations of the largest divergence on a grid in the ball."""
    assert policy.moments is not None
    mean, std = policy.moments
    shown = ((torch.eye(3) * 100 + 500 - mean) / std).float()
    moves = radius * torch.tensor(list(itertools.product(np.linspace(-1, 1, 9), repeat=3)), dtype=torch.float32)
    true, moved = (policy.network(rows).log_softmax(-1) for rows in (shown, shown + moves[:, None]))
    return float((true.exp() * (true - moved)).sum(-1).amax(0).mean())


@pytest.mark.parametrize("inner", ["sgld", "ibp"])
def test_sa_ppo_moves_less_within_the_ball_than_ppo(echoes: None, inner: str) -> None:
    plain = train("ppo", DISCRETE, 1500)
    robust = train("sa-ppo", DISCRETE, 1500, inner=inner, eps=0.9, kappa=0.3, eps_growth=0.5)
    assert mean_reward(plain, DISCRETE) > 0.95 and mean_reward(robust, DISCRETE) > 0.95
    assert grid_divergence(robust, 0.9) < 0.1 < 1 < grid_divergence(plain, 0.9)


def test_without_weight_sa_ppo_is_ppo(echoes: None) -> None:
    # ibp draws nothing, and a penalty of 0 has no slope.
    plain, same = train("ppo", BOX, 300), train("sa-ppo", BOX, 300, kappa=0.0, inner="ibp")
    other = train("sa-ppo", BOX, 300, kappa=0.1, inner="ibp")
    assert all(map(torch.equal, plain.network.parameters(), same.network.parameters()))
    assert not all(map(torch.equal, plain.network.parameters(), other.network.parameters()))


def test_the_radius_grows_to_its_end() -> None:
    algorithm: Any = create("sa-ppo", {"eps": 0.4, "eps_growth": 0.5})

    class Model:
        _current_progress_remaining, eps = 1.0, 0.4

    radii = []
    for Model._current_progress_remaining in (1.0, 0.75, 0.5, 0.25, 0.0):
        radii.append(algorithm.radius(Model()))
    assert radii == pytest.approx([0.0, 0.2, 0.4, 0.4, 0.4])


@pytest.mark.parametrize(
    ("id", "arguments", "eps", "w"),
    [
        ("Robust-Hopper-v0", {}, 0.075, 0.8),
        ("Robust-Walker2d-v0", {}, 0.05, 0.8),
        ("Robust-HalfCheetah-v0", {}, 0.15, 0.5),
        ("Robust-CartPole-v0", {}, 0.075, 0.8),
        ("Robust-HalfCheetah-v0", {"eps": 0.3, "w": 0.1}, 0.3, 0.1),
    ],
)
def test_radius_and_weight_are_the_authors_of_the_task(
    id: str, arguments: dict[str, Any], eps: float, w: float
) -> None:
    task = dataclasses.replace(PLAIN, id=id)
    algorithm: Any = create("wocar-ppo", {**SMALL, **arguments})
    env = DummyVecEnv([lambda: Echo("box", plain=True)])
    model = algorithm.model(task, env, {**algorithm.values(PLAIN), "n_steps": 2, "batch_size": 2}, 0)
    assert (model.eps, model.w) == (eps, w)


# --- WocaR-PPO ------------------------------------------------------------------------------------------------------


class TwoStates(gym.Env[Any, Any]):
    """Has two states, shown as one-hot vectors."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = gym.spaces.Discrete(2)


def test_the_worst_case_is_exact_where_it_can_be_computed() -> None:
    # Rows: state, action, reward, next state.
    world = torch.tensor([[0, 0, 1, 1], [0, 1, -3, 0], [1, 0, 0, 0], [1, 1, -1, 1]])
    seen, after = nn.functional.one_hot(world[:, 0], 2).float(), nn.functional.one_hot(world[:, 3], 2).float()
    batch = Batch(seen, world[:, 1], world[:, 2].float(), after, torch.ones(4))
    model = model_of("wocar-ppo", DISCRETE, TwoStates, layers=(), reach=0.2, tau=0.2, q_learning_rate=0.05)
    # Log-odds x0 + x1 / 10 and 0: in state 0, (1, 0), no perturbation makes the second larger; in state 1 one does.
    with torch.no_grad():
        model.policy.action_net.weight.copy_(torch.tensor([[1.0, 0.1], [0.0, 0.0]]))
        model.policy.action_net.bias.zero_()
    model.method.q_epochs = 600
    model.method.learn_worst(model, batch)
    exact = np.zeros((2, 2))
    for _ in range(60):
        least = [exact[0, 0], exact[1].min()]
        for s, a, r, t in world.tolist():
            exact[s, a] = r + 0.5 * least[t]
    assert exact == pytest.approx(np.array([[0, -3], [0, -2]]), abs=1e-9)
    assert model.worst_q(torch.eye(2)).detach().numpy() == pytest.approx(exact, abs=0.02)
    # Without a ball, it is the value of the policy's own likeliest actions.
    model.method.reach = 1e-9
    model.method.learn_worst(model, batch)
    assert model.worst_q(torch.eye(2)).detach().numpy() == pytest.approx(
        np.array([[4 / 3, -7 / 3], [2 / 3, -2 / 3]]), abs=0.02
    )


def test_the_worst_action_of_a_box_is_within_what_the_policy_may_do() -> None:
    model = model_of("wocar-ppo", BOX, lambda: Echo("box", plain=True), layers=(), reach=0.5)
    with torch.no_grad():
        model.policy.action_net.weight.fill_(2.0)
        model.policy.action_net.bias.fill_(1.0)
        model.worst_q_target[0].weight.copy_(torch.tensor([[10.0, 3.0]]))
        model.worst_q_target[0].bias.zero_()
    rows = torch.tensor([[0.0], [1.0], [-1.2], [4.0]])
    # The means 1 + 2 s move by 1, and the space ends at -2 and 6; in units of half its range, 4, around 2.
    least = torch.tensor([[0.0], [2.0], [-2.0], [6.0]])
    torch.testing.assert_close(model.method.least(model, rows), (10 * rows + 3 * (least - 2) / 4)[:, 0])


def test_advantages_are_guided_by_the_worst_case(echoes: None) -> None:
    kept: list[Any] = []

    class Spy(WocaRPPO):
        def collected(self, model: Any) -> None:
            plain = model.rollout_buffer.advantages.copy()
            super().collected(model)
            rollout = model.rollout_buffer
            seen, actions = (torch.from_numpy(part).float() for part in (rollout.observations, rollout.actions))
            worst = [self.q(model, model.worst_q, *row) for row in zip(seen, torch.clamp(actions, -2, 6), strict=True)]
            weight = 0.7 * (1 - model._current_progress_remaining)
            kept.append((weight, plain, torch.stack(worst).detach().numpy(), rollout.advantages.copy()))

    Spy(**{**SMALL, "w": 0.7, "normalise": False, "n_epochs": 1, "q_epochs": 1}).train(
        PLAIN, Budget("test", 600, 1), 0, lambda step: None
    )
    for weight, plain, worst, guided in kept:
        parts = [(part - part.mean()) / part.std() for part in (plain, worst)]
        assert guided == pytest.approx(parts[0] + weight * parts[1], abs=1e-4)
    weights = [one[0] for one in kept]
    assert len(kept) > 3
    assert weights == sorted(set(weights))
    assert weights[0] < 0.2
    assert weights[-1] == pytest.approx(0.7, abs=0.1)


@pytest.mark.parametrize("normalise", [False, True])
def test_transitions_end_with_the_episode(echoes: None, normalise: bool) -> None:
    seeds = np.random.SeedSequence(0)
    inner = sb3.training_envs(PLAIN, "none", 2, seeds, normalise=normalise, gamma=0.5)
    with contextlib.closing(Transitions(inner)) as envs:
        shown = [envs.reset()]
        over = []
        for step in range(25):
            observations, rewards, _, infos = envs.step(np.full((2, 1), step / 10, np.float32))
            rewards += 100  # as Stable-Baselines3 does in place
            shown.append(observations)
            over.append([info.get("terminal_observation") for info in infos])
        batch = envs.taken()
        with pytest.raises(ValueError, match="not enough values"):
            envs.taken()
    assert batch.seen.shape == (50, 1) == batch.after.shape and (batch.goes_on == 1).all()
    assert batch.actions[:, 0].tolist() == pytest.approx(np.repeat(np.arange(25) / 10, 2))
    assert (batch.rewards < 50).all()
    for step in range(25):
        for copy in range(2):
            last = over[step][copy]
            assert (last is not None) == ((step + 1) % 10 == 0)
            after = shown[step + 1][copy] if last is None else last
            assert batch.after[2 * step + copy].numpy() == pytest.approx(after)
            assert batch.seen[2 * step + copy].numpy() == pytest.approx(shown[step][copy])


def test_transitions_say_where_the_world_ends() -> None:
    task = registry.task("Robust-CartPole-v0")
    inner = sb3.training_envs(task, "none", 1, np.random.SeedSequence(0), normalise=False, gamma=0.5)
    with contextlib.closing(Transitions(inner)) as envs:
        envs.reset()
        fell = [bool(envs.step(np.zeros(1, int))[2][0]) for _ in range(40)]
        batch = envs.taken()
    assert batch.goes_on.tolist() == [float(not one) for one in fell] and any(fell)
    angle: Tensor = batch.after[batch.goes_on == 0][:, 2].abs()
    assert (angle > 0.2).all()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("sa-ppo", {"eps": 0.0}, "sa-ppo: eps must be a number above 0, or none, got 0.0"),
        ("sa-ppo", {"kappa": -1.0}, "sa-ppo: kappa must be a number of at least 0, got -1.0"),
        ("sa-ppo", {"inner": "crown"}, "sa-ppo: inner must be 'sgld' or 'ibp', got 'crown'"),
        ("sa-ppo", {"inner_steps": 0}, "sa-ppo: inner_steps must be at least 1, got 0"),
        ("sa-ppo", {"eps_growth": 2.0}, "sa-ppo: eps_growth must be from 0 to 1, got 2.0"),
        ("wocar-ppo", {"eps": -1.0}, "wocar-ppo: eps must be a number above 0, or none, got -1.0"),
        ("wocar-ppo", {"reach": 0.0}, "wocar-ppo: reach must be a number above 0, got 0.0"),
        ("wocar-ppo", {"w": -0.1}, "wocar-ppo: w must be a number of at least 0, or none, got -0.1"),
        ("wocar-ppo", {"tau": 0.0}, "wocar-ppo: tau must be above 0 and at most 1, got 0.0"),
        ("wocar-ppo", {"q_epochs": 0}, "wocar-ppo: q_epochs must be at least 1, got 0"),
        ("wocar-ppo", {"q_steps": 0}, "wocar-ppo: q_steps must be at least 1, got 0"),
        ("wocar-ppo", {"q_learning_rate": 0.0}, "wocar-ppo: q_learning_rate must be above 0, got 0.0"),
    ],
)
def test_bad_arguments_are_refused(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(name, arguments)


def test_images_and_states_are_no_vectors_to_move() -> None:
    for name in ("sa-ppo", "wocar-ppo"):
        info = registry.algorithm(name)
        assert "has image ones" in str(info.refuses(registry.task("Robust-CarRacing-v0")))
        assert "has discrete ones" in str(info.refuses(registry.task("Robust-RiverSwim-v0")))
        assert info.refuses(registry.task("Robust-Hopper-v0")) is None
