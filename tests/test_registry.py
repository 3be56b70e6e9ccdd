"""The registry, the protocol and what an import costs."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym import protocol, registry
from robust_gym.disruption import Disruption
from robust_gym.splits import PROTOCOLS, no_protocol, task_protocol
from robust_gym.task import BUDGETS, DynamicsParameter, Task
from robust_gym.uncertainty import RRLS

TASKS = robust_gym.list_tasks()
PARAMETER = DynamicsParameter("mass", "mass", "kg", 1.0)


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


def test_splits_that_would_be_empty_are_left_out() -> None:
    levels = {"observation": {"gauss": [f"observation:gauss:0.{level}" for level in range(1, 6)]}}
    drifts = [protocol.build_v1("x", horizon, levels, ()).splits[-1] for horizon in (2, 1)]
    assert drifts[0].name == "ood-drift"
    assert drifts[0].disruptions[0] == "observation:gauss:0.3~ramp=1"
    # In the one observation that is acted upon nothing has grown yet.
    assert drifts[1].name == "ood-far-observation"
    actions = {"action": {"gauss": [f"action:gauss:0.{level}" for level in range(1, 6)]}}
    for known in (actions, {}):
        splits = protocol.build_v1("x", 50, known, ()).splits
        assert splits[0].name == "id"
        assert all(split.disruptions for split in splits)
        assert "ood-drift" not in [split.name for split in splits]


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
    with pytest.raises(LookupError, match="no task matches 'mujco'. Did you mean 'mujoco'"):
        registry.match_tasks(["mujco"])
    with pytest.raises(LookupError, match="Did you mean 'robust-vdn'"):
        registry.algorithm("robust_vdn")
    with pytest.raises(LookupError, match="no task matches 'Nothing"):
        registry.match_tasks(["Nothing*"])


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("ppo", "it is an algorithm, see `robust-gym ls algos`"),
        ("mujoco", "it is a family of tasks, see `robust-gym ls tasks --family mujoco`"),
        ("obs", "it is a channel, see `robust-gym ls disruptions --channel observation`"),
        ("realworldrl-easy", "it is a preset, see `robust-gym ls presets`"),
        ("sticky", "it is a kind of disruption, see `robust-gym show action:sticky`"),
        (
            "ppo2",
            "`robust-gym ls tasks` lists them. Did you mean 'ppo'? That is an algorithm, see `robust-gym ls algos`.",
        ),
        ("hoper-v3", "`robust-gym ls tasks` lists them. Did you mean 'Robust-Hopper-v0'?"),
        ("Robust-Xyz-v0", "`robust-gym ls tasks` lists them."),
    ],
)
def test_what_is_no_task_is_told_for_what_it_is(word: str, says: str) -> None:
    """What all ids begin and end with makes no two of them alike."""
    with pytest.raises(robust_gym.UnknownNameError) as error:
        robust_gym.task(word)
    assert str(error.value) == f"unknown task {word!r}; {says}"


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


class World:
    """A class that somebody gives for its path."""


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"id": "Robust Own-v0"}, "id must be letters, digits.*got 'Robust Own-v0'"),
        ({"base": World}, "base must be a Gymnasium id or 'module:function', .*Did you mean 'test_registry:World'"),
        ({"base": lambda: None}, "base must be a Gymnasium id or 'module:function', got <function"),
        ({"base": "own:"}, "base must be .* got 'own:'"),
        ({"adapter": World}, "adapter must be 'module:Class', .*Did you mean 'test_registry:World'"),
        ({"adapter": "World"}, "adapter must be 'module:Class', got 'World'"),
        ({"exact": "model"}, "exact must be 'module:function', got 'model'"),
        ({"horizon": 0}, "horizon must be a whole number of steps, at least 1, got 0"),
        ({"api": "single"}, "api must be one of 'gymnasium', 'parallel', got 'single'"),
        ({"action": "multidiscrete"}, "action must be one of .* Did you mean 'discrete'"),
        ({"observation": "pixels"}, "observation must be one of 'box', 'image', .* got 'pixels'"),
        ({"steps": {"quick": 10}}, "steps must map 'smoke', 'quick', 'standard' to numbers of steps, all of them"),
        ({"steps": {"smoke": 1, "quick": "10", "standard": 100}}, r"steps\['quick'\] must be a whole number"),
        ({"dynamics": [PARAMETER]}, "dynamics must map names to DynamicsParameters, such as"),
        ({"dynamics": {"mass": 1.0}}, "dynamics must map names to DynamicsParameters, got 1.0 among them"),
        ({"dynamics": {"weight": PARAMETER}}, "parameter 'mass' .* its key is 'weight'"),
        ({"modules": "torch"}, "modules must be a tuple of strings, got 'torch'"),
        ({"observation_scale": [1.0, 2.0]}, "observation_scale must be 3 numbers, one for each dimension"),
        ({"refuses": {"action:sticki": "why"}}, "there is no 'action:sticki'. Did you mean 'action:sticky'"),
        ({"null_action": 1}, "null_action is for discrete actions, and its actions are box; got 1"),
        (
            {"action": "discrete", "null_action": 2, "spaces": {"observation": "Discrete(5)", "action": "Discrete(2)"}},
            "null_action must be a whole number, 0 to 1, got 2",
        ),
    ],
)
def test_a_malformed_task_is_refused_before_it_is_registered(fields: dict[str, Any], says: str) -> None:
    spaces = {"observation": "Box(0, 1, (3,), float32)", "action": "Box(0, 1, (1,), float32)"}
    whole: dict[str, Any] = {"id": "Own-v0", "family": "own", "about": "Own.", "base": "own:World", "adapter": "own:A"}
    task = Task(**{**whole, "horizon": 5, "spaces": spaces, **fields})
    before = robust_gym.list_tasks(), dict(gym.registry)
    with pytest.raises(ValueError, match=says) as error:
        registry.register_task(task)
    assert repr(task.id) in str(error.value) or task.id in str(error.value)
    assert (robust_gym.list_tasks(), dict(gym.registry)) == before


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


def _algorithm(**missing: None) -> type:
    """Return a class that can be an algorithm, or one that lacks something."""
    parts: dict[str, Any] = {
        "__annotations__": {"rate": "float"},
        "rate": 0.1,
        "train": lambda self, task, budget, seed, progress: None,
        "load": staticmethod(lambda directory, task: None),
    }
    return type("Own", (), {name: part for name, part in parts.items() if name not in missing})


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"apis": ("gym",)}, r"apis must be a tuple of some of 'gymnasium', 'parallel', .* got \('gym',\)"),
        ({"apis": "gymnasium"}, r"apis must be .* such as \('gymnasium',\), got 'gymnasium'"),
        ({"actions": ("continuous",)}, "actions must be a tuple of some of 'box', 'discrete'"),
        ({"observations": ()}, "observations must be a tuple of some of"),
        ({"modules": "torch"}, "modules must be a tuple of strings, got 'torch'"),
        ({"train": "robust"}, "train must be one of 'nominal', 'disrupted', got 'robust'"),
        ({"api": ("gymnasium",)}, "there is no field 'api'; .*Did you mean 'apis'"),
    ],
)
def test_what_is_said_of_an_algorithm_is_checked(about: dict[str, Any], says: str) -> None:
    before = robust_gym.list_algorithms()
    with pytest.raises(ValueError, match=f"^the algorithm 'own' is refused: {says}"):
        registry.register_algorithm("own", **{"about": "Own.", "apis": ("gymnasium",), **about})(_algorithm())
    assert robust_gym.list_algorithms() == before


def test_a_class_that_is_no_algorithm_is_refused() -> None:
    """One that were found out only when it is listed or has trained would take the lists down, or the training."""
    before = robust_gym.list_algorithms()
    register = registry.register_algorithm("own", about="Own.", apis=("gymnasium",))
    for cls, says in (
        (_algorithm(), "must be a dataclass: write @dataclass between"),
        (type("Own", (dataclasses.dataclass(_algorithm()),), {"__annotations__": {"x": "int"}}), "must be a dataclass"),
        (dataclasses.dataclass(_algorithm(rate=None)), "must have a default for every argument; 'rate' has none"),
        (dataclasses.dataclass(_algorithm(train=None)), "must have a method train(self, task, budget, seed, progress)"),
        (dataclasses.dataclass(_algorithm(load=None)), "must have a static method load(directory, task)"),
    ):
        with pytest.raises(ValueError, match=f"^the algorithm 'own' is refused: Own {re.escape(says)}"):
            register(cls)
    with pytest.raises(ValueError, match="the name of an algorithm is letters.* got 'my own'"):
        registry.register_algorithm("my own", about="Own.", apis=("gymnasium",))
    with pytest.raises(ValueError, match="is registered by @register_algorithm"):
        registry.register_algorithm(_algorithm())  # type: ignore[arg-type]
    assert robust_gym.list_algorithms() == before


GREENHOUSE = """
from robust_gym import Task
from robust_gym.registry import register_task

