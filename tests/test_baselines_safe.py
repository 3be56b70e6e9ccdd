"""Safe baselines: worlds whose best policy below a limit of the cost is known in closed form."""

from __future__ import annotations

import functools
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from gymnasium import spaces
from safe_help import BOX, DISCRETE, NAMES, SMALL, episode, train, watched, worlds

pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

from robust_gym.baselines.pcrpo import PCRPO, weights
from robust_gym.baselines.ppo_lagrangian import PPOLagrangian
from robust_gym.baselines.single.costs import standardised
from robust_gym.baselines.single.costs_buffer import CostRolloutBuffer
from robust_gym.task import Budget

__all__ = ["worlds"]


# Learning under a limit.

LEARNING: dict[str, dict[str, Any]] = {
    "ppo-lagrangian": {"multiplier": 2.0},
    "crpo": {"target_kl": 0.02},
    "pcrpo": {"target_kl": 0.02, "slack_above": 0.5, "slack_below": 0.5},
}


@functools.cache
def learnt(name: str, kind: str) -> tuple[Any, list[dict[str, Any]]]:
    """Train under a limit of 5 in the box world, or 3 in the discrete one."""
    steps = 8000 if name == "ppo-lagrangian" else 4000
    if kind == "box":
        return watched(name, BOX, steps, cost_limit=5.0, **LEARNING[name])
    return watched(name, DISCRETE, steps, **LEARNING[name])


def test_without_a_limit_ppo_breaks_it() -> None:
    total, cost = episode(train("ppo", BOX, 3000, learning_rate=1e-2), BOX)
    assert total > -1.0 and cost > 17.0


@pytest.mark.parametrize("name", NAMES)
def test_the_reward_is_the_best_below_the_limit(name: str) -> None:
    # At a = 0.5, the best below a limit of 5, it is -22.5. Doing nothing gets -40; a = 2, the best of all, costs 20.
    policy, notes = learnt(name, "box")
    total, cost = episode(policy, BOX)
    assert abs(cost - 5.0) < 1.25
    assert -29.0 < total < -17.0
    assert abs(np.mean([note["cost"] for note in notes[-8:]]) - 5.0) < 1.0


@pytest.mark.parametrize("name", ["crpo", "pcrpo"])
def test_a_choice_is_made_as_often_as_the_limit_allows(name: str) -> None:
    costs = [note["cost"] for note in learnt(name, "discrete")[1]]
    assert costs[0] > 4.0
    assert 2.0 < np.mean(costs[-12:]) < 3.0 + 0.5 + 0.5  # the tolerance, and noise


# PPO-Lagrangian.


def test_the_multiplier_rises_to_its_value_at_the_best_policy() -> None:
    # Below a limit of 5, lambda is the slope of -(a - 2)^2, 2 (2 - a) = 3 at a = 0.5, over that of the cost, 1.
    _, notes = learnt("ppo-lagrangian", "box")
    prices = [note["price"] for note in notes]
    assert prices[0] < 2.0 and abs(prices[-1] - 3.0) < 0.5
    for before, after, note in zip(prices[10:], prices[11:], notes[11:], strict=False):
        if note["cost"] > 8.0:
            assert after > before
    for note in notes:
        mixed = (note["A_r"] - note["price"] * note["A_c"]) / (1 + note["price"])
        np.testing.assert_allclose(note["A"], mixed, rtol=1e-5, atol=1e-6)


def test_the_multiplier_falls_but_is_never_negative() -> None:
    _, notes = watched("ppo-lagrangian", BOX, 1000, cost_limit=1000.0, multiplier=0.2, multiplier_rate=1.0)
    prices = [note["price"] for note in notes]
    assert prices[0] < 0.2 and prices == sorted(prices, reverse=True)
    assert all(0 <= price < 0.2 for price in prices) and prices[-1] < 1e-3


@pytest.mark.parametrize("first", [1e-9, 0.5, 1.0, 900.0])
def test_the_multiplier_begins_where_it_should(first: float) -> None:
    _, notes = watched("ppo-lagrangian", BOX, 20, multiplier=first, multiplier_rate=0.0)
    assert notes[-1]["price"] == pytest.approx(first, rel=1e-5)


# CRPO.


def test_crpo_steps_on_the_cost_when_it_is_above_the_limit_and_the_tolerance() -> None:
    _, notes = learnt("crpo", "discrete")
    above = [note["cost"] > 3.5 for note in notes]
    assert 3 < sum(above) < len(above) - 3
    for note, high in zip(notes, above, strict=True):
        np.testing.assert_array_equal(note["A"], -note["A_c"] if high else note["A_r"])


# PCRPO.


def test_pcrpo_has_three_regimes() -> None:
    pcrpo = PCRPO(slack_above=2.0, slack_below=1.0)
    regimes = [pcrpo.regime(cost, 10.0) for cost in (0.0, 8.9, 9.0, 10.0, 12.0, 12.1, 99.0)]
    assert regimes == ["reward"] * 2 + ["both"] * 3 + ["safety"] * 2
    assert [PCRPO().regime(cost, 8.0) for cost in (6.9, 7.0, 9.0, 9.1)] == ["reward", "both", "both", "safety"]


