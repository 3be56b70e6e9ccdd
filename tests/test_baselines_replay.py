"""Windows and flags of the replay against plain lists, and the target values kept beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from team_games import Signals

from robust_gym.baselines.marl.collector import Collector
from robust_gym.baselines.marl.copies import SeparateCopies
from robust_gym.baselines.marl.learner import TargetValues
from robust_gym.baselines.marl.mixers import VDN
from robust_gym.baselines.marl.networks import AgentNetworks
from robust_gym.baselines.marl.replay import Replay
from robust_gym.baselines.marl.team import Team

T = 4
PADDING = 6  # two agents with three actions at most


class Diary:
    """Fills a replay with numbered observations, and remembers everything in lists."""

    def __init__(self, capacity: int) -> None:
        self.team = Team.of(Signals())
        self.replay = Replay(self.team, capacity, T, keep_states=True)
        self.rng = np.random.default_rng(0)
        self.number = 0
        self.transitions: dict[int, dict[str, Any]] = {}

    def observe(self) -> np.ndarray:
        self.number += 1
        return np.full((2, 3), self.number, np.float32)

    def episode(self, length: int, terminated: bool) -> None:
        seen, last = [self.observe()], [np.zeros(2, int)]
        slot = self.replay.begin(seen[0], np.full(self.team.state, self.number))
        for step in range(length):
            actions = self.rng.integers((3, 2))
            ends = terminated and step == length - 1
            entry = {"seen": list(seen), "last": list(last), "actions": actions, "reward": step / 2, "ends": ends}
            self.transitions[slot] = entry
            seen.append(self.observe())
            last.append(actions)
            slot = self.replay.add(slot, actions, step / 2, ends, seen[-1], np.full(self.team.state, self.number))
            entry["after"] = (list(seen), list(last))
        self.transitions.pop(slot, None)

    def expected(self, seen: list[np.ndarray], last: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        windows = np.zeros((2, T, 3), np.float32), np.full((2, T), PADDING)
        for back in range(min(T, len(seen))):
            windows[0][:, T - 1 - back] = seen[-1 - back]
            windows[1][:, T - 1 - back] = last[-1 - back] + np.array([0, 3])
        return windows


@pytest.mark.parametrize("capacity", [1000, 23])
def test_sampled_transitions_are_those_that_happened(capacity: int) -> None:
    diary = Diary(capacity)
    for length, ends in ((3, True), (7, False), (1, True), (10, False), (2, True), (6, False)):
        diary.episode(length, ends)
    replay = diary.replay
    slots = replay.sample(2000, np.random.default_rng(1))
    batch = replay.batch(slots, reward_scale=2.0)
    seen, last = replay.windows(replay.after(slots))
    valid = set(np.flatnonzero(replay.valid).tolist())
    assert set(slots.tolist()) == valid
    if capacity == 1000:
        assert valid == set(diary.transitions) and len(valid) == 29
    for row, slot in enumerate(slots.tolist()):
        entry = diary.transitions[slot]
        window, actions = diary.expected(entry["seen"], entry["last"])
        present = (actions != PADDING)[..., None]
        np.testing.assert_array_equal(batch.observations[:, :, row].numpy() * present, window)
        np.testing.assert_array_equal(batch.last_actions[:, :, row], actions)
        np.testing.assert_array_equal(batch.actions[:, row], entry["actions"])
        assert batch.rewards[row] == entry["reward"] / 2
        assert batch.continues[row] == (not entry["ends"])
        assert batch.states is not None and (batch.states[row] == entry["seen"][-1][0, 0]).all()
        window, actions = diary.expected(*entry["after"])
        np.testing.assert_array_equal(last[:, :, row], actions)
        np.testing.assert_array_equal(seen[:, :, row].numpy() * (actions != PADDING)[..., None], window)


def test_a_full_replay_keeps_most_of_its_slots() -> None:
    diary = Diary(50)
    for _ in range(30):
        diary.episode(9, False)
    # Five episodes of ten slots, less the last observations and the windows that lost their start.
    assert diary.replay.valid.sum() >= 50 - 5 - T


def test_too_small_a_replay_is_refused() -> None:
    with pytest.raises(ValueError, match="needs room for two windows of 8 steps, got a capacity of 16"):
        Replay(Team.of(Signals()), 16, 8)


@pytest.mark.parametrize("ends", [True, False])
def test_time_limits_bootstrap_and_ends_do_not(ends: bool) -> None:
    env = Signals(length=3, ends=ends)
    copies = SeparateCopies([env])
    replay = Replay(copies.team, 100, 1)
    streams = [np.random.default_rng(seed) for seed in range(2)]
    collector = Collector(copies, replay, *streams, keep_states=False)
    for _ in range(9):
        collector.step(1.0, lambda slots: np.zeros((1, 2), int))
    slots = np.flatnonzero(replay.valid)
    assert len(slots) == 9
    assert replay.batch(slots).continues.tolist() == [1, 1, float(not ends)] * 3
    assert len(set(env.seeds[1:])) == 3 and all(0 <= seed < 2**30 for seed in env.seeds[1:])


def test_episodes_draw_from_the_training_distribution() -> None:
    envs = [Signals(), Signals(), Signals()]
    copies = SeparateCopies(envs)
    streams = [np.random.default_rng(seed) for seed in range(2)]
    collector = Collector(copies, Replay(copies.team, 1000, 1), *streams, keep_states=False)
    for _ in range(300):
        collector.step(1.0, lambda slots: np.zeros((1, 2), int))
    assert all(len(env.seeds) > 10 for env in envs)


def test_target_values_follow_copies_and_overwriting() -> None:
    diary = Diary(40)
    networks = AgentNetworks(diary.team, "lstm", 8, T, torch.Generator().manual_seed(0))
    mixer, replay = VDN(), diary.replay
    diary.episode(12, False)
    targets = TargetValues(networks, mixer, replay)

    def check() -> None:
        slots = np.flatnonzero(replay.valid)
        values = networks.values(networks.features(*replay.windows(replay.after(slots))))
        expected = values.amax(-1).sum(0).detach()
        torch.testing.assert_close(targets(slots), expected, atol=1e-5, rtol=1e-5)

    check()
    for _ in range(5):
        diary.episode(9, True)
        targets(replay.sample(5, diary.rng))
        check()
    old = targets(np.flatnonzero(replay.valid))
    with torch.no_grad():
        networks.b_value.add_(1.0)
    torch.testing.assert_close(targets(np.flatnonzero(replay.valid)), old, atol=0, rtol=0)
    targets.copy(networks, mixer)
    check()
