"""Rollouts of random actions: what the checks compare."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Rollout:
    """What a fixed sequence of random actions led to.

    Attributes:
        observations: Every observation, resets included, flattened; of a team, one after the other.
        rewards: Every reward, as the agent was told it.
        nominal: Every true reward; equal to ``rewards`` where the environment does not report it.
        costs: Every cost, as the agent was told it; empty for a task without.
    """

    observations: list[np.ndarray] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    nominal: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def same_observations(self, other: Rollout) -> bool:
        """Return whether all observations are equal to the bit."""
        return len(self.observations) == len(other.observations) and all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(self.observations, other.observations, strict=True)
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Rollout)
            and self.rewards == other.rewards
            and self.costs == other.costs
            and self.same_observations(other)
        )

    def digest(self) -> str:
        """Return a hash of everything."""
        numbers = [np.asarray(self.rewards).tobytes(), np.asarray(self.costs).tobytes()]
        parts = [np.asarray(o).tobytes() for o in self.observations] + numbers
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def note(self, reward: float, info: Mapping[str, Any]) -> None:
        """Add what one agent was told of a step.

        Raises:
            AssertionError: If the reward is no finite number: not even equal rollouts would be found equal.
        """
        assert np.isfinite(reward), f"a reward is {reward}"
        self.rewards.append(float(reward))
        self.nominal.append(float(info.get("nominal_reward", reward)))
        if "cost" in info:
            self.costs.append(float(info["cost"]))


def rollout(
    env: Any,
    seed: int = 7,
    steps: int = 200,
    check_spaces: bool = False,
    close: bool = True,
    actions: int | None = None,
) -> Rollout:
    """Play random actions, the same for the same seed, through as many episodes as fit into some steps.

    Args:
        env: A Gymnasium or PettingZoo parallel environment.
        seed: Seed of the first reset; later ones are unseeded.
        steps: Steps to take.
        check_spaces: Whether to check that every observation is inside its space, and that a mask of actions is one.
        close: Whether to close the environment afterwards.
        actions: Seed of the actions; by default that of the reset.

    Raises:
        AssertionError: If an observation is outside its space, a mask does not fit the actions, or a reward is not
            finite.
    """
    many = hasattr(env, "possible_agents")
    spaces = {agent: env.action_space(agent) for agent in env.possible_agents} if many else {None: env.action_space}
    for number, space in enumerate(spaces.values()):
        space.seed((seed if actions is None else actions) + number)
    result = Rollout()

    def see(observation: Any, infos: Any) -> None:
        seen, told = (observation, infos) if many else ({None: observation}, {None: infos})
        result.observations.append(_flat(seen))
        if check_spaces:
            for agent, one in seen.items():
                space = env.observation_space(agent) if many else env.observation_space
                assert space.contains(one), f"the observation {one!r} is outside {space}"
            for agent, info in told.items():
                if "action_mask" in info:
                    _check_mask(info["action_mask"], spaces[agent])

    observation, infos = env.reset(seed=seed)
    see(observation, infos)
    for _ in range(steps):
        if many:
            observation, rewards, _, _, infos = env.step({agent: spaces[agent].sample() for agent in env.agents})
            for agent, reward in rewards.items():
                assert agent in infos, f"a step returns a reward for {agent!r}, but no info"
                result.note(reward, infos[agent])
            over = not env.agents
        else:
            observation, reward, terminated, truncated, infos = env.step(spaces[None].sample())
            result.note(reward, infos)
            over = terminated or truncated
        see(observation, infos)
        if over:
            observation, infos = env.reset()
            see(observation, infos)
    if close:
        env.close()
    return result


def _check_mask(mask: Any, space: Any) -> None:
    """Check that a mask says of every action of a Discrete space whether it is possible."""
    array, count = np.asarray(mask), getattr(space, "n", None)
    right = count is not None and array.shape == (count,) and bool(np.isin(array, (0, 1)).all())
    assert right, f"an action_mask must have a 0 or 1 for every action of {space}, got {mask!r}"


def _flat(observation: Any) -> np.ndarray:
    """Return all numbers of an observation, the parts of a dict one after the other."""
    if isinstance(observation, Mapping):
        return np.concatenate([_flat(part) for part in observation.values()] or [np.zeros(0)])
    return np.asarray(observation).ravel()
