"""Experience: steps of a team in its training environments, written to the replay."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from robust_gym.baselines.checkpoints import Snapshot
from robust_gym.baselines.marl.copies import Copies, draw_beginnings
from robust_gym.baselines.marl.normaliser import RunningMoments
from robust_gym.baselines.marl.replay import Replay
from robust_gym.baselines.marl.team import Array

Greedy = Callable[[Array], Array]
"""From slots of the replay, ``[B]``, to the greedy actions there, ``[B, A]``."""


class Collector:
    """Steps copies of the training environments; each episode takes place in one of them, drawn at random.

    Exploration is joint, as in the paper: in each copy, one draw decides whether all agents act at random.

    Args:
        copies: The copies.
        replay: Where transitions go, copy by copy.
        episodes: Draws environments and their seeds.
        exploration: Draws the coins and the random actions.
        keep_states: Whether states are stored.

    Attributes:
        steps: Environment steps so far, of all copies together.
        observations: Moments of each agent's observations, ``[A, D]``.
        states: Moments of the state, ``[S]``.
    """

    def __init__(
        self,
        copies: Copies,
        replay: Replay,
        episodes: np.random.Generator,
        exploration: np.random.Generator,
        *,
        keep_states: bool,
    ) -> None:
        self._copies = copies
        self._replay = replay
        self._episodes = episodes
        self._exploration = exploration
        self._keep_states = keep_states
        self._playing = [False] * copies.count
        self._slots = np.zeros(copies.count, np.int64)
        self.steps = 0
        self.observations = RunningMoments((copies.team.size, copies.team.width))
        self.states = RunningMoments((copies.team.state,))

    def step(self, epsilon: float, greedy: Greedy, most: int | None = None) -> None:
        """Take one step in every copy, and start a new episode first where there is none.

        Args:
            epsilon: Probability that all agents of a copy act at random.
            greedy: Chooses their actions otherwise.
            most: How many steps may be taken; the first copies take them.
        """
        count = self._copies.count if most is None else min(most, self._copies.count)
        self._begin([copy for copy in range(count) if not self._playing[copy]])
        actions = self._choose(count, epsilon, greedy)
        outcome = self._copies.step(actions)
        rows, states, masks = self._look(range(count))
        for copy in range(count):
            self._slots[copy] = self._replay.add(
                int(self._slots[copy]),
                actions[copy],
                outcome.rewards[copy],
                outcome.terminated[copy],
                rows[copy],
                states[copy],
                masks[copy],
            )
            self._playing[copy] = not outcome.over[copy]
        self.steps += count

    @property
    def between_episodes(self) -> bool:
        """Whether every copy is about to begin an episode."""
        return not any(self._playing)

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps: of episodes nothing, as all that happens in them follows from their seeds."""
        return {
            "steps": self.steps,
            "episodes": self._episodes.bit_generator.state,
            "exploration": self._exploration.bit_generator.state,
            "observations": self.observations.snapshot(),
            "states": self.states.snapshot(),
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint, with a new episode in every copy."""
        self.steps = snapshot["steps"]
        self._episodes.bit_generator.state = snapshot["episodes"]
        self._exploration.bit_generator.state = snapshot["exploration"]
        self.observations.restore(snapshot["observations"])
        self.states.restore(snapshot["states"])

    def _choose(self, count: int, epsilon: float, greedy: Greedy) -> Array:
        sizes = self._copies.team.actions
        actions = np.zeros((count, len(sizes)), np.int64)
        decided = []
        for copy in range(count):
            if self._exploration.random() < epsilon:
                actions[copy] = self._explored(copy, sizes)
            else:
                decided.append(copy)
        if decided:
            actions[decided] = greedy(self._slots[decided])
        return actions

    def _explored(self, copy: int, sizes: Sequence[int]) -> Array:
        """Draw an action of every agent, from those that are possible."""
        masks = self._replay.masks(self._slots[[copy]])
        if masks is None:
            return self._exploration.integers(sizes)
        each = [np.flatnonzero(mask) for mask in masks[:, 0].numpy()]
        places = self._exploration.integers([len(actions) for actions in each])
        return np.array([actions[place] for actions, place in zip(each, places, strict=True)])

    def _begin(self, copies: Sequence[int]) -> None:
        if not copies:
            return
        beginnings = draw_beginnings(copies, self._copies.choices, self._episodes)
        self._copies.begin(beginnings)
        for one, rows, state, mask in zip(beginnings, *self._look(copies), strict=True):
            self._slots[one.copy] = self._replay.begin(rows, state, one.copy, one.which, mask)
            self._playing[one.copy] = True

    def _look(self, copies: Sequence[int]) -> tuple[Array, Sequence[Array | None], Sequence[Array | None]]:
        rows, states = self._copies.look(copies, self._keep_states)
        for row, there in zip(rows, self._copies.seeing(copies), strict=True):
            self.observations.add(row, there)
        for state in states if self._keep_states else ():
            assert state is not None
            self.states.add(state)
        masks = self._copies.masks(copies)
        return rows, states, [None] * len(copies) if masks is None else list(masks)
