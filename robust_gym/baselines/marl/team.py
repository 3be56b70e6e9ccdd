"""The agents of a task as arrays: names, sizes, and dicts to padded rows and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from robust_gym.vector.masks import possible

Array = np.ndarray[Any, Any]

Bounds = tuple[tuple[float, ...], tuple[float, ...]]
"""The lows and the highs of a Box."""


@dataclass(frozen=True)
class Team:
    """Who plays, what each sees and what each can do.

    Arrays that hold all agents are padded to the largest agent: ``A`` agents, ``D`` observation numbers,
    ``K`` actions.

    Attributes:
        agents: Names, in the order of the arrays.
        observations: Observation numbers of each agent.
        actions: Number of actions of each agent; of Box actions, how many numbers each has.
        state: Numbers in the state that mixers, critics and dual networks may see during training.
        bounds: Of Box actions, each agent's lows and its highs; empty where actions are Discrete.
        masked: Whether learners and policies heed which actions the task says are possible now.
    """

    agents: tuple[Any, ...]
    observations: tuple[int, ...]
    actions: tuple[int, ...]
    state: int
    bounds: tuple[Bounds, ...] = ()
    masked: bool = False

    @classmethod
    def of(cls, env: Any, *, box: bool = False, masks: bool = True) -> Team:
        """Describe the agents of a parallel environment.

        Args:
            env: The environment.
            box: Whether actions may also be vectors, of all agents.
            masks: Whether to heed ``infos[agent]["action_mask"]``, where the environment tells it.

        Raises:
            ValueError: If an agent's actions are not Discrete (nor a Box) or its observations not a Box.
        """
        agents = tuple(env.possible_agents)
        observations, actions, bounds = [], [], []
        continuous = box and hasattr(env.action_space(agents[0]), "low")
        for agent in agents:
            seen, does = env.observation_space(agent), env.action_space(agent)
            if continuous:
                if not hasattr(does, "low") or len(does.shape) != 1:
                    raise ValueError(f"agent {agent!r} needs a Box of one dimension as action space, got {does}")
                bounds.append((tuple(does.low.tolist()), tuple(does.high.tolist())))
            elif not hasattr(does, "n"):
                raise ValueError(f"agent {agent!r} needs a Discrete action space, got {does}")
            elif getattr(does, "start", 0) != 0:
                raise ValueError(f"agent {agent!r} needs actions that count from 0, got {does}")
            if not hasattr(seen, "low"):
                raise ValueError(f"agent {agent!r} needs a Box observation space, got {seen}")
            observations.append(int(np.prod(seen.shape)))
            actions.append(int(does.shape[0] if continuous else does.n))
        # Most environments have no state before the first reset.
        _, infos = env.reset(seed=0)
        seen = _state(env)
        state = sum(observations) if seen is None else len(seen)
        masked = masks and not continuous and any("action_mask" in told for told in infos.values())
        return cls(agents, tuple(observations), tuple(actions), state, tuple(bounds), masked)

    @property
    def size(self) -> int:
        """Number of agents, ``A``."""
        return len(self.agents)

    @property
    def width(self) -> int:
        """Numbers in the largest observation, ``D``."""
        return max(self.observations)

    @property
    def choices(self) -> int:
        """Actions of the agent that has most, ``K``."""
        return max(self.actions)

    @property
    def continuous(self) -> bool:
        """Whether actions are vectors."""
        return bool(self.bounds)

    @property
    def alike(self) -> bool:
        """Whether all agents have the same spaces."""
        return all(len(set(one)) <= 1 for one in (self.observations, self.actions, self.bounds))

    def each(self, actions: Array) -> list[Any]:
        """Return the action of each agent as its environment takes it, from ``[A]``, or from vectors ``[A, K]``."""
        if not self.continuous:
            whole: list[Any] = actions.tolist()
            return whole
        return [row[:size] for row, size in zip(actions, self.actions, strict=True)]

    def stack(self, observation: Mapping[Any, Any]) -> Array:
        """Put one observation of each agent into rows ``[A, D]``.

        An agent that has left sees zeros, as in PyMARL.
        """
        rows = np.zeros((self.size, self.width), np.float32)
        for row, agent, size in zip(rows, self.agents, self.observations, strict=True):
            if agent in observation:
                row[:size] = np.ravel(observation[agent])
        return rows

    def stack_batch(self, observation: Mapping[Any, Any]) -> Array:
        """Put batches of observations, ``[B, …]`` for each agent, into ``[A, B, D]``."""
        batch = len(next(iter(observation.values())))
        rows = np.zeros((self.size, batch, self.width), np.float32)
        for row, agent, size in zip(rows, self.agents, self.observations, strict=True):
            if agent in observation:
                row[:, :size] = np.reshape(observation[agent], (batch, -1))
        return rows

    def stack_masks(self, infos: Mapping[Any, Mapping[str, Any]]) -> Array:
        """Return which actions are possible, ``[A, K]``, as ``vector.masks.possible`` reads them.

        Args:
            infos: What the environment tells of each agent.
        """
        rows = np.zeros((self.size, self.choices), bool)
        for row, agent, size in zip(rows, self.agents, self.actions, strict=True):
            row[:size] = possible(infos.get(agent, {}), size)
        return rows

    def stack_batch_masks(self, masks: Mapping[Any, Array] | None) -> Array | None:
        """Put batches of masks, ``[B, n]`` for each agent, into ``[A, B, K]``, if there are any and they are heeded."""
        if masks is None or not self.masked:
            return None
        batch = len(next(iter(masks.values())))
        rows = np.zeros((self.size, batch, self.choices), bool)
        for row, agent, size in zip(rows, self.agents, self.actions, strict=True):
            row[:, :size] = masks[agent]
        return rows

    def state_of(self, env: Any, rows: Array) -> Array:
        """Return the environment's state, or all agents' observations where it has none; ``[state]``."""
        seen = _state(env)
        if seen is not None:
            return seen
        return np.concatenate([row[:size] for row, size in zip(rows, self.observations, strict=True)])

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        fields = asdict(self)
        if not self.continuous:
            del fields["bounds"]
        if not self.masked:
            del fields["masked"]
        return fields

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Team:
        """Read what ``to_json`` returned."""
        bounds = tuple((tuple(low), tuple(high)) for low, high in fields.get("bounds", ()))
        return cls(
            tuple(fields["agents"]),
            tuple(fields["observations"]),
            tuple(fields["actions"]),
            int(fields["state"]),
            bounds,
            bool(fields.get("masked", False)),
        )


def _state(env: Any) -> Array | None:
    try:
        seen = env.state()
    except NotImplementedError:  # PettingZoo's way of having none
        return None
    return np.ravel(np.asarray(seen, np.float32))
