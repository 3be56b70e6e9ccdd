"""Replay of team transitions in contiguous arrays; windows are gathered when they are sampled.

Every step of an episode has one slot, and so has the observation after its last step, which has no action of its
own. A transition therefore reads its slot and the next, and no observation is stored twice.

A transition is *terminated* when the episode ended in a state that has no future; only there does a target not
bootstrap. An episode cut off by a time limit goes on in principle, so its last transition bootstraps from the
final observation like any other. (The authors of arXiv 2602.11437 drop the last transition of every episode.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from robust_gym.baselines.checkpoints import Snapshot
from robust_gym.baselines.marl.team import Array, Team


@dataclass(frozen=True)
class Batch:
    """Sampled transitions.

    Attributes:
        slots: Where they lie in the replay, ``[B]``.
        observations: Windows ending at the present observation, ``[A, T, B, D]``.
        last_actions: The action before each of them, ``[A, T, B]``, as ``AgentNetworks.features`` reads it.
        actions: ``[A, B]``.
        rewards: Sum over agents, ``[B]``, in the learner's units.
        continues: 0 where the transition terminated, else 1, ``[B]``.
        states: ``[B, S]``, or ``None`` where nothing needs them.
        groups: Which environment of the training distribution each comes from, ``[B]``, or ``None`` likewise.
        masks: Which actions were possible, ``[A, B, K]``, or ``None`` where nobody heeds that.
    """

    slots: Array
    observations: Tensor
    last_actions: Tensor
    actions: Tensor
    rewards: Tensor
    continues: Tensor
    states: Tensor | None
    groups: Tensor | None = None
    masks: Tensor | None = None


class Replay:
    """The latest transitions of a team.

    Copies of the training environments that play at the same time have equal shares of the slots.

    Args:
        team: The agents.
        capacity: Slots; the oldest are overwritten. More than two windows for each copy.
        history: Steps in a window, ``T``.
        keep_states: Whether to store states too.
        copies: How many copies play.
        keep_groups: Whether to store which environment of the training distribution each transition comes from.

    Raises:
        ValueError: If there is not room enough.

    Attributes:
        size: Slots in use.
        stamps: For each slot, which write filled it: a number that never repeats.
        valid: For each slot, whether it holds a whole transition.
    """

    def __init__(
        self,
        team: Team,
        capacity: int,
        history: int,
        *,
        keep_states: bool = False,
        copies: int = 1,
        keep_groups: bool = False,
    ) -> None:
        self._share = capacity // copies
        if self._share <= 2 * history:
            each = f" for each of {copies} copies" if copies > 1 else ""
            raise ValueError(
                f"a replay needs room for two windows of {history} steps{each}, got a capacity of {capacity}"
            )
        self.team = team
        self.capacity = capacity = copies * self._share
        self.history = history
        self.size = 0
        self._next = [0] * copies
        self._used = np.zeros(copies, np.int64)
        self._written = 0
        self._observations = np.zeros((capacity, team.size, team.width), np.float32)
        self._last_actions = np.zeros((capacity, team.size), np.int64)
        self._actions = np.zeros((capacity, team.size), np.int64)
        self._rewards = np.zeros(capacity, np.float32)
        self._continues = np.ones(capacity, np.float32)
        self._ages = np.zeros(capacity, np.int64)
        self._states = np.zeros((capacity, team.state), np.float32) if keep_states else None
        self._groups = np.zeros(capacity, np.int64) if keep_groups else None
        self._masks = np.ones((capacity, team.size, team.choices), bool) if team.masked else None
        self._group = [0] * copies
        self.valid = np.zeros(capacity, bool)
        self.stamps = np.zeros(capacity, np.int64)
        self._first_row = np.arange(team.size) * team.choices
        self._back = np.arange(1 - history, 1)[:, None]
        self._ahead = np.arange(1, history)

    def begin(
        self, observations: Array, state: Array | None, copy: int = 0, group: int = 0, masks: Array | None = None
    ) -> int:
        """Start an episode of a copy with its first observations, ``[A, D]``, and return their slot.

        The action before the first counts as action 0, as in the paper. All of its transitions are of one group, the
        environment that it takes place in.
        """
        self._group[copy] = group
        return self._write(copy, observations, state, np.zeros(self.team.size, np.int64), 0, masks)

    def add(
        self,
        slot: int,
        actions: Array,
        reward: float,
        terminated: bool,
        after: Array,
        state: Array | None,
        masks: Array | None = None,
    ) -> int:
        """Complete the transition of a slot, and return the slot of the observations after it.

        Args:
            slot: What ``begin`` or the last ``add`` returned.
            actions: ``[A]``.
            reward: Sum over the agents.
            terminated: Whether the state after it has no future.
            after: The next observations, ``[A, D]``.
            state: The next state, or ``None`` where states are not stored.
            masks: Which actions are possible next, ``[A, K]``, or ``None`` where nobody heeds that.
        """
        self._actions[slot] = actions
        self._rewards[slot] = reward
        self._continues[slot] = not terminated
        self.valid[slot] = True
        return self._write(slot // self._share, after, state, actions, int(self._ages[slot]) + 1, masks)

    def _write(
        self,
        copy: int,
        observations: Array,
        state: Array | None,
        last_actions: Array,
        age: int,
        masks: Array | None,
    ) -> int:
        own = self._next[copy]
        slot = copy * self._share + own
        self._next[copy] = (own + 1) % self._share
        if self._used[copy] < self._share:
            self._used[copy] += 1
            self.size += 1
        self._written += 1
        self._observations[slot] = observations
        self._last_actions[slot] = last_actions
        self._ages[slot] = age
        if self._states is not None:
            self._states[slot] = state
        if self._groups is not None:
            self._groups[slot] = self._group[copy]
        if self._masks is not None:
            self._masks[slot] = masks
        self.valid[slot] = False
        self.stamps[slot] = self._written
        if self._used[copy] == self._share:
            # The oldest transitions lose the start of their windows, unless their episodes begin after it.
            ahead = self._ahead
            oldest = slot - own + (own + ahead) % self._share
            self.valid[oldest] &= self._ages[oldest] < ahead
        return slot

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Draw slots of whole transitions, uniformly and with replacement."""
        slots = self._in_use(rng.integers(self.size, size=count))
        while not (good := self.valid[slots]).all():
            slots[~good] = self._in_use(rng.integers(self.size, size=int((~good).sum())))
        return slots

    def _in_use(self, numbers: Array) -> Array:
        """Return the slots in use of some numbers from 0 to ``size``."""
        if self.size == self.capacity or len(self._used) == 1:
            return numbers
        ends = self._used.cumsum()
        copies = np.searchsorted(ends, numbers, side="right")
        return numbers - (ends - self._used)[copies] + copies * self._share

    def batch(self, slots: Array, reward_scale: float = 1.0, windows: bool = True) -> Batch:
        """Gather transitions.

        Args:
            slots: Where they lie.
            reward_scale: Number that rewards are divided by.
            windows: Whether anything will read the windows; else they are empty.
        """
        observations, last_actions = self.windows(slots if windows else slots[:0])
        return Batch(
            slots,
            observations,
            last_actions,
            torch.from_numpy(self._actions[slots].T.copy()),
            torch.from_numpy(self._rewards[slots] / np.float32(reward_scale)),
            torch.from_numpy(self._continues[slots]),
            self.states(slots),
            None if self._groups is None else torch.from_numpy(self._groups[slots]),
            self.masks(slots),
        )

    def reward_size(self) -> float:
        """Return the root mean square of the team's rewards; 1 where it has had none."""
        rewards = self._rewards[self.valid].astype(np.float64)
        return float(np.sqrt(np.mean(rewards**2))) or 1.0

    def states(self, slots: Array) -> Tensor | None:
        """Gather states ``[B, S]``, if they are stored."""
        return None if self._states is None else torch.from_numpy(self._states[slots])

    def masks(self, slots: Array) -> Tensor | None:
        """Gather which actions were possible, ``[A, B, K]``, if that is stored."""
        return None if self._masks is None else torch.from_numpy(self._masks[slots]).transpose(0, 1)

    def windows(self, slots: Array) -> tuple[Tensor, Tensor]:
        """Gather the windows ending at slots: observations ``[A, T, B, D]`` and last actions ``[A, T, B]``."""
        steps = self._beside(slots, self._back)
        padding = self._back + self._ages[slots] < 0
        rows = self._last_actions[steps] + self._first_row
        rows[padding] = self.team.size * self.team.choices
        observations = self._observations[steps]
        return (
            torch.from_numpy(np.ascontiguousarray(observations.transpose(2, 0, 1, 3))),
            torch.from_numpy(np.ascontiguousarray(rows.transpose(2, 0, 1))),
        )

    def after(self, slots: Array) -> Array:
        """Return the slots that hold the observations after transitions."""
        return self._beside(slots, 1)

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps: the slots in use."""
        used = self.in_use()
        arrays = {name: array[used] for name, array in self._arrays().items()}
        return {"next": self._next, "used": self._used, "written": self._written, "arrays": arrays}

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint; episodes that had not ended stay without an end."""
        self._next, self._used, self._written = snapshot["next"], snapshot["used"], snapshot["written"]
        self.size = int(self._used.sum())
        used = self.in_use()
        for name, array in self._arrays().items():
            array[used] = snapshot["arrays"][name]

    def in_use(self) -> Array:
        """Return the slots in use."""
        return self._in_use(np.arange(self.size))

    def _arrays(self) -> dict[str, Array]:
        arrays: dict[str, Array] = {
            "observations": self._observations,
            "last_actions": self._last_actions,
            "actions": self._actions,
            "rewards": self._rewards,
            "continues": self._continues,
            "ages": self._ages,
            "valid": self.valid,
            "stamps": self.stamps,
        }
        if self._states is not None:
            arrays["states"] = self._states
        if self._groups is not None:
            arrays["groups"] = self._groups
        if self._masks is not None:
            arrays["masks"] = self._masks
        return arrays

    def _beside(self, slots: Array, steps: int | Array) -> Array:
        """Return the slots some steps further, of the same copies."""
        own = slots % self._share
        return slots - own + (own + steps) % self._share
