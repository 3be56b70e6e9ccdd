"""MPE2's scenarios as PettingZoo parallel environments of our own, step for step MPE2's.

MPE2 wraps its turn-based environment, which holds a 2 MB drawing surface, into a parallel one. Here a
scenario and its world are stepped directly: half the time, a few kilobytes, and they can be pickled and copied
at any moment.
"""

from __future__ import annotations

import importlib
import os
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding

from robust_gym.tasks._parallel import DiscreteTeam
from robust_gym.tasks.mpe import MAX_CYCLES, MAX_DELAY

_MOVES = np.array([(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)], float)
"""Directions of the moves: none, left, right, down, up."""

ACCELERATION = 5.0
"""MPE2's force of a move, for agents that set none of their own."""

_Results = tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]


class Particles(DiscreteTeam):
    """One of MPE2's discrete scenarios.

    Every agent's action is ``move + 5 * message`` (an agent that cannot move, or is silent, has only the other);
    [ContinuousParticles][robust_gym.tasks._mpe_env.ContinuousParticles] take forces instead. Observations are MPE2's,
    float32; ``state()`` is all agents' observations in a row. Seeds mean the same as in MPE2. Episodes are truncated
    after ``max_cycles`` steps.

    Args:
        scenario: Module of ``mpe2``, such as ``"simple_spread"``.
        world: Arguments of the scenario's ``make_world``, in order.
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

    continuous = False

    def __init__(
        self,
        scenario: str,
        world: Sequence[Any] = (),
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
        self.world: Any = self._scenario.make_world(*world)
        self.wind: np.ndarray | None = None
        self.power = 1.0
        self.channel = Channel()
        self._local_ratio = local_ratio
        self._max_cycles = max_cycles
        self._rng: np.random.Generator | None = None
        self._renderer: Any = None
        self._span = 1.0
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
        self.channel.reset()
        self._t = 0
        if self.render_mode is not None:
            # The picture spans what there is at the start of the episode.
            self._span = np.max(np.abs([entity.state.p_pos for entity in self.world.entities]))
        self.agents = list(self.possible_agents)
        if self.render_mode == "human":
            self.render()
        return self._observations(), {agent: {} for agent in self.agents}

    def step(self, actions: Mapping[str, Any]) -> _Results:
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
        self.channel.carry(self.world)
        self._scenario.post_step(self.world)
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
            raw_env = _import(self._module).raw_env
            self._renderer = raw_env(render_mode=self.render_mode, continuous_actions=self.continuous)
            self._renderer.world = self.world
        self._renderer.original_cam_range = self._span
        image: np.ndarray | None = self._renderer.render()
        return image

    def close(self) -> None:
        """Close the window, if there is one; other environments' pictures and fonts stay."""
        if self._renderer is not None and self.render_mode == "human":
            self._renderer.close()
        self._renderer = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the renderer, which cannot be pickled or copied and is made again when needed."""
        return {**self.__dict__, "_renderer": None}

    def _actions(self, particle: Any) -> int:
        return (len(_MOVES) if particle.movable else 1) * (1 if particle.silent else int(self.world.dim_c))

    def _command(self, particle: Any, action: Any) -> None:
        force, message = np.zeros(self.world.dim_p), np.zeros(self.world.dim_c)
        if particle.movable:
            action, move = divmod(action, len(_MOVES))
            force = self._force(particle, _MOVES[move])
        if not particle.silent:
            message[action] = 1.0
        particle.action.u, particle.action.c = force, message

    def _force(self, particle: Any, direction: np.ndarray) -> np.ndarray:
        force: np.ndarray = direction * ((ACCELERATION if particle.accel is None else particle.accel) * self.power)
        return force if self.wind is None else force + self.wind

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


class ContinuousParticles(Particles):
    """One of MPE2's scenarios with continuous actions.

    Every agent's action is a Box 0 to 1, float32: five numbers of movement (unused, left, right, down, up) if it
    can move, then the ``dim_c`` numbers of its message if it can speak. Actions outside are clipped, as in MPE2.

    Args:
        *args: See `Particles`.
        **kwargs: See `Particles`.
    """

    continuous = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lengths = {
            particle.name: len(_MOVES) * particle.movable + int(self.world.dim_c) * (not particle.silent)
            for particle in self.world.agents
        }
        self.action_spaces: dict[str, Any] = {name: spaces.Box(0.0, 1.0, (length,)) for name, length in lengths.items()}

    def _read(self, actions: Mapping[str, Any]) -> list[Any]:
        chosen = []
        for agent in self.possible_agents:
            if agent not in actions:
                raise ValueError(f"no action for {agent!r}; every one of {', '.join(self.agents)} needs one")
            space = self.action_spaces[agent]
            action = np.asarray(actions[agent], np.float32)
            if action.shape != space.shape or np.isnan(action).any():
                raise ValueError(f"the action of {agent!r} must be {space.shape[0]} numbers, got {actions[agent]!r}")
            chosen.append(np.clip(action, 0.0, 1.0))
        return chosen

    def _command(self, particle: Any, action: Any) -> None:
        force, message = np.zeros(self.world.dim_p), np.zeros(self.world.dim_c)
        if particle.movable:
            force += (action[2] - action[1], action[4] - action[3])
            force, action = self._force(particle, force), action[len(_MOVES) :]
        if not particle.silent:
            message = action
        particle.action.u, particle.action.c = force, message


class Channel:
    """What lies between a message and those who hear it; undisturbed, nothing.

    Attributes:
        gain: Factor of every message.
        crosstalk: Share of a message that spreads evenly over all symbols, 0 to 1.
        delay: Steps by which messages come late.
    """

    def __init__(self) -> None:
        self.gain, self.crosstalk, self.delay = 1.0, 0.0, 0
        self._sent: deque[list[np.ndarray]] = deque(maxlen=MAX_DELAY + 1)

    def reset(self) -> None:
        """Forget the messages under way."""
        self._sent.clear()

    def carry(self, world: Any) -> None:
        """Replace what every speaker has just said by what is heard of it.

        In Crypto only the agent whose ``speaker`` is true is heard; what the others say are their answers.
        """
        speakers = [one for one in world.agents if not one.silent and getattr(one, "speaker", True)]
        if not speakers:
            return
        self._sent.append([particle.state.c for particle in speakers])
        if self.gain == 1.0 and self.crosstalk == 0.0 and self.delay == 0:
            return
        late = len(self._sent) - 1 - self.delay
        for number, particle in enumerate(speakers):
            message = self._sent[late][number] if late >= 0 else np.zeros(world.dim_c)
            spread = self.crosstalk * message.sum() / world.dim_c
            particle.state.c = self.gain * ((1.0 - self.crosstalk) * message + spread)


def _import(scenario: str) -> Any:
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    return importlib.import_module(f"mpe2.{scenario}.{scenario}")


def _unbounded(length: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (length,), np.float32)
