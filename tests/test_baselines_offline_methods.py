"""Offline and hybrid algorithms: each one's defining property, against exact solutions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from solo_games import DISCRETE, PLAIN, Echo, echoes

pytest.importorskip("stable_baselines3")

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.baselines.offline import expectile, td3_bc
from robust_gym.baselines.offline.data import Data, Moments
from robust_gym.baselines.offline.divergences import KL, TV, Chi2, Divergence, WithinTV
from robust_gym.baselines.offline.episodes import Behaviour, Episode, collect
from robust_gym.baselines.offline.fitted import FittedQ
from robust_gym.baselines.offline.greedy import BatchConstrained, MaxOverActions
from robust_gym.baselines.offline.networks import Trainer
from robust_gym.baselines.offline.resuming import Counted
from robust_gym.baselines.offline.transitions import Spaces, Transitions
from robust_gym.task import Budget, Task

__all__ = ["echoes"]

VALUES = np.array([1.0, 2.0, 4.0, 8.0])
CHANCES = {0: np.array([0.1, 0.2, 0.3, 0.4]), 1: np.array([0.5, 0.0, 0.0, 0.5])}
"""Of the next state's value, by action."""


def total_variation(chances: np.ndarray, values: np.ndarray, *, lam: float = 0.0, rho: float | None = None) -> float:
    """Return inf of E_P[V] + lam * TV(P, P0), or within TV <= rho, by linear programming; the last state is any."""
    n = len(values)
    cost = np.concatenate([values, np.full(n, lam / 2)])  # of P, and of |P - P0|
    one = np.eye(n)
    above = np.vstack([np.hstack([one, -one]), np.hstack([-one, -one])])
    bound = np.concatenate([chances, -chances])
    if rho is not None:
        above = np.vstack([above, np.concatenate([np.zeros(n), np.full(n, 0.5)])])
        bound = np.append(bound, rho)
    equal = np.concatenate([np.ones(n), np.zeros(n)])[None]
    return float(optimize.linprog(cost, above, bound, equal, [1.0]).fun)


def with_fail(chances: np.ndarray, values: np.ndarray, fail: float) -> tuple[np.ndarray, np.ndarray]:
    """Add a state that never comes by itself."""
    return np.append(chances, 0.0), np.append(values, fail)


def chi_square(chances: np.ndarray, values: np.ndarray, lam: float) -> float:
    """Return inf over P of E_P[V] + lam * sum (P - P0)^2 / P0, over the probabilities themselves."""
    kept = chances > 0
    p0, v = chances[kept], values[kept]
    found = optimize.minimize(
        lambda p: p @ v + lam * ((p - p0) ** 2 / p0).sum(),
        p0,
        bounds=[(0, 1)] * len(v),
        constraints={"type": "eq", "fun": lambda p: p.sum() - 1},
        options={"ftol": 1e-12},
    )
    return float(found.fun)


def entropic(chances: np.ndarray, values: np.ndarray, lam: float) -> float:
    return float(-lam * np.log(chances @ np.exp(-values / lam)))


EXACT: dict[str, tuple[Divergence, Callable[[np.ndarray, np.ndarray], float]]] = {
    "tv": (TV(3.0), lambda p, v: total_variation(*with_fail(p, v, 0.0), lam=3.0)),
    "chi2": (Chi2(2.0), lambda p, v: chi_square(p, v, 2.0)),
    "kl": (KL(1.5), lambda p, v: entropic(p, v, 1.5)),
    "within-tv": (WithinTV(0.3), lambda p, v: total_variation(*with_fail(p, v, 0.0), rho=0.3)),
}


def one_step(states: list[int], actions: list[int], rewards: list[float], after: list[int], ends: list[bool]) -> Any:
    """Return transitions as episodes of one step each."""
    rows = zip(states, actions, rewards, after, ends, strict=True)
    return [Episode(np.array([s, t]), np.array([a]), np.array([float(r)]), bool(end)) for s, a, r, t, end in rows]


class Known:
    """Stands for a Q whose values are known."""

    def values(self, observations: torch.Tensor) -> torch.Tensor:
        return observations @ torch.tensor([0.0, *VALUES], dtype=torch.float32)