def register():
    register_task(Task("Robust-Glass-v0", "own", "Grow.", "CartPole-v1", "glass:Adapter", 5, action="discrete"))
"""


OTHER = "import robust_gym; print(robust_gym.make('Robust-CartPole-v0'))"
REPLACED = """
import dataclasses
from robust_gym import registry

def register():
    registry.register_task(dataclasses.replace(registry.task("Robust-CartPole-v0"), horizon=7))
"""


@pytest.mark.parametrize(
    ("module", "point", "code", "says"),
    [
        (GREENHOUSE, "glass:register", "import robust_gym, gymnasium; print(gymnasium.make('Robust-Glass-v0'))", ""),
        (GREENHOUSE, "glass:register", "import gymnasium; print(gymnasium.make('robust_gym:Robust-Glass-v0'))", ""),
        (GREENHOUSE, "glass:register", "import glass, robust_gym; print(robust_gym.make('Robust-Glass-v0'))", ""),
        (GREENHOUSE + "register()", "glass", "import robust_gym; print(robust_gym.make('Robust-Glass-v0'))", ""),
        ("1 / 0", "glass:register", OTHER, "the plug-in 'glass' (glass:register) failed to load: division"),
        ("TANK = 5", "glass:TANK", OTHER, "failed to load: it names 5, which is neither a function nor a module"),
        (REPLACED, "glass:register", OTHER, "failed to load: another task is registered as 'Robust-CartPole-v0', a bu"),
    ],
)
def test_tasks_of_other_packages_are_known_at_once(
    tmp_path: Path, module: str, point: str, code: str, says: str
) -> None:
    (tmp_path / "glass.py").write_text(module)
    (tmp_path / "glass-1.0.dist-info").mkdir()
    (tmp_path / "glass-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: glass\nVersion: 1.0\n")
    points = f"[robust_gym.tasks]\nglass = {point}\n"
    (tmp_path / "glass-1.0.dist-info" / "entry_points.txt").write_text(points)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "CartPole" in done.stdout
    assert says in done.stderr if says else not done.stderr


def test_what_the_documentation_calls_by_its_full_name_is_there() -> None:
    code = (
        "from robust_gym import UnknownNameError, as_policy, wrappers; import robust_gym; "
        "print(robust_gym.wrappers.bind.__name__, wrappers.UnboundAdversaryError.__name__, as_policy(len).act.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["bind", "UnboundAdversaryError", "act"]


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
