"""The registry, the protocol and what an import costs."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import robust_gym
from robust_gym import protocol, registry
from robust_gym.disruption import Disruption
from robust_gym.splits import PROTOCOLS, no_protocol, task_protocol
from robust_gym.task import BUDGETS, Task
from robust_gym.uncertainty import RRLS

TASKS = robust_gym.list_tasks()


def test_ids_are_versioned_and_sorted() -> None:
    assert sorted(TASKS) == TASKS
    assert len(set(TASKS)) == len(TASKS)
    assert all(id.startswith("Robust-") and id[-3:] == "-v0" for id in TASKS)


@pytest.mark.parametrize("id", TASKS)
def test_metadata_is_complete(id: str) -> None:
    task = robust_gym.task(id)
    assert task.about.endswith(".")
    assert task.source
    assert "pip install" in task.install
    assert set(task.steps) == set(BUDGETS)
    assert task.steps["smoke"] < task.steps["quick"] < task.steps["standard"]
    assert task.dynamics, "every task of the suite can be disturbed in its dynamics"
    for name, parameter in task.dynamics.items():
        assert name == parameter.name
        assert parameter.low <= parameter.identity <= parameter.high
        assert parameter.low < parameter.high
        assert parameter.about
        assert (parameter.mode == "set") == (parameter.nominal == 0), name
    for shift in task.semantic.values():
        assert shift.nominal in shift.options
        assert set(shift.evaluated) < set(shift.options)


def _shapes(task: Task) -> object:
    """Return the shapes of what a task's observations consist of."""
    env = robust_gym.make(task.id)
    try:
        if task.api == "parallel":
            return {agent: env.observation_space(agent).shape for agent in env.possible_agents}
        if task.observation == "dict":
            return {name: part.shape for name, part in env.observation_space.items()}
        return env.observation_space.shape
    finally:
        env.close()


@pytest.mark.parametrize("id", [id for id in TASKS if robust_gym.task(id).missing() is None])
def test_scales_are_measured_and_fit_the_space(id: str) -> None:
    task = robust_gym.task(id)
    assert task.reward_scale is not None
    assert task.reward_scale > 0
    assert (task.cost_scale is not None) == task.cost
    assert set(task.spaces or ()) == {"observation", "action"}
    if task.observation in ("image", "discrete"):
        assert task.observation_scale is None
        return
    assert task.observation_scale is not None
    if task.slow:  # the nightly run makes it, and checks every observation against its space
        return
    if isinstance(task.observation_scale, dict):
        assert {name: np.shape(scale) for name, scale in task.observation_scale.items()} == _shapes(task)
    else:
        assert np.shape(task.observation_scale) == _shapes(task)


@pytest.mark.parametrize("id", TASKS)
def test_the_protocol_is_the_committed_one(id: str) -> None:
    """A changed hash needs a new protocol version: results of the old one must not be ranked with it."""
    for version in PROTOCOLS:
        if no_protocol(id, version):
            assert id not in protocol.committed_hashes()[version]
            continue
        cells = task_protocol(id, version)
        assert cells.sha256 == protocol.committed_hashes()[version][id]


@pytest.mark.parametrize("id", TASKS)
def test_splits(id: str) -> None:
    cells = task_protocol(id)
    names = [split.name for split in cells.splits]
    assert names[0] == "id"
    assert cells.splits[0].disruptions == ("none",)
    for wanted in ("ood-near-dynamics", "ood-far-dynamics", "ood-near-action", "ood-far-observation", "ood-mixed"):
        assert wanted in names
    assert "ood-drift" in names
    everything = [disruption for split in cells.splits for disruption in split.disruptions]
    assert len(set(everything)) == len(everything), "a disruption belongs to one split"
    assert "@" not in "".join(everything), "levels are resolved, so that a changed level changes the hash"
    assert all(str(Disruption.parse(text)) == text for text in everything)
    assert all(cells.split_of(text) for text in everything)


def test_building_splits_are_those_of_the_paper() -> None:
    (semantic,) = [s for s in task_protocol("Robust-Building-v0").splits if s.name == "ood-semantic"]
    text = " ".join(semantic.disruptions)
    for city in ("tampa", "new_york", "honolulu", "el_paso", "cool_marine_seattle"):
        assert f"dynamics:city:{city}" in text
    assert "dynamics:season:late" in semantic.disruptions
    assert any("city" in one and "season" in one for one in semantic.disruptions)


def test_a_changed_cell_changes_the_hash() -> None:
    cells = task_protocol("Robust-CartPole-v0")
    assert dataclasses.replace(cells, seeds=cells.seeds[:-1]).sha256 != cells.sha256
    assert task_protocol("Robust-CartPole-v0").sha256 == cells.sha256


