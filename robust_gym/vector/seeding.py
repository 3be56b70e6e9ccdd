"""What a caller asks of a vector environment's reset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def asked(
    num_envs: int, seed: int | Sequence[int | None] | None, options: dict[str, Any] | None
) -> tuple[np.ndarray, Sequence[int | None]]:
    """Return which copies are to be reset, ``[copies]`` booleans, and the seed of each.

    Args:
        num_envs: How many copies there are.
        seed: Copy i gets ``seed + i``, or the i-th of a list.
        options: May hold ``"reset_mask"``, the copies to be reset; all of them by default.

    Raises:
        ValueError: If there is not one seed for each copy, or the mask is not one boolean for each, with one true.
    """
    chosen = np.asarray((options or {}).get("reset_mask", np.ones(num_envs, bool)))
    if chosen.dtype != bool or chosen.shape != (num_envs,) or not chosen.any():
        raise ValueError(f"reset_mask must be {num_envs} booleans, of which one is true at least, got {chosen!r}")
    if seed is None:
        return chosen, [None] * num_envs
    seeds = [int(seed) + copy for copy in range(num_envs)] if isinstance(seed, (int, np.integer)) else list(seed)
    if len(seeds) != num_envs:
        raise ValueError(f"one seed for each of {num_envs} copies is needed, got {len(seeds)}")
    return chosen, seeds
