"""Rollouts: what a team has done in copies of its training environments, for one update of its policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robust_gym.baselines.checkpoints import Snapshot
from robust_gym.baselines.marl.actors import Actors
from robust_gym.baselines.marl.copies import Copies, draw_beginnings
from robust_gym.baselines.marl.critics import OwnCritic, StateCritic
from robust_gym.baselines.marl.normaliser import RunningMoments
from robust_gym.baselines.marl.team import Array


@dataclass(frozen=True)
class Rollout:
    """``T`` steps of ``N`` copies; what ``A`` agents and ``V`` views of the critic saw there.

    Attributes:
        observations: Normalised as they were when the agents acted, ``[A, T, N, D]``.
        views: What the critic reads, ``[V, T, N, …]``.
        actions: As they were drawn, ``[A, T, N]`` or ``[A, T, N, K]``.
        log_probabilities: Theirs, ``[A, T, N]``.
        playing: Whether an agent had not left yet, ``[A, T, N]``.
        rewards: The team's, ``[T, N]``.
        terminated: Steps after which there is no future, ``[T, N]``.
        cut: Steps after which the rollout does not go on: the last ones of it and of episodes, ``[T, N]``.
        views_after: Views after those steps, in the order of ``cut``, ``[V, cuts, …]``.
        masks: Which actions were possible, ``[A, T, N, K]``, or ``None`` where nobody heeds that.
    """

    observations: Tensor
    views: Tensor
    actions: Tensor
    log_probabilities: Tensor
    playing: Tensor
    rewards: Tensor
    terminated: Tensor
    cut: Tensor
    views_after: Tensor
    masks: Tensor | None = None


class Runner:
    """Takes the steps; each episode takes place in one environment of the training distribution, drawn at random.

    Args:
        copies: The training environments.
        actors: Who acts. Their normaliser follows what they see from the first step on.
        critic: For whom views are kept, and whose normaliser follows the states.
        episodes: Draws environments and their seeds.
        generator: Draws the actions.
        normalise: Whether observations and states are normalised.

    Attributes:
        steps: Environment steps so far, of all copies together.
    """

    def __init__(
        self,
        copies: Copies,
        actors: Actors,
        critic: OwnCritic | StateCritic,
        episodes: np.random.Generator,
        generator: torch.Generator,
        *,
        normalise: bool,
    ) -> None:
        self._copies = copies
        self._actors = actors
        self._critic = critic
        self._episodes = episodes
        self._generator = generator
        self._normalise = normalise
        self._count = copies.count
        team = copies.team
        self._rows = np.zeros((self._count, team.size, team.width), np.float32)
        self._seeing = np.zeros((self._count, team.size), bool)
        self._states = np.zeros((self._count, team.state if critic.needs_state else 0), np.float32)
        self._over = np.ones(self._count, bool)
        self._observed = RunningMoments(actors.moments)
        self._state_moments = RunningMoments((team.state,))
        self.steps = 0

    def collect(self, steps: int) -> Rollout:
        """Take some steps in every copy, and start new episodes where there are none.

        Args:
            steps: How many in each copy, ``T``.
        """
        every = range(self._count)
        parts: list[tuple[Tensor, ...]] = []
        rewards, terminated, cuts, after, possible = [], [], [], [], []
        for step in range(steps):
            self._begin(np.flatnonzero(self._over).tolist())
            self._follow()
            seen, views = self._seen(slice(None))
            playing = torch.from_numpy(self._copies.playing(every).T)
            masks = self._masks(every)
            drawn, judged = self._actors.sample(seen, self._generator, masks)
            outcome = self._copies.step(self._actors.head.played(drawn).transpose(0, 1).contiguous().numpy())
            self._look(every)
            self._over = np.array(outcome.over)
            cut = np.ones(self._count, bool) if step == steps - 1 else self._over
            if cut.any():
                after.append(self._seen(np.flatnonzero(cut))[1])
            parts.append((seen, views, drawn, judged, playing))
            rewards.append(outcome.rewards)
            terminated.append(outcome.terminated)
            cuts.append(cut)
            if masks is not None:
                possible.append(masks)
        self.steps += steps * self._count
        observations, views, actions, judged, playing = (torch.stack(part, 1) for part in zip(*parts, strict=True))
        return Rollout(
            observations,
            views,
            actions,
            judged,
            playing,
            torch.tensor(rewards, dtype=torch.float32),
            torch.tensor(terminated, dtype=torch.bool),
            torch.from_numpy(np.stack(cuts)),
            torch.cat(after, 1),
            torch.stack(possible, 1) if possible else None,
        )

    @property
    def between_episodes(self) -> bool:
        """Whether every copy is about to begin an episode."""
        return bool(self._over.all())

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps: of episodes nothing, as all that happens in them follows from their seeds."""
        return {
            "steps": self.steps,
            "episodes": self._episodes.bit_generator.state,
            "generator": self._generator.get_state(),
            "observed": self._observed.snapshot(),
            "state_moments": self._state_moments.snapshot(),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint, with a new episode in every copy."""
        self.steps = snapshot["steps"]
        self._episodes.bit_generator.state = snapshot["episodes"]
        self._generator.set_state(torch.from_numpy(snapshot["generator"]))
        self._observed.restore(snapshot["observed"])
        self._state_moments.restore(snapshot["state_moments"])

    def _begin(self, copies: list[int]) -> None:
        if not copies:
            return
        self._copies.begin(draw_beginnings(copies, self._copies.choices, self._episodes))
        self._look(copies)

    def _look(self, copies: range | list[int]) -> None:
        places = list(copies)
        rows, states = self._copies.look(places, self._critic.needs_state)
        self._rows[places] = rows
        self._seeing[places] = self._copies.seeing(places)
        if self._critic.needs_state:
            self._states[places] = np.stack([state for state in states if state is not None])

    def _masks(self, copies: range) -> Tensor | None:
        """Return which actions are possible now, ``[A, copies, K]``, if that is heeded."""
        masks = self._copies.masks(copies)
        return None if masks is None else torch.from_numpy(masks).transpose(0, 1)

    def _follow(self) -> None:
        """Let the normalisers follow what is acted on; agents that have left see nothing."""
        if not self._normalise:
            return
        if len(self._actors.moments) > 1:
            self._observed.add_all(self._rows, self._seeing)
        elif self._seeing.any():  # those of all agents together
            self._observed.add_all(self._rows[self._seeing])
        self._actors.normaliser.follow(self._observed)
        if self._critic.normaliser is not None:
            self._state_moments.add_all(self._states)
            self._critic.normaliser.follow(self._state_moments)

    def _seen(self, copies: slice | Array) -> tuple[Tensor, Tensor]:
        """Return normalised observations ``[A, B, D]`` and views ``[V, B, …]`` of some copies."""
        rows = torch.from_numpy(self._rows[copies]).transpose(0, 1)
        seen: Tensor = self._actors.normaliser(rows)
        if self._critic.normaliser is None:
            return seen, seen
        views: Tensor = self._critic.normaliser(torch.from_numpy(self._states[copies]).unsqueeze(0))
        return seen, views
