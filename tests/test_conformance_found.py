"""What the checks of a task find in those of plug-ins, and that right ones pass."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import defective_tasks
import pytest
from baseline_help import registered
from solo_games import DISCRETE, IMAGE

import robust_gym
from robust_gym import conformance, registry
from robust_gym.conformance import CHECKS, check_entry, check_task
from robust_gym.evaluate import evaluate
from robust_gym.task import DynamicsParameter, Task
from robust_gym.vector.simulator import is_batched

QUICK = [name for name in CHECKS if name != "spawn"]
PENDULUM = dataclasses.replace(
    defective_tasks.task(adapter="Torque"),
    base="Pendulum-v1",
    dynamics={"max_torque": DynamicsParameter("max_torque", "largest torque", "N m", 2.0, 0.1, 1.0)},
)


def findings(task: Task, monkeypatch: pytest.MonkeyPatch) -> dict[str, conformance.Finding]:
    """Return what the checks, but the one that starts a process, find of a task, by check."""
    monkeypatch.delitem(conformance.CHECKS, "spawn")
    with registered(task):
        return {finding.check: finding for finding in check_task(task.id)}


@pytest.mark.parametrize(
    "task",
    [
        defective_tasks.task(),
        defective_tasks.task("Pair"),  # which only the horizon ends
        PENDULUM,  # whose base is registered with another time limit
        defective_tasks.task(refuses={"observation:gauss": "for a test", "reward:gauss": "for a test"}),
        defective_tasks.task(refuses={"dynamics:random": "for a test"}),
        # Half of all draws are clipped to the nominal value.
        defective_tasks.task(dynamics={"gain": DynamicsParameter("gain", "of the push", "1", 1.0, 0.2, 1.0)}),
    ],
    ids=["one", "team", "base", "no-gauss", "no-random", "one-sided"],
)
def test_right_tasks_pass(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(task, monkeypatch)
    assert list(found) == QUICK
    assert all(finding.ok and not finding.detail for finding in found.values()), found


@pytest.mark.parametrize(
    ("base", "adapter", "check", "message"),
    [
        ("Lends", "Gain", "api", "observation"),
        ("PairLends", "Gain", "api", "a step returns the array of the observation before it (a)"),
        ("PairSilent", "Gain", "none", "a step returns a reward for 'b', but no info"),
        ("Unpaid", "Gain", "seeding", "a reward is nan"),
        ("Fails", "Gain", "seeding", "defective_tasks.py, line "),
        ("Walk", "Draws", "randomness", "a dynamics disruption drew from the environment's own generator"),
        ("Pair", "PairDraws", "randomness", "a dynamics disruption drew from the environment's own generator"),
    ],
)
def test_defects_are_found(base: str, adapter: str, check: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(defective_tasks.task(base, adapter), monkeypatch)[check]
    assert not found.ok
    assert message in found.detail


def test_episodes_that_are_all_alike_are_worth_knowing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(defective_tasks.task("Alike"), monkeypatch)["seeding"]
    assert found.ok
    assert "every episode is the same" in found.detail


@pytest.mark.parametrize(
    ("task", "changes", "message"),
    [
        (IMAGE, {"observation": "box"}, "the observations are image, not 'box'"),
        (defective_tasks.task("Pair"), {"observation": "dict"}, "the observations of 'a' are box, not 'dict'"),
        (DISCRETE, {"action": "box"}, "the actions are discrete, not 'box'"),
        (DISCRETE, {"null_action": 7}, "null_action must be a whole number, 0 to 2, got 7"),
        (DISCRETE, {"observation_scale": (1.0, 1.0)}, "observation_scale must be 3 numbers"),
        (DISCRETE, {"observation_scale": {"x": (1.0,) * 3}}, "observation_scale has a key 'x'; there are ''"),
        (DISCRETE, {"spaces": {"observation": "Box(0, 1, (3,), float32)", "action": "Discrete(3)"}}, "the entry's spa"),
        (defective_tasks.task("Pair"), {"observation_scale": (1.0, 1.0)}, "must be keyed by 'a', 'b'"),
        (defective_tasks.task("Pair"), {"messages": {"c": (0,)}}, "messages names 'c'; the agents are 'a', 'b'"),
        (defective_tasks.task("Pair"), {"opponents": {"b": (0, 2)}}, r"opponents\['b'\] names dimension 2 of 2"),
    ],
)
def test_an_entry_that_is_not_its_environment_is_found(task: Task, changes: dict[str, Any], message: str) -> None:
    wrong = dataclasses.replace(task, id="Defective-Entry-v0", **changes)
    with registered(wrong), pytest.raises(AssertionError, match=message):
        check_entry(wrong.id)


def test_keys_that_stay_undisturbed_are_those_of_the_observation() -> None:
    task = dataclasses.replace(
        registry.task("Robust-BabyAIGoTo-v0"), id="Defective-Keys-v0", undisturbed=("gaol",), spaces=None
    )
    if task.missing():
        pytest.skip("not installed")
    with registered(task), pytest.raises(AssertionError, match="undisturbed names 'gaol', and the observations"):
        check_entry(task.id)


@pytest.mark.parametrize(
    "call", ["check_task('Robust-CartPole-v0')", "check_kind('action:scale', 'Robust-Reacher-v0')"]
)
def test_without_assertions_nothing_is_called_right(call: str) -> None:
    code = f"from robust_gym import conformance; conformance.{call}"
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the checks are assertions, which python -O and PYTHONOPTIMIZE leave out" in done.stderr


def test_what_another_adapter_writes_is_read_of_every_copy() -> None:
    """A simulator of all copies reads what the built-in adapters write; others step one by one."""
    assert is_batched(registry.task("Robust-Pendulum-v0"))
    disruptions = ["dynamics:max_torque:0.3", "none", "dynamics:max_torque:0.6"]
    with registered(PENDULUM):
        assert not is_batched(PENDULUM)

        def push(observation: Any) -> Any:
            return [2.0]

        together = evaluate(push, PENDULUM.id, disruptions=disruptions, episodes=1).results
        for disruption in disruptions:
            alone = evaluate(push, PENDULUM.id, disruptions=disruption, episodes=1).results
            (one,) = (cell for cell in together if cell.disruption == disruption)
            assert list(one.returns) == list(alone[0].returns)
        assert len({tuple(cell.returns) for cell in together}) == 3
        env = robust_gym.make(PENDULUM.id)
        assert env.spec.max_episode_steps == 30
    # Neither does a built-in adapter with a parameter that the simulator reads of one copy for all.
    own = {"max_torque": dataclasses.replace(PENDULUM.dynamics["max_torque"])}
    assert not is_batched(dataclasses.replace(registry.task("Robust-Pendulum-v0"), dynamics=own))
