"""MPE2's scenarios as PettingZoo parallel environments of our own, step for step MPE2's.

MPE2 wraps its turn-based environment, which holds a 2 MB drawing surface, into a parallel one. Here a
scenario and its world are stepped directly: half the time, a few kilobytes, and they can be pickled and copied
at any moment.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding

from robust_gym.task import Task
from robust_gym.tasks._parallel import DiscreteTeam
from robust_gym.tasks.mpe import MAX_CYCLES

_MOVES = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)], float)
"""Directions of the moves: none, left, right, down, up."""

ACCELERATION = 5.0
"""MPE2's force of a move, for agents that set none of their own."""


class Particles(DiscreteTeam):
    """One of MPE2's discrete scenarios.

    Every agent's action is ``move + 5 * message`` (an agent that cannot move, or is silent, has only the other).
    Observations are MPE2's, float32; ``state()`` is all agents' observations in a row. Seeds mean the same as
    in MPE2. Episodes are truncated after ``max_cycles`` steps.

    Args:
        scenario: Module of ``mpe2``, such as ``"simple_spread"``.
        world: Keyword arguments of the scenario's ``make_world``.
        local_ratio: Weight of an agent's own reward against the shared one; ``None`` for its own alone.
        max_cycles: Steps of an episode.
        render_mode: ``"human"``, ``"rgb_array"`` or ``None``.

    Raises:
        ValueError: If there is no such render mode, or the weight or the number of steps is out of bounds.
    """

    metadata = {
        "name": "robust_mpe_v0",
        "render_modes": ["human", "rgb_array"],
        "render_fps": 10,
        "is_parallelizable": True,
    }

    def __init__(
        self,
        scenario: str,
        world: Mapping[str, Any],
        local_ratio: float | None = None,
        max_cycles: int = MAX_CYCLES,
        render_mode: str | None = None,
    ) -> None:
        if local_ratio is not None and not 0.0 <= local_ratio <= 1.0:
            raise ValueError(f"local_ratio must be 0 to 1, got {local_ratio!r}")
        if max_cycles < 1:
            raise ValueError(f"max_cycles must be at least 1, got {max_cycles!r}")
        self.metadata = {**self.metadata, "name": f"robust_{scenario}_v0"}
        self._module = scenario
        self._scenario = _import(scenario).Scenario()
        self.world: Any = self._scenario.make_world(**world)
        self.wind: np.ndarray | None = None
        self.acceleration = ACCELERATION
        self._local_ratio = local_ratio
        self._max_cycles = max_cycles
        self._rng: np.random.Generator | None = None
        self._renderer: Any = None
        self._t = 0
        # The sizes of observations are known once the world has been filled.
        self._scenario.reset_world(self.world, np.random.default_rng(0))
        particles = {particle.name: particle for particle in self.world.agents}
        lengths = {name: len(self._scenario.observation(particle, self.world)) for name, particle in particles.items()}
        super().__init__(
            {name: _unbounded(length) for name, length in lengths.items()},
            {name: self._actions(particle) for name, particle in particles.items()},
            _unbounded(sum(lengths.values())),
            render_mode,
        )

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Args:
            seed: Seeds the generator that places everything; ``None`` lets it go on.
            options: Ignored.
        """
        if seed is not None or self._rng is None:
            self._rng, _ = seeding.np_random(seed)
        self._scenario.reset_world(self.world, self._rng)
        self._t = 0
        if self._renderer is not None:
            self._frame()
        self.agents = list(self.possible_agents)
        if self.render_mode == "human":
            self.render()
        return self._observations(), {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Let all agents act.

        Args:
            actions: Every agent's action.

        Returns:
            Observations, rewards, terminations, truncations and infos; empty once the episode is over.

        Raises:
            ValueError: If an agent has no action, or one that is not in its space.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        for particle, action in zip(self.world.agents, self._read(actions), strict=True):
            self._command(particle, action)
        self.world.step()
        rewards = self._rewards()
        self._t += 1
        if self.render_mode == "human":
            self.render()
        return self._results(self._observations(), rewards, self._t >= self._max_cycles)

    def state(self) -> np.ndarray:
        """Return all agents' observations in a row, float32.

        Raises:
            RuntimeError: Before the first reset.
        """
        if self._rng is None:
            raise RuntimeError("reset() comes before state()")
        return np.concatenate(list(self._observations().values()))

    def render(self) -> np.ndarray | None:
        """Draw the world with MPE2's own renderer, made when first needed.

        Returns:
            An RGB image ``[700, 700, 3]`` in mode ``"rgb_array"``, else ``None``.

        Raises:
            RuntimeError: If the environment was made without a render mode, or before the first reset.
        """
        if self.render_mode is None:
            raise RuntimeError("make the environment with render_mode='rgb_array' or 'human' to render it")
        if self._rng is None:
            raise RuntimeError("reset() comes before render()")
        if self._renderer is None:
            self._renderer = _import(self._module).raw_env(render_mode=self.render_mode)
            self._renderer.world = self.world
            self._frame()
        image: np.ndarray | None = self._renderer.render()
        return image

    def close(self) -> None:
        """Close the window, if there is one."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the renderer, which cannot be pickled or copied and is made again when needed."""
        return {**self.__dict__, "_renderer": None}

    def _actions(self, particle: Any) -> int:
        return (len(_MOVES) if particle.movable else 1) * (1 if particle.silent else int(self.world.dim_c))

    def _command(self, particle: Any, action: int) -> None:
        force, message = np.zeros(self.world.dim_p), np.zeros(self.world.dim_c)
        if particle.movable:
            action, move = divmod(action, len(_MOVES))
            force = _MOVES[move] * self.acceleration
            if self.wind is not None:
                force += self.wind
        if not particle.silent:
            message[action] = 1.0
        particle.action.u, particle.action.c = force, message

    def _rewards(self) -> list[float]:
        world, scenario, share = self.world, self._scenario, self._local_ratio
        own = [float(scenario.reward(particle, world)) for particle in world.agents]
        if share is None:
            return own
        common = float(scenario.global_reward(world))
        return [common * (1 - share) + reward * share for reward in own]

    def _observations(self) -> dict[str, np.ndarray]:
        return {
            particle.name: self._scenario.observation(particle, self.world).astype(np.float32)
            for particle in self.world.agents
        }

    def _frame(self) -> None:
        """Let the picture span what there is at the start of the episode."""
        positions = np.array([entity.state.p_pos for entity in self.world.entities])
        self._renderer.original_cam_range = np.max(np.abs(positions))


