"""What a task names by a path: a mistyped one ends in one error that names the task, not in a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest

import robust_gym
from robust_gym import registry
from robust_gym.task import DynamicsParameter, PathError, Task, load

CANNOT = "^the task 'Own-Path-v0' cannot be made: "
BROKEN = """
import no_such_simulator
"""


class Failing(gym.Env):
    """A world that cannot be built."""

    def __init__(self) -> None:
        raise AttributeError("the world is out of order")


class FailingDynamics:
    """An adapter that does not know its world."""

    def __init__(self, env: Any, task: Task) -> None:
        raise AttributeError("no such body")


@pytest.fixture
def made() -> Iterator[Any]:
    """Return a function that makes a task, which the registries forget after the test."""

    def make(disruption: str | None = None, **fields: Any) -> Any:
        whole: dict[str, Any] = {"family": "own", "about": "Own.", "base": "CartPole-v1", "adapter": "own:A"}
        mass = DynamicsParameter("mass", "mass", "kg", 1.0)
        task = Task(
            "Own-Path-v0", **{**whole, "horizon": 5, "action": "discrete", "dynamics": {"mass": mass}, **fields}
        )
        forget()
        return robust_gym.make(registry.register_task(task).id, disruption)

    def forget() -> None:
        for known in (registry._tasks, gym.registry):
            known.pop("Own-Path-v0", None)

    yield make
    forget()
    gym.registry.pop("OwnBase-v0", None)


@pytest.mark.parametrize(
    ("base", "says"),
    [
        ("CartPoll-v1", "base is 'CartPoll-v1', of which Gymnasium says: .*CartPoll.*Did you mean: `CartPole`"),
        ("CartPole", "base is 'CartPole', of which Gymnasium says: .*Did you mean 'CartPole-v1'"),
        ("test_task_paths:Fayling", "base is .*, and the module 'test_task_paths' has no 'Fayling'. Did you mean 'Fai"),
        ("test_task_path:Failing", "base is 'test_task_path:Failing', and there is no module 'test_task_path'"),
        ("gymnasium.envs.nothing:X", "base is .*, and there is no module 'gymnasium.envs.nothing'"),
        ("test_task_paths:CANNOT", "base is 'test_task_paths:CANNOT', which makes nothing: "),
        ("OwnBase-v0", "base is 'OwnBase-v0', which Gymnasium makes by 'own:Wrld', and there is no module 'own'"),
    ],
)
def test_a_mistyped_base_is_told(made: Any, base: str, says: str) -> None:
    gym.register("OwnBase-v0", entry_point="own:Wrld")
    with pytest.raises(ValueError, match=CANNOT + says):
        made(base=base)


@pytest.mark.parametrize(
    ("adapter", "says"),
    [
        ("test_task_paths:FailingDynamic", "adapter is .* has no 'FailingDynamic'. Did you mean 'FailingDynamics'"),
        ("test_task_path:FailingDynamics", "adapter is .*, and there is no module 'test_task_path'"),
    ],
)
def test_a_mistyped_adapter_is_told(made: Any, adapter: str, says: str) -> None:
    with pytest.raises(ValueError, match=CANNOT + says):
        made("dynamics:mass:2", adapter=adapter)


def test_what_a_world_raises_itself_is_left_as_it_is(
    made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AttributeError, match="^the world is out of order$"):
        made(base="test_task_paths:Failing")
    with pytest.raises(AttributeError, match="^no such body$"):
        made("dynamics:mass:2", adapter="test_task_paths:FailingDynamics")
    (tmp_path / "my_broken_world.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="no_such_simulator"):
        made(base="my_broken_world:World")


def test_a_path_without_an_attribute() -> None:
    with pytest.raises(PathError, match="expected 'module:attribute', got 'math'"):
        load("math")
    assert load("math:floor")(1.5) == 1
