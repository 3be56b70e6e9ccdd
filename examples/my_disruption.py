"""A kind of disruption of your own in one file: an actuator that cannot move fast."""

from __future__ import annotations

from typing import Any

import numpy as np

from robust_gym.kinds import Argument, Kind, register_kind
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.effect import Effect


# --8<-- [start:effect]
class Slew(Effect):
    """The applied action follows the command by at most ``rate * scale`` a step, from zero on."""

    def __init__(self, signal: Signal, rate: float) -> None:
        super().__init__(signal)
        self._most = rate * signal.scale
        self._applied = self.memory()  # [copies, *shape]

    def begin(self, copy: int, stream: Stream) -> None:
        """Begin an episode of one copy; what holds for all of it would be drawn from ``stream()`` here."""
        self._applied[copy] = self.signal.null

    def __call__(self, values: Any) -> Any:
        """Return the actions that are applied, ``[copies, *shape]``; called once per step."""
        self._applied += np.clip(values - self._applied, -self._most, self._most)
        return self._applied.copy()


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
