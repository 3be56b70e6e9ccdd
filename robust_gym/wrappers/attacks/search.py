"""Attacks that need no gradients: a random direction, and the best of some random tries."""

from __future__ import annotations

import numpy as np
from gymnasium import spaces

from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.victim import Judging, Victim, opinion

_TRIES = 32
_HELD = 10


class Random:
    """A corner of the ball, drawn anew after some steps: what an adversary can do that knows nothing.

    Args:
        signal: The signal.
        eps: Radius.
        budget: How many steps a corner is held; 10 by default.
    """

    def __init__(self, signal: Signal, eps: float, budget: int) -> None:
        self._radius = eps * signal.scale
        self._shape = signal.space.shape or ()
        self._held = budget or _HELD
        self._streams: list[Stream | None] = [None] * signal.copies
        self._corner = np.zeros((signal.copies, *self._shape))
        self._t = np.zeros(signal.copies, np.int64)

    def bind(self, victim: Victim) -> None:
        """Need nothing."""

    def begin(self, copy: int, stream: Stream) -> None:
        """Draw from this stream from now on."""
        self._streams[copy] = stream
        self._t[copy] = 0

    def perturb(self, values: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Return the values, moved to the corner."""
        for copy in np.flatnonzero(self._t % self._held == 0):
            stream = self._streams[copy]
            assert stream is not None, "begin() comes first"
            self._corner[copy] = 2.0 * stream().integers(2, size=self._shape) - 1.0
        self._t += 1
        moved: np.ndarray = values + self._radius * self._corner
        return moved


class Search:
    """The worst of some random tries, every other of them a corner of the ball.

    What is worst tells the policy's critic, where it carries one: the lowest Q(s, a) of the true observation and the
    action chosen, or the lowest V(s') of the moved observation. Without, it is the observation at which the action is
    farthest from the one that would be chosen undisturbed, in units of half its range, or another choice of a Discrete
    space. Moved actions can only be told by Q(s, a).

    Args:
        signal: The signal.
        eps: Radius.
        budget: How many tries; 32 by default.
    """

    def __init__(self, signal: Signal, eps: float, budget: int) -> None:
        space = signal.space
        assert isinstance(space, spaces.Box)
        self._radius = eps * signal.scale
        self._low, self._high = space.low.astype(np.float64), space.high.astype(np.float64)
        self._tries = budget or _TRIES
        self._streams: list[Stream | None] = [None] * signal.copies
        self._victim: Victim | None = None
        self._judge: Judging | None = None

    def bind(self, victim: Victim) -> None:
        """Learn who is attacked.

        Raises:
            DisruptionError: If actions are to be moved, and the policy carries no Q(s, a).
        """
        self._victim = victim
        self._judge = None
        if victim.channel == "action":
            self._judge = victim.judging("search", "action")
        elif victim.critic_of():
            self._judge = victim.judging("search", "action", "state")

    def begin(self, copy: int, stream: Stream) -> None:
        """Draw from this stream from now on."""
        self._streams[copy] = stream

    def perturb(self, values: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Return the values, moved to the worst try."""
        tries = self._tried(values)
        worst = np.argmax(self._harm(tries, values, observation), axis=1)
        found: np.ndarray = tries[np.arange(len(values)), worst]
        return found

    def _tried(self, values: np.ndarray) -> np.ndarray:
        """Return ``[copies, tries, *shape]``; the first tries of a step are the same whatever their number."""
        shape = (self._tries, *values.shape[1:])
        places = np.empty((len(values), *shape))
        for copy, stream in enumerate(self._streams):
            assert stream is not None, "begin() comes first"
            places[copy] = 2.0 * stream().random(shape) - 1.0
        places[:, ::2] = np.where(places[:, ::2] < 0.0, -1.0, 1.0)
        moved: np.ndarray = np.clip(values[:, None] + self._radius * places, self._low, self._high)
        return moved

    def _harm(self, tries: np.ndarray, values: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Return how bad each try is for the policy, ``[copies, tries]``."""
        victim = self._victim
        assert victim is not None, "bind() comes first"
        if victim.channel == "action":
            return -self._opinion(observation, tries)
        if self._judge is not None and victim.critic_of() == "state":
            moved_rows = tries.reshape(tries.shape[0] * tries.shape[1], -1)
            return -opinion(self._judge, moved_rows).reshape(tries.shape[:2])
        answers = victim.act(tries)
        if self._judge is not None:
            return -self._opinion(observation, answers)
        before = victim.act(values[:, None])
        if not isinstance(victim.action_space, spaces.Box):
            return (answers != before).astype(np.float64)
        moved = (answers.astype(np.float64) - before) / victim.half_range
        return np.square(moved).reshape(*tries.shape[:2], -1).sum(axis=-1)

    def _opinion(self, observation: np.ndarray, actions: np.ndarray) -> np.ndarray:
        assert self._judge is not None
        copies, tries = actions.shape[:2]
        rows = np.repeat(observation.reshape(copies, -1), tries, axis=0)
        return opinion(self._judge, rows, actions.reshape(copies * tries, -1)).reshape(copies, tries)
