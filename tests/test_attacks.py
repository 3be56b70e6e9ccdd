"""The attacks: what they find where the answer is known."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from adversary_help import ACTIONS, OBSERVATIONS, SCALE, VALUES, Blind, Linear, adversary
from gymnasium import spaces
from torch import Tensor

from robust_gym.wrappers.adversary import ObservationAdversary
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.victim import Victim


def test_mad_finds_the_corner_of_a_linear_policy() -> None:
    moved = adversary("mad", Linear())(VALUES) - VALUES
    assert np.abs(moved) == pytest.approx(np.tile(0.1 * SCALE, (2, 1)), rel=1e-5)
    # Either all along the gradient of the only action that depends on anything, or all against it.
    assert np.array_equal(np.abs((np.sign(moved) * [1, -1, 1]).sum(axis=1)), [3, 3])


def test_mad_keeps_inside_the_space_while_it_searches() -> None:
    space = spaces.Box(-1.0, 1.0, (3,), np.float64)
    made = ObservationAdversary(Signal(space, SCALE, np.zeros(3)), "mad", 0.1)
    made.bind(Victim(Linear(), space, ACTIONS))
    made.reset(0, Stream(0, ("x",)))
    moved = made(np.array([[1.0, -1.0, 1.0]]))
    assert moved[0] == pytest.approx([0.9, -0.8, 0.95])  # the other corner is outside


def test_mad_turns_a_choice_over() -> None:
    class Chooser(Linear):
        def response(self, rows: Tensor) -> Tensor:
            return torch.stack([rows[:, 0], -rows[:, 0]], dim=1)

    made = ObservationAdversary(Signal(OBSERVATIONS, SCALE, np.zeros(3)), "mad", 0.1)
    made.bind(Victim(Chooser(), OBSERVATIONS, spaces.Discrete(2)))
    made.reset(0, Stream(0, ("x",)))
    for first in (0.05, -0.05):
        assert made(np.array([[first, 0.0, 0.0]]))[0, 0] == pytest.approx(-first)


def test_critic_lowers_the_value_of_what_is_seen() -> None:
    moved = adversary("critic", Linear("state"))(VALUES) - VALUES
    assert moved == pytest.approx(np.tile([-0.1, -0.2, 0.05], (2, 1)), rel=1e-5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_critic_lowers_the_value_of_the_action_that_follows(sign: float) -> None:
    small = 0.1 * VALUES  # so that actions are not clipped
    moved = adversary("critic", Linear("action", sign))(small) - small
    assert moved == pytest.approx(-sign * np.tile([0.1, -0.2, 0.05], (2, 1)), rel=1e-5)


@pytest.mark.parametrize("attack", ["critic", "search"])
def test_action_attacks_lower_the_value_of_the_action(attack: str) -> None:
    made = adversary(attack, Linear("action"), on="action", budget=20)
    made.see(VALUES[0])
    actions = np.array([[0.0, 0.5], [0.5, -0.95]])
    made._observation = VALUES
    moved = made(actions)
    assert moved == pytest.approx(np.array([[-0.1, 0.4], [0.4, -1.0]]), abs=1e-6)


def harm(policy: Linear, moved: np.ndarray) -> np.ndarray:
    return np.square(policy.act(moved, None, None)[0] - policy.act(VALUES, None, None)[0]).sum(axis=1)


def test_search_gains_from_more_tries_and_never_leaves_the_ball() -> None:
    found = [harm(Linear(), adversary("search", Blind(), budget=tries)(VALUES)) for tries in (1, 4, 16, 256)]
    assert all((more >= fewer).all() for fewer, more in itertools.pairwise(found))
    assert found[-1] == pytest.approx(np.full(2, 0.525**2), rel=1e-4)  # one of eight corners is the best
    moved = adversary("search", Blind(), budget=64)(VALUES)
    assert (np.abs(moved - VALUES) <= 0.1 * SCALE + 1e-12).all()


def test_search_asks_the_critic_of_states() -> None:
    moved = adversary("search", Linear("state"), budget=256)(VALUES) - VALUES
    assert moved == pytest.approx(np.tile([-0.1, -0.2, 0.05], (2, 1)))


def test_search_asks_the_critic_of_actions() -> None:
    small = 0.1 * VALUES
    moved = adversary("search", Linear("action"), budget=256)(small) - small
    assert moved == pytest.approx(np.tile([-0.1, 0.2, -0.05], (2, 1)))


def test_search_changes_a_choice() -> None:
    class Threshold:
        def act(self, observation: np.ndarray, state: Any, start: np.ndarray) -> tuple[np.ndarray, Any]:
            return (observation[:, 0] > 0).astype(np.int64), state

    made = ObservationAdversary(Signal(OBSERVATIONS, SCALE, np.zeros(3)), "search", 0.1)
    made.bind(Victim(Threshold(), OBSERVATIONS, spaces.Discrete(2)))
    made.reset(0, Stream(0, ("x",)))
    assert made(np.array([[0.05, 0.0, 0.0]]))[0, 0] <= 0


def test_random_holds_a_corner() -> None:
    made = adversary("random", Blind(), budget=5)
    moves = np.array([made(VALUES) - VALUES for _ in range(40)])
    assert np.abs(moves) == pytest.approx(np.broadcast_to(0.1 * SCALE, moves.shape))
    held = moves.reshape(8, 5, 2, 3)
    assert (held == held[:, :1]).all()
    assert len(np.unique(held[:, 0, 0], axis=0)) > 1


@pytest.mark.parametrize("attack", ["random", "search", "mad", "critic"])
def test_the_same_seed_gives_the_same_perturbations(attack: str) -> None:
    first, again, other = (adversary(attack, Linear("state"), budget=1, seed=seed) for seed in (3, 3, 4))
    rows = [VALUES + place for place in range(3)]
    assert all(np.array_equal(first(row), again(row)) for row in rows)
    assert any(not np.array_equal(first(row), other(row)) for row in rows) or attack == "critic"
