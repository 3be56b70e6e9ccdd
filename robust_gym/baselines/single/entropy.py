"""What learns as SAC does: for reward and for the entropy of its actions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from robust_gym.baselines.single.exploration import StateDependentExploration
from robust_gym.baselines.single.standard import OffPolicy, Values


@dataclass
class MaximumEntropy(StateDependentExploration, OffPolicy):
    """An off-policy method that weighs entropy by a temperature, given or learnt.

    Attributes:
        learning_rate: Adam's, for actor, critics and temperature.
        ent_coef: The temperature: a number, ``auto`` to learn it, or ``auto_0.1`` to learn it from 0.1 on.
    """

    ent_coef: str | None = None

    def policy_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the policy's networks."""
        # Without a limit of the mean, which the saved policy would have to know too.
        unlimited = {"clip_mean": 0.0} if values.get("use_sde") else {}
        return {**super().policy_arguments(values), **unlimited}

    def model_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the model.

        Raises:
            ValueError: If ``ent_coef`` is neither a number of at least 0 nor ``auto``.
        """
        return {**super().model_arguments(values), "ent_coef": _temperature(self.algorithm, values["ent_coef"])}


def _temperature(algorithm: str, given: str | float) -> str | float:
    """Read a temperature; ``auto_0.1`` learns it from 0.1 on."""
    text = str(given)
    try:
        number = float(text.removeprefix("auto_"))
    except ValueError:
        number = math.nan
    if text == "auto" or (text.startswith("auto_") and 0 < number < math.inf):
        return text
    if 0 <= number < math.inf and not text.startswith("auto"):
        return number
    raise ValueError(f"{algorithm}: ent_coef must be a number of at least 0, 'auto' or 'auto_0.1', got {given!r}")
