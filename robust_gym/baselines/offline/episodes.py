"""Episodes of a task, collected with a behaviour: one policy, or a mixture of several, with noise of its own."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from robust_gym.baselines.base import Progress, training_seed
from robust_gym.evaluate import Policy
from robust_gym.task import Task

Array = np.ndarray[Any, Any]

_PROGRESS_EVERY = 500


@dataclass(frozen=True)
class Episode:
    """One episode, in the task's own spaces.

    Attributes:
        observations: ``[T + 1, …]``, or a dict of such arrays keyed by part; the last follows the last action.
        actions: ``[T, …]``.
        rewards: ``[T]``, float64.
        terminated: Whether the task ended it; else it was cut off, and the last state had a value.
        seed: What it was reset with, where that is known.
    """

    observations: Any
    actions: Array
    rewards: Array
    terminated: bool
    seed: int | None = None

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.rewards)

    @property
    def terminations(self) -> Array:
        """Whether the task ended with each step, ``[T]``."""
        return self._at_the_end(self.terminated)

    @property
    def truncations(self) -> Array:
        """Whether the episode was cut off after each step, ``[T]``."""
        return self._at_the_end(not self.terminated)

    def _at_the_end(self, value: bool) -> Array:
        flags = np.zeros(len(self), bool)
        flags[-1] = value
        return flags

    def first(self, steps: int) -> Episode:
        """Return the beginning of the episode, cut off where it goes on."""
        if steps >= len(self):
            return self
        seen = self.observations
        seen = (
            {name: part[: steps + 1] for name, part in seen.items()} if isinstance(seen, Mapping) else seen[: steps + 1]
        )
        return dataclasses.replace(
            self, observations=seen, actions=self.actions[:steps], rewards=self.rewards[:steps], terminated=False
        )


def first(episodes: Sequence[Episode], steps: int) -> list[Episode]:
    """Return the first steps of some episodes, the last of them cut off where it would be too long."""
    kept: list[Episode] = []
    for episode in episodes:
        if steps <= 0:
            break
        kept.append(episode.first(steps))
        steps -= len(kept[-1])
    return kept


@dataclass(frozen=True)
class Behaviour:
    """Who acts while data are collected.

    Attributes:
        policies: Each episode draws one; ``None`` acts uniformly at random.
        shares: Probability of each.
        epsilon: Probability that an action is drawn uniformly instead, in [0, 1].
        noise: Standard deviation of the Gaussian noise on every action of a policy, in units of half the range of the
            action's dimension; only where actions are a box.

    Raises:
        ValueError: If nobody acts, a number is out of bounds or changes nothing, or there are not as many shares as
            policies.
    """

    policies: tuple[Policy | None, ...]
    shares: tuple[float, ...] = ()
    epsilon: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not self.policies:
            raise ValueError("a behaviour needs at least one policy")
        if self.shares and (
            len(self.shares) != len(self.policies) or min(self.shares) < 0 or not 0 < sum(self.shares) < np.inf
        ):
            raise ValueError(
                f"shares must be {len(self.policies)} numbers of at least 0, one for each policy and not all 0, "
                f"got {list(self.shares)}"
            )
        if not 0.0 <= self.epsilon <= 1.0:
            raise ValueError(f"epsilon must be from 0 to 1, got {self.epsilon!r}")
        if not 0.0 <= self.noise < np.inf:
            raise ValueError(f"noise must be a number of at least 0, got {self.noise!r}")
        if (self.noise or self.epsilon) and all(policy is None for policy in self.policies):
            raise ValueError("noise and epsilon change nothing where every action is random already")

    @property
    def probabilities(self) -> Array:
        """Probability that an episode is played by each policy."""
        shares = np.array(self.shares or (1.0,) * len(self.policies))
        return shares / shares.sum()


def check_noise(noise: float, task: Task) -> None:
    """Check that the actions of a task take noise.

    Raises:
        ValueError: If there is noise, and they do not.
    """
    if noise and task.action != "box":
        raise ValueError(f"noise is for box actions, and {task.id} has {task.action} ones: use epsilon instead")


def returns(task: Task, episodes: Sequence[Episode]) -> Array:
    """Return the returns of collected episodes; not that of the last where the steps ended it, and not the task.

    Args:
        task: The task.
        episodes: What ``collect`` returned.
    """
    *others, last = episodes
    cut = others and not last.terminated and len(last) < task.horizon
    return np.array([episode.rewards.sum() for episode in (others if cut else episodes)])


def collect(
    task: Task, behaviour: Behaviour, steps: int, rng: np.random.Generator, progress: Progress = lambda done: None
) -> list[Episode]:
    """Collect episodes of the undisturbed task.

    Args:
        task: The task, of one agent.
        behaviour: Who acts.
        steps: Environment steps in all; the last episode is cut off where they end.
        rng: Draws the seeds of the episodes, who plays them, and all noise.
        progress: Called now and then with the steps done.

    Raises:
        ValueError: If the behaviour has noise for actions that take none.
    """
    from robust_gym.tasks import make

    check_noise(behaviour.noise, task)
    env = make(task.id)
    with contextlib.closing(env):
        chosen = copy.deepcopy(env.action_space)
        chosen.seed(int(rng.integers(2**31)))
        episodes: list[Episode] = []
        done = 0
        while done < steps:
            policy = behaviour.policies[rng.choice(len(behaviour.policies), p=behaviour.probabilities)]
            episode = _play(env, policy, behaviour, steps - done, chosen, rng)
            episodes.append(episode)
            before, done = done, done + len(episode)
            if done // _PROGRESS_EVERY > before // _PROGRESS_EVERY or done == steps:
                progress(done)
    return episodes


def _play(
    env: Any, policy: Policy | None, behaviour: Behaviour, most: int, space: Any, rng: np.random.Generator
) -> Episode:
    """Play one episode of at most some steps."""
    seed = training_seed(rng)
    seen, _ = env.reset(seed=seed)
    observations, actions = [seen], []
    rewards: list[float] = []
    state: Any = None
    start, terminated, truncated = np.ones(1, bool), False, False
    while not (terminated or truncated) and len(rewards) < most:
        uniform = policy is None or rng.random() < behaviour.epsilon
        action = space.sample() if uniform else None
        if policy is not None:  # asked even where it is not listened to: its memory goes on
            wanted, state = policy.act(_row(seen), state, start)
            action = _noisy(wanted[0], behaviour.noise, space, rng) if action is None else action
        seen, reward, terminated, truncated, _ = env.step(action)
        start = np.zeros(1, bool)
        observations.append(seen)
        actions.append(action)
        rewards.append(float(reward))
    return Episode(_stacked(observations), np.array(actions), np.array(rewards), bool(terminated), seed)


def _noisy(action: Any, noise: float, space: Any, rng: np.random.Generator) -> Any:
    if isinstance(space, spaces.Discrete):
        return int(action)
    if noise:
        action = action + noise * (space.high - space.low) / 2 * rng.standard_normal(space.shape)
    return np.clip(action, space.low, space.high).astype(space.dtype)


def _row(seen: Any) -> Any:
    if isinstance(seen, Mapping):
        return {name: np.asarray(part)[None] for name, part in seen.items()}
    return np.asarray(seen)[None]


def _stacked(observations: Sequence[Any]) -> Any:
    if isinstance(observations[0], Mapping):
        return {name: np.stack([seen[name] for seen in observations]) for name in observations[0]}
    return np.stack([np.asarray(seen) for seen in observations])
