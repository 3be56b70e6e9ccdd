"""A kind of disruption on one signal of a task, without the simulator: its runs are short, and compared to the bit."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.kinds import Kind
from robust_gym.task import Task
from robust_gym.tasks import undisturbed
from robust_gym.wrappers.action import action_signal
from robust_gym.wrappers.base import Signal
from robust_gym.wrappers.cost import cost_signal
from robust_gym.wrappers.observation import observation_signal
from robust_gym.wrappers.reward import reward_signal
from robust_gym.wrappers.runner import Chain

Values = list[np.ndarray]
"""What a signal is at every step, ``[copies, *shape]`` each."""

LARGE = 1000
"""Numbers of a signal, such as an image, from which runs are shorter."""


@dataclass(frozen=True)
class Probe:
    """A signal of a task on which a kind is tried.

    Attributes:
        kind: The kind.
        signal: The signal.
        agent: Whose it is, in a multi-agent task.
        part: Which part of a dict it is.
    """

    kind: Kind
    signal: Signal
    agent: str | None = None
    part: str | None = None

    def chain(self, level: int, schedule: str = "always", copies: int = 1) -> Chain:
        """Return a new chain of the kind alone.

        Raises:
            DisruptionError: If the kind cannot act on the signal.
        """
        terms = Disruption.parse(f"{self.kind.full_name}@{level}~{schedule}").terms
        return Chain(terms, dataclasses.replace(self.signal, copies=copies), self.agent, self.part)

    @property
    def numbers(self) -> int:
        """How many numbers the signal has."""
        return math.prod(self.signal.space.shape or ())

    def length(self, steps: int) -> int:
        """Return how many steps of a run are affordable."""
        return max(6, steps // 8) if self.numbers > LARGE else steps

    def values(self, steps: int, copies: int = 1, seed: int = 5) -> Values:
        """Draw what the signal may be, in its space and of its scale, at some steps."""
        rng = np.random.default_rng(seed)
        return [_drawn(self.signal, copies, rng) for _ in range(steps)]


def _drawn(signal: Signal, copies: int, rng: np.random.Generator) -> np.ndarray:
    space: Any = signal.space
    if isinstance(space, spaces.Discrete):
        return rng.integers(space.start, space.start + space.n, copies)
    shape = (copies, *space.shape)
    if np.issubdtype(space.dtype, np.integer):
        return rng.integers(space.low, space.high, shape, space.dtype, endpoint=True)
    values: np.ndarray = np.clip(rng.standard_normal(shape) * signal.scale, space.low, space.high).astype(space.dtype)
    return values


def probe_of(kind: Kind, task: Task) -> Probe:
    """Return the first signal of a task that a kind acts on: an agent's, or a part of a dict.

    Raises:
        DisruptionError: If it acts on none.
    """
    env = undisturbed(task)
    errors: list[DisruptionError] = []
    try:
        for probe in _probes(kind, task, env):
            try:
                probe.chain(3)
            except DisruptionError as error:
                errors.append(error)
            else:
                return probe
    finally:
        env.close()
    raise errors[0]


def _probes(kind: Kind, task: Task, env: Any) -> Iterator[Probe]:
    """Yield the signals of a kind's channel, as the wrappers describe them."""
    many = task.api == "parallel"
    agents: list[Any] = list(env.possible_agents) if many else [None]
    for number, agent in enumerate(agents):
        name = str(agent) if many else None
        if kind.channel in ("reward", "cost"):
            yield Probe(kind, reward_signal(task) if kind.channel == "reward" else cost_signal(task), name)
        elif kind.channel == "action":
            space = env.action_space(agent) if many else env.action_space
            yield Probe(kind, action_signal(space, task, number, len(agents)), name)
        else:
            space = env.observation_space(agent) if many else env.observation_space
            if isinstance(space, spaces.Dict):
                for part, one in space.spaces.items():
                    if part not in task.undisturbed:
                        yield Probe(kind, observation_signal(one, task, part), part=part)
            else:
                yield Probe(kind, observation_signal(space, task, name, number, len(agents)), name)


# --- the checks -------------------------------------------------------------------------------------------------------

LEVELS = range(1, 6)

_SOURCES = "random numbers come from self.draws() and, in begin, from stream(), and from nowhere else"


