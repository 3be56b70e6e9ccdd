"""The grid of an evaluation, disruptions by episodes, on a batched simulator: every row runs its own cell."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from robust_gym.disruption import Disruption
from robust_gym.task import Task
from robust_gym.vector.batched import BatchedVectorEnv
from robust_gym.vector.slots import SLOTS, Episode, check_alike
from robust_gym.wrappers.action import action_signal
from robust_gym.wrappers.base import Signal
from robust_gym.wrappers.observation import observation_signal
from robust_gym.wrappers.runner import Chain


class _Lane:
    """The signal disruptions of the episodes of one cell, episode by episode a copy of the chains."""

    def __init__(self, disruption: Disruption, episodes: int, action: Signal, observation: Signal) -> None:
        self.action = Chain(disruption.of("action"), dataclasses.replace(action, copies=episodes))
        self.observation = Chain(disruption.of("observation"), dataclasses.replace(observation, copies=episodes))
        self.rows = np.zeros(episodes, np.int64)  # where each episode runs; what a finished one reads is not used
        self.running = np.zeros(episodes, bool)
        for copy in range(episodes):  # those that have not begun yet step too, to no effect
            self._reset(copy, 0)

    def _reset(self, copy: int, seed: int) -> None:
        for chain in (self.action, self.observation):
            chain.reset(seed, copy)

    def begin(self, copy: int, row: int, seed: int) -> None:
        """Begin an episode in a row."""
        self.rows[copy], self.running[copy] = row, True
        self._reset(copy, seed)

    def act(self, actions: np.ndarray) -> None:
        """Disturb the actions of the running episodes."""
        if self.action:
            actions[self.rows[self.running]] = self.action.batch(actions[self.rows])[self.running]

    def see(self, seen: np.ndarray, into: np.ndarray, rows: np.ndarray, first: bool) -> None:
        """Write what some rows' episodes see, disturbed, be it the first of them or later, among that of all."""
        own = self.running & rows[self.rows]
        if self.observation and own.any():
            given = seen[self.rows]
            found = self.observation.again(given, own) if first else self.observation.batch(given)
            into[self.rows[own]] = found[own]


@dataclass
class _Cell:
    """One disruption of the grid: its world, and its signals, whose lane is made when the first episode begins."""

    world: Disruption
    signals: Disruption
    episodes: int
    lane: _Lane | None = None


