"""What policies give to environments, and what these tell: actions as their spaces want them, and true rewards."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces


def as_actions(given: Any, space: spaces.Space[Any]) -> np.ndarray:
    """Return actions in a space's own type, copied.

    Raises:
        ValueError: If the space holds whole numbers, and these are none: they would be cut to another action.
    """
    actions = np.asarray(given)
    whole = space.dtype is not None and space.dtype.kind in "iu"
    if whole and actions.dtype.kind == "f" and not np.array_equal(actions, np.trunc(actions)):
        odd = actions[actions != np.trunc(actions)].ravel()[0]
        raise ValueError(f"the action {odd:g} is no whole number, and {space} wants the index of an action")
    return np.array(actions, space.dtype)


def rewarded(rewards: np.ndarray, copies: np.ndarray) -> dict[str, Any]:
    """Return the true rewards of some copies as Gymnasium's vector environments give infos."""
    return {"nominal_reward": np.where(copies, rewards, 0.0), "_nominal_reward": copies} if copies.any() else {}
