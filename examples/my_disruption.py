"""A kind of disruption of your own in one file: an actuator that cannot move fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from robust_gym.kinds import Argument, Kind, register_kind
from robust_gym.wrappers.base import Effect, Signal


# --8<-- [start:effect]
class Slew(Effect):
    """The applied action follows the command by at most ``rate * scale`` a step, from zero on."""

    def __init__(self, signal: Signal, rate: float) -> None:
        super().__init__(signal)
        self._most = rate * signal.scale
        self._applied = signal.null

    def reset(self, rng: np.random.Generator) -> None:
        """Begin an episode; an effect that needs random numbers draws them from ``self.rng``."""
        super().reset(rng)
        self._applied = self.signal.null

    def __call__(self, value: Any) -> Any:
        """Return the action that is applied; called once per step."""
        change = np.clip(value - self._applied, -self._most, self._most)
        self._applied = self._applied + change
        return self._applied


# --8<-- [end:effect]


# --8<-- [start:kind]
_RATE = Argument("rate", "largest change a step", "of half the action range", low=0, open_low=True)

register_kind(
    Kind(
        channel="action",
        name="slew",
        about="Every action dimension changes by at most a given amount per step.",
        arguments=(_RATE,),
        implementation="my_disruption:Slew",
        levels=((1.0,), (0.5,), (0.3,), (0.2,), (0.1,)),
        spaces=("box",),
        source="rate limits of actuators",
    )
)
# --8<-- [end:kind]
