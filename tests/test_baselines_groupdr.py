"""GroupDR: what its backup computes, what its estimator learns, and which actions it makes the team prefer."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from team_games import SIGNALS, Signals, games, returns
from test_baselines_mixers import Matrix, generator, same, transitions

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy, one_thread
from robust_gym.baselines.marl.backups import StateActionNetwork
from robust_gym.baselines.marl.collector import Collector
from robust_gym.baselines.marl.copies import SeparateCopies
from robust_gym.baselines.marl.groups import GroupWorst
from robust_gym.baselines.marl.normaliser import RunningMoments
from robust_gym.baselines.marl.policy import TeamPolicy
from robust_gym.baselines.marl.replay import Replay
from robust_gym.baselines.marl.team import Team
from robust_gym.baselines.marl.trainer import Trainer
from robust_gym.support import supported_kinds
from robust_gym.task import Budget

__all__ = ["games"]

NAMES = ("groupdr-vdn", "groupdr-qmix", "groupdr-qtran")
TEAM = Team(("a", "b", "c"), (4, 2, 3), (3, 2, 3), 6)  # that of the transitions
TWO = "none | action:sticky:0.25"  # two groups; the games below do not read it

# What an agent's action adds in each group. Alone and on average the first is the best, and in the other the worst.
NOMINAL, OTHER = np.array([14.0, 2.0, 0.0]), np.array([-4.0, 2.0, 0.0])


class Game(Matrix):
    """One step; each agent's action adds what a list says, and a coin adds 1 or takes it."""

    def __init__(self, paid: np.ndarray) -> None:
        self.paid = paid
        self.rng = np.random.default_rng(0)

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        seen, _, *rest = super().step(actions)
        coin = float(self.rng.choice([-1.0, 1.0]))
        return seen, {agent: float(self.paid[action]) + coin / 2 for agent, action in actions.items()}, *rest


def played(name: str, *groups: np.ndarray, seed: int = 0, steps: int = 600, **arguments: Any) -> Trainer:
    """Train on games, each a group, every joint action as often as any other."""
    few = {"hidden": 16, "replay_size": 1000, "batch_size": 32, "epsilon_end": 1.0, "learning_rate": 1e-2}
    if name in NAMES:
        few |= {"estimator_updates": 300, "estimator_learning_rate": 1e-2, "estimator_share": 0.3}
        few |= {"train_disruption": TWO if len(groups) == 2 else "none"}
    with one_thread():
        algorithm: Any = create(name, {**few, **arguments})
        trainer = Trainer(algorithm, SeparateCopies([Game(paid) for paid in groups]), steps, seed)
        trainer.run(lambda step: None)
    return trainer


def decided(trainer: Trainer) -> list[int]:
    """Return the greedy individual actions."""
    actions: list[int] = trainer.learner.greedy(np.flatnonzero(trainer.replay.valid)[:1])[0].tolist()
    return actions


def train(name: str, steps: int = 120, seed: int = 0, **arguments: Any) -> TeamPolicy:
    few = {"hidden": 16, "replay_size": 1000, "batch_size": 32, "estimator_updates": 20, "train_disruption": TWO}
    policy: TeamPolicy = create(name, few | arguments).train(SIGNALS, Budget("test", steps, 1), seed, lambda step: None)
    return policy


def backup(*heads: float, gamma: float = 0.9) -> GroupWorst:
    """Return a backup whose estimator says the same of every state and joint action."""
    made = GroupWorst(gamma, StateActionNetwork(TEAM, 8, generator(), outputs=len(heads)))
    with torch.no_grad():
        made.estimator.head[-1].weight.zero_()
        made.estimator.head[-1].bias.copy_(torch.tensor(heads))
    made.known[:] = True
    return made


def test_targets_take_the_least_reward_of_any_group() -> None:
    batch, values = transitions(), torch.randn(40, generator=generator(1))
    made = backup(3.0, -1.0, 2.0)
    torch.testing.assert_close(made.target(batch, values), -1 + 0.9 * values)
    # Of a group that no transition came from there is nothing to say.
    made.known[1] = False
    torch.testing.assert_close(made.target(batch, values), 2 + 0.9 * values)
    torch.testing.assert_close(backup(5.0).target(batch, values), 5 + 0.9 * values)
    batch.continues[:10] = 0
    torch.testing.assert_close(made.target(batch, values)[:10], torch.full((10,), 2.0))
    # Where nothing is mixed, each agent has a target of its own.
    assert made.target(batch, values.expand(3, -1)).shape == (3, 40)


def test_the_least_is_that_of_each_state_and_joint_action() -> None:
    batch = transitions()
    made = GroupWorst(0.9, StateActionNetwork(TEAM, 8, generator(), outputs=3))
    made.known[:] = True
    each, got = made.estimates(batch).tolist(), made.target(batch, torch.zeros(40)).tolist()
    assert got == [min(row) for row in each] and len({row.index(min(row)) for row in each}) > 1


def test_a_step_moves_only_the_output_of_a_transition_s_own_group() -> None:
    made, batch = backup(0.0, 0.0, 0.0), transitions()
    made.known[:] = False
    made.fit(dataclasses.replace(batch, groups=torch.full((40,), 1)), torch.zeros(40))
    bias = made.estimator.head[-1].bias
    assert bias[[0, 2]].tolist() == [0, 0] and bias[1] != 0 and made.known.tolist() == [False, True, False]