class BatchedGrid:
    """Runs the episodes of many disruptions on one batch of copies; the caller supplies the actions.

    The same episodes, to the bit, as ``EpisodeBatch`` runs in environments of their own.

    Args:
        task: A task with a batched simulator.
        jobs: Disruptions with their episode seeds.
        slots: Rows of every batch.

    Raises:
        DisruptionError: If one disruption gives the observations another shape than the others do.

    Attributes:
        observation: ``[slots, dimensions]``.
        episode_start: Booleans ``[slots]``: rows whose episode has just begun.
    """

    def __init__(self, task: Task, jobs: Sequence[tuple[str, Sequence[int]]], slots: int = SLOTS) -> None:
        total = sum(len(seeds) for _, seeds in jobs)
        self._env = BatchedVectorEnv(task, min(slots, total), autoreset_mode=AutoresetMode.DISABLED)
        space: Any = self._env.single_observation_space
        self._action = action_signal(self._env.single_action_space, task)
        self._observation = observation_signal(space, task)
        self._dtype = self._env.single_action_space.dtype
        # One disruption after the other, so that few are under way at a time.
        self._waiting = deque((text, copy, seed) for text, seeds in jobs for copy, seed in enumerate(seeds))
        self._cells = {text: _cell(text, len(seeds)) for text, seeds in jobs}
        self._episodes: list[Episode | None] = [None] * self._env.num_envs
        self._copy = np.zeros(self._env.num_envs, np.int64)
        self._going = np.ones(self._env.num_envs, bool)
        self._total, self._length = np.zeros(self._env.num_envs), np.zeros(self._env.num_envs, np.int64)
        self._lanes: list[_Lane] = []
        self.episode_start = np.zeros(slots, bool)
        seen = self._space()
        self._reshaped = seen != space
        self.observation = np.zeros((slots, *seen.shape), seen.dtype)
        self._refill(np.arange(self._env.num_envs))
        # Rows that never get an episode hold a real observation too: a policy may divide by what it sees.
        self.observation[self._env.num_envs :] = self.observation[0]

    def _space(self) -> Any:
        """Return the space that all cells' observations are in."""
        spaces: list[tuple[str, Any]] = []
        for text, cell in self._cells.items():
            chain = Chain(cell.signals.of("observation"), self._observation)
            spaces.append((text, chain.result.space))
            check_alike(*spaces[0], *spaces[-1])
        return spaces[0][1]

    @property
    def running(self) -> bool:
        """Whether any episode is still under way."""
        return bool(self._going.any())

    def _refill(self, rows: np.ndarray) -> None:
        """Give some rows the next episodes that wait, or let them rest."""
        fresh = np.zeros(self._env.num_envs, bool)
        seeds: list[int | None] = [None] * self._env.num_envs
        for row in map(int, rows):
            if not self._waiting:
                self._episodes[row], self._going[row] = None, False
                continue
            text, copy, seed = self._waiting.popleft()
            self._begin(self._cells[text], copy, row, seed)
            self._episodes[row], self._copy[row] = Episode(text, seed), copy
            self._total[row], self._length[row] = 0.0, 0
            fresh[row], seeds[row] = True, seed
        if fresh.any():
            self._env.renew(np.flatnonzero(fresh), seeds)
            self._see(self._env.observe(), fresh, first=True)
        self.episode_start[: len(fresh)] = fresh

    def _begin(self, cell: _Cell, copy: int, row: int, seed: int) -> None:
        if cell.lane is None:
            cell.lane = _Lane(cell.signals, cell.episodes, self._action, self._observation)
        if not cell.lane.running.any():
            self._lanes.append(cell.lane)
        cell.lane.begin(copy, row, seed)
        self._env.disturb(row, cell.world)

    def _see(self, seen: np.ndarray, rows: np.ndarray, first: bool) -> None:
        """Put what some rows observe, disturbed, where the policy reads it."""
        if not self._reshaped:
            self.observation[np.flatnonzero(rows)] = seen[rows]
        for lane in self._lanes:
            lane.see(seen, self.observation, rows, first)

    def step(self, actions: Any) -> list[Episode]:
        """Step every running row, refill those whose episode is over, and return the finished episodes."""
        chosen = np.array(actions[: self._env.num_envs], self._dtype).reshape(self._env.action_space.shape)
        for lane in self._lanes:
            lane.act(chosen)
        live = None if self._going.all() else np.flatnonzero(self._going)
        rewards, terminated, truncated, _ = self._env.advance(chosen, live)
        over = (terminated | truncated) & self._going
        self._see(self._env.observe(), self._going & ~over, first=False)
        finished: list[Episode] = []
        self._total += np.where(self._going, rewards, 0.0)
        self._length += 1
        for row in np.flatnonzero(over):
            episode = self._episodes[row]
            assert episode is not None
            episode.total, episode.length = float(self._total[row]), int(self._length[row])
            finished.append(episode)
            done = self._cells[episode.disruption].lane
            assert done is not None
            done.running[self._copy[row]] = False
        if finished:
            self._lanes = [lane for lane in self._lanes if lane.running.any()]
        self._refill(np.flatnonzero(over))
        return finished

    def close(self) -> None:
        """Close the copies."""
        self._env.close()


def _cell(text: str, episodes: int) -> _Cell:
    whole = Disruption.parse(text)
    signals = Disruption(tuple(term for term in whole.terms if term.channel != "dynamics"))
    return _Cell(Disruption(whole.of("dynamics")), signals, episodes)