def fitted_on(data: Data, divergence: Divergence, greedy: Any, **changes: Any) -> FittedQ:
    arguments = {
        "gamma": 0.9,
        "fail_value": 0.0,
        "layers": (),
        "learning_rate": 0.05,
        "batch_size": 64,
        "steps": 1,
        "dual_updates": 1,
        "tau": 1.0,
    }
    return FittedQ(data, greedy, divergence, **{**arguments, **changes})


@pytest.mark.parametrize("name", EXACT)
def test_dual_network_finds_the_worst_expectation(name: str) -> None:
    # From state 0, each action leads to states 1 to 4 with its chances, ten times over, so that all of it is a batch.
    actions = [a for a, chances in CHANCES.items() for _ in range(10) for _ in chances]
    after = [t for chances in CHANCES.values() for t in 1 + np.repeat(np.arange(4), np.round(40 * chances).astype(int))]
    data = Data(
        Transitions.of(one_step([0] * 80, actions, [9.0] * 80, after, [False] * 80), states=5), Spaces(5, 2), gamma=0.9
    )
    divergence, exact = EXACT[name]
    torch.manual_seed(0)
    fitted = fitted_on(data, divergence, Known(), learning_rate=0.02)
    batch = data.at(torch.arange(80))
    values = Known().values(batch.next_observations)
    for _ in range(1500):
        fitted.fit_dual(batch, values)
    backups = (fitted.targets(batch, values) - batch.rewards) / 0.9
    for action, chances in CHANCES.items():
        found = float(backups[batch.actions == action].mean())
        wanted = exact(chances, VALUES)
        assert wanted < chances @ VALUES - 0.3
        assert found == pytest.approx(wanted, abs=0.01)
        if name == "tv":
            assert wanted == pytest.approx(chances @ np.minimum(VALUES, 3.0))
            dual = fitted.dual(batch.observations, batch.actions)[batch.actions == action].detach()
            assert dual.clamp(0, 3).mean() == pytest.approx(3.0, abs=0.05)


def test_a_fail_value_may_be_below_zero() -> None:
    lowest, values = torch.full((4,), -5.0), torch.tensor(VALUES - 3, dtype=torch.float32)
    chances = CHANCES[0]
    for divergence, rho, lam in ((WithinTV(0.3), 0.3, 0.0), (TV(5.0), None, 5.0)):
        low, high = divergence.bounds(lowest, lowest + 10)
        best = max(
            float((divergence.backup(torch.full((4,), g), values, lowest).numpy() * chances).sum())
            for g in np.linspace(float(low[0]), float(high[0]), 2001)
        )
        exact = total_variation(*with_fail(chances, VALUES - 3, -5.0), lam=lam, rho=rho)
        assert best == pytest.approx(exact, abs=5e-3)


def test_kl_ratio_is_bounded_beyond_five() -> None:
    # An outcome of chance 1e-4 that is very bad: the worst distribution may make it e^5 times as likely, and no more.
    chances, values = np.array([1e-4, 1 - 1e-4]), torch.tensor([-100.0, 0.0], dtype=torch.float64)
    divergence, zeros = KL(1.0), torch.zeros(2)
    duals = np.linspace(-10, 1, 20001)
    backups = [(divergence.backup(torch.full((2,), g), values, zeros).numpy() * chances).sum() for g in duals]
    p = np.exp(5) * chances[0]
    exact = -100 * p + p * 5 + (1 - p) * np.log((1 - p) / chances[1])
    assert max(backups) == pytest.approx(exact, abs=1e-3)


def garnet_episodes(count: int) -> tuple[list[Episode], np.ndarray, np.ndarray]:
    """Return transitions from everywhere in a small world, and the law and the mean reward that they have exactly."""
    model = registry.task("Robust-Garnet-v0").model()
    rng = np.random.default_rng(0)
    n, m, _ = model.transition.shape
    law, reward = np.zeros_like(model.transition), np.zeros((n, m))
    rows: list[tuple[int, int, float, int, bool]] = []
    for s in range(n):
        for a in range(m):
            after = rng.choice(n, count, p=model.transition[s, a])
            law[s, a] = np.bincount(after, minlength=n) / count
            reward[s, a] = model.reward[s, a, after].mean()
            rows += [(s, a, float(model.reward[s, a, t]), int(t), bool(model.terminal[t])) for t in after]
    assert not model.terminal.any()
    return one_step(*map(list, zip(*rows, strict=True))), law, reward  # type: ignore[arg-type]


