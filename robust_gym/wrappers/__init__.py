"""Wrappers that disturb an environment, one channel a file.

Each takes a disruption string of its own channel and works on any environment; ``robust_gym.make`` applies
them for you. Importing this package is light: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {
    "ActionDisruption": "action",
    "Attack": "adversary",
    "CostDisruption": "cost",
    "DynamicsDisruption": "dynamics",
    "Nominal": "reward",
    "ObservationDisruption": "observation",
    "RewardDisruption": "reward",
    "Safe": "safe",
    "UnboundAdversaryError": "adversary",
    "VisibleContext": "context",
    "adversaries": "adversary",
    "bind": "adversary",
    "ParallelActionDisruption": "parallel",
    "ParallelCostDisruption": "parallel",
    "ParallelDynamicsDisruption": "parallel",
    "ParallelNominal": "parallel",
    "ParallelObservationDisruption": "parallel",
    "ParallelRewardDisruption": "parallel",
    "ParallelTimeLimit": "parallel_limit",
    "ParallelVisibleContext": "parallel_context",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
