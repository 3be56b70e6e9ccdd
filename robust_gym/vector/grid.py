"""The grid of an evaluation, disruptions by episodes, on a batched simulator: every row runs its own cell."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robust_gym.task import Task
from robust_gym.vector.disturbed import DisturbedWorlds, Start
from robust_gym.vector.giving import as_actions
from robust_gym.vector.slots import SLOTS, Episode


class BatchedGrid:
    """Runs the episodes of many disruptions on one batch of copies; the caller supplies the actions.

    The same episodes, to the bit, as ``EpisodeBatch`` runs in environments of their own.

    Args:
        task: A task with a batched simulator.
        jobs: Disruptions with their episode seeds.
        slots: Rows of every batch.

    Raises:
        DisruptionError: If the task cannot honour a disruption, or one gives the observations another shape than the
            others do.

    Attributes:
        observation: ``[slots, dimensions]``; of a team, a dict of such arrays keyed by agent.
        episode_start: Booleans ``[slots]``: rows whose episode has just begun.
        action_masks: ``None``: no simulator is of a task that tells which actions are possible.
    """

    action_masks: None = None

    def __init__(self, task: Task, jobs: Sequence[tuple[str, Sequence[int]]], slots: int = SLOTS) -> None:
        count = self._count = min(slots, sum(len(seeds) for _, seeds in jobs))
        self._copies = DisturbedWorlds(task, count, {text: len(seeds) for text, seeds in jobs})
        # One disruption after the other, so that few are under way at a time.
        self._waiting = deque((text, place, seed) for text, seeds in jobs for place, seed in enumerate(seeds))
        self._episodes: list[Episode | None] = [None] * count
        self._going = np.ones(count, bool)
        self._total, self._length = np.zeros(count), np.zeros(count, np.int64)
        self.episode_start = np.zeros(slots, bool)
        self._refill(np.arange(count))
        # Rows that never get an episode hold a real observation too: a policy may divide by what it sees.
        self._padded = {
            agent: np.concatenate([one, np.repeat(one[:1], slots - count, axis=0)]) if count < slots else one
            for agent, one in self._copies.shown.items()
        }

    @property
    def observation(self) -> Any:
        """What the policy reads."""
        for agent, one in self._copies.shown.items() if self._count < len(self.episode_start) else ():
            self._padded[agent][: self._count] = one
        return self._padded.get(None, self._padded)

    @property
    def running(self) -> bool:
        """Whether any episode is still under way."""
        return bool(self._going.any())

    def _refill(self, rows: np.ndarray) -> None:
        """Give some rows the next episodes that wait, or let them rest."""
        starts: list[Start] = []
        for row in map(int, rows):
            if not self._waiting:
                self._episodes[row], self._going[row] = None, False
                continue
            starts.append(Start(row, *self._waiting.popleft()))
            self._episodes[row] = Episode(starts[-1].disruption, starts[-1].seed)
            self._total[row], self._length[row] = 0.0, 0
        self._copies.begin(starts)
        self.episode_start[:] = False
        self.episode_start[[start.row for start in starts]] = True

    def step(self, actions: Any) -> list[Episode]:
        """Step every running row, refill those whose episode is over, and return the finished episodes."""
        spaces = self._copies.worlds.action_spaces
        given: Mapping[Any, Any] = {None: actions} if None in spaces else actions
        chosen = {
            agent: as_actions(given[agent][: self._count], space).reshape(self._count, *(space.shape or ()))
            for agent, space in spaces.items()
        }
        live = None if self._going.all() else np.flatnonzero(self._going)
        rewards, terminated, truncated = self._copies.step(chosen, live)
        over = (terminated | truncated) & self._going
        self._copies.look(self._going & ~over)
        self._total += np.where(self._going, _together(rewards), 0.0)
        self._length += 1
        finished: list[Episode] = []
        for row in map(int, np.flatnonzero(over)):
            episode = self._episodes[row]
            assert episode is not None
            episode.total, episode.length = float(self._total[row]), int(self._length[row])
            finished.append(episode)
            self._copies.end(row)
        self._refill(np.flatnonzero(over))
        return finished

    def close(self) -> None:
        """Close the copies."""
        self._copies.close()


def _together(rewards: Mapping[Any, np.ndarray]) -> np.ndarray:
    """Return the team's reward in every row, added up as Python adds up the rewards of one."""
    if len(rewards) == 1:
        return next(iter(rewards.values()))
    return np.array([sum(row) for row in zip(*(one.tolist() for one in rewards.values()), strict=True)])