def robust_value_iteration(law: np.ndarray, reward: np.ndarray, worst: Any, gamma: float) -> np.ndarray:
    """Return Q of the exact robust backup."""
    q = np.zeros_like(reward)
    for _ in range(60):
        v = q.max(1)
        q = reward + gamma * np.array([[worst(p, v) for p in row] for row in law])
    return q


WORST: dict[str, tuple[dict[str, Any], Callable[[np.ndarray, np.ndarray, float], float]]] = {
    "rpq-tv": ({"lam": 4.0}, lambda p, v, fail: float(p @ np.minimum(v, fail + 4.0))),
    "rpq-kl": ({"lam": 0.1}, lambda p, v, fail: entropic(p, v, 0.1)),
    "rfqi": (
        {"rho": 0.1, "tau": 1.0, "iteration_updates": 60},
        lambda p, v, fail: within_total_variation(p, v, fail, 0.1),
    ),
}


def test_no_end_is_worth_more_than_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a reward is hardly below 0, as a robot's that stumbles, RFQI does not think that falling saves it."""
    steps, count = [(0, 0, 0.3, 0, False), (0, 1, 0.3, 1, True), (2, 0, -0.03, 0, False)], 200
    states, actions, rewards, after, ends = map(list, zip(*steps * count, strict=True))
    episodes = one_step(states, actions, rewards, after, ends)  # type: ignore[arg-type]
    monkeypatch.setattr("robust_gym.baselines.offline.datasets.read", lambda *of: episodes)
    arguments = {"dataset": "these", "layers": (), "learning_rate": 0.03, "updates": 800, "tau": 1.0}
    algorithm = create("rfqi", {**arguments, "gamma": 0.99, "iteration_updates": 40})
    policy = algorithm.train(registry.task("Robust-Garnet-v0"), Budget("test", 600, 1), 0, lambda done: None)
    found = policy.network(torch.eye(20))
    # Half of the chance of what follows is taken away at each step: r / (1 - gamma / 2), and r at the end.
    fail = -0.03 / 0.3
    assert float(found[0, 0]) == pytest.approx((1 + 0.495 * fail) / (1 - 0.495), abs=0.1)
    assert float(found[0, 1]) == pytest.approx(1 + 0.495 * fail, abs=0.1)


def within_total_variation(chances: np.ndarray, values: np.ndarray, fail: float, rho: float) -> float:
    """Return inf of E_P[V] within TV <= rho: a chance of rho of the best outcomes goes to the fail state."""
    order = np.argsort(-values)
    before = np.concatenate([[0.0], np.cumsum(chances[order])[:-1]])
    taken = np.clip(rho - before, 0, chances[order])
    return float((chances[order] - taken) @ values[order] + rho * fail)


def test_the_reference_of_total_variation_is_exact() -> None:
    chances = CHANCES[0]
    exact = total_variation(*with_fail(chances, VALUES, -1.0), rho=0.25)
    assert within_total_variation(chances, VALUES, -1.0, 0.25) == pytest.approx(exact)
    assert WORST["rpq-tv"][1](chances, VALUES, -1.0) == pytest.approx(
        total_variation(*with_fail(chances, VALUES, -1.0), lam=4.0)
    )


