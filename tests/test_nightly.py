"""What the nightly run of the property suite has found for the slow tasks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import nightly

import robust_gym
from robust_gym import conformance, registry

RESULTS = nightly.load()


@pytest.mark.parametrize("id", nightly.slow_tasks())
def test_a_slow_task_has_passed_as_it_stands(id: str) -> None:
    known = RESULTS.get(id)
    assert known, f"{id} has not been checked: run `make nightly`"
    assert known["fingerprint"] == nightly.fingerprint(id), f"{id} has changed since: run `make nightly`"
    assert list(known["checks"]) == list(conformance.CHECKS)
    assert set(known["checks"].values()) == {"ok"}


def test_over_two_hundred_tasks_are_proven() -> None:
    """Twins that differ only in how the reward is given count once."""
    proven = [id for id in robust_gym.list_tasks() if registry.task(id).missing() is None]
    distinct = {id.replace("Dense", "").replace("Sparse", "") for id in proven}
    assert len(distinct) >= 200
