"""Dict and Discrete observations, and the cost channel: disruptions, evaluation and training on small fakes."""

from __future__ import annotations

import dataclasses
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.task import DynamicsParameter, SemanticShift, Task
from robust_gym.wrappers import ObservationDisruption
from robust_gym.wrappers.apply import check
from robust_gym.wrappers.cost import CostDisruption


class Goal(gym.Env[Any, Any]):
    """A goal environment that stands still."""

    def __init__(self) -> None:
        box = spaces.Box(-5.0, 5.0, (3,), np.float64)
        self.observation_space = spaces.Dict({"observation": box, "achieved_goal": box, "desired_goal": box})
        self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def _see(self) -> dict[str, np.ndarray]:
        return {name: np.ones(3) for name in self.observation_space.spaces}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self._see(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._see(), 0.0, False, False, {"cost": 1.0}


class Walk(gym.Env[int, int]):
    """A Discrete observation that counts from 2 to 6 and starts again."""

    def __init__(self) -> None:
        self.observation_space = spaces.Discrete(5, start=2)
        self.action_space = spaces.Discrete(2)
        self._t = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self._t = 0
        return 2, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self._t += 1
        return 2 + self._t % 5, 0.0, False, False, {}


def test_goals_stay_true_and_everything_else_is_disturbed_on_its_own() -> None:
    task = Task("Robust-FakeGoal-v0", "fake", "Stands still.", "x:y", "x:Y", 10, observation="dict")
    env = ObservationDisruption(Goal(), "obs:gauss:0.1")
    env.reset(seed=1)
    seen, *_ = env.step(np.zeros(1))
    assert task.undisturbed == ("desired_goal",)
    # Without a task everything is disturbed; noise is in units of half the range.
    assert all(np.any(part != 1.0) for part in seen.values())
    assert not np.array_equal(seen["observation"], seen["achieved_goal"]), "parts share their noise"


def test_a_tasks_goals_stay_true(monkeypatch: pytest.MonkeyPatch) -> None:
    from robust_gym import registry

    task = Task("Robust-FakeGoal-v0", "fake", "Stands still.", "x:y", "x:Y", 10, observation="dict")
    monkeypatch.setitem(registry._tasks, task.id, task)
    env = ObservationDisruption(Goal(), "obs:bias:0.1", task.id)
    seen, _ = env.reset(seed=1)
    np.testing.assert_array_equal(seen["desired_goal"], 1.0)
    np.testing.assert_allclose(seen["achieved_goal"], 1.5)
    assert env.observation_space.contains(seen)


def test_a_discrete_observation_is_misread_delayed_and_frozen() -> None:
    def play(disruption: str, steps: int = 400) -> list[int]:
        env = ObservationDisruption(Walk(), disruption)
        seen = [env.reset(seed=3)[0]] + [env.step(0)[0] for _ in range(steps)]
        assert all(env.observation_space.contains(one) for one in seen)
        return [int(one) for one in seen]

    true = [2 + t % 5 for t in range(401)]
    wrong = np.array(play("obs:random:0.25")) != true
    assert 0.18 < wrong.mean() < 0.32, "a wrong reading is another value, with probability p"
    always = np.array(play("obs:random:1.0"))
    assert np.all(always != true)
    assert set(always) == {2, 3, 4, 5, 6}
    assert play("obs:delay:2")[2:] == true[:-2]
    assert play("obs:freeze:0.3,4") != true


def test_gauss_on_a_discrete_observation_names_what_is_possible() -> None:
    task = Task("Robust-FakeWalk-v0", "fake", "Counts.", "x:y", "x:Y", 10, observation="discrete", action="discrete")
    with pytest.raises(DisruptionError, match="its observations are discrete; .* are delay, jitter, freeze, random"):
        check(Disruption.parse("obs:0.1"), task, "discrete")
    with pytest.raises(DisruptionError, match="it reports no cost"):
        check(Disruption.parse("cost:0.1"), task, "discrete")


@pytest.mark.parametrize(
    ("disruption", "expected"),
    [("cost:scale:0.5", 0.5), ("cost:shift:-3", 0.0), ("cost:shift:0.5", 1.5), ("cost:dropout:1.0", 0.0)],
)
def test_the_told_cost_changes_and_stays_at_least_zero(disruption: str, expected: float) -> None:
    env = CostDisruption(Goal(), disruption)
    env.reset(seed=1)
    *_, info = env.step(np.zeros(1))
    assert info["cost"] == expected
    assert info["nominal_cost"] == 1.0


def test_a_delayed_cost_arrives_late() -> None:
    env = CostDisruption(Goal(), "cost:delay:2")
    env.reset(seed=1)
    assert [env.step(np.zeros(1))[-1]["cost"] for _ in range(4)] == [0.0, 0.0, 1.0, 1.0]


def test_a_cost_disruption_needs_a_cost() -> None:
    env = CostDisruption(Walk(), "cost:scale:0.5")
    env.reset(seed=1)
    with pytest.raises(DisruptionError, match=r"reports no info\['cost'\]"):
        env.step(0)


@pytest.mark.parametrize(
    ("parameter", "why"),
    [
        (DynamicsParameter("mass", "m", "kg", 0.0), "a multiple of zero changes nothing"),
        (DynamicsParameter("mass", "m", "kg", 1.0, 2.0, 2.0), "leave nothing to choose"),
        (DynamicsParameter("mass", "m", "kg", 1.0, 2.0, 3.0), "its nominal value 1 is outside 2 to 3"),
        (DynamicsParameter("Mass", "m", "kg", 1.0), "lower-case word"),
        (DynamicsParameter("random", "m", "kg", 1.0), "a meaning of its own"),
    ],
)
def test_a_parameter_that_cannot_take_effect_is_refused(parameter: DynamicsParameter, why: str) -> None:
    task = Task("Robust-Fake-v0", "fake", "F.", "x:y", "x:Y", 10, dynamics={parameter.name: parameter})
    with pytest.raises(ValueError, match=f"the parameter '{parameter.name}' of Robust-Fake-v0 is refused: .*{why}"):
        task.check()


@pytest.mark.parametrize(
    ("shift", "why"),
    [
        (SemanticShift("map", "m", "4x4", ("4x4", "8x8")), "words that begin with a letter"),
        (SemanticShift("map", "m", "small", ("small",)), "at least one other"),
        (SemanticShift("map", "m", "small", ("small", "large"), ("small",)), "among the others"),
    ],
)
def test_a_shift_that_cannot_take_effect_is_refused(shift: SemanticShift, why: str) -> None:
    task = Task("Robust-Fake-v0", "fake", "F.", "x:y", "x:Y", 10, semantic={shift.name: shift})
    with pytest.raises(ValueError, match=why):
        task.check()


def test_vectors_of_dicts_and_states() -> None:
    from robust_gym.baselines.single.vectors import VectorObservation, vectors

    seen, _ = VectorObservation(Goal()).reset(seed=1)
    assert seen.shape == (9,)
    with pytest.raises(ValueError, match="count from 0"):
        VectorObservation(Walk())
    np.testing.assert_array_equal(vectors(np.array([0, 2]), 3), [[1, 0, 0], [0, 0, 1]])
    batch = {"b": np.ones((2, 2)), "a": np.zeros((2, 1))}
    np.testing.assert_array_equal(vectors(batch), [[0, 1, 1], [0, 1, 1]])


def test_noise_on_whole_numbers_is_rounded_at_random() -> None:
    """To the nearest, noise of less than a half would be none; what is whole already stays as it is."""

    class Cells(Walk):
        def __init__(self) -> None:
            super().__init__()
            self.observation_space = spaces.Box(0, 10, (50,), np.uint8)

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict]:
            super().reset(seed=seed)
            return np.full(50, 5, np.uint8), {}

        def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            return np.full(50, 5, np.uint8), 0.0, False, False, {}

    def play(disruption: str) -> np.ndarray:
        env = ObservationDisruption(Cells(), disruption)
        env.reset(seed=1)
        return np.array([env.step(0)[0] for _ in range(200)])

    noisy = play("obs:gauss:0.02")  # a tenth of a cell
    assert 0.02 < np.mean(noisy != 5) < 0.2
    assert abs(noisy.mean() - 5) < 0.02
    np.testing.assert_array_equal(play("obs:delay:2"), 5)


