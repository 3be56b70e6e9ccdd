"""A kind of disruption: a sensor that takes its time, as a thermometer does."""

from __future__ import annotations

from typing import Any

import numpy as np

from robust_gym.kinds import Argument, Kind, register_kind
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.effect import Effect


class Inertia(Effect):
    """The observation goes a share ``1 - exp(-1 / tau)`` of the way to the true one in each step."""

    def __init__(self, signal: Signal, tau: float) -> None:
        super().__init__(signal)
        self._share = 1 - np.exp(-1 / tau)
        self._shown = self.memory()  # [copies, *shape]
        self._fresh = np.ones(signal.copies, bool)

    def begin(self, copy: int, stream: Stream) -> None:
        """Show the first observation of an episode as it is."""
        self._fresh[copy] = True

    def __call__(self, values: Any) -> Any:
        """Return what is shown, ``[copies, *shape]``."""
        moved = self._shown + self._share * (values - self._shown)
        # Not with a share of 1: its rounding would depend on what the last episode has shown.
        self._shown = np.where(self.column(self._fresh), values, moved)
        self._fresh[:] = False
        return self._shown.copy()


def register() -> None:
    """Register the kind; the entry point."""
    register_kind(
        Kind(
            channel="observation",
            name="inertia",
            about="Every dimension follows the true one slowly.",
            arguments=(Argument("tau", "time until 63 % of a jump are seen", "steps", low=0, open_low=True),),
            implementation="robust_gym_greenhouse.disruption:Inertia",
            levels=((0.5,), (1.0,), (2.0,), (4.0,), (8.0,)),
            spaces=("box",),
            source="first-order sensors",
        )
    )
