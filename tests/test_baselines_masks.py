"""Masks of actions: learners and policies of teams take what is possible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from masked_games import LOCKS, Locks, best_mean, locks

from robust_gym.baselines.base import create, load_policy
from robust_gym.baselines.marl.copies import SeparateCopies
from robust_gym.baselines.marl.replay import Replay
from robust_gym.baselines.marl.team import Team
from robust_gym.baselines.marl.trainer import Trainer
from robust_gym.conformance import check_spaces
from robust_gym.evaluate import evaluate
from robust_gym.task import Budget

__all__ = ["locks"]

pytestmark = pytest.mark.usefixtures("locks")

FACTORED = ("iql", "vdn", "qmix", "qtran", "robust-vdn-tv", "groupdr-qtran")
ALGORITHMS = (*FACTORED, "ippo", "mappo")


def train(name: str, steps: int = 900, **arguments: Any) -> Any:
    return create(name, {"hidden": 16, "gamma": 0.0, **arguments}).train(
        LOCKS, Budget("test", steps, 1), 0, lambda step: None
    )


def run(name: str, steps: int, n_envs: int = 1, **arguments: Any) -> Trainer:
    """Return what has trained, with its replay and its learner."""
    algorithm: Any = create(name, {"n_envs": n_envs, **arguments})
    trainer = Trainer(algorithm, SeparateCopies([Locks()], n_envs, lambda which: Locks()), steps, 0)
    trainer.run(lambda steps: None)
    return trainer


@pytest.mark.parametrize("name", ALGORITHMS)
def test_only_what_is_possible_is_taken_and_that_is_best(name: str, tmp_path: Path) -> None:
    more: dict[str, Any] = {"steps": 2500, "entropy": 0.0} if name in ("ippo", "mappo") else {}
    if name.startswith("groupdr"):
        more["train_disruption"] = "none | observation:gauss:0.1"
    policy = train(name, **more)
    assert not Locks.wrong
    found = evaluate(policy, LOCKS.id, disruptions=["none", "observation:gauss:0.5"], episodes=20)
    assert not Locks.wrong
    assert found.results[0].mean == pytest.approx(best_mean(), rel=0.1)
    policy.save(tmp_path)
    again = evaluate(load_policy(tmp_path), LOCKS.id, disruptions=["none", "observation:gauss:0.5"], episodes=20)
    assert again.results == found.results


@pytest.mark.parametrize("name", ["vdn", "mappo"])
def test_masks_may_be_left_alone(name: str) -> None:
    policy = train(name, 200, action_masks=False)
    assert Locks.wrong
    Locks.wrong.clear()
    evaluate(policy, LOCKS.id, disruptions="none", episodes=2)
    assert Locks.wrong


@pytest.mark.parametrize("n_envs", [1, 3])
def test_targets_count_only_what_is_possible(n_envs: int) -> None:
    """Locked actions are worth most here, and no target is as large."""
    trainer = run("vdn", 60, n_envs=n_envs, hidden=8, learning_starts=0.5)
    replay, learner = trainer.replay, trainer.learner
    slots = np.flatnonzero(replay.valid)
    after = replay.after(slots)
    masks = replay.masks(after)
    assert masks is not None and masks.shape == (2, len(slots), 4)
    assert not masks.all() and masks.any(-1).all() and not masks[1, :, 3].any()
    learner.copy_targets()
    with torch.no_grad():
        values = learner.networks.values(learner.networks.features(*replay.windows(after)))
    expected = torch.where(masks, values, -torch.inf).amax(-1).sum(0)
    torch.testing.assert_close(learner.targets(slots), expected)
    assert (expected < values.amax(-1).sum(0) - 1e-6).any()
    greedy = torch.from_numpy(learner.greedy(after))
    assert masks.gather(-1, greedy.T.unsqueeze(-1)).all()


def test_qtran_compares_with_what_is_possible() -> None:
    """u* is the greedy action among those that were free, at the transition itself."""
    trainer = run("qtran", 40, hidden=8)
    learner, replay = trainer.learner, trainer.replay
    batch = replay.batch(np.flatnonzero(replay.valid))
    seen: list[torch.Tensor] = []
    mixer: Any = learner.mixer
    mixer.joint.register_forward_hook(lambda module, inputs, output: seen.append(inputs[1]))
    mixer.losses(
        learner.networks, learner.networks.features(batch.observations, batch.last_actions), batch, batch.rewards
    )
    assert batch.masks is not None
    for actions in seen:
        assert batch.masks.gather(-1, actions.unsqueeze(-1)).all()


def test_exploration_is_uniform_over_what_is_possible() -> None:
    """Both agents of 600 steps; the largest action of the big one is free in 5 of 8 steps."""
    trainer = run("vdn", 600, hidden=4, learning_starts=1.0)
    batch = trainer.replay.batch(np.flatnonzero(trainer.replay.valid))
    assert batch.masks is not None
    share = (batch.masks / batch.masks.sum(-1, keepdim=True)).mean(1)
    taken = torch.nn.functional.one_hot(batch.actions, 4).float().mean(1)
    torch.testing.assert_close(taken, share, atol=0.06, rtol=0)


def test_a_checkpoint_keeps_masks() -> None:
    team = Team.of(Locks())
    replay, other = Replay(team, 20, 1), Replay(team, 20, 1)
    rng = np.random.default_rng(0)
    slot = replay.begin(np.zeros((2, 2)), None, masks=rng.random((2, 4)) < 0.5)
    for _ in range(5):
        slot = replay.add(slot, np.zeros(2, int), 0.0, False, np.zeros((2, 2)), None, rng.random((2, 4)) < 0.5)
    other.restore(replay.snapshot())
    slots = replay.in_use()
    one, two = replay.masks(slots), other.masks(slots)
    assert one is not None and two is not None and torch.equal(one, two) and not one.all()


def test_an_agent_of_which_nothing_is_said_may_take_all_that_it_has() -> None:
    team = Team.of(Locks())
    assert team.masked and Team.from_json(team.to_json()) == team
    told = {"small": {"action_mask": np.zeros(3, np.int8)}}
    np.testing.assert_array_equal(team.stack_masks(told), [[True] * 4, [True, True, True, False]])
    told["small"]["action_mask"][1] = 1
    np.testing.assert_array_equal(team.stack_masks(told)[1], [False, True, False, False])
    assert not Team.of(Locks(), masks=False).masked


class Told:
    """A policy of one's own, which asks for masks by name, or does not."""

    def __init__(self) -> None:
        self.masks: list[Any] = []

    def act(self, observation: Any, state: Any, episode_start: np.ndarray, action_masks: Any = None) -> Any:
        self.masks.append(action_masks)
        return {agent: masks.argmax(1) for agent, masks in action_masks.items()}, state

    def save(self, directory: Path) -> None: ...