def test_the_estimator_normalises_the_state() -> None:
    made, moments = backup(0.0), RunningMoments((TEAM.state,))
    moments.add_all(np.random.default_rng(0).normal(400, 100, (50, TEAM.state)))
    made.follow(moments)
    assert 300 < made.estimator.normaliser.mean.mean() < 500


def test_the_replay_knows_the_group_of_each_transition() -> None:
    # Each game pays its own number in every step, but for the coin.
    def make(group: int) -> Game:
        return Game(np.full(3, 5.0 * group))

    for keep in (False, True):
        copies = SeparateCopies([make(group) for group in range(3)], 2, make)
        replay = Replay(copies.team, 60, 1, copies=2, keep_groups=keep)
        collector = Collector(copies, replay, *map(np.random.default_rng, (0, 1)), keep_states=False)
        for _ in range(50):
            collector.step(1.0, lambda slots: np.zeros((1, 2), int))
        batch = replay.batch(np.flatnonzero(replay.valid))
        if not keep:
            assert batch.groups is None
            continue
        assert batch.groups is not None and set(batch.groups.tolist()) == {0, 1, 2}
        assert (batch.groups == (batch.rewards / 10).round()).all()


def test_the_estimator_learns_each_group_s_mean_reward() -> None:
    trainer = played("groupdr-vdn", NOMINAL, OTHER)
    estimator: Any = trainer.learner.backup
    pairs = list(itertools.product(range(3), repeat=2))
    got = estimator.estimator(torch.zeros(9, trainer.replay.team.state), torch.tensor(pairs).t()).detach()
    expected = [[paid[row] + paid[column] for paid in (NOMINAL, OTHER)] for row, column in pairs]
    np.testing.assert_allclose(got, expected, atol=1.0)


@pytest.mark.parametrize("name", NAMES)
def test_greedy_actions_are_the_best_in_the_worst_group(name: str) -> None:
    assert decided(played(name, NOMINAL, OTHER)) == [1, 1]
    if name == "groupdr-vdn":
        # Neither the nominal group alone nor the groups' average would lead there.
        assert decided(played(name, NOMINAL)) == [0, 0]
        assert decided(played("vdn", NOMINAL)) == decided(played("vdn", NOMINAL, OTHER)) == [0, 0]


def test_the_estimator_is_trained_before_the_first_update(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("begin", "fit", "target"):
        real = getattr(GroupWorst, name)
        monkeypatch.setattr(GroupWorst, name, lambda *a, n=name, r=real: (calls.append(n), r(*a))[1])
    played("groupdr-vdn", NOMINAL, OTHER, steps=200, estimator_share=0.5, update_every=4)
    assert calls == ["begin"] + ["fit", "target"] * 25
    calls.clear()
    # The longer warm-up counts.
    played("groupdr-vdn", NOMINAL, OTHER, steps=200, estimator_share=0.1, learning_starts=0.8, update_every=4)
    assert calls == ["begin"] + ["fit", "target"] * 10


@pytest.mark.parametrize("name", NAMES)
def test_saved_policies_act_the_same_and_seeds_repeat(games: None, name: str, tmp_path: Any) -> None:
    policy = train(name)
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    assert isinstance(loaded, TeamPolicy) and loaded.algorithm == name and same(policy, loaded)
    assert returns(loaded, Signals(), 3) == returns(policy, Signals(), 3)
    assert same(policy, train(name)) and not same(policy, train(name, seed=1))


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        ({"estimator_hidden": 0}, "at least 1, got 0"),
        ({"estimator_learning_rate": 0.0}, "greater than 0, got 0.0"),
        ({"estimator_share": 1.5}, "between 0 and 1, got 1.5"),
        ({"estimator_updates": -1}, "at least 0, got -1"),
        ({"gamma": 2.0}, "between 0 and 1, got 2.0"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], accepted: str) -> None:
    (argument,) = arguments
    for name in NAMES:
        with pytest.raises(ValueError, match=f"{name}: {argument} must be {accepted}"):
            create(name, arguments)


@pytest.mark.parametrize("n_envs", [1, 3])
def test_default_groups_on_a_registered_task(n_envs: int) -> None:
    info = registry.algorithm("groupdr-qmix")
    assert (info.train, info.privileges) == ("disrupted", ("parameter-box", "privileged-dynamics"))
    few = {"hidden": 8, "replay_size": 500, "batch_size": 16, "estimator_updates": 5, "n_envs": n_envs}
    task = registry.task("Robust-MPESpread-v0")
    used: list[int] = []
    policy = create("groupdr-qmix", few).train(task, Budget("test", 150, 1), 0, used.append)
    assert used[-1] == 150 and all(torch.isfinite(one).all() for one in policy.networks.state_dict().values())  # type: ignore[attr-defined]


def test_every_team_task_with_discrete_actions_has_the_default_groups() -> None:
    for id in registry.list_tasks():
        task = registry.task(id)
        if registry.algorithm("groupdr-vdn").refuses(task) is None:
            kinds = {kind.name for kind in supported_kinds(task, "dynamics")}
            assert {"random", "corner"} <= kinds, id
