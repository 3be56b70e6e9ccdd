"""What the channels share: signals, random streams, and the wrapper of a channel.

Noise is never drawn from an environment's own generator. Each term owns streams keyed by the episode seed
and by what the term is, renewed at each reset: adding a term changes neither the environment's randomness nor
another term's draws, and the same episode seed gives every method the same noise. An unseeded reset goes on to the
next episode of the last seed, whose noise does not depend on how long the episodes before it were.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym import registry
from robust_gym.disruption import Disruption, DisruptionError, Term
from robust_gym.task import Task


@dataclass(frozen=True)
class Signal:
    """What flows through a channel.

    Attributes:
        space: Its space, of one copy; a reward is an unbounded Box of shape ``()``.
        scale: Per-dimension unit of noise, broadcastable to the space's shape.
        null: The value that means "nothing": zero, or a discrete task's no-op; ``None`` where there is none.
        copies: How many environments are disturbed together.
        family: The task's family, whose severity levels apply; empty for an environment of your own.
        agent: The number of the agent among ``agents``; 0 for a single-agent task.
        agents: How many agents the task has.
        messages: Which dimensions are messages of other agents.
        opponents: Which dimensions are positions of opponents, two for each.
    """

    space: spaces.Space[Any]
    scale: np.ndarray
    null: Any
    copies: int = 1
    family: str = ""
    agent: int = 0
    agents: int = 1
    messages: tuple[int, ...] = ()
    opponents: tuple[int, ...] = ()


class Stream:
    """A random stream of an episode seed and a key of numbers and words, made when the first number is drawn.

    Args:
        seed: The episode seed.
        key: What the stream is for.
    """

    __slots__ = ("_key", "_rng", "_seed")

    def __init__(self, seed: int, key: Sequence[int | str]) -> None:
        self._seed, self._key = seed, key
        self._rng: np.random.Generator | None = None

    def __call__(self) -> np.random.Generator:
        """Return the generator."""
        if self._rng is None:
            self._rng = stream(self._seed, *self._key)
        return self._rng


def stream(seed: int, *key: int | str) -> np.random.Generator:
    """Return the random stream of an episode seed and a key of numbers and words."""
    words: Any = [seed, *(_word(part) if isinstance(part, str) else part for part in key)]
    if max(words) < 2**32:
        words = np.array(words, np.uint32)  # what SeedSequence makes of the list, one by one
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


@functools.lru_cache(maxsize=1024)
def _word(text: str) -> int:
    return zlib.crc32(text.encode())


class EpisodeStreams:
    """The streams of one term in one environment: for its effect, its schedule, and for rounding and blending.

    Args:
        key: What the term is: occurrence, channel, kind, agents.
    """

    def __init__(self, *key: int | str) -> None:
        self.key = key
        self._seed: int | None = None
        self._episode = 0

    def reset(self, seed: int | None) -> tuple[Stream, Stream, Stream]:
        """Return the streams of the coming episode: the first of a seed, or the next of the last one.

        Raises:
            gymnasium.error.Error: If the seed is negative.
        """
        if seed is not None and seed < 0:
            raise gym.error.Error(f"Seed must be greater or equal to zero, actual value: {seed}")
        self._episode = 0 if seed is not None else self._episode + 1
        if seed is None and self._seed is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        self._seed = seed = self._seed if seed is None else seed
        assert seed is not None
        later = (self._episode,) if self._episode else ()
        effect, schedule, blend = (Stream(seed, (*self.key, use, *later)) for use in ("effect", "schedule", "blend"))
        return effect, schedule, blend


class ChannelWrapper(gym.Wrapper, RecordConstructorArgs):
    """A wrapper of one channel.

    One that a task applies because of its ``disruption=`` is part of the task: the argument stands in the spec
    already, and so the wrapper adds nothing to it. One that you apply is recorded as Gymnasium's own are.
    """

    part_of_task = False
    _chains: Sequence[Any] = ()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and the terms' streams."""
        result = self.env.reset(seed=seed, options=options)
        for chain in self._chains:
            chain.reset(seed)
        return result

    @property
    def spec(self) -> Any:  # type: ignore[override]
        """The environment's specification."""
        return self.env.spec if self.part_of_task else super().spec


def channel_terms(disruption: str, channel: str) -> tuple[Term, ...]:
    """Parse a disruption whose terms all belong to one channel.

    Raises:
        DisruptionError: If a term belongs to another channel, or there is none.
    """
    parsed = Disruption.parse(disruption)
    terms = parsed.of(channel)
    if len(terms) != len(parsed.terms) or not terms:
        raise DisruptionError(f"this wrapper takes terms of the {channel} channel, got {disruption!r}")
    return terms


def find_task(task: str | None) -> Task | None:
    """Return the task whose scales and parameters a wrapper uses, if one is named."""
    return None if task is None else registry.task(task)


_UNBOUNDED = 1e30


def box_scale(space: spaces.Box, measured: Sequence[float] | None = None) -> np.ndarray:
    """Return the unit of noise per dimension: the measured one, else half the range, else 1.

    Scales measured for another shape (an environment made with arguments that change it) do not apply.
    """
    if measured is not None and np.size(measured) == np.prod(space.shape):
        return np.asarray(measured, np.float64).reshape(space.shape)
    # Some write the largest number that there is for no bound.
    bounded = (np.abs(space.low) < _UNBOUNDED) & (np.abs(space.high) < _UNBOUNDED)
    half = np.where(bounded, (space.high.astype(np.float64) - space.low.astype(np.float64)) / 2, 1.0)
    return np.where(half > 0, half, 1.0)
