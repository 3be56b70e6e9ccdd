"""One term applied to one signal, step by step, and the chain of a channel's terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import DisruptionError, Term
from robust_gym.task import PathError, load
from robust_gym.wrappers.base import EpisodeStreams, Signal, Stream
from robust_gym.wrappers.effect import Draws, Effect
from robust_gym.wrappers.schedule import Clock


class TermRunner:
    """Applies one term to one signal.

    Args:
        term: The term, its level resolved.
        key: The key of its random streams, but for the agent's part of it.
        own: The agent's, or the dict part's, share of the key.
        signal: The signal it acts on.
    """

    def __init__(self, term: Term, key: Sequence[int | str], own: str, signal: Signal) -> None:
        kind = term.spec
        assert kind is not None, f"{term} is not in the table of kinds"
        try:
            effect = load(kind.implementation)
        except PathError as error:
            raise DisruptionError(f"{kind.full_name} cannot be applied: {error}") from None
        self.effect: Effect = effect(signal, *term.args)
        self.clock = Clock(term.schedule, signal.copies)
        whole = (*key, "" if self.effect.team_stream else own)
        self._streams = [EpisodeStreams(*whole) for _ in range(signal.copies)]
        # When a term acts is the same for all agents, and for all parts of an observation.
        shared = not (self.clock.draws and whole[-1])
        self._schedules = self._streams if shared else [EpisodeStreams(*key, "") for _ in range(signal.copies)]
        self._listens = type(self.effect).applied is not Effect.applied
        self._discrete = isinstance(signal.space, spaces.Discrete)
        space = self.effect.result.space
        self._blend = Draws(signal.copies, (), normal=False) if self._discrete and not self.clock.always else None
        self._round: Draws | None = None
        self._low: Any = None
        self._high: Any = None
        self._dtype = space.dtype
        if isinstance(space, spaces.Box):
            if np.issubdtype(space.dtype, np.integer):
                self._round = Draws(signal.copies, space.shape, normal=False)
            if np.isfinite(space.low).any():
                self._low = space.low.astype(np.float64)
            if np.isfinite(space.high).any():
                self._high = space.high.astype(np.float64)

    def reset(self, copy: int, seed: int | None) -> None:
        """Begin an episode of one copy."""
        effect, schedule, blend = self._streams[copy].reset(seed)
        if self._schedules is not self._streams:
            _, schedule, _ = self._schedules[copy].reset(seed)
        self.clock.reset(copy, schedule, seed is not None)
        for draws in (self._blend, self._round):
            if draws is not None:
                draws.reset(copy, blend)
        self.effect.reset(copy, effect)

    def parts(self) -> list[Any]:
        """Return everything that holds a state for each copy."""
        draws = [one for one in (self._blend, self._round) if one is not None]
        return [*self.effect.parts(), *self.clock.parts(), *draws]

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the values ``[copies, *shape]`` after this term, inside their space."""
        result = self._choice(values) if self._discrete else self._box(values)
        if self._listens:
            self.effect.applied(result)
        return result

    def _box(self, values: np.ndarray) -> np.ndarray:
        result = self.effect(values)
        strength: np.ndarray | None = None
        if not self.clock.always:
            strength = self.clock.strength()
            if not strength.any():
                # Rounding goes on, so that its draws do not depend on the schedule.
                if self._round is not None:
                    self._round()
                return self.effect.idle(values)
            result = self._blended(values, result, strength)
        # Noise on whole numbers is rounded up or down at random: to the nearest, little noise would be none.
        if self._round is not None:
            result = np.floor(np.asarray(result, np.float64) + self._round())
        if self._low is not None:
            result = np.maximum(result, self._low)
        if self._high is not None:
            result = np.minimum(result, self._high)
        result = result if result.dtype == self._dtype else result.astype(self._dtype)
        if strength is None or strength.all():
            return result
        # Where a copy rests, its values pass as they came, clipped no more than those of a copy that is alone.
        return np.where(_beside(strength, result), result, self.effect.idle(values))

    def _blended(self, values: np.ndarray, result: np.ndarray, strength: np.ndarray) -> np.ndarray:
        if strength.all() and strength.min() == 1.0:
            return result
        share = _beside(strength, result)
        before = np.asarray(self.effect.idle(values), np.float64)
        return np.where(share == 1.0, result, np.where(share == 0.0, before, before + share * (result - before)))

    def _choice(self, values: np.ndarray) -> np.ndarray:
        result = np.asarray(self.effect(values))
        if self._blend is None:
            return result
        # A choice among a few cannot be half disturbed: it is, with that probability.
        return np.where(self._blend() < self.clock.strength(), result, values)


