"""Spaces of double precision, as those of robosuite and Meta-World, in front of networks of single precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from solo_games import DOUBLE, echoes  # noqa: F401

from robust_gym import registry
from robust_gym.baselines.base import create
from robust_gym.task import Budget

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")
pytest.importorskip("sb3_contrib")

ABLE = [name for name in registry.list_algorithms() if not registry.algorithm(name).refuses(DOUBLE)]


@pytest.mark.usefixtures("echoes")
@pytest.mark.parametrize("name", ABLE)
def test_actions_of_double_precision(name: str) -> None:
    policy: Any = create(name).train(DOUBLE, Budget("test", 100, 1), 0, lambda done: None)
    seen = np.array([[120.0, 40.0], [140.0, 40.0]])
    actions, _ = policy.act(seen, None, np.ones(2, bool))
    assert actions.shape == (2, 1)
    assert np.isfinite(actions).all()
    assert (actions >= -2).all() and (actions <= 6).all()
