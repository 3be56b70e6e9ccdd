"""The dynamics channel: the world itself, through the task's adapter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from robust_gym import registry
from robust_gym.disruption import Range, Term
from robust_gym.task import DynamicsAdapter, Task
from robust_gym.wrappers import laws
from robust_gym.wrappers.base import ChannelWrapper, EpisodeStreams, Stream, channel_terms
from robust_gym.wrappers.dynamics_terms import check_term, check_together, delta_of
from robust_gym.wrappers.schedule import Clock

Values = dict[str, float | str]
"""Dynamics in the units of disruption strings: factors, values of "set" parameters, words."""


@dataclass
class _TermState:
    """One term with its stream, its schedule, and what it drew, and how strongly, at the present episode's reset.

    What ``holds`` for some steps is drawn anew after them; 0 is the whole episode.
    """

    term: Term
    streams: EpisodeStreams
    clock: Clock
    drawn: Values
    holds: int = 0
    at_reset: float = 1.0
    stream: Stream | None = None


class DynamicsProcess:
    """Draws the dynamics of each episode and writes them through the task's adapter.

    Terms compose: factors multiply, shifts of "set" parameters add up, and the result stays within the
    parameter's bounds.

    Args:
        terms: Terms of the dynamics channel.
        task: The task whose parameters they name.
        env: The unwrapped environment.
        adapter: The environment's adapter, where it has one already.

    Raises:
        DisruptionError: If a term does not fit the task.

    Attributes:
        varies: Whether the world may change within an episode.
        values: The present values of what is disturbed.
    """

    def __init__(self, terms: Sequence[Term], task: Task, env: Any, adapter: DynamicsAdapter | None = None) -> None:
        self._task = task
        self._adapter: DynamicsAdapter = task.part("adapter")(env, task) if adapter is None else adapter
        self._states: list[_TermState] = []
        seen: Counter[str] = Counter()
        for term in terms:
            check_term(term, task)
        check_together(terms, task)
        for term in terms:
            key = (seen[term.kind], "dynamics", term.kind)
            seen[term.kind] += 1
            term = term.resolved(task.family)
            clock, holds = Clock(term.schedule), laws.holds(term)
            self._states.append(_TermState(term, EpisodeStreams(*key), clock, {}, holds))
        self.varies = any(state.holds or not state.clock.constant for state in self._states)
        self._t = 0
        self.values: Values = {}

    def before_reset(self, seed: int | None) -> None:
        """Draw the coming episode's dynamics and let the adapter prepare them."""
        for state in self._states:
            state.stream, schedule, _ = state.streams.reset(seed)
            state.drawn = self._draw(state.term, state.stream())
            state.clock.reset(0, schedule, seed is not None)
        self._t = 0
        self.values = self._compose()
        self._adapter.configure(self.values)

    def after_reset(self) -> None:
        """Write the dynamics into the simulator that the reset may have rebuilt."""
        self._write()

    def before_step(self) -> bool:
        """Let time pass; return whether the dynamics changed."""
        self._t += 1
        if self._t == 1 or not self.varies:
            return False  # the first step is taken under the values applied at reset
        for state in self._states:
            if state.holds and (self._t - 1) % state.holds == 0:
                assert state.stream is not None
                state.drawn = {**state.drawn, **self._draw(state.term, state.stream(), within=True)}
        values = self._compose()
        if values == self.values:
            return False
        self.values = values
        self._write()
        return True

    def restore(self) -> None:
        """Let the adapter prepare and write the nominal world, which the next reset is in."""
        self.values = {name: value for name, value in self._task.nominal_values().items() if not isinstance(value, str)}
        self._adapter.configure(self.values)

    def _write(self) -> None:
        self._adapter.apply({name: value for name, value in self.values.items() if not isinstance(value, str)})

    def _draw(self, term: Term, rng: np.random.Generator, within: bool = False) -> Values:
        if term.kind in self._task.semantic:
            return {term.kind: str(term.args[0])}
        if term.spec is not None:
            chosen = [p for p in laws.parameters(term.kind, self._task) if not (within and p.at_reset)]
            return laws.draw(term, chosen, rng)
        parameter = self._task.dynamics[term.kind]
        if term.level is not None:
            return {term.kind: laws.spread(parameter, delta_of(term, self._task), rng)}
        (value,) = term.args
        assert not isinstance(value, str)
        return {term.kind: float(rng.uniform(value.low, value.high)) if isinstance(value, Range) else float(value)}

    def _compose(self) -> Values:
        total: Values = {}
        for state in self._states:
            now = float(state.clock.strength()[0])
            if self._t == 0:
                state.at_reset = now
            for name, value in state.drawn.items():
                if isinstance(value, str):
                    # At rest it is left out: the environment may have been made with another word than the task's.
                    total.update({name: value} if now else {})
                    continue
                parameter = self._task.dynamics[name]
                strength = state.at_reset if parameter.at_reset else now
                before = total.get(name, parameter.identity)
                assert not isinstance(before, str)
                change = strength * (value - parameter.identity)
                if strength == 1.0 and parameter.mode == "scale":
                    total[name] = before * value  # exactly the written factor, not 1 + (factor - 1)
                else:
                    total[name] = before * (1.0 + change) if parameter.mode == "scale" else before + change
        for name, value in total.items():
            if not isinstance(value, str):
                parameter = self._task.dynamics[name]
                total[name] = parameter.realised(min(max(value, parameter.low), parameter.high))
        return total

    def report(self) -> Values:
        """Return the present value of every parameter and shift, disturbed or not.

        An adapter may have ``own``, words that the environment was made with instead of the task's.
        """
        return {**self._task.nominal_values(), **getattr(self._adapter, "own", {}), **self.values}


