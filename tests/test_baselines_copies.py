"""Collection of a team's experience in several copies: the same numbers however they are stepped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv
from team_games import SIGNALS, Signals, games, returns

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.baselines.marl.actors import Actors
from robust_gym.baselines.marl.collector import Collector
from robust_gym.baselines.marl.copies import BatchedCopies, Beginning, SeparateCopies
from robust_gym.baselines.marl.critics import OwnCritic
from robust_gym.baselines.marl.replay import Replay
from robust_gym.baselines.marl.rollout import Runner
from robust_gym.baselines.marl.team import Team
from robust_gym.baselines.marl.trainer import Trainer
from robust_gym.disruption import DisruptionError
from robust_gym.task import Budget, Task
from robust_gym.tasks import make_parallel

__all__ = ["games"]

BUILDING = "Robust-Building-v0"
needs_building = pytest.mark.skipif(bool(registry.task(BUILDING).missing()), reason="needs SustainGym")
DISTRIBUTION = [
    "none",
    "dynamics:0.3+obs:0.1",
    "reward:0.2+action:sticky:0.3+obs/zone_1:delay:2",
    "dynamics:redraw:0.2,30+dynamics:city:tampa+reward/zone_0:scale:2",
]


def train(name: str, task: Task, steps: int, **arguments: Any) -> Any:
    arguments = {"hidden": 16, "replay_size": 1000, "batch_size": 32, **arguments}
    return create(name, arguments).train(task, Budget("test", steps, 1), 0, lambda step: None)


def same(one: Any, other: Any) -> bool:
    pairs = zip(one.networks.state_dict().values(), other.networks.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@needs_building
def test_copies_in_a_batch_are_separate_ones() -> None:
    envs = [make_parallel(BUILDING, disruption=text) for text in DISTRIBUTION]
    alone = SeparateCopies(envs, 5, lambda which: make_parallel(BUILDING, disruption=DISTRIBUTION[which]))
    together = BatchedCopies(registry.task(BUILDING), alone.team, DISTRIBUTION, 5)
    rng = np.random.default_rng(0)
    begun: set[tuple[int, int]] = set()
    over = [True] * 5
    for _ in range(3 * 288 + 10):
        fresh = [copy for copy in range(5) if over[copy]]
        if fresh:
            starts = [Beginning(copy, int(rng.integers(4)), int(rng.integers(10_000))) for copy in fresh]
            begun |= {(one.copy, one.which) for one in starts}
            for copies in (alone, together):
                copies.begin(starts)
            _alike(alone, together, fresh)
        actions = rng.integers(200, size=(5, 6))
        outcome = alone.step(actions)
        assert together.step(actions) == outcome
        _alike(alone, together, range(5))
        over = list(outcome.over)
    assert len(begun) > 8
    alone.close()
    together.close()


def _alike(one: Any, other: Any, copies: Any) -> None:
    first, second = one.look(copies, True), other.look(copies, True)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@needs_building
@pytest.mark.parametrize("name", ["vdn", "robust-vdn-tv"])
def test_training_in_a_batch_gives_the_weights_of_separate_copies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = registry.task(BUILDING)
    arguments = {"n_envs": 4, "train_disruption": "|".join(DISTRIBUTION)}
    together = train(name, task, 1300, **arguments)
    monkeypatch.setattr("robust_gym.vector.simulator.is_batched", lambda task: False)
    assert same(together, train(name, task, 1300, **arguments))


def test_transitions_enter_the_replay_copy_by_copy() -> None:
    copies = SeparateCopies([Signals(length=3)], 3, lambda which: Signals(length=3))
    replay = Replay(copies.team, 30, 1, copies=3)
    rng = np.random.default_rng(1)
    collector = Collector(copies, replay, np.random.default_rng(0), rng, keep_states=False)
    asked: list[list[int]] = []

    def greedy(slots: np.ndarray) -> np.ndarray:
        asked.append(slots.tolist())
        return np.stack([slots % 3, slots % 2], axis=1)

    for _ in range(2):
        collector.step(0.0, greedy)
    # Each copy has ten slots of its own, and one forward chooses for all of them.
    assert asked == [[0, 10, 20], [1, 11, 21]]
    assert collector.steps == 6 and np.flatnonzero(replay.valid).tolist() == [0, 1, 10, 11, 20, 21]
    batch = replay.batch(np.array([1, 11, 21]))
    assert batch.actions.tolist() == [[1, 2, 0], [1, 1, 1]]
    collector.step(0.0, greedy, most=2)
    assert collector.steps == 8 and np.flatnonzero(replay.valid).tolist() == [0, 1, 2, 10, 11, 12, 20, 21]


def test_windows_and_samples_stay_in_their_copy() -> None:
    copies = SeparateCopies([Signals(length=4)], 3, lambda which: Signals(length=4))
    replay = Replay(copies.team, 39, 3, copies=3)
    collector = Collector(copies, replay, *map(np.random.default_rng, (0, 1)), keep_states=False)
    rng = np.random.default_rng(2)
    for step in range(40):
        collector.step(1.0, lambda slots: np.zeros((len(slots), 2), int), most=None if step < 30 else 2)
        slots = replay.sample(200, rng)
        assert replay.valid[slots].all()
        assert {*(slots // 13).tolist()} == {0, 1, 2}
        assert (replay.after(slots) // 13 == slots // 13).all()
        seen, last = replay.windows(slots)
        # The present observation is the slot's own, and an action stands before it but at the start.
        assert np.array_equal(seen[:, -1].numpy().transpose(1, 0, 2), replay._observations[slots])
        whole = replay._ages[slots] >= 2
        before = slots // 13 * 13 + (slots % 13 - 2) % 13
        assert np.array_equal(seen[:, 0].numpy().transpose(1, 0, 2)[whole], replay._observations[before][whole])
        assert (last[:, 0].numpy()[:, ~whole] == 6).all()


def test_a_replay_has_room_for_every_copy() -> None:
    with pytest.raises(ValueError, match="two windows of 8 steps for each of 4 copies, got a capacity of 60"):
        Replay(SeparateCopies([Signals()]).team, 60, 8, copies=4)


@pytest.mark.parametrize("steps", [250, 333])
def test_as_many_updates_as_with_one_copy(games: None, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from robust_gym.baselines.marl.learner import Learner

    counts, copied = [], []
    update, copy = Learner.update, Learner.copy_targets
    for n_envs in (1, 7, 16):
        done: list[int] = []
        targets: list[int] = []
        reported: list[int] = []
        monkeypatch.setattr(Learner, "update", lambda self, times, done=done: (done.append(times), update(self, times)))
        monkeypatch.setattr(Learner, "copy_targets", lambda self, one=targets: (one.append(1), copy(self)))
        algorithm = create("vdn", {"n_envs": n_envs, "hidden": 4, "replay_size": 1000, "learning_starts": 0.3})
        algorithm.train(SIGNALS, Budget("test", steps, 1), 0, reported.append)
        assert reported[-1] == steps
        counts.append(len(done))
        copied.append(len(targets))
    assert counts[0] == counts[1] == counts[2] > 0
    assert copied[0] == copied[1] == copied[2] > 1


@pytest.mark.parametrize("name", ["vdn", "robust-vdn", "robust-vdn-tv"])
def test_learns_the_signals_in_several_copies(games: None, name: str) -> None:
    arguments = {"rho": 0.1} if name != "vdn" else {}
    policy = train(name, SIGNALS, 1500, gamma=0.5, learning_rate=5e-3, target_updates=20, n_envs=8, **arguments)
    assert returns(policy, Signals()) > 0.95 * 2 * 5


class Brief(ParallelEnv):
    """Two agents see 500 or 600; the one named ``brief`` leaves after its first step."""

    metadata = {"name": "brief"}

    def __init__(self) -> None:
        self.possible_agents = ["brief", "steady"]
        self.agents: list[str] = []

    def observation_space(self, agent: str) -> spaces.Box:
        return spaces.Box(-np.inf, np.inf, (1,), np.float32)

    def action_space(self, agent: str) -> spaces.Discrete:
        return spaces.Discrete(2)

    def _observe(self) -> dict[str, np.ndarray]:
        return {agent: np.array([500 + 100 * self.rng.integers(2)], np.float32) for agent in self.agents}

    def reset(self, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
        self.rng, self.t, self.agents = np.random.default_rng(seed), 0, list(self.possible_agents)
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        agents, seen = self.agents, self._observe()
        self.t += 1
        over = {agent: self.t == 20 or agent == "brief" for agent in agents}
        self.agents = [agent for agent in agents if not over[agent]]
        none = dict.fromkeys(agents, False)
        return seen, dict.fromkeys(agents, 0.0), over, none, {agent: {} for agent in agents}


@pytest.mark.parametrize("count", [1, 3])
def test_agents_that_have_left_see_nothing_to_normalise_by(count: int) -> None:
    algorithm: Any = create("vdn", {"hidden": 4, "replay_size": 1000})
    trainer = Trainer(algorithm, SeparateCopies([Brief()], count, lambda which: Brief()), 400, 0)
    trainer.run(lambda steps: None)
    moments = trainer.collector.observations
    brief, steady = moments.count.ravel()
    assert steady / brief == pytest.approx(21 / 2, rel=0.05)  # of an episode, the first observations too
    assert ((moments.mean > 520) & (moments.mean < 580)).all()
    assert ((moments.variance > 1500) & (moments.variance <= 2500)).all()


@pytest.mark.parametrize("shared", [False, True])
def test_nor_do_policy_gradients_normalise_by_them(shared: bool) -> None:
    team = Team.of(Brief(), box=True)
    generator = torch.Generator().manual_seed(0)
    actors = Actors(team, shared, 8, generator)
    copies = SeparateCopies([Brief()], 2, lambda which: Brief(), team)
    runner = Runner(
        copies, actors, OwnCritic(team, shared, 8, generator), np.random.default_rng(0), generator, normalise=True
    )
    runner.collect(100)
    std = 1 / actors.normaliser.inverse_std
    assert ((actors.normaliser.mean > 520) & (actors.normaliser.mean < 580)).all()
    assert ((std > 35) & (std < 52)).all()


def test_training_worlds_that_look_different_are_refused() -> None:
    task = registry.task("Robust-MPESpread-v0")
    for name in ("vdn", "mappo"):
        algorithm = create(name, {"train_disruption": "none | observation:dummy:2"})
        with pytest.raises(DisruptionError, match="'observation:dummy:2' and 'none' give observations of different"):
            algorithm.train(task, Budget("test", 100, 1), 0, lambda step: None)


def test_wrong_numbers_of_copies_are_named() -> None:
    with pytest.raises(ValueError, match="vdn: n_envs must be at least 1, got 0"):
        create("vdn", {"n_envs": 0})
