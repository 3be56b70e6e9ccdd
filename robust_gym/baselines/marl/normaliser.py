"""Observations brought to zero mean and unit variance, as a part of the network that reads them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from robust_gym.baselines.checkpoints import Snapshot
from robust_gym.baselines.marl.team import Array

CLIP = 10.0
"""Normalised values are clipped here, as in Stable-Baselines3's VecNormalize."""

_EPSILON = 1e-8
_CONSTANT = 1e-12


class RunningMoments:
    """Mean and variance of every number seen so far (Welford's method).

    Attributes:
        mean: Means, in the shape of one sample: ``[D]``, or rows ``[A, D]``, some of which a sample may lack.
        count: Number of samples; of rows, for each row ``[A, 1]``.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.mean = np.zeros(shape)
        self.count = np.zeros((*shape[:-1], 1) if len(shape) > 1 else (), np.int64)
        self._squares = np.zeros(shape)

    def add(self, sample: Array, there: Array | None = None) -> None:
        """Take in one sample.

        Args:
            sample: The sample.
            there: Which of its rows are there, ``[A]``; all by default.
        """
        if there is None or there.all():
            self.count += 1
            delta = sample - self.mean
        else:
            self.count += there[:, None]
            delta = np.where(there[:, None], sample - self.mean, 0.0)
        self.mean += delta / np.maximum(self.count, 1)
        self._squares += delta * (sample - self.mean)

    def add_all(self, samples: Array, there: Array | None = None) -> None:
        """Take in some samples at once, ``[samples, …]`` (Chan et al., 1979).

        Args:
            samples: The samples.
            there: Which rows of each are there, ``[samples, A]``; all by default.
        """
        if there is not None and not there.all():
            for sample, rows in zip(samples, there, strict=True):
                self.add(sample, rows)
            return
        many = len(samples)
        mean = samples.mean(0, dtype=np.float64)
        delta, before = mean - self.mean, self.count.copy()
        self.count += many
        self.mean += delta * (many / self.count)
        self._squares += ((samples - mean) ** 2).sum(0) + delta**2 * (before * many / self.count)

    @property
    def variance(self) -> Array:
        """Variances; ones before the second sample."""
        return np.where(self.count > 1, self._squares / np.maximum(self.count, 1), 1.0)

    def snapshot(self) -> Snapshot:
        """Return what a checkpoint keeps."""
        return {"count": self.count, "mean": self.mean, "squares": self._squares}

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a checkpoint."""
        self.count, self.mean, self._squares = np.array(snapshot["count"]), snapshot["mean"], snapshot["squares"]


class Normaliser(nn.Module):
    """Maps x to (x - mean) / std, clipped; the identity until it follows some moments.

    Args:
        shape: Shape of the statistics; leading dimensions broadcast.
    """

    mean: Tensor
    inverse_std: Tensor
    clip: Tensor

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("inverse_std", torch.ones(shape))
        self.register_buffer("clip", torch.tensor(float("inf")))

    def follow(self, moments: RunningMoments) -> None:
        """Take over the present moments.

        A number that has never changed is mapped to 0 for good. Dividing it by its tiny standard deviation
        would turn the least disturbance of it into an input that no network has seen.
        """
        self.mean.copy_(torch.as_tensor(moments.mean, dtype=torch.float32).view_as(self.mean))
        variance = moments.variance
        varies = variance > _CONSTANT * np.maximum(1.0, moments.mean**2)
        scale = np.where(varies, 1 / np.sqrt(variance + _EPSILON), 0.0)
        self.inverse_std.copy_(torch.as_tensor(scale, dtype=torch.float32).view_as(self.inverse_std))
        self.clip.fill_(CLIP)

    def forward(self, values: Tensor) -> Tensor:
        """Normalise values; shapes broadcast."""
        limit = self.clip
        return torch.clamp((values - self.mean) * self.inverse_std, -limit, limit)
