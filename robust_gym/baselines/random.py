"""The uniformly random policy: the zero point of every task's normalised score."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robust_gym.registry import register_algorithm
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    from robust_gym.baselines.base import Progress

Array = np.ndarray[Any, Any]

_WORD = 4
"""Bytes of hash behind each uniform number."""


@dataclass(frozen=True)
class _Actions:
    """One action space: ``count`` discrete actions, or a box."""

    count: int = 0
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @classmethod
    def of(cls, space: Any) -> _Actions:
        if hasattr(space, "n"):
            return cls(count=int(space.n))
        if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            raise ValueError(f"no uniform distribution over the unbounded action space {space}")
        return cls(low=tuple(map(float, space.low.ravel())), high=tuple(map(float, space.high.ravel())))

    @property
    def numbers(self) -> int:
        return 1 if self.count else len(self.low)

    def draw(self, uniform: Array) -> Array:
        """Map numbers in [0, 1), ``[B, numbers]``, to actions."""
        if self.count:
            return (uniform[:, 0] * self.count).astype(np.int64)
        low, high = np.array(self.low), np.array(self.high)
        return (low + uniform * (high - low)).astype(np.float32)


class RandomPolicy:
    """Draws every action uniformly from its space.

    What a row draws depends on the seed and on all that the row has observed in its episode, and on nothing else:
    neither on its place in the batch nor on other rows. So a cell's returns do not change with what is evaluated
    beside it. Two episodes in which every observation is the same also get the same actions.

    Args:
        spaces: The action space of each agent; the key ``None`` stands for the only one.
        seed: Of all draws.
        task: The task the spaces belong to.
    """

    def __init__(self, spaces: Mapping[str | None, _Actions], seed: int, task: Task) -> None:
        self._spaces = dict(spaces)
        self._seed = seed
        self._task = task
        self._numbers = sum(space.numbers for space in self._spaces.values())

    def act(self, observation: Any, state: list[bytes] | None, episode_start: Array) -> tuple[Any, list[bytes]]:
        """Draw actions.

        Args:
            observation: ``[B, …]``, or a dict of such arrays keyed by agent, or by part of a dict observation.
            state: For each row, a hash of what it has observed; ``None`` at first.
            episode_start: Rows that begin an episode, ``[B]``.

        Returns:
            Actions ``[B, …]``, or a dict of them keyed by agent, and the new state.
        """
        many = None not in self._spaces
        if isinstance(observation, Mapping):
            arrays = [observation[name] for name in (self._spaces if many else observation)]
        else:
            arrays = [observation]
        start = self._seed.to_bytes(8, "big")
        before = state or [start] * len(episode_start)
        # Not Python's hash(), which differs from process to process.
        after = []
        for row, fresh in enumerate(episode_start):
            digest = hashlib.sha256(start if fresh else before[row])
            for array in arrays:
                digest.update(np.ascontiguousarray(array[row]).tobytes())
            after.append(digest.digest())
        size = _WORD * self._numbers
        drawn = b"".join(hashlib.shake_128(digest).digest(size) for digest in after)
        uniform = np.frombuffer(drawn, ">u4").reshape(len(after), self._numbers) / 2.0**32
        actions, first = {}, 0
        for agent, space in self._spaces.items():
            actions[agent] = space.draw(uniform[:, first : first + space.numbers])
            first += space.numbers
        return (actions if many else actions[None]), after

    def save(self, directory: Path) -> None:
        """Write the seed and the action spaces."""
        from robust_gym.baselines.base import save_policy

        spaces = [[agent, space.count, list(space.low), list(space.high)] for agent, space in self._spaces.items()]
        save_policy(directory, "random", self._task, {}, {"seed": self._seed, "spaces": spaces})


@register_algorithm(
    "random",
    about="Acts uniformly at random; nothing is trained.",
    apis=("gymnasium", "parallel"),
)
@dataclass
class Random:
    """The uniformly random policy; it has no arguments."""

    def train(self, task: Task, budget: Budget, seed: int, progress: Progress) -> RandomPolicy:
        """Return the policy with this seed; takes no environment step.

        Raises:
            ValueError: If an action space has no bounds.
        """
        from robust_gym.tasks import make

        env = make(task.id)
        try:
            if task.api == "parallel":
                spaces = {agent: _Actions.of(env.action_space(agent)) for agent in env.possible_agents}
            else:
                spaces = {None: _Actions.of(env.action_space)}
        finally:
            env.close()
        return RandomPolicy(spaces, seed, task)

    @staticmethod
    def load(directory: Path, task: Task) -> RandomPolicy:
        """Load a saved policy.

        Raises:
            FileNotFoundError: If the directory holds no policy.
            ValueError: If it is damaged, or not a random one.
        """
        from robust_gym.baselines.base import read_policy

        _, meta = read_policy(directory)
        try:
            spaces = {
                agent: _Actions(int(count), tuple(map(float, low)), tuple(map(float, high)))
                for agent, count, low, high in meta["spaces"]
            }
            seed = int(meta["seed"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{directory} holds no random policy: {error}") from error
        return RandomPolicy(spaces, seed, task)
