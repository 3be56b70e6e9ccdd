"""One learner of joint values: agents' networks, a mixer, a backup and an optimiser."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from robust_gym.baselines.checkpoints import Snapshot, optimiser_state, restore_optimiser, tensors
from robust_gym.baselines.marl.backups import Backup
from robust_gym.baselines.marl.mixers import Mixer
from robust_gym.baselines.marl.networks import AgentNetworks
from robust_gym.baselines.marl.normaliser import RunningMoments
from robust_gym.baselines.marl.optimiser import Optimiser
from robust_gym.baselines.marl.replay import Batch, Replay
from robust_gym.baselines.marl.team import Array

_BLOCK = 256


class TargetValues:
    """Greedy joint values of the target networks at the observations after each transition of a replay.

    The target networks change only when they are copied, so each value is computed once and kept until then or
    until its slot is overwritten.

    Args:
        networks: The agents' networks, copied.
        mixer: The mixer, copied.
        replay: The transitions.
    """

    def __init__(self, networks: AgentNetworks, mixer: Mixer, replay: Replay) -> None:
        self._replay = replay
        self._values = np.zeros((*mixer.outputs, replay.capacity), np.float32)
        self._stamps = np.zeros(replay.capacity, np.int64)
        self.copy(networks, mixer)

    def copy(self, networks: AgentNetworks, mixer: Mixer) -> None:
        """Copy the online networks, with their normalisers, and forget all values."""
        self._networks, self._mixer = copy.deepcopy((networks, mixer))
        self._stamps[:] = 0

    def __call__(self, slots: Array) -> Tensor:
        """Return the values after the transitions in some slots, ``[*outputs, B]``."""
        stale = self._stamps != self._replay.stamps
        missing = slots[stale[slots]]
        if len(missing):
            # A forward of one row costs nearly as much as one of many: do others that will be needed too.
            missing = np.unique(missing)
            others = np.setdiff1d(np.flatnonzero(stale & self._replay.valid), missing, assume_unique=True)
            self._refresh(np.concatenate((missing, others[: max(0, _BLOCK - len(missing))])))
        return torch.from_numpy(self._values[..., slots])

    @torch.no_grad()
    def _refresh(self, slots: Array) -> None:
        after = self._replay.after(slots)
        networks = self._networks
        features = networks.features(*self._replay.windows(after))
        greedy = self._mixer.greedy_values(networks, features, self._replay.states(after), self._replay.masks(after))
        self._values[..., slots] = greedy.numpy()
        self._stamps[slots] = self._replay.stamps[slots]

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps; values too, which computed in other company differ in their last bits."""
        used = self._replay.in_use()
        return {
            "networks": self._networks.state_dict(),
            "mixer": self._mixer.state_dict(),
            "values": self._values[..., used],
            "stamps": self._stamps[used],
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint, of which the replay has its part already."""
        self._networks.load_state_dict(tensors(snapshot["networks"]))
        self._mixer.load_state_dict(tensors(snapshot["mixer"]))
        used = self._replay.in_use()
        self._values[..., used] = snapshot["values"]
        self._stamps[used] = snapshot["stamps"]


class Learner:
    """Fits action values, joint as the mixer makes them, to the targets of a backup.

    Args:
        networks: The agents' networks.
        mixer: From their values to the team's.
        backup: From next values to targets.
        replay: Where transitions come from.
        optimiser: Of the parameters of networks and mixer.
        max_grad_norm: Norm to which the gradient is clipped; 0 for no clipping.
        batch_size: Transitions in an update.
        reward_scale: Number that rewards are divided by from ``begin`` on; 0 for the root mean square of
            those seen before.
        rng: Draws the transitions.
    """

    def __init__(
        self,
        networks: AgentNetworks,
        mixer: Mixer,
        backup: Backup,
        replay: Replay,
        *,
        optimiser: Optimiser,
        max_grad_norm: float,
        batch_size: int,
        reward_scale: float,
        rng: np.random.Generator,
    ) -> None:
        self.networks = networks
        self.mixer = mixer
        self.backup = backup
        self.replay = replay
        self.targets = TargetValues(networks, mixer, replay)
        self._parameters = [*networks.parameters(), *mixer.parameters()]
        self._optimiser = optimiser
        self._max_grad_norm = max_grad_norm
        self._batch_size = batch_size
        self._reward_scale = reward_scale
        self._rng = rng

    def begin(self) -> None:
        """Settle the scale of rewards, copy the targets, and let the backup fit its own networks, if it does so."""
        self._reward_scale = self._reward_scale or self.replay.reward_size()
        self.backup.rescale(self._reward_scale)
        self.copy_targets()
        self.backup.begin(lambda: self._batch(self.replay.sample(self._batch_size, self._rng)))

    def update(self, times: int = 1) -> None:
        """Take some steps on the backup's own networks, if it has any, then as many on the joint value."""
        if self.backup.fits:
            for _ in range(times):
                slots = self.replay.sample(self._batch_size, self._rng)
                read = self.backup.needs_features
                batch = self.replay.batch(slots, self._reward_scale, windows=read)
                with torch.no_grad():
                    features = self._features(batch) if read else None
                self.backup.fit(batch, self.targets(slots), features)
        for _ in range(times):
            self._step(self.replay.sample(self._batch_size, self._rng))

    def _step(self, slots: Array) -> None:
        batch = self._batch(slots)
        features = self._features(batch)
        target = self.backup.target(batch, self.targets(slots), features.detach())
        loss = self.mixer.loss(self.networks, features, batch, target)
        self._optimiser.zero_grad()
        loss.backward()
        if self._max_grad_norm > 0:
            torch.nn.utils.clip_grad_norm_(self._parameters, self._max_grad_norm)
        self._optimiser.step()

    def _batch(self, slots: Array) -> Batch:
        return self.replay.batch(slots, self._reward_scale)

    def _features(self, batch: Batch) -> Tensor:
        return self.networks.features(batch.observations, batch.last_actions)

    def follow(self, observations: RunningMoments, states: RunningMoments) -> None:
        """Normalise what the networks read by the moments of what has been seen."""
        self.networks.normaliser.follow(observations)
        self.mixer.follow(states)
        self.backup.follow(states)

    def copy_targets(self) -> None:
        """Copy the online networks to the target networks."""
        self.targets.copy(self.networks, self.mixer)

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps."""
        return {
            "networks": self.networks.state_dict(),
            "mixer": self.mixer.state_dict(),
            "optimiser": optimiser_state(self._optimiser),
            "backup": self.backup.snapshot(),
            "targets": self.targets.snapshot(),
            "reward_scale": self._reward_scale,
            "rng": self._rng.bit_generator.state,
        }

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint, of which the replay has its part already."""
        self.networks.load_state_dict(tensors(snapshot["networks"]))
        self.mixer.load_state_dict(tensors(snapshot["mixer"]))
        restore_optimiser(self._optimiser, snapshot["optimiser"])
        self.backup.restore(snapshot["backup"])
        self.targets.restore(snapshot["targets"])
        self._reward_scale = snapshot["reward_scale"]
        self._rng.bit_generator.state = snapshot["rng"]

    @torch.no_grad()
    def greedy(self, slots: Array) -> Array:
        """Return every agent's greedy action at the observations of some slots, ``[B, A]``."""
        features = self.networks.features(*self.replay.windows(slots))
        actions: Array = self.networks.values(features, self.replay.masks(slots)).argmax(-1).numpy().T
        return actions
