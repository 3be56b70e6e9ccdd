"""What the channels share: signals, effects, random streams, and the runner of one term.

Noise is never drawn from an environment's own generator. Each term owns streams keyed by the episode seed
and by what the term is, renewed at each seeded reset: adding a term changes neither the environment's
randomness nor another term's draws, and the same episode seed gives every method the same noise.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym import registry
from robust_gym.disruption import Disruption, DisruptionError, Term
from robust_gym.task import Task, load
from robust_gym.wrappers.schedule import Clock


@dataclass(frozen=True)
class Signal:
    """What flows through a channel.

    Attributes:
        space: Its space; a reward is an unbounded Box of shape ``()``.
        scale: Per-dimension unit of noise, broadcastable to the space's shape.
        null: The value that means "nothing": zero, or a discrete task's no-op; ``None`` where there is none.
    """

    space: spaces.Space[Any]
    scale: np.ndarray
    null: Any


class Effect:
    """What one kind does to one signal; subclasses are the kinds of ``robust_gym.kinds``.

    Args:
        signal: The signal it acts on.
        args: The kind's arguments, in the order of its table entry.
    """

    def __init__(self, signal: Signal, *args: float) -> None:
        self.signal = signal
        self.rng: np.random.Generator = None  # type: ignore[assignment]

    def reset(self, rng: np.random.Generator) -> None:
        """Begin an episode with a fresh stream (or the old one, at an unseeded reset)."""
        self.rng = rng

    def __call__(self, value: Any) -> Any:
        """Return the disturbed value; called once per step, whether or not the schedule uses it."""
        raise NotImplementedError

    def applied(self, value: Any) -> None:
        """Learn what left the term at this step: the schedule may have kept or blended the value."""


class ChannelWrapper(gym.Wrapper, RecordConstructorArgs):
    """A wrapper of one channel.

    One that a task applies because of its ``disruption=`` is part of the task: the argument stands in the spec
    already, and so the wrapper adds nothing to it. One that you apply is recorded as Gymnasium's own are.
    """

    part_of_task = False
    _runners: Sequence[TermRunner] = ()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and the terms' streams."""
        result = self.env.reset(seed=seed, options=options)
        for runner in self._runners:
            runner.reset(seed)
        return result

    @property
    def spec(self) -> Any:  # type: ignore[override]
        """The environment's specification."""
        return self.env.spec if self.part_of_task else super().spec


