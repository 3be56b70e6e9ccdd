"""What our tasks on JaxMARL share: importing it, and a PettingZoo team on a world compiled once."""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding

from robust_gym.tasks._parallel import DiscreteTeam


def import_quietly(module: str) -> Any:
    """Import a module of JaxMARL, which at its first import prints which optional parts it lacks.

    It also points ``sys.stdout`` and ``sys.stderr`` at the process's first ones, away from where they were.
    """
    first, nowhere = sys.__stdout__, io.StringIO()
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(sys.stderr):
        setattr(sys, "__stdout__", nowhere)  # noqa: B010 (declared final)
        try:
            return importlib.import_module(module)
        finally:
            setattr(sys, "__stdout__", first)  # noqa: B010


class World(Protocol):
    """A world of JaxMARL as two functions that are compiled once in a process, for all its environments.

    ``parameters`` are traced arguments, so that a disruption never compiles anything. What the functions return
    to the host is a dict of arrays: ``observations`` ``[agents, …]``, ``world`` (the state of the whole world) and what
    the environment makes its rewards and infos of.
    """

    def begin(self, parameters: Any, key: np.ndarray) -> tuple[Any, dict[str, np.ndarray]]:
        """Return the state at the start of an episode, and what is seen of it."""

    def advance(
        self, parameters: Any, key: np.ndarray, t: int, state: Any, actions: np.ndarray
    ) -> tuple[Any, dict[str, np.ndarray]]:
        """Return the state one step later, and what is seen of it."""


def on_cpu(function: Any) -> Any:
    """Compile a function for the processor, also where JAX prefers a GPU, which is slower for one small world.

    The result takes the same arguments and returns ``(state, seen)`` with ``seen`` fetched to NumPy arrays of our own.
    """
    import jax

    def typed(*arguments: Any) -> tuple[Any, Any]:
        state, seen = function(*arguments)
        # A weakly typed state, which Python numbers make, would be another argument type: compiled once more.
        return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, leaf.dtype), state), seen

    compiled = jax.jit(typed)
    cpu = jax.devices("cpu")[0]

    def call(*arguments: Any) -> tuple[Any, dict[str, np.ndarray]]:
        with jax.default_device(cpu):
            state, seen = compiled(*arguments)
        return state, {name: np.array(array) for name, array in seen.items()}

    return call


class JaxTeam(DiscreteTeam):
    """A world of JaxMARL whose agents all stay until the episode ends.

    An episode is determined by a key that ``reset`` draws from the environment's own generator; the key of step t
    is derived from it. Time running out truncates the episode, any other end terminates it.

    Args:
        world: The compiled world.
        parameters: Its nominal parameters.
        observation_spaces: Every agent's observation space, in the agents' order.
        action_sizes: Every agent's number of actions.
        state_space: The space of ``state()``.
        horizon: Longest episode, in steps.
        render_mode: One of ``metadata["render_modes"]``, or ``None``.

    Raises:
        ValueError: If the environment has no such render mode, or the horizon is below 1.
    """

    def __init__(
        self,
        world: World,
        parameters: Any,
        observation_spaces: Mapping[str, spaces.Box],
        action_sizes: Mapping[str, int],
        state_space: spaces.Box,
        horizon: int,
        render_mode: str | None = None,
    ) -> None:
        if horizon < 1:
            raise ValueError(f"max_steps must be at least 1, got {horizon!r}")
        super().__init__(observation_spaces, action_sizes, state_space, render_mode)
        self._world = world
        self.parameters = parameters
        self._horizon = horizon
        self._rng: np.random.Generator | None = None
        self._key = np.zeros(2, np.uint32)
        self._inner: Any = None
        self._seen: dict[str, np.ndarray] = {}
        self._t = 0

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Args:
            seed: Seeds the generator that draws the episode's key; ``None`` lets it go on.
            options: Ignored.
        """
        if seed is not None or self._rng is None:
            self._rng, _ = seeding.np_random(seed)
        self._key = self._rng.integers(2**32, size=2, dtype=np.uint32)
        self._inner, self._seen = self._world.begin(self.parameters, self._key)
        self._t = 0
        self.agents = list(self.possible_agents)
        return self._observations(), self._infos()

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Take one step.

        Args:
            actions: Every agent's action.

        Returns:
            Observations, rewards, terminations, truncations and infos; empty once the episode is over.

        Raises:
            ValueError: If an agent has no action, or one that is not in its space.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        chosen = np.array(self._read(actions), np.int32)
        self._inner, self._seen = self._world.advance(self.parameters, self._key, self._t, self._inner, chosen)
        self._t += 1
        agents, over = self.possible_agents, self._over()
        late = not over and self._t >= self._horizon
        if over or late:
            self.agents = []
        return (
            self._observations(),
            dict(zip(agents, self._rewards(), strict=True)),
            dict.fromkeys(agents, over),
            dict.fromkeys(agents, late),
            self._infos(),
        )

    def state(self) -> np.ndarray:
        """Return the state of the whole world, float32.

        Raises:
            RuntimeError: Before the first reset.
        """
        if not self._seen:
            raise RuntimeError("reset() comes before state()")
        return self._seen["world"].copy()

    def _over(self) -> bool:
        return bool(self._seen["over"])

    def _rewards(self) -> list[float]:
        rewards: list[float] = self._seen["rewards"].tolist()
        return rewards

    def _observations(self) -> dict[str, np.ndarray]:
        rows = self._seen["observations"]
        return {agent: row.copy() for agent, row in zip(self.possible_agents, rows, strict=True)}

    def _infos(self) -> dict[str, dict[str, Any]]:
        return {agent: {} for agent in self.possible_agents}
