"""Masks of actions, as an environment tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def possible(info: Mapping[str, Any], actions: int) -> np.ndarray:
    """Return which actions of an agent are possible now, booleans ``[actions]``.

    Where none is said to be possible, or nothing is said, because the agent has left, all are: what it takes then does
    nothing.

    Args:
        info: What the agent is told, with ``action_mask`` or without.
        actions: How many actions it has.
    """
    mask = info.get("action_mask")
    return np.asarray(mask, bool) if mask is not None and np.any(mask) else np.ones(actions, bool)
