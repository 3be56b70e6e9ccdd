"""The search for the worst world: what it finds where that is known, and that what it returns can be repeated."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from robust_gym import worst_case
from robust_gym.disruption import Disruption
from robust_gym.evaluate import evaluate
from robust_gym.task import MissingExtraError
from robust_gym.worst_case import worst_dynamics

TASK = "Robust-Pendulum-v0"
pytest.importorskip("cmaes")


def swing(seen: np.ndarray) -> np.ndarray:
    return np.clip(-8.0 * seen[1:2] - 2.0 * seen[2:3], -2.0, 2.0)


class Bowl:
    """Stands for evaluate(): the return of a world is its squared distance from the worst one."""

    def __init__(self, worst: dict[str, float]) -> None:
        self.worst = worst
        self.batches: list[int] = []

    def __call__(self, policy: Any, task: Any, *, disruptions: list[str], episodes: int) -> Any:
        self.batches.append(len(disruptions))
        assert len(set(disruptions)) == len(disruptions)
        return SimpleNamespace(results=[SimpleNamespace(mean=self.at(text)) for text in disruptions])

    def at(self, text: str) -> float:
        values = {term.kind: term.args[0] for term in Disruption.parse(text).terms}
        return float(sum((values.get(name, 1.0) - value) ** 2 for name, value in self.worst.items()))


def test_it_finds_a_known_worst_world(monkeypatch: pytest.MonkeyPatch) -> None:
    bowl = Bowl({"gravity": 1.2, "mass": 0.75, "length": 0.9})
    monkeypatch.setattr(worst_case, "evaluate", bowl)
    found = worst_dynamics(swing, TASK, ["gravity", "mass", "length"], evaluations=200, seed=3)
    values = {term.kind: term.args[0] for term in Disruption.parse(found.disruption).terms}
    assert values == pytest.approx(bowl.worst, abs=0.02)
    assert found.nominal == pytest.approx(0.2**2 + 0.25**2 + 0.1**2)
    assert found.mean == min(mean for _, mean in found.history)
    assert found.history[0] == ("none", found.nominal)
    assert sum(bowl.batches) == len(found.history) <= 201


def test_it_stays_in_the_box_and_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worst_case, "evaluate", Bowl({"gravity": 5.0, "mass": -5.0}))
    first, again = (worst_dynamics(swing, TASK, ["gravity", "mass"], delta=0.1, evaluations=60) for _ in range(2))
    assert first == again
    values = [term.args[0] for text, _ in first.history for term in Disruption.parse(text).terms]
    assert min(values) >= 0.9
    assert max(values) <= 1.1
    worst = {term.kind: term.args[0] for term in Disruption.parse(first.disruption).terms}
    assert worst == pytest.approx({"gravity": 1.1, "mass": 0.9}, abs=0.01)


def test_one_parameter_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worst_case, "evaluate", Bowl({"gravity": 1.2}))
    found = worst_dynamics(swing, TASK, ["gravity"], delta=0.2, evaluations=5)
    assert [text for text, _ in found.history] == [
        "none",
        "dynamics:gravity:0.8",
        "dynamics:gravity:0.9",
        "dynamics:gravity:1.1",
        "dynamics:gravity:1.2",
    ]
    assert found.disruption == "dynamics:gravity:1.2"


def test_what_it_returns_can_be_evaluated() -> None:
    found = worst_dynamics(swing, TASK, evaluations=6, episodes=1, delta=0.5)
    assert found.mean <= found.nominal
    assert evaluate(swing, TASK, disruptions=found.disruption, episodes=1).results[0].mean == found.mean


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parameters": ["gravty"]}, "no dynamics parameter 'gravty'.*Did you mean 'gravity'"),
        ({"parameters": ["mass", "mass"]}, "named twice"),
        ({"parameters": []}, "no dynamics parameter to search"),
        ({"delta": 0}, "delta must be > 0"),
        ({"evaluations": 0}, "whole number >= 1"),
    ],
)
def test_bad_arguments_are_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        worst_dynamics(swing, TASK, **options)


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worst_case, "missing", lambda *_: "worst_dynamics needs the package 'cmaes'")
    monkeypatch.setattr(worst_case, "evaluate", Bowl({"gravity": 1.2}))
    with pytest.raises(MissingExtraError, match="needs the package 'cmaes'"):
        worst_dynamics(swing, TASK)
