"""The table of built-in kinds of disruption, a file for each channel; see [robust_gym.kinds][].

Adding a kind is one entry here and one class under ``robust_gym/wrappers/``.
"""

from __future__ import annotations

from robust_gym.kind import Kind
from robust_gym.kind_table._action import ACTION
from robust_gym.kind_table._adversaries import ADVERSARIES, ATTACKS
from robust_gym.kind_table._dynamics import DYNAMICS
from robust_gym.kind_table._images import IMAGES
from robust_gym.kind_table._observation import OBSERVATION
from robust_gym.kind_table._presets import PRESETS
from robust_gym.kind_table._signals import COST, REWARD

__all__ = ["PRESETS", "TABLE", "WORDS"]

TABLE: tuple[Kind, ...] = (*DYNAMICS, *ACTION, *REWARD, *COST, *OBSERVATION, *IMAGES, *ADVERSARIES)

WORDS: dict[str, dict[str, str]] = {"adversaries": ATTACKS}
"""Words that arguments may be, and the classes that they stand for, by table."""