def _beside(of_copies: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return ``[copies]`` with as many dimensions as ``[copies, *shape]``."""
    return of_copies.reshape(of_copies.shape + (1,) * (values.ndim - 1))


class Chain:
    """The terms of one channel that concern one agent or one part of a dict, in order of application.

    Args:
        terms: All terms of one channel.
        signal: The agent's signal.
        agent: The agent's name; ``None`` for a single-agent task.
        part: The key of a Dict observation that the signal is; each has a stream of its own.

    Raises:
        DisruptionError: If a term cannot act on the signal, or names an agent where there is only one.

    Attributes:
        runners: The runners.
        result: The signal that leaves the last of them.
    """

    def __init__(
        self, terms: Sequence[Term], signal: Signal, agent: str | None = None, part: str | None = None
    ) -> None:
        self.runners: list[TermRunner] = []
        self.result = signal
        self._agent, self._own = agent, agent or part or ""
        self._discrete = isinstance(signal.space, spaces.Discrete)
        self._seen: Counter[tuple[str, str]] = Counter()
        for term in terms:
            self.add(term)

    def add(self, term: Term) -> bool:
        """Put a term behind the others; return whether it concerns the agent.

        Raises:
            DisruptionError: If it cannot act on the signal; the chain is then what it was.
        """
        _check(term, self.result, self._agent)
        meant = term.agent or "*"
        concerned = self._agent is None or term.concerns(self._agent)
        if concerned:
            key = (self._seen[term.kind, meant], term.channel, term.kind, meant)
            runner = TermRunner(term.resolved(self.result.family), key, self._own, self.result)
            self.runners.append(runner)
            self.result = runner.effect.result
        self._seen[term.kind, meant] += 1
        return concerned

    def __bool__(self) -> bool:
        return bool(self.runners)

    def reset(self, seed: int | None, copy: int = 0) -> None:
        """Begin an episode of one copy."""
        for runner in self.runners:
            runner.reset(copy, seed)

    def batch(self, values: np.ndarray) -> np.ndarray:
        """Return the values of all copies, ``[copies, *shape]``, after every term; a new array."""
        result = values
        for runner in self.runners:
            result = runner(result)
        return result.copy() if result is values else result

    def again(self, values: np.ndarray, copies: np.ndarray) -> np.ndarray:
        """Return the values after another step of some copies, ``[copies]`` booleans.

        The other copies' states stay as they are, and their rows of what is returned mean nothing.
        """
        parts = [part for runner in self.runners for part in runner.parts()]
        held = [(part, name, kept.copy()) for part in parts for name, kept in _per_copy(part, len(copies))]
        # What a generator has drawn could not be put back: those of the others are set aside.
        streams = [(own, own.copy()) for part in parts for own in _streams(part)]
        for own, _ in streams:
            for copy in np.flatnonzero(~copies):
                own[copy] = _SPARE
        result = self.batch(values)
        for own, kept in streams:
            own[:] = kept
        for part, name, kept in held:
            present = getattr(part, name)
            present[~copies] = kept[~copies]
        return result

    def __call__(self, value: Any) -> Any:
        """Return the value of the only copy after every term; a new array, or a whole number."""
        result = self.batch(np.asarray(value)[None])[0]
        return int(result) if self._discrete else result


def _per_copy(part: Any, copies: int) -> list[tuple[str, np.ndarray]]:
    """Return the arrays of an object that have a place for every copy."""
    found = vars(part).items()
    return [(name, one) for name, one in found if isinstance(one, np.ndarray) and one.shape[:1] == (copies,)]


_SPARE = Stream(0, ())
"""Drawn from where the numbers mean nothing."""


def _streams(part: Any) -> list[list[Any]]:
    """Return the lists of an object that hold the random stream of every copy."""
    found = (one for one in vars(part).values() if isinstance(one, list))
    return [one for one in found if any(isinstance(stream, Stream) for stream in one)]


def chains(terms: Sequence[Term], signals: Mapping[Any, Signal], *, of: str) -> dict[Any, Chain]:
    """Return the chains of several signals, where a term may not fit every one: a swap does not fit one number.

    Args:
        terms: All terms of one channel.
        signals: The signals by name.
        of: What their names are, ``"agent"``, or ``"part"`` of a dict.

    Returns:
        The chains of the signals that some term acts on.

    Raises:
        DisruptionError: If a term fits no signal.
    """
    made: dict[Any, Chain] = {name: Chain((), signal, **{of: str(name)}) for name, signal in signals.items()}
    for term in terms:
        errors: list[DisruptionError] = []
        served = False
        for chain in made.values():
            try:
                served |= chain.add(term)
            except DisruptionError as error:
                errors.append(error)
        if not served:
            raise errors[0] if errors else DisruptionError(f"{str(term)!r}: there is nothing to disturb")
    return {name: chain for name, chain in made.items() if chain}


def space_kind(space: spaces.Space[Any]) -> str:
    """Return ``"box"``, ``"discrete"``, or the name of another space."""
    names = {spaces.Box: "box", spaces.Discrete: "discrete"}
    return names.get(type(space), type(space).__name__)


def is_image(space: spaces.Space[Any]) -> bool:
    """Return whether a space holds images: ``uint8``, height by width by one or three channels."""
    return (
        isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) == 3 and space.shape[2] in (1, 3)
    )


def is_vector(space: spaces.Space[Any]) -> bool:
    """Return whether a space is a Box of one dimension."""
    return isinstance(space, spaces.Box) and len(space.shape) == 1


def _check(term: Term, signal: Signal, agent: str | None) -> None:
    kind = term.spec
    assert kind is not None, f"{term} was not parsed"
    space: Any = signal.space
    fits = space_kind(space) in kind.spaces
    fits = fits or ("image" in kind.spaces and is_image(space)) or ("vector" in kind.spaces and is_vector(space))
    if not fits:
        raise DisruptionError(f"{str(term)!r} acts on {' or '.join(kind.spaces)} signals, got {signal.space}")
    if kind.name == "dropout" and signal.null is None:
        raise DisruptionError(f"{str(term)!r} needs an action that does nothing, and {signal.space} has none")
    if kind.team and term.agent is not None:
        raise DisruptionError(f"{str(term)!r} draws among the whole team; leave out '/{term.agent}'")
    if term.agent is not None and agent is None:
        raise DisruptionError(f"{str(term)!r} names an agent, but there is only one; leave out '/{term.agent}'")