def test_unknown_names_are_corrected() -> None:
    with pytest.raises(LookupError, match="Did you mean 'Robust-Ant-v0'"):
        robust_gym.task("Robust-Ant-v1")
    with pytest.raises(LookupError, match="Did you mean 'Robust-Hopper-v0'"):
        robust_gym.task("Hopper")
    with pytest.raises(LookupError, match="Did you mean 'mujoco'"):
        robust_gym.list_tasks("mujco")
    with pytest.raises(LookupError, match="Did you mean 'robust-vdn'"):
        registry.algorithm("robust_vdn")
    with pytest.raises(LookupError, match="no task matches 'Nothing"):
        registry.match_tasks(["Nothing*"])


def test_globs_and_families() -> None:
    assert registry.match_tasks(["Robust-Inverted*"]) == [
        "Robust-InvertedDoublePendulum-v0",
        "Robust-InvertedPendulum-v0",
    ]
    assert registry.match_tasks(["mujoco", "Robust-Ant-v0"]) == robust_gym.list_tasks("mujoco")


def test_a_missing_extra_is_one_line() -> None:
    task = dataclasses.replace(robust_gym.task("Robust-Ant-v0"), modules=("no_such_simulator",))
    with pytest.raises(ImportError, match=r"^Robust-Ant-v0 needs .*: pip install \"robust-gym\[mujoco\]\"$"):
        task.require()


def test_registering_twice() -> None:
    known = robust_gym.task("Robust-Ant-v0")
    assert registry.register_task(known) is known
    with pytest.raises(ValueError, match="another task"):
        registry.register_task(Task("Robust-Ant-v0", "x", "Other.", "Other-v0", "m:A", 10))


def test_the_package_imports_nothing_heavy() -> None:
    code = (
        "import sys, robust_gym; robust_gym.list_tasks(); robust_gym.list_algorithms();"
        "heavy = {'torch', 'mujoco', 'stable_baselines3', 'pandas', 'matplotlib', 'Box2D', 'pygame', 'sustaingym', "
        "'pydantic', 'pettingzoo', 'jinja2', 'rich', 'scipy'} & set(sys.modules); print(sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stdout


def test_algorithms_are_described() -> None:
    names = robust_gym.list_algorithms()
    assert {"ppo", "sac", "vdn", "robust-vdn", "robust-vdn-tv", "random"} <= set(names)
    for name in names:
        info = registry.algorithm(name)
        assert info.about.endswith(".")
        assert dataclasses.is_dataclass(info.cls)
        assert info.apis
    assert registry.algorithm("robust-vdn").compare == ("vdn",)
    assert "multi-agent" in (registry.algorithm("vdn").refuses(robust_gym.task("Robust-Ant-v0")) or "")
    assert registry.algorithm("ppo").refuses(robust_gym.task("Robust-Ant-v0")) is None
    assert "discrete" in (registry.algorithm("sac").refuses(robust_gym.task("Robust-CartPole-v0")) or "")


def test_a_plug_in_may_look_up_tasks_while_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    class Point:
        name = value = "varying"

        def load(self) -> Any:
            return lambda: seen.append(registry.task("Robust-Pendulum-v0").id)

    monkeypatch.setattr(registry, "_begun", set())
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [Point()] if group.endswith("tasks") else [])
    assert len(registry.list_tasks()) > 400
    assert seen == ["Robust-Pendulum-v0"]


@pytest.mark.parametrize("id", RRLS)
def test_the_sets_of_rrls_with_their_corners(id: str) -> None:
    task, cells = registry.task(id), task_protocol(id, "rrls")
    assert [(split.name, len(split.disruptions)) for split in cells.splits] == [
        ("id", 1),
        ("ood-1d", 10),
        ("ood-2d", 25),
        ("ood-3d", 27),
    ][: 1 + len(RRLS[id])]
    for split, box in zip(cells.splits[1:], RRLS[id], strict=True):
        worlds = [
            {term.kind: float(str(term.args[0])) for term in Disruption.parse(text).terms} for text in split.disruptions
        ]
        for name, ends in box.items():
            kilograms = [world[name] * task.dynamics[name].nominal for world in worlds]
            np.testing.assert_allclose((min(kilograms), max(kilograms)), ends, rtol=1e-3)
        corners = [text for text, world in zip(split.disruptions, worlds, strict=True) if _at_a_corner(world, worlds)]
        assert len(corners) == 2 ** len(box)


def _at_a_corner(world: dict[str, float], worlds: list[dict[str, float]]) -> bool:
    return all(value in (min(w[name] for w in worlds), max(w[name] for w in worlds)) for name, value in world.items())


def test_a_task_without_the_sets_of_rrls() -> None:
    with pytest.raises(registry.UnknownNameError, match="protocol rrls has nothing for Robust-CartPole-v0; it has"):
        task_protocol("Robust-CartPole-v0", "rrls")
    with pytest.raises(registry.UnknownNameError, match="Did you mean 'rrls'"):
        task_protocol("Robust-Hopper-v0", "rrsl")