def test_a_policy_of_one_s_own_is_told_masks() -> None:
    policy = Told()
    evaluate(policy, LOCKS.id, disruptions="none", episodes=2)
    assert not Locks.wrong
    assert {agent: masks.shape[1] for agent, masks in policy.masks[0].items()} == Locks.sizes
    assert all(masks.dtype == bool and masks.any(1).all() for masks in policy.masks[0].values())


def test_a_policy_is_told_none_where_a_task_has_none() -> None:
    told: list[Any] = []

    class Still(Told):
        def act(self, observation: Any, state: Any, episode_start: np.ndarray, action_masks: Any = None) -> Any:
            told.append(action_masks)
            return {agent: np.zeros(len(rows), int) for agent, rows in observation.items()}, state

    evaluate(Still(), "Robust-MPESpread-v0", disruptions="none", episodes=1)
    evaluate(Still(), "Robust-TwoStepGameSum-v0", disruptions="none", episodes=1)
    assert set(told) == {None}


def test_validate_finds_masks_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    check_spaces(LOCKS.id)
    plain = Locks._infos
    for wrong in (np.ones(4, np.int8), np.full(3, 2, np.int8), 1):

        def infos(env: Locks, wrong: Any = wrong) -> dict[str, dict[str, Any]]:
            return {**plain(env), "small": {"action_mask": wrong}}

        monkeypatch.setattr(Locks, "_infos", infos)
        with pytest.raises(AssertionError, match=r"must have a 0 or 1 for every action of Discrete\(3\), got"):
            check_spaces(LOCKS.id)