@pytest.mark.parametrize(
    ("g_r", "g_c", "expected"),
    [
        ((2.0, 0.0), (0.0, 4.0), (1.0, 2.0)),  # at right angles: the mean
        ((2.0, 2.0), (2.0, 0.0), (2.0, 1.0)),  # much the same way: the mean
        ((0.0, 0.0), (2.0, 0.0), (1.0, 0.0)),
        # Against each other: (0, 1) and (-1/2, 1/2) are left of (1, 1) and (-1, 0).
        ((1.0, 1.0), (-1.0, 0.0), (-0.25, 0.75)),
        ((3.0, 1.0), (-3.0, 1.0), (0.0, 1.8)),
        ((1.0, 2.0), (-1.0, -2.0), (0.0, 0.0)),  # opposite: nothing is left
    ],
)
def test_conflicting_gradients_lose_what_is_in_conflict(
    g_r: tuple[float, ...], g_c: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    one, other = torch.tensor(g_r), torch.tensor(g_c)
    w_r, w_c = weights(one, other)
    mixed = w_r * one + w_c * other
    if one @ other < 0:
        projected = one - one @ other / (other @ other) * other, other - one @ other / (one @ one) * one
        torch.testing.assert_close(mixed, sum(projected) / 2)
        assert mixed @ one >= -1e-6 and mixed @ other >= -1e-6
    torch.testing.assert_close(mixed, torch.tensor(expected))


def test_pcrpo_steps_along_the_mixed_gradient() -> None:
    """The gradient of the advantages that TRPO is handed is the mixture of the gradients of reward and cost."""
    seen: list[str] = []

    class Checked(PCRPO):
        def collected(self, model: Any) -> None:
            buffer = model.rollout_buffer
            A_r, A_c = standardised(buffer.advantages), standardised(buffer.cost_advantages)
            g_r, g_c = model.policy_gradients(A_r, -A_c)
            super().collected(model)
            regime = self.regime(model.episode_cost, model.cost_limit)
            w_r, w_c = {"reward": (1.0, 0.0), "safety": (0.0, 1.0), "both": weights(g_r, g_c)}[regime]
            (mixed,) = model.policy_gradients(standardised(buffer.advantages))
            wished = w_r * g_r + w_c * g_c
            assert torch.cosine_similarity(mixed, wished, dim=0) > 0.999
            seen.append(regime)

    # The reward falls and rises with the cost, so that the gradients are not simply opposite.
    Checked(**{**SMALL, "target_kl": 0.05}, slack_above=1.0, slack_below=1.0, cost_limit=5.0).train(
        BOX, Budget("test", 4000, 1), 0, lambda step: None
    )
    assert {"reward", "both"} <= set(seen)


# Costs.


class Twin(PPOLagrangian):
    """Has a cost critic that says what the critic says, where rewards are costs."""

    compared: ClassVar[list[bool]]

    def parts(self, model: Any) -> Any:
        parts = super().parts(model)
        policy, critic = model.policy, parts["cost_critic"]
        for to, like in zip(
            (critic.layers[0], critic.layers[2]), (policy.mlp_extractor.value_net[0], policy.value_net), strict=True
        ):
            to.load_state_dict(like.state_dict())
        return parts

    def collected(self, model: Any) -> None:
        buffer = model.rollout_buffer
        if not self.compared:
            np.testing.assert_allclose(buffer.cost_advantages, buffer.advantages, rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(buffer.cost_returns, buffer.returns, rtol=1e-4, atol=1e-5)
            assert np.ptp(buffer.advantages) > 0.1
        self.compared.append(True)
        super().collected(model)


def test_costs_are_treated_as_stable_baselines_treats_rewards() -> None:
    """Time limits, ends of rollouts and all: where each step costs what it pays, the advantages are the same."""
    Twin.compared = compared = []
    Twin(**{**SMALL, "n_steps": 33}).train(DISCRETE, Budget("test", 1700, 1), 0, lambda step: None)
    assert len(compared) > 20


def test_an_episode_costs_the_plain_sum_of_its_steps() -> None:
    space = spaces.Box(-1.0, 1.0, (1,))
    buffer = CostRolloutBuffer(3, space, space, "cpu", n_envs=2)

    def step(costs: list[float], ended: list[bool]) -> None:
        buffer.tell(np.array(costs), np.array(ended), np.zeros(2, np.float32))
        buffer.pos += 1

    for _ in range(3):
        step([1.0, 2.0], [False, False])
    assert buffer.ended == []
    assert buffer.episode_cost(horizon=10) == 15.0  # 1.5 a step
    buffer.reset()
    step([1.0, 0.0], [True, False])
    step([5.0, 0.0], [False, False])
    step([1.0, 0.0], [True, True])
    assert buffer.ended == [4.0, 6.0, 6.0]  # the steps of the rollout before are part of the first and the last
    assert buffer.episode_cost(horizon=10) == pytest.approx(16 / 3)


def test_costs_are_not_normalised_and_as_told() -> None:
    seen: list[Any] = []

    class Looking(PPOLagrangian):
        def collected(self, model: Any) -> None:
            seen.append((model.rollout_buffer.costs.copy(), model.rollout_buffer.actions.copy()))
            super().collected(model)

    for disruption, factor in (("none", 1.0), ("cost:scale:0.5", 0.5)):
        seen.clear()
        Looking(**SMALL, normalise=True, train_disruption=disruption).train(
            DISCRETE, Budget("test", 300, 1), 0, lambda step: None
        )
        for costs, actions in seen:
            np.testing.assert_array_equal(costs, factor * actions[..., 0])
        assert {0.0, factor} == {float(cost) for costs, _ in seen for cost in costs.flat}