@pytest.mark.parametrize("name", WORST)
def test_value_is_that_of_exact_robust_value_iteration(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    episodes, law, reward = garnet_episodes(30)
    rewards = np.array([episode.rewards[0] for episode in episodes])
    gamma, scale = 0.7, 1 / np.abs(rewards).max()
    # Of one step each, no return of the data is less than the least reward; the others assume that reward ever after.
    fail = min(0.0, rewards.min() * scale) / (1 if name == "rfqi" else 1 - gamma)
    arguments, worst = WORST[name]
    monkeypatch.setattr("robust_gym.baselines.offline.datasets.read", lambda *of: episodes)
    shared = {
        "dataset": "these",
        "gamma": gamma,
        "layers": (),
        "learning_rate": 0.03,
        "batch_size": 1024,
        "iteration_updates": 60,
        "dual_updates": 2,
        "updates": 1500,
    }
    algorithm = create(name, {**shared, **arguments})
    policy = algorithm.train(registry.task("Robust-Garnet-v0"), Budget("test", 10_000, 1), 0, lambda done: None)
    found = policy.network(torch.eye(20)).numpy()

    exact = robust_value_iteration(law, reward * scale, lambda p, v: worst(p, v, fail), gamma)
    plain = robust_value_iteration(law, reward * scale, lambda p, v: float(p @ v), gamma)
    assert np.abs(plain - exact).max() > 0.25
    np.testing.assert_allclose(found, exact, atol=0.08)


def test_no_value_follows_where_the_task_ended_but_does_where_it_was_cut() -> None:
    episodes = one_step([0, 0], [0, 0], [1.0, 1.0], [1, 1], [True, False])
    data = Data(Transitions.of(episodes, states=2), Spaces(2, 2), gamma=0.9)
    batch = data.at(torch.arange(2))
    torch.manual_seed(0)
    fitted = fitted_on(data, TV(100.0), MaxOverActions(data, (), 0.05))
    values = fitted.values(batch)
    assert values[0] == 0 and values[1] == fitted.greedy.values(batch.next_observations)[1] > 0
    with torch.no_grad():
        fitted.greedy.q.target.network[0].bias.fill_(-5.0)
    assert fitted.values(batch).tolist() == [0, 0]  # no value is below that of the worst state

    settings = expectile.Settings(0.7, 3.0, 100.0, 0.9, 0.005, 1e-3, ())
    implicit = expectile.Learner(data, settings)
    targets = implicit.targets(batch)
    assert targets[0] == 1
    assert targets[1] == pytest.approx(1 + 0.9 * float(implicit.value(batch.next_observations).detach()[1, 0]))

    box = [
        Episode(np.array([[0.0], [1.0]]), np.array([[0.5]], np.float32), np.array([1.0]), end) for end in (True, False)
    ]
    data = Data(Transitions.of(box), Spaces(0, 0, (-1.0,), (1.0,)), gamma=0.9)
    batch = data.at(torch.arange(2))
    cloning = td3_bc.Learner(data, td3_bc.Settings(2.5, 0.9, 0.005, 0.0, 0.5, 2, 1e-3, ()))
    targets = cloning.targets(batch)
    after = batch.next_observations[1:]
    expected = torch.minimum(*cloning.q.target(after, cloning.actor.target(after)))
    assert targets[0] == 1 and targets[1] == pytest.approx(1 + 0.9 * expected.item())


def test_nothing_follows_the_last_step_of_a_finite_horizon() -> None:
    episode = Episode(np.zeros((4, 1)), np.zeros(3, int), -np.ones(3), False)
    data = Data(Transitions.of([episode], horizon=3), Spaces(0, 2), horizon=3)
    batch = data.at(torch.arange(3))
    assert batch.going.tolist() == [1, 1, 0]
    assert batch.left.tolist() == [2, 1, 0]
    assert batch.observations[:, 1].tolist() == pytest.approx([0, 1 / 3, 2 / 3])


def test_expectile_is_the_closed_form() -> None:
    samples = np.random.default_rng(0).exponential(size=2000)
    value = torch.nn.Parameter(torch.zeros(1))
    trainer = Trainer([value], 0.02)
    for _ in range(400):
        trainer.minimise(expectile.expectile_loss(torch.from_numpy(samples).float() - value, 0.9))
    assert value.item() == pytest.approx(stats.expectile(samples, 0.9), abs=5e-3)


def test_cloning_stays_nearer_to_the_data_than_plain_td3(echoes: None) -> None:
    # The data do half of what is shown: cloning stays near them, TD3 leaves for what is shown. Q is about -40, so that
    # cloning weighs something against its slope.
    policy = _Half()
    played = collect(PLAIN, Behaviour((policy,), noise=0.2), 1000, np.random.default_rng(0))
    episodes = [dataclasses.replace(episode, rewards=episode.rewards - 20) for episode in played]
    seen = Transitions.of(episodes).observations
    done, _ = policy.act(seen, None, np.ones(len(seen), bool))
    settings = {"gamma": 0.5, "layers": (32,), "learning_rate": 3e-3, "batch_size": 128}
    distance = {}
    for alpha in (2.5, 1e6):
        torch.manual_seed(0)
        algorithm = create("td3-bc", {**settings, "alpha": alpha, "updates": 800})
        learnt = algorithm.learn(PLAIN, Budget("test", 1000, 1), episodes, None, Counted(lambda done: None))
        distance[alpha] = float(np.abs(learnt.act(seen, None, np.ones(len(seen), bool))[0] - done).mean())
    assert distance[2.5] < 0.6 * distance[1e6]


class _Half:
    """Acts half of what is shown."""

    def act(self, observation: np.ndarray, state: Any, episode_start: np.ndarray) -> tuple[np.ndarray, Any]:
        return (observation / 2).astype(np.float32), state

    def save(self, directory: Path) -> None:
        raise NotImplementedError


def test_candidates_are_like_the_actions_of_the_data(echoes: None) -> None:
    rng = np.random.default_rng(0)
    seen = rng.uniform(-1, 5, (600, 2, 1))
    # Actions between 1 and 3 of [-2, 6], though more would be better.
    actions = rng.uniform(1, 3, (600, 1, 1)).astype(np.float32)
    episodes = [Episode(s, a, a[:, 0].astype(float), False) for s, a in zip(seen, actions, strict=True)]
    flat = Transitions.of(episodes)
    data = Data(flat, Spaces.of(PLAIN), moments=Moments.of(flat, clock=False), gamma=0.5)
    torch.manual_seed(0)
    greedy = BatchConstrained(data, (32,), 5e-3, reach=0.05, choices=50)
    fitted = fitted_on(data, WithinTV(0.0), greedy, gamma=0.5, layers=(32,), learning_rate=5e-3, tau=0.05)
    fitted.learn(800, lambda: None)
    acted, _ = greedy.policy("rfqi", PLAIN).act(flat.observations, None, np.ones(600, bool))
    assert acted.mean() > 2.1 and acted.max() < 3.2


def test_hybrid_plans_to_the_horizon_and_clips_at_its_price(echoes: None) -> None:
    # The right action earns 1, so that V_h would be H - h; with lam = 3 it is min(H - h, 1 + 3).
    algorithm = create(
        "hytq",
        {
            "lam": 3.0,
            "behaviour": "random",
            "layers": (32,),
            "learning_rate": 1e-2,
            "batch_size": 128,
            "iteration_updates": 25,
            "dual_updates": 3,
            "updates": 1000,
        },
    )
    policy = algorithm.train(DISCRETE, Budget("test", 2000, 1), 0, lambda done: None)
    seen = np.eye(3, dtype=np.float32)[np.zeros(10, int)] * 100 + 500
    rows = torch.from_numpy(np.column_stack([seen, np.arange(10) / 10]))
    found = policy.policy.response(rows).amax(1).numpy()
    np.testing.assert_allclose(found, np.minimum(10 - np.arange(10), 4), atol=0.6)


def test_hybrid_learns_from_what_its_greedy_policy_meets(echoes: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from robust_gym.baselines.offline import episodes as module

    played: list[tuple[int, bool]] = []
    sizes: list[int] = []
    real = module.collect

    def spy(task: Task, behaviour: Behaviour, steps: int, *rest: Any) -> Any:
        played.append((steps, behaviour.policies[0] is None))
        return real(task, behaviour, steps, *rest)

    learn = FittedQ.learn
    monkeypatch.setattr(module, "collect", spy)
    monkeypatch.setattr(FittedQ, "learn", lambda self, *of: (sizes.append(len(self.data)), learn(self, *of))[1])
    algorithm = create("hytq", {"behaviour": "random", "online_share": 0.3, "iterations": 4, "updates": 20})
    algorithm.train(DISCRETE, Budget("test", 200, 1), 0, lambda done: None)
    assert played == [(15, False)] * 4
    assert sizes == [155, 170, 185, 200]


def test_default_price_is_a_quantile_of_the_returns_to_go(echoes: None) -> None:
    algorithm: Any = create("rpq-tv", {"gamma": 0.5})
    episode = Episode(np.zeros((4, 3)), np.zeros(3, int), np.array([1.0, 2.0, -4.0]), True)
    data = algorithm.data(DISCRETE, [episode], None)
    assert data.transitions.returns_to_go(0.5).tolist() == [1.0, 0.0, -4.0]
    worst = -1 / (1 - 0.5)
    assert algorithm.divergence(data).lam == pytest.approx(np.quantile([0.25, 0.0, -1.0], 0.9) - worst)
    assert Echo().observation_space.shape == (3,)