def _import(scenario: str) -> Any:
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    return importlib.import_module(f"mpe2.{scenario}.{scenario}")


def _unbounded(length: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (length,), np.float32)


def spread(
    N: int = 3, local_ratio: float = 0.5, max_cycles: int = MAX_CYCLES, render_mode: str | None = None
) -> Particles:
    """Make MPE2's ``simple_spread_v3`` with ``N`` agents and landmarks; see `Particles`."""
    return Particles("simple_spread", {"N": N}, local_ratio, max_cycles, render_mode)


def speaker_listener(max_cycles: int = MAX_CYCLES, render_mode: str | None = None) -> Particles:
    """Make MPE2's ``simple_speaker_listener_v4``; see `Particles`."""
    return Particles("simple_speaker_listener", {}, None, max_cycles, render_mode)


def reference(local_ratio: float = 0.5, max_cycles: int = MAX_CYCLES, render_mode: str | None = None) -> Particles:
    """Make MPE2's ``simple_reference_v3``; see `Particles`."""
    return Particles("simple_reference", {}, local_ratio, max_cycles, render_mode)


class ParticleDynamics:
    """Writes dynamics into the world of `Particles`, which keeps them over a reset.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: Particles, task: Task) -> None:
        self._env = env
        self._nominal = {name: parameter.nominal for name, parameter in task.dynamics.items()}

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set all parameters of the coming episode."""
        self.apply({name: float(value) for name, value in values.items()})

    def apply(self, values: Mapping[str, float]) -> None:
        """Set all parameters; those without a value are nominal."""
        env, world = self._env, self._env.world
        wind = np.array([values.get("wind_x", 0.0), values.get("wind_y", 0.0)])
        env.wind = wind if wind.any() else None
        env.acceleration = self._scaled("acceleration", values)
        world.dt = self._scaled("time_step", values)
        # Nobody can lose more than all of its velocity.
        world.damping = min(1.0, self._scaled("damping", values))
        touches = "contact_force" in self._nominal
        if touches:
            world.contact_force = self._scaled("contact_force", values)
            world.contact_margin = self._scaled("contact_margin", values)
        for particle in world.agents:
            particle.initial_mass = self._scaled("mass", values)
            if touches:
                particle.size = self._scaled("agent_size", values)

    def _scaled(self, name: str, values: Mapping[str, float]) -> float:
        return self._nominal[name] * values.get(name, 1.0)