def check_seed(probe: Probe) -> None:
    """The same seed gives the same values, whatever ran before."""
    values = probe.values(probe.length(40))
    for level in LEVELS:
        chain, own = probe.chain(level), _generators()
        first, _, again = (_run(chain, values, seed) for seed in (7, 8, 7))
        assert _generators() == own, f"at @{level} it draws from Python's or NumPy's global generator: {_SOURCES}"
        fresh = _run(probe.chain(level), values, 7)
        assert _same(first, fresh), f"at @{level} it is not determined by the seed: {_SOURCES}"
        assert _same(first, again), f"at @{level} it depends on the episodes before: begin(copy, stream) must forget"


def check_forgets(probe: Probe) -> None:
    """An episode neither depends on how long those before it were, nor on how many there were."""
    values = probe.values(probe.length(20))
    for level in LEVELS:
        chains = [probe.chain(level) for _ in range(2)]
        for chain, steps in zip(chains, (probe.length(5) // 2, probe.length(50)), strict=True):
            _run(chain, probe.values(steps), 3)
        short, long = (_run(chain, values, None) for chain in chains)
        assert _same(short, long), f"at @{level} an episode depends on how long the one before it was"
        fresh = _run(probe.chain(level), values, 4)
        assert _same(_run(chains[0], values, 4), fresh), f"at @{level} an episode depends on those before it"


def check_values(probe: Probe) -> None:
    """Values stay in their space; what is given is left as it is, and neither it nor what is returned is kept."""
    values = probe.values(probe.length(40))
    for level in LEVELS:
        chain, space = probe.chain(level), probe.chain(level).result.space
        kept, overwritten, given = probe.chain(level), probe.chain(level), values[0].copy()
        for one in (chain, kept, overwritten):
            one.reset(7)
        held = []
        for value in values:
            given[...] = value
            result = kept.batch(given)
            assert np.array_equal(given, value), f"at @{level} it writes into the values that it is given"
            expected = chain.batch(value.copy())
            assert np.array_equal(result, expected, equal_nan=True), (
                f"at @{level} it keeps the array that it is given: copy it"
            )
            _inside(space, expected[0], level)
            held.append((result, result.copy()))
            mine = overwritten.batch(value.copy())
            assert np.array_equal(mine, expected, equal_nan=True), (
                f"at @{level} it keeps the array that it returns: copy it"
            )
            mine[...] = 0
        unchanged = all(np.array_equal(result, then, equal_nan=True) for result, then in held)
        assert unchanged, f"at @{level} what it has returned changes with what it is given later: return a copy"


def _inside(space: spaces.Space[Any], value: np.ndarray, level: int) -> None:
    one = int(value) if isinstance(space, spaces.Discrete) and value.shape == () else np.asarray(value)
    inside = space.contains(one) and bool(np.isfinite(value).all())
    assert inside, f"at @{level} it gives {one!r}, which is no finite value of {space}"


def check_rests(probe: Probe) -> None:
    """A schedule that never comes leaves the values as they are, or, where the space changes, inside it."""
    chain = probe.chain(5, "steps=1000..2000")
    values = probe.values(probe.length(20))
    results, space = _run(chain, values, 7), chain.result.space
    assert space != probe.signal.space or _same(results, values), "it acts although its schedule never does"
    for one in results:
        _inside(space, one[0], 5)


def alters(probe: Probe, level: int) -> bool:
    """Return whether a level changes any of the values that a signal may have."""
    runs = ((probe.values(200, seed=seed), seed) for seed in range(7, 12))
    return any(not _same(_run(probe.chain(level), values, seed), values) for values, seed in runs)


def _run(chain: Chain, values: Values, seed: int | None) -> Values:
    """Return what becomes of the values in an episode of one copy."""
    chain.reset(seed)
    return [chain.batch(value.copy()) for value in values]


def _same(one: Values, other: Values) -> bool:
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True))


def _generators() -> tuple[Any, ...]:
    """Return the states of the global generators, as values that can be compared."""
    name, keys, *others = np.random.get_state(legacy=True)  # noqa: NPY002, it is what must not be drawn from
    return random.getstate(), name, np.asarray(keys).tobytes(), *others
