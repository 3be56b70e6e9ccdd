"""Backups against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from robust_gym.baselines.marl.backups import Backup, DualNetwork, RhoContamination, TotalVariation
from robust_gym.baselines.marl.replay import Batch
from robust_gym.baselines.marl.team import Team

GAMMA = 0.9
P = np.array([[0.5, 0.5], [0.2, 0.8]])
REWARDS = np.array([1.0, 2.0])
NEXT = np.array([3.0, 5.0])


class Table(nn.Module):
    """A dual variable for each of two states; a dual network that cannot err."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(2, dtype=torch.float64))

    def forward(self, states: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        return self.values[states[:, 0].long()]


def transitions() -> tuple[Batch, torch.Tensor]:
    """Ten transitions from each of two states, in exact proportion; and the states they lead to."""
    now = np.repeat([0, 1], 10)
    then = np.concatenate([np.repeat([0, 1], np.rint(10 * row).astype(int)) for row in P])
    empty = torch.zeros(1, 1, 20, 1)
    batch = Batch(
        np.arange(20),
        empty,
        torch.zeros(1, 1, 20, dtype=torch.int64),
        torch.zeros(1, 20, dtype=torch.int64),
        torch.from_numpy(REWARDS[now]),
        torch.ones(20, dtype=torch.float64),
        torch.from_numpy(now[:, None].astype(np.float64)),
    )
    return batch, torch.from_numpy(then)


def apply(backup: Backup, values: np.ndarray) -> np.ndarray:
    """Apply a backup once to values of the two states."""
    batch, then = transitions()
    targets = backup.target(batch, torch.from_numpy(values)[then]).numpy()
    return np.array([targets[:10].mean(), targets[10:].mean()])


def worst_case(values: np.ndarray, rho: float, worst: float) -> np.ndarray:
    """Return, for each state, the least expected next value when a mass rho may be moved to a value ``worst``."""
    result = []
    for row in P:
        moved, mass = row.copy(), rho
        for best in np.argsort(-values):
            taken = min(moved[best], mass)
            moved[best] -= taken
            mass -= taken
        result.append(moved @ values + rho * worst)
    return np.array(result)


def test_standard_backup_converges_to_the_values() -> None:
    values = np.zeros(2)
    for _ in range(400):
        values = apply(Backup(GAMMA), values)
    np.testing.assert_allclose(values, np.linalg.solve(np.eye(2) - GAMMA * P, REWARDS), atol=1e-9)


@pytest.mark.parametrize("rho", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("worst", [0.0, -20.0])
def test_contamination_converges_to_the_robust_values(rho: float, worst: float) -> None:
    values = np.zeros(2)
    for _ in range(400):
        values = apply(RhoContamination(GAMMA, rho, worst), values)
    # V = r + gamma ((1 - rho) P V + rho w), a linear system.
    expected = np.linalg.solve(np.eye(2) - GAMMA * (1 - rho) * P, REWARDS + GAMMA * rho * worst)
    np.testing.assert_allclose(values, expected, atol=1e-9)


def fitted(rho: float, worst: float, values: np.ndarray) -> TotalVariation:
    backup = TotalVariation(GAMMA, rho, worst, Table(), learning_rate=1e-2)
    batch, then = transitions()
    for _ in range(1000):
        backup.fit(batch, torch.from_numpy(values)[then])
    return backup


@pytest.mark.parametrize("rho", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("worst", [0.0, -2.0])
def test_total_variation_finds_the_worst_model(rho: float, worst: float) -> None:
    backup = fitted(rho, worst, NEXT)
    np.testing.assert_allclose(apply(backup, NEXT), REWARDS + GAMMA * worst_case(NEXT, rho, worst), atol=5e-3)


def test_total_variation_without_uncertainty_is_the_standard_backup() -> None:
    np.testing.assert_allclose(apply(fitted(0.0, 0.0, NEXT), NEXT), apply(Backup(GAMMA), NEXT), atol=1e-9)


def test_total_variation_converges_to_the_robust_values() -> None:
    rho, worst = 0.25, 0.0
    backup = TotalVariation(GAMMA, rho, worst, Table(), learning_rate=3e-2)
    batch, then = transitions()
    values = np.zeros(2)
    for _ in range(1500):
        backup.fit(batch, torch.from_numpy(values)[then])
        values += 0.05 * (apply(backup, values) - values)
    expected = np.zeros(2)
    for _ in range(400):
        expected = REWARDS + GAMMA * worst_case(expected, rho, worst)
    np.testing.assert_allclose(values, expected, atol=2e-2)


def test_terminated_transitions_have_no_future() -> None:
    batch, then = transitions()
    batch.continues.zero_()
    backups = (Backup(GAMMA), RhoContamination(GAMMA, 0.5, -9.0), TotalVariation(GAMMA, 0.5, -9.0, Table()))
    for backup in backups:
        before = [p.detach().clone() for p in getattr(backup, "dual", nn.Module()).parameters()]
        backup.fit(batch, torch.from_numpy(NEXT)[then])
        torch.testing.assert_close(backup.target(batch, torch.from_numpy(NEXT)[then]), batch.rewards)
        after = [p.detach() for p in getattr(backup, "dual", nn.Module()).parameters()]
        assert all(map(torch.equal, before, after))


def test_the_squared_objective_finds_another_dual_variable() -> None:
    batch, then = transitions()
    duals = []
    for objective in ("exact", "squared"):
        backup = TotalVariation(GAMMA, 0.5, 0.0, Table(), learning_rate=1e-2, objective=objective)
        for _ in range(1000):
            backup.fit(batch, torch.from_numpy(NEXT)[then])
        duals.append(backup.dual.values.detach().numpy().copy())
    # At g = 0 the square is at its least, 0; the exact dual goes to a quantile of the next values.
    assert np.abs(duals[1]).max() < 0.1
    assert duals[0].min() > 2.5
    with pytest.raises(ValueError, match="unknown dual objective 'huber'; objectives are exact, squared"):
        TotalVariation(GAMMA, 0.5, 0.0, Table(), objective="huber")


def test_dual_network_reads_state_and_joint_action() -> None:
    team = Team(("a", "b"), (2, 2), (3, 2), 4)
    dual = DualNetwork(team, 8, torch.Generator().manual_seed(0))
    states = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    actions = torch.tensor([[0, 1, 2, 0, 1], [0, 1, 0, 1, 0]])
    base = dual(states, actions)
    assert base.shape == (5,)
    assert (dual(states + 1, actions) != base).all()
    for agent in range(2):
        other = actions.clone()
        other[agent] = (other[agent] + 1) % 2
        assert (dual(states, other) != base).all()
