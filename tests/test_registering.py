"""What may be registered: a wrong field is refused at once, where it would take whole lists down later."""

from __future__ import annotations

import dataclasses
import math
import pickle
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym import kinds, registry
from robust_gym.registering import changes
from robust_gym.task import DynamicsParameter, Reference, SemanticShift, Task

OWN: dict[str, Any] = {
    "id": "Own-Checked-v0",
    "family": "own",
    "about": "Own.",
    "base": "own:World",
    "adapter": "own:Adapter",
    "horizon": 5,
}
CARTPOLE = "Robust-CartPole-v0"


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Forget what a test registers."""
    before = dict(registry._tasks), dict(gym.registry)
    yield
    for now, then in zip((registry._tasks, gym.registry), before, strict=True):
        now.clear()
        now.update(then)


def refused(says: str, **fields: Any) -> None:
    """Check that a task is refused, and that nothing of it stays."""
    before = robust_gym.list_tasks()
    with pytest.raises(ValueError, match=says):
        registry.register_task(Task(**{**OWN, **fields}))
    assert robust_gym.list_tasks() == before


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": 5}, "its name must be a string, got 5"),
        ({"unit": None}, "its unit must be a string, got None"),
        ({"nominal": "x"}, "its nominal must be a finite number, an int or a float, got 'x'"),
        ({"nominal": math.nan}, "its nominal must be a finite number, .* got nan"),
        ({"nominal": math.inf}, "its nominal must be a finite number, .* got inf"),
        ({"nominal": np.float32(2)}, r"its nominal must be a finite number, an int or a float, got .*2\.0"),
        ({"low": "0.1"}, "its low must be a finite number, .* got '0.1'"),
        ({"low": -math.inf}, "its low must be a finite number"),
        ({"high": math.inf}, "its high must be a finite number"),
        ({"drawn": 1}, "its drawn must be True or False, got 1"),
        ({"name": "random"}, "the name has a meaning of its own"),
        ({"nominal": 2.5, "whole": True}, "its values are whole numbers, and the nominal one is 2.5"),
        ({"nominal": 2.0, "low": 0.8, "high": 1.2, "whole": True}, ".* hold no other whole number than the nominal 2"),
        (
            {"nominal": 0.0, "low": -0.4, "high": 0.4, "mode": "set", "whole": True},
            "its bounds -0.4 to 0.4 hold no other whole number than the nominal 0",
        ),
    ],
)
def test_a_parameter_is_checked_field_by_field(fields: dict[str, Any], says: str) -> None:
    whole: dict[str, Any] = {"name": "mass", "about": "mass", "unit": "kg", "nominal": 1.0, **fields}
    parameter = DynamicsParameter(**whole)
    expected = f"^the parameter {parameter.name!r} of Own-Checked-v0 is refused: {says}"
    refused(expected, dynamics={parameter.name: parameter})


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": 5}, "its name must be a string, got 5"),
        ({"nominal": None}, "its nominal must be a string, got None"),
        ({"options": None}, "its options must be a tuple of words, got None"),
        ({"options": (1, "a")}, r"its options must be a tuple of words, got \(1, 'a'\)"),
        ({"options": "ab"}, "its options must be a tuple of words, got 'ab'"),
        ({"evaluated": 3}, "its evaluated must be a tuple of words, got 3"),
        ({"name": "random"}, "the name has a meaning of its own"),
    ],
)
def test_a_shift_is_checked_field_by_field(fields: dict[str, Any], says: str) -> None:
    whole: dict[str, Any] = {"name": "city", "about": "city", "nominal": "a", "options": ("a", "b"), **fields}
    shift = SemanticShift(**whole)
    refused(f"^the shift {shift.name!r} of Own-Checked-v0 is refused: {says}", semantic={shift.name: shift})


@pytest.mark.parametrize("what", ["parameter", "shift"])
def test_the_name_of_a_kind_is_no_name_of_a_parameter(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "find_kind", lambda channel, name: (channel, name) == ("dynamics", "weather") or None)
    parameter, shift = DynamicsParameter("weather", "w", "1", 1.0), SemanticShift("weather", "w", "a", ("a", "b"))
    fields = {"dynamics": {"weather": parameter}} if what == "parameter" else {"semantic": {"weather": shift}}
    refused(f"^the {what} 'weather' of Own-Checked-v0 is refused: 'dynamics:weather' is a kind already", **fields)


@pytest.mark.parametrize(
    ("field", "values", "says"),
    [
        ("about", (None, 5), "a string"),
        ("install", (None,), "a string"),
        ("kwargs", ([1], {1: 2}), "a mapping of arguments by their names"),
        ("cost", ("yes", 1), "True or False"),
        ("slow", (None,), "True or False"),
        ("cost_limit", ("x", math.nan, -1.0), "a finite number, at least 0, or None"),
        ("version", ("1", -1), "a whole number, at least 0"),
        ("messages", (["x"], {"a": 3}, {"a": (0.5,)}), "a mapping of agents to tuples of whole numbers"),
        ("opponents", (5, {1: (0,)}), "a mapping of agents to tuples of whole numbers"),
        ("reference", (3, Reference(1.0, 1.0, "ppo", "run")), "a Reference with two different numbers, or None"),
        ("reference", (Reference("1", 2.0, "ppo", "run"),), "a Reference"),  # type: ignore[arg-type]
        ("spaces", ("Box", {"action": 5}, {"obs": "Box"}), "a mapping of 'observation', 'action' to spaces in words"),
        ("refuses", (("action:gauss",), {5: "why"}, {"action:gauss": ""}), "a mapping of 'CHANNEL:KIND' to why"),
        ("reward_scale", ("x", 0.0, -1.0, math.nan, math.inf, True), "a finite number > 0, or None"),
        ("cost_scale", (0.0, math.nan), "a finite number > 0, or None"),
        (
            "observation_scale",
            (5, "x", [], [0, 0], [-1.0, 1.0], [math.nan, 1.0], [1.0, "x"], np.zeros(2)),
            "a list of finite numbers >= 0, one of them > 0",
        ),
    ],
)
def test_a_task_is_checked_field_by_field(field: str, values: tuple[Any, ...], says: str) -> None:
    for value in values:
        refused(f"^the task 'Own-Checked-v0' is refused: {field} must be {says}.*, got ", **{field: value})


def test_the_scale_of_every_agent_is_checked() -> None:
    says = r"observation_scale\['b'\] must be a list of .*, got \[0.0, 0.0\]"
    refused(says, observation_scale={"a": [1.0, 0.0], "b": [0.0, 0.0]})


def test_a_kind_without_its_channel_is_told() -> None:
    refused("there is no 'sticky'. There are action:sticky", refuses={"sticky": "why"})


@pytest.mark.parametrize(
    "fields",
    [
        {"observation_scale": np.array([1.0, 0.0])},
        {"observation_scale": [[1, 2.0], [0.0, 0]]},
        {"observation_scale": {"a": (1.0,), "b": [2, 3]}},
        {"reward_scale": np.float32(2), "cost_scale": 1},
        {"cost": True, "cost_limit": 0},
        {"refuses": {"action:gauss": "it has none"}},
        {"messages": {"a": [-2, -1]}, "opponents": {"a": range(4)}},
        {"reference": Reference(0, 1.5, "ppo", "run")},
        {"spaces": {"action": "Box(0, 1, (1,), float32)"}},
    ],
)
def test_what_is_right_is_registered(fields: dict[str, Any]) -> None:
    task = registry.register_task(Task(**{**OWN, **fields}))
    assert registry.task(task.id) is registry.task(task) is task
    assert registry.task(dataclasses.replace(task)) is task


def test_a_task_of_ones_own_may_be_changed_and_registered_again() -> None:
    registry.register_task(Task(**OWN))
    longer = registry.register_task(Task(**{**OWN, "horizon": 7}))
    assert registry.task("Own-Checked-v0") is longer
    refused("another task is registered as 'Own-Checked-v0'$", base="own:Other")


@pytest.mark.parametrize(
    ("fields", "differs"),
    [
        ({"horizon": 7}, "horizon"),
        ({"dynamics": {}, "horizon": 7}, "horizon, dynamics"),
        ({"reward_scale": 9.0, "observation_scale": [1.0] * 4}, "observation_scale"),
        ({"spaces": {"action": "Discrete(3)"}}, "spaces"),
    ],
)
def test_a_built_in_task_is_not_replaced(fields: dict[str, Any], differs: str) -> None:
    known = robust_gym.task(CARTPOLE)
    with pytest.raises(ValueError, match=f"as '{CARTPOLE}', a built-in one, from which this one differs in {differs}"):
        registry.register_task(dataclasses.replace(known, **fields))
    assert robust_gym.task(CARTPOLE) is known
    assert gym.spec(CARTPOLE).max_episode_steps == known.horizon


def test_a_built_in_task_from_before_it_was_measured_is_the_same() -> None:
    known = robust_gym.task(CARTPOLE)
    bare = dataclasses.replace(known, observation_scale=None, reward_scale=None, spaces=None, reference=None)
    assert registry.register_task(bare) is known is robust_gym.task(CARTPOLE) is registry.task(bare)


def test_every_built_in_task_passes_what_others_must() -> None:
    """With its measurements, which join it after it is registered; and in the form in which processes exchange it."""
    for id in robust_gym.list_tasks():
        task = robust_gym.task(id)
        copy = pickle.loads(pickle.dumps(task))
        assert not changes(copy, task), id
        assert registry.register_task(copy) is task


def test_a_changed_task_is_not_taken_for_the_registered_one() -> None:
    """Its episodes would be those of the other, without a word."""
    changed = dataclasses.replace(robust_gym.task(CARTPOLE), horizon=7)
    with pytest.raises(ValueError, match=f"'{CARTPOLE}' is given as a task that differs .* in horizon: register it"):
        robust_gym.evaluate(lambda observation: 0, changed, splits="id", episodes=1)
    own = registry.register_task(Task(**OWN))
    with pytest.raises(ValueError, match="differs from the registered one in reward_scale"):
        registry.task(dataclasses.replace(own, reward_scale=2.0))
    noted = registry.register_task(dataclasses.replace(own, spaces={"action": "Box(0, 1, (1,), float32)"}))
    assert registry.task(own) is noted


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"honours": ("gauss",)}, "honours names kinds as 'CHANNEL:KIND', and there is no 'gauss'. There are action:g"),
        ({"honours": ("action:gaus",)}, ".*there is no 'action:gaus'. Did you mean 'action:gauss'"),
        ({"about": 5}, "about must be a string, got 5"),
        ({"paper": None}, "paper must be a string, got None"),
        ({"cost": "yes"}, "cost must be True or False, got 'yes'"),
    ],
)
def test_an_algorithm_is_checked_field_by_field(about: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=f"^the algorithm 'own' is refused: {says}"):
        registry.register_algorithm("own", **{"about": "Own.", "apis": ("gymnasium",), **about})


@dataclasses.dataclass
class Unready:
    """An algorithm that lacks something unless it is told more."""

    rate: float = 0.0

    def __post_init__(self) -> None:
        if not self.rate:
            raise RuntimeError("give a rate")

    def train(self, task: Any, budget: Any, seed: int, progress: Any) -> None: ...

    @staticmethod
    def load(directory: Any, task: Any) -> None: ...


@dataclasses.dataclass
class Valueless(Unready):
    """An algorithm with a field that nobody sets."""

    rate: float = 1.0
    streak: int = dataclasses.field(init=False)


@pytest.mark.parametrize(
    ("cls", "says"),
    [
        (Unready, "Unready cannot be made with its defaults, as lists do: RuntimeError: give a rate"),
        (Valueless, "Valueless has no value of its field 'streak' when it is made with its defaults"),
    ],
)
def test_an_algorithm_that_no_list_can_show_is_refused(cls: type, says: str) -> None:
    before = robust_gym.list_algorithms()
    with pytest.raises(ValueError, match=f"^the algorithm 'own' is refused: {says}"):
        registry.register_algorithm("own", about="Own.", apis=("gymnasium",))(cls)
    assert robust_gym.list_algorithms() == before