class Into:
    """Clips observations of a changed world into the space that the nominal world declares.

    Args:
        space: That space.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        self._parts: dict[str, Into] = {}
        self._bounds: tuple[Any, Any] | None = None
        if isinstance(space, spaces.Dict):
            self._parts = {name: Into(part) for name, part in space.spaces.items()}
        elif isinstance(space, spaces.Box) and (np.isfinite(space.low).any() or np.isfinite(space.high).any()):
            self._bounds = space.low, space.high

    @property
    def bounded(self) -> bool:
        """Whether there is anything to clip."""
        return self._bounds is not None or any(part.bounded for part in self._parts.values())

    def __call__(self, observation: Any) -> Any:
        """Return the observation, itself where it is inside."""
        if self._parts:
            return {name: self._parts[name](part) for name, part in observation.items()}
        if self._bounds is None:
            return observation
        low, high = self._bounds
        if (observation >= low).all() and (observation <= high).all():
            return observation
        return np.clip(observation, low, high).astype(low.dtype)


class DynamicsDisruption(ChannelWrapper):
    """Changes the world: physical parameters, and semantic shifts such as another city.

    Values are drawn before each reset, so that the first observation belongs to the new world; they are
    reported in ``info["dynamics"]`` in the units of disruption strings, at reset and whenever they change.
    Observations that the changed world would take out of the observation space are clipped into it.

    Args:
        env: The environment.
        disruption: Terms of the dynamics channel, such as ``"dynamics:gravity:1.3+dynamics:0.1"``.
        task: Id of the task whose parameters and adapter apply.

    Raises:
        DisruptionError: If the string is malformed or does not fit the task.
    """

    def __init__(self, env: gym.Env[Any, Any], disruption: str, task: str) -> None:
        RecordConstructorArgs.__init__(self, disruption=disruption, task=task)
        gym.Wrapper.__init__(self, env)
        terms = channel_terms(disruption, "dynamics")
        self._process = DynamicsProcess(terms, registry.task(task), env.unwrapped)
        self._into = Into(env.observation_space)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset into the drawn world."""
        self._process.before_reset(seed)
        observation, info = self.env.reset(seed=seed, options=options)
        self._process.after_reset()
        return self._into(observation), {**info, "dynamics": self._process.report()}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step, after letting the world drift where a schedule says so."""
        changed = self._process.before_step()
        observation, reward, terminated, truncated, info = self.env.step(action)
        if changed:
            info = {**info, "dynamics": self._process.report()}
        return self._into(observation), reward, terminated, truncated, info


def restore(env: Any) -> None:
    """Make the world under a disturbed environment nominal again, and reset it.

    For callers that take the wrappers off and use the environment underneath on its own.

    Args:
        env: An environment in which some wrapper changes the dynamics.
    """
    while not hasattr(env, "_process"):
        env = env.env
    process: DynamicsProcess = env._process
    process.restore()
    env.env.reset(seed=0)
    process.after_reset()