def test_a_frozen_discrete_observation_is_an_int() -> None:
    env = ObservationDisruption(Walk(), "obs:freeze:0.9,3")
    env.reset(seed=1)
    assert {type(env.step(0)[0]) for _ in range(20)} == {int}


def test_what_takes_effect_at_resets_follows_no_schedule_within_an_episode() -> None:
    parameter = DynamicsParameter("cars", "number of cars", "", 2.0, 0.5, 2.0, at_reset=True, whole=True)
    task = Task("Robust-Fake-v0", "fake", "F.", "x:y", "x:Y", 10, dynamics={"cars": parameter})
    with pytest.raises(DisruptionError, match="takes effect at resets only; use 'always', 'episode'"):
        check(Disruption.parse("dynamics:cars:1.5~ramp=10"), task, "box")
    check(Disruption.parse("dynamics:cars:1.5~episode=0.5"), task, "box")
    with pytest.raises(DisruptionError, match="is the nominal value, 2, a whole number, which changes nothing"):
        check(Disruption.parse("dynamics:cars:1.2"), task, "box")
    assert parameter.realised(1.4) == 1.5
    with pytest.raises(DisruptionError, match="that are drawn take effect at resets only; use 'always', 'episode'"):
        check(Disruption.parse("dynamics:0.3~ramp=10"), task, "box")
    with pytest.raises(DisruptionError, match="those of its dynamics parameters that are drawn take effect at resets"):
        check(Disruption.parse("dynamics:redraw:0.3,5"), task, "box")
    check(Disruption.parse("dynamics:0.3~walk=0.1"), task, "box")


def test_what_a_task_does_not_note_is_not_held_against_it() -> None:
    task = Task("Robust-Fake-v0", "fake", "F.", "x:y", "x:Y", 10)
    for kind in ("dummy:5", "adversary:random,0.1"):
        check(Disruption.parse(f"obs:{kind}"), task, "box")
    noted = dataclasses.replace(task, spaces={"observation": "Box(0, 8, (7,), int64)", "action": "Box(-1, 1, (1,))"})
    with pytest.raises(DisruptionError, match="no real vectors"):
        check(Disruption.parse("obs:dummy:5"), noted, "box")


def test_splits_and_disruptions_exclude_each_other() -> None:
    import robust_gym

    with pytest.raises(ValueError, match="not both"):
        robust_gym.evaluate(lambda o: 0, "Robust-FrozenLake-v0", splits="id", disruptions="none")
    with pytest.raises(ValueError, match="goes from"):
        robust_gym.task("Robust-FrozenLake-v0").model(slip=None)
