"""PR-MDP and NR-MDP: DDPG whose actions are mixed with an adversary's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from baseline_help import global_state, registered
from solo_games import PLAIN, echoes, mean_reward

pytest.importorskip("stable_baselines3")

from stable_baselines3 import DDPG

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.task import Budget, Task

__all__ = ["echoes"]

NAMES = ("pr-mdp", "nr-mdp")
SMALL: dict[str, Any] = {"layers": (16,), "learning_rate": 1e-2, "batch_size": 32, "gamma": 0.5}
GAIN, LOSS = 1.0, 8.0


class Duel(gym.Env[Any, Any]):
    """Two steps: x earns ``GAIN`` x - q x^2; then, whatever is less than 1 costs ``LOSS`` (x + 1) times half as much.

    In the second step the agent does 1 and the adversary -1, for any x > -1. Either way of mixing with a share alpha
    makes it cost alpha ``LOSS`` (x + 1). So the first action earns GAIN x - q x^2 - alpha LOSS (x + 1): for q = 0 the
    best is 1 below alpha = GAIN / LOSS and -1 above, else (GAIN - alpha LOSS) / 2q.

    Args:
        q: How the first step's earnings are curved.
    """

    def __init__(self, q: float = 0.0) -> None:
        self.observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
        self.action_space: Any = gym.spaces.Box(-1, 1, (1,), np.float32)
        self.q, self.x = q, 0.0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.second = False
        return np.array([-1, 0], np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        done = float(action[0])
        if self.second:
            return np.array([1, self.x], np.float32), LOSS * (self.x + 1) * (done - 1) / 2, True, False, {}
        self.second, self.x = True, done
        return np.array([1, done], np.float32), GAIN * done - self.q * done**2, False, False, {}


def duel(**kwargs: Any) -> Duel:
    """Make the game."""
    return Duel(**kwargs)


def _task(name: str, q: float) -> Task:
    home = "test_baselines_alternating_actions"
    return Task(f"{name}-v0", "duels", "Beware.", f"{home}:duel", "solo_games:nobody", 2, kwargs={"q": q})


LINEAR, CURVED = _task("Duel-Linear", 0.0), _task("Duel-Curved", 2.0)


@pytest.fixture(autouse=True)
def games(echoes: None) -> Iterator[None]:
    """All games, registered for the time of a test."""
    with registered(LINEAR, CURVED):
        yield


def train(name: str, task: Task = PLAIN, steps: int = 130, seed: int = 0, **arguments: Any) -> Any:
    return create(name, {**SMALL, **arguments}).train(task, Budget("test", steps, 1), seed, lambda step: None)


# What every algorithm does


@pytest.mark.parametrize("name", NAMES)
def test_learns_to_do_what_is_shown(name: str) -> None:
    assert mean_reward(train(name, PLAIN, 900), PLAIN) > -0.7  # -1.5 for a policy that ignores the observation


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_weights_and_nothing_global_moves(name: str) -> None:
    torch.manual_seed(1)
    before = global_state()
    one = train(name, seed=3)
    assert global_state() == before
    torch.manual_seed(2)
    first, second, third = (
        list(policy.network.state_dict().values()) for policy in (one, train(name, seed=3), train(name, seed=4))
    )
    assert all(map(torch.equal, first, second))
    assert not all(map(torch.equal, first, third))


@pytest.mark.parametrize("name", NAMES)
def test_saved_policy_acts_the_same_row_by_row(name: str, tmp_path: Path) -> None:
    policy = train(name)
    policy.save(tmp_path)
    loaded: Any = load_policy(tmp_path)
    seen = np.random.default_rng(0).uniform(-1, 5, (16, 1))
    actions = policy.act(seen, None, np.ones(16, bool))[0]
    assert np.array_equal(actions, loaded.act(seen, None, np.ones(16, bool))[0])
    single = [policy.act(row[None], None, np.ones(1, bool))[0][0] for row in seen]
    assert actions == pytest.approx(np.array(single), abs=1e-6)
    assert len(np.unique(actions)) > 1
    assert loaded.critic.of == "action"


# How actions are mixed


def test_actions_are_mixed_as_the_paper_says() -> None:
    own, other = torch.linspace(-1, 1, 40_000)[:, None].repeat(1, 3), torch.full((40_000, 3), 0.25)
    blended = create("nr-mdp", {"alpha": 0.3})
    torch.testing.assert_close(blended.taken(own, other), 0.7 * own + 0.075)  # type: ignore[attr-defined]
    torch.manual_seed(0)
    taken = create("pr-mdp", {"alpha": 0.3}).taken(own, other)  # type: ignore[attr-defined]
    replaced = (taken == other).all(1)
    assert (taken[~replaced] == own[~replaced]).all()
    assert float(replaced.float().mean()) == pytest.approx(0.3, abs=0.01)


def test_states_are_worth_what_the_mixture_is() -> None:
    def critic(states: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        return states[:, :1] - actions.square().sum(1, keepdim=True)

    states, own, other = torch.tensor([[2.0]]), torch.tensor([[1.0]]), torch.tensor([[-0.5]])
    worth = {
        name: float(create(name, {"alpha": 0.4}).worth(critic, states, own, other))  # type: ignore[attr-defined]
        for name in NAMES
    }
    assert worth["pr-mdp"] == pytest.approx(0.6 * (2 - 1) + 0.4 * (2 - 0.25))
    assert worth["nr-mdp"] == pytest.approx(2 - (0.6 * 1 - 0.4 * 0.5) ** 2)


@pytest.mark.parametrize("name", NAMES)
def test_training_remembers_the_mixed_action(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models: list[Any] = []
    learn = DDPG.learn
    monkeypatch.setattr(DDPG, "learn", lambda model, *a, **k: (models.append(model), learn(model, *a, **k))[1])
    train(name, PLAIN, 600, alpha=0.25, learning_starts=1.0)  # random actions, and an adversary as it was made
    buffer = models[0].replay_buffer
    seen, taken = torch.from_numpy(buffer.observations[:600, 0]).float(), buffer.actions[:600, 0]
    with torch.no_grad():
        other = models[0].adversary(seen).numpy()
    if name == "pr-mdp":
        assert np.isclose(taken, other, atol=1e-6).mean() == pytest.approx(0.25, abs=0.05)
    else:
        own = (taken - 0.25 * other) / 0.75
        assert np.abs(own).max() <= 1 + 1e-5
        assert own.std() == pytest.approx(1 / np.sqrt(3), abs=0.05)  # uniform on [-1, 1]


@pytest.mark.parametrize("name", NAMES)
def test_without_a_say_for_the_adversary_it_is_ddpg(name: str) -> None:
    # Nothing of the target, the actions taken, the order of updates or the minibatches differs.
    ours, theirs = train(name, alpha=0.0), train("ddpg")
    assert all(map(torch.equal, ours.network.state_dict().values(), theirs.network.state_dict().values()))
    assert all(map(torch.equal, ours.critic.network.state_dict().values(), theirs.critic.network.state_dict().values()))


@pytest.mark.parametrize("name", NAMES)
def test_players_learn_in_turns_against_each_other(name: str) -> None:
    """One player moves per update, the agent up and the adversary down the same critic."""
    algorithm: Any = create(name, {**SMALL, "alpha": 0.5, "ratio": 2})
    actor, adversary = (torch.nn.Linear(1, 1) for _ in range(2))
    q = torch.nn.Linear(1, 1)
    torch.nn.init.ones_(q.weight)

    def critic(states: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = q(actions)
        return out

    def part(network: Any) -> Any:
        network.optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
        return network

    judge = SimpleNamespace(q1_forward=critic, optimizer=torch.optim.SGD(q.parameters(), 0.0), parameters=q.parameters)
    model = SimpleNamespace(
        critic=judge, critic_target=judge, actor=part(actor), actor_target=actor, adversary=part(adversary),
        adversary_target=adversary, adversary_optimiser=adversary.optimizer, gamma=0.9, tau=0.0, _n_updates=0,
    )  # fmt: skip
    zeros = torch.zeros(4, 1)
    batch = SimpleNamespace(observations=zeros, next_observations=zeros, actions=zeros, rewards=zeros, dones=zeros)
    moved = []
    for _ in range(6):
        model._n_updates += 1
        before = actor.bias.item(), adversary.bias.item()
        algorithm.update(model, batch)
        moved.append((actor.bias.item() - before[0], adversary.bias.item() - before[1]))
    up, down, still = pytest.approx(0.05), pytest.approx(-0.05), 0.0  # step 0.1 times alpha = 0.5
    assert moved == [(up, still), (up, still), (still, down)] * 2


# What is learnt


@pytest.mark.parametrize(
    ("name", "task", "alpha", "best", "off"),
    [
        ("nr-mdp", LINEAR, 0.05, 1.0, 0.1),
        ("nr-mdp", LINEAR, 0.4, -1.0, 0.2),
        ("pr-mdp", CURVED, 0.3, -0.35, 0.15),
    ],
)
def test_finds_the_robust_action_known_in_closed_form(
    name: str, task: Task, alpha: float, best: float, off: float
) -> None:
    q = task.kwargs["q"]
    assert best == pytest.approx((GAIN - alpha * LOSS) / (2 * q) if q else np.sign(GAIN - alpha * LOSS))
    policy = train(
        name, task, 2500, layers=(32, 32), learning_rate=3e-3, batch_size=64, gamma=1.0, tau=0.05, action_noise=0.3,
        learning_starts=0.3, train_freq=2, ratio=2, alpha=alpha,
    )  # fmt: skip
    action = policy.act(np.array([[-1, 0]], np.float32), None, np.ones(1, bool))[0][0, 0]
    assert action == pytest.approx(best, abs=off)


# What is refused


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 1.1}, "alpha must be a share, 0 to 1, got 1.1"),
        ({"alpha": -0.1}, "alpha must be a share, 0 to 1, got -0.1"),
        ({"ratio": 0}, "ratio must be a number of updates, 1 or more, got 0"),
    ],
)
def test_arguments_that_make_no_sense(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: {message}"):
        train(name, **arguments)
    assert "discrete" in str(registry.algorithm(name).refuses(registry.task("Robust-CartPole-v0")))
