"""The walker of Gymnasium's Box2D, with a new world for every episode."""

from __future__ import annotations

from typing import Any

import Box2D
from gymnasium.envs.box2d import bipedal_walker


class BipedalWalker(bipedal_walker.BipedalWalker):
    """BipedalWalker whose episodes do not depend on those before.

    Gymnasium keeps one Box2D world for all episodes, which remembers contacts of the last one: after other episodes,
    the same seed gives another course. LunarLander was mended in the same way (Gymnasium issue 728). The first
    episode is Gymnasium's own.

    Args:
        render_mode: As Gymnasium's.
        hardcore: Whether there are stumps, pits and stairs.
    """

    gravity = (0.0, -10.0)
    """Gravity of the coming episodes, in m/s²."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in a new world."""
        self._destroy()
        self.world = Box2D.b2World(gravity=self.gravity)
        return super().reset(seed=seed, options=options)
