"""Links of other lengths in the MuJoCo tasks, against models compiled from edited XML."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym.task import load
from robust_gym.tasks._mujoco_dynamics import MujocoDynamics
from robust_gym.tasks._mujoco_parameters import lengths, sizes

mujoco = pytest.importorskip("mujoco")
TASKS = robust_gym.list_tasks("mujoco")
LENGTHS = [(id, name) for id in TASKS for name in robust_gym.task(id).dynamics if name.endswith("_length")]


def made(id: str, disruption: str, seed: int = 1) -> Any:
    env = gym.make(id, disruption=disruption)
    env.reset(seed=seed)
    return env.unwrapped


def arrays(model: Any) -> dict[str, np.ndarray]:
    found = {name: getattr(model, name) for name in dir(model) if not name.startswith("_")}
    copies = {name: value.copy() for name, value in found.items() if isinstance(value, np.ndarray)}
    statistics = {
        name: np.copy(getattr(model.stat, name)) for name in ("extent", "meaninertia", "meanmass", "meansize")
    }
    return {**copies, **statistics, "gravity": model.opt.gravity.copy()}


def differing(one: dict[str, np.ndarray], other: dict[str, np.ndarray], **tolerance: float) -> list[str]:
    if tolerance:
        # Axes of inertia may come out in another order or direction; the matrix they stand for is compared below.
        skipped = ("quat", "oct", "names", "tex", "mat_", "geom_matid", "bvh", "iquat")
        names = [name for name in one if not any(word in name for word in skipped)]
        return [name for name in names if not np.allclose(one[name], other[name], equal_nan=True, **tolerance)]
    return [name for name in one if not np.array_equal(one[name], other[name], equal_nan=True)]


@pytest.mark.parametrize(
    ("id", "disruption", "edits"),
    [
        (
            "Robust-Hopper-v0",
            "dynamics:leg_length:1.5",
            [
                ('name="leg_geom" size="0.04 0.25"', 'name="leg_geom" pos="0 0 -0.125" size="0.04 0.375"'),
                ('pos="0.13 0 -0.35"', 'pos="0.13 0 -0.6"'),
            ],
        ),
        (
            "Robust-Hopper-v0",
            "dynamics:torso_length:0.6",
            [
                ('size="0.05 0.19999999999999996"', 'size="0.05 0.12"'),
                ('name="thigh" pos="0 0 -0.19999999999999996"', 'name="thigh" pos="0 0 -0.12"'),
            ],
        ),
        (
            "Robust-InvertedDoublePendulum-v0",
            "dynamics:pole_length:2",
            [
                ('fromto="0 0 0 0 0 0.6" name="cpole"', 'fromto="0 0 0 0 0 1.2" name="cpole"'),
                ('name="pole2" pos="0 0 0.6"', 'name="pole2" pos="0 0 1.2"'),
            ],
        ),
        (
            "Robust-Reacher-v0",
            "dynamics:body1_length:0.5",
            [
                ('fromto="0 0 0 0.1 0 0" name="link1"', 'fromto="0 0 0 0.05 0 0" name="link1"'),
                ('name="fingertip" pos="0.11 0 0"', 'name="fingertip" pos="0.055 0 0"'),
            ],
        ),
        (
            "Robust-Ant-v0",
            "dynamics:back_leg_length:1.25",
            [
                (
                    'fromto="0.0 0.0 0.0 -0.2 -0.2 0.0" name="back_leg_geom"',
                    'fromto="0 0 0 -0.25 -0.25 0" name="back_leg_geom"',
                ),
                (
                    '<body pos="-0.2 -0.2 0">\n            <joint axis="-1 1 0" name="ankle_3"',
                    '<body pos="-0.25 -0.25 0"><joint axis="-1 1 0" name="ankle_3"',
                ),
                ('fromto="0.0 0.0 0.0 -0.4 -0.4 0.0"', 'fromto="0 0 0 -0.5 -0.5 0"'),
            ],
        ),
        ("Robust-Ant-v0", "dynamics:torso_size:0.8", [('pos="0 0 0" size="0.25"', 'pos="0 0 0" size="0.2"')]),
    ],
)
def test_the_model_is_the_one_compiled_from_edited_xml(id: str, disruption: str, edits: list[tuple[str, str]]) -> None:
    env = made(id, disruption)
    text = Path(env.fullpath).read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    want = mujoco.MjModel.from_xml_string(text)
    assert differing(arrays(env.model), arrays(want), rtol=1e-7, atol=1e-9) == []
    for ours, theirs in zip(turned(env.model), turned(want), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)


def turned(model: Any) -> list[np.ndarray]:
    """Return what orientations stand for: frames of bodies, their tensors of inertia, and the long axes of geoms."""

    def matrices(quaternions: np.ndarray) -> np.ndarray:
        found = np.empty((len(quaternions), 9))
        for row, quaternion in zip(found, quaternions, strict=True):
            mujoco.mju_quat2Mat(row, quaternion)
        return found.reshape(-1, 3, 3)

    axes = matrices(model.body_iquat)
    inertia = axes @ (model.body_inertia[:, :, None] * axes.transpose(0, 2, 1))
    along = matrices(model.geom_quat)[:, :, 2]
    return [matrices(model.body_quat), inertia, along[:, :, None] * along[:, None, :]]


@pytest.mark.parametrize(("id", "name"), LENGTHS)
def test_nothing_comes_apart_and_the_start_is_as_far_from_the_ground(id: str, name: str) -> None:
    def parts(env: Any) -> tuple[dict[Any, float], float]:
        model, data = env.model, mujoco.MjData(env.model)
        data.qpos[:] = env.init_qpos
        mujoco.mj_forward(model, data)
        gaps = {}
        for child in range(1, model.nbody):
            parent = model.body_parentid[child]
            here, there = (np.flatnonzero(model.geom_bodyid == body) for body in (child, parent))
            if parent and len(here) and len(there):
                gap = min(mujoco.mj_geomDistance(model, data, a, b, 9.0, None) for a in here for b in there)
                gaps[child] = max(0.0, gap)
        floors = np.flatnonzero(model.geom_type == int(mujoco.mjtGeom.mjGEOM_PLANE))
        robot = np.flatnonzero(model.geom_bodyid > 0)
        clear = [mujoco.mj_geomDistance(model, data, floor, geom, 9.0, None) for floor in floors for geom in robot]
        return gaps, min(clear, default=0.0)

    gaps, clearance = parts(made(id, "none"))
    for factor in (0.75, 1.4):
        changed_gaps, changed_clearance = parts(made(id, f"dynamics:{name}:{factor}"))
        assert all(gap <= gaps[body] + 1e-6 for body, gap in changed_gaps.items())
        assert changed_clearance == pytest.approx(clearance, abs=1e-6)


def test_density_stays_and_so_mass_follows() -> None:
    def capsule(length: float) -> float:
        return 1000 * np.pi * 0.05**2 * (length + 4 / 3 * 0.05)

    nominal, long = made("Robust-Hopper-v0", "none").model, made("Robust-Hopper-v0", "dynamics:thigh_length:1.6").model
    assert nominal.body("thigh").mass[0] == pytest.approx(capsule(0.45))
    assert long.body("thigh").mass[0] == pytest.approx(capsule(1.6 * 0.45))


def test_a_longer_shin_takes_no_mass_from_the_rest_of_the_cheetah() -> None:
    """The XML asks for 14 kg in total, whatever the shapes."""
    nominal, long = (
        made("Robust-HalfCheetah-v0", "none").model,
        made("Robust-HalfCheetah-v0", "dynamics:bshin_length:2"),
    )
    others = [body for body in range(nominal.nbody) if nominal.body(body).name != "bshin"]
    assert np.array_equal(long.model.body_mass[others], nominal.body_mass[others])
    assert long.model.body("bshin").mass[0] > 1.7 * nominal.body("bshin").mass[0]


def test_factors_of_mass_multiply_what_the_shape_gives() -> None:
    long = made("Robust-Hopper-v0", "dynamics:thigh_length:1.6").model
    both = made("Robust-Hopper-v0", "dynamics:thigh_mass:2+dynamics:thigh_length:1.6+dynamics:friction:0.5").model
    thigh = both.body("thigh").id
    assert both.body_mass[thigh] == 2 * long.body_mass[thigh]
    assert np.array_equal(both.body_inertia[thigh], 2 * long.body_inertia[thigh])
    assert both.body_subtreemass[thigh] == pytest.approx(long.body_subtreemass[thigh] + long.body_mass[thigh])
    assert np.array_equal(both.geom_friction[:, 0], 0.5 * long.geom_friction[:, 0])
    want = copy.deepcopy(long)
    want.body_mass[thigh] *= 2
    want.body_inertia[thigh] *= 2
    mujoco.mj_setConst(want, mujoco.MjData(want))
    assert np.array_equal(both.dof_invweight0, want.dof_invweight0)


@pytest.mark.parametrize("id", TASKS)
def test_every_parameter_returns_to_nominal_to_the_bit(id: str) -> None:
    task, env = robust_gym.task(id), gym.make(id).unwrapped
    before, pose = arrays(env.model), env.init_qpos.copy()
    adapter = load(task.adapter)(env, task)
    rng = np.random.default_rng(0)
    for _ in range(6):
        chosen = [parameter for parameter in task.dynamics.values() if rng.random() < 0.6]
        values = {one.name: float(rng.uniform(max(one.low, -50.0), min(one.high, 2.0))) for one in chosen}
        adapter.configure(values)
        env.reset(seed=1)
        adapter.apply(values)
        assert differing(before, arrays(env.model))
    adapter.configure({})
    assert np.array_equal(env.init_qpos[:-4], pose[:-4])  # Pusher's resets write into the last four
    env.reset(seed=1)
    adapter.apply({})
    assert differing(before, arrays(env.model)) == []
    assert not env.data.xfrc_applied.any()


def test_a_shape_that_varies_within_an_episode_stays_sane() -> None:
    env = gym.make("Robust-HalfCheetah-v0", disruption="dynamics:bshin_length:1.4~sine=100")
    env.reset(seed=1)
    seen = set()
    for _ in range(200):
        observation, *_ = env.step(np.zeros(6, np.float32))
        seen.add(round(float(env.unwrapped.model.body("bshin").mass[0]), 4))
        assert np.isfinite(observation).all()
        assert abs(observation).max() < 20
    assert len(seen) > 20
    kept = env.get_wrapper_attr("_process")._adapter._variants._patches
    assert len(kept) <= 16


def test_shapes_are_not_drawn_unless_named() -> None:
    nominal, drawn = made("Robust-Hopper-v0", "none"), made("Robust-Hopper-v0", "dynamics:0.5")
    assert np.array_equal(nominal.model.geom_size, drawn.model.geom_size)
    sizes_drawn = {
        made("Robust-Hopper-v0", "dynamics:leg_length:0.6..1.8", seed).model.geom_size[3, 1] for seed in (1, 2)
    }
    assert len(sizes_drawn) == 2


def test_a_longer_arm_reaches_further() -> None:
    def reach(disruption: str) -> float:
        env = made("Robust-Reacher-v0", disruption)
        env.set_state(np.zeros(4), np.zeros(4))
        return float(env.get_body_com("fingertip")[0])

    assert reach("none") == pytest.approx(0.21)
    assert reach("dynamics:body0_length:1.5") == pytest.approx(0.26)
    assert reach("dynamics:body0_length:1.5+dynamics:body1_length:2") == pytest.approx(0.37)


def test_a_copied_adapter_compiles_its_own_shapes() -> None:
    env = made("Robust-Walker2d-v0", "none")
    adapter = MujocoDynamics(env, robust_gym.task("Robust-Walker2d-v0"))
    adapter.apply({"leg_length": 1.3})
    other = copy.deepcopy(adapter)
    other.apply({"leg_length": 1.6})
    assert other._env.model.geom("leg_geom").size[1] == pytest.approx(1.6 * 0.25)
    assert env.model.geom("leg_geom").size[1] == pytest.approx(1.3 * 0.25)


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        (lengths(torso=0.5)[0], "the body 'torso' has no capsule, cylinder or box to stretch"),
        (lengths(tail=0.5)[0], "'tail_length': the model has no body 'tail'"),
        (sizes(tors=0.5)[0], "Did you mean 'torso'?"),
    ],
)
def test_a_shape_the_model_has_not_is_an_error(parameter: Any, said: str) -> None:
    import dataclasses

    task = dataclasses.replace(robust_gym.task("Robust-Ant-v0"), dynamics={parameter.name: parameter})
    with pytest.raises(ValueError, match="Robust-Ant-v0") as error:
        MujocoDynamics(gym.make("Ant-v5").unwrapped, task)
    assert said in str(error.value)