def stream(seed: int, *key: int | str) -> np.random.Generator:
    """Return the random stream of an episode seed and a key of numbers and words."""
    words = [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


class EpisodeStreams:
    """The two streams of one term, one for its effect and one for its schedule.

    Args:
        key: What the term is: occurrence, channel, kind, agents.
    """

    def __init__(self, *key: int | str) -> None:
        self.key = key
        self._current: tuple[np.random.Generator, np.random.Generator] | None = None

    def reset(self, seed: int | None) -> tuple[np.random.Generator, np.random.Generator]:
        """Renew the streams at a seeded reset; let them run on at an unseeded one."""
        if seed is None and self._current is not None:
            return self._current
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
        self._current = (stream(seed, *self.key, "effect"), stream(seed, *self.key, "schedule"))
        return self._current


class TermRunner:
    """Applies one term to one signal, step by step.

    Args:
        term: The term, its level resolved.
        key: The key of its random streams.
        signal: The signal it acts on.
    """

    def __init__(self, term: Term, key: Sequence[int | str], signal: Signal) -> None:
        kind = term.spec
        assert kind is not None, f"{term} is not in the table of kinds"
        self.effect: Effect = load(kind.implementation)(signal, *term.args)
        self.clock = Clock(term.schedule)
        self._streams = EpisodeStreams(*key)
        self._t = 0
        self._blend_rng: np.random.Generator = None  # type: ignore[assignment]
        space = signal.space
        self._box, self._round = isinstance(space, spaces.Box), False
        if isinstance(space, spaces.Box):
            self._dtype = space.dtype
            self._round = np.issubdtype(space.dtype, np.integer)
            self._clip = bool(np.any(np.isfinite(space.low)) or np.any(np.isfinite(space.high)))
            self._low, self._high = space.low, space.high

    def reset(self, seed: int | None) -> None:
        """Begin an episode."""
        effect_rng, self._blend_rng = self._streams.reset(seed)
        self.clock.reset(self._blend_rng)
        self.effect.reset(effect_rng)
        self._t = 0

    def __call__(self, value: Any) -> Any:
        """Return the value after this term, inside its space."""
        result = self._disturb(value)
        self.effect.applied(result)
        return result

    def _disturb(self, value: Any) -> Any:
        strength = self.clock.strength(self._t)
        self._t += 1
        disturbed = self.effect(value)
        # Noise on whole numbers is rounded up or down at random: to the nearest, little noise would be none.
        threshold = self._blend_rng.random(self._low.shape) if self._round else None
        if strength == 0.0:
            return value
        if not self._box:
            # A choice among a few cannot be half disturbed: it is, with that probability.
            return int(disturbed) if strength == 1.0 or self._blend_rng.random() < strength else value
        if strength != 1.0:
            disturbed = value + strength * (disturbed - np.asarray(value, np.float64))
        if threshold is not None:
            disturbed = np.floor(np.asarray(disturbed, np.float64) + threshold)
        if self._clip:
            disturbed = np.clip(disturbed, self._low, self._high)
        # A copy: what an effect remembers must not change when the receiver writes into what it got.
        return np.array(disturbed, dtype=self._dtype)


def runners(
    terms: Sequence[Term], signal: Signal, agent: str | None = None, part: str | None = None
) -> list[TermRunner]:
    """Return the runners of a channel's terms that concern one agent, in order of application.

    Args:
        terms: All terms of one channel.
        signal: The agent's signal.
        agent: The agent's name; ``None`` for a single-agent task.
        part: The key of a Dict observation that the signal is; each has a stream of its own.

    Raises:
        DisruptionError: If a term cannot act on the signal, or names an agent where there is only one.
    """
    seen: Counter[tuple[str, str]] = Counter()
    chosen = []
    for term in terms:
        _check(term, signal, agent)
        meant = term.agent or "*"
        occurrence = seen[term.kind, meant]
        seen[term.kind, meant] += 1
        if agent is None or meant in ("*", agent):
            key = (occurrence, term.channel, term.kind, meant, agent or part or "")
            chosen.append(TermRunner(term.resolved(), key, signal))
    return chosen


def through(chain: Iterable[TermRunner], value: Any) -> Any:
    """Return a value after every runner of a chain."""
    for runner in chain:
        value = runner(value)
    return value


def space_kind(space: spaces.Space[Any]) -> str:
    """Return ``"box"``, ``"discrete"``, or the name of another space."""
    names = {spaces.Box: "box", spaces.Discrete: "discrete"}
    return names.get(type(space), type(space).__name__)


def _check(term: Term, signal: Signal, agent: str | None) -> None:
    kind = term.spec
    assert kind is not None, f"{term} was not parsed"
    if space_kind(signal.space) not in kind.spaces:
        raise DisruptionError(f"{str(term)!r} acts on {' or '.join(kind.spaces)} signals, got {signal.space}")
    if kind.name == "dropout" and signal.null is None:
        raise DisruptionError(f"{str(term)!r} needs an action that does nothing, and {signal.space} has none")
    if term.agent is not None and agent is None:
        raise DisruptionError(f"{str(term)!r} names an agent, but there is only one; leave out '/{term.agent}'")


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


def box_scale(space: spaces.Box, measured: Sequence[float] | None = None) -> np.ndarray:
    """Return the unit of noise per dimension: the measured one, else half the range, else 1.

    Scales measured for another shape (an environment made with arguments that change it) do not apply.
    """
    if measured is not None and np.size(measured) == np.prod(space.shape):
        return np.asarray(measured, np.float64).reshape(space.shape)
    bounded = np.isfinite(space.low) & np.isfinite(space.high)
    half = np.where(bounded, (space.high.astype(np.float64) - space.low.astype(np.float64)) / 2, 1.0)
    return np.where(half > 0, half, 1.0)
