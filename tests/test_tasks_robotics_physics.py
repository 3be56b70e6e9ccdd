"""What the dynamics of Fetch, the Shadow hand and Adroit do: objects of other shape, size and mass, and the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from robot_rollouts import at, flat, made, still

from robust_gym.registry import task as find_task

mujoco = pytest.importorskip("mujoco")
pytest.importorskip("gymnasium_robotics")

SHAPED = [
    ("FetchPush", "object0", "cylinder", "CYLINDER", [0.025, 0.025, 0]),
    ("FetchSlide", "object0", "box", "BOX", [0.025, 0.025, 0.02]),
    ("FetchPickAndPlace", "object0", "sphere", "SPHERE", [0.025, 0, 0]),
    ("HandManipulateBlock", "object", "ellipsoid", "ELLIPSOID", [0.03, 0.03, 0.04]),
    ("HandManipulateEgg", "object", "box", "BOX", [0.025, 0.025, 0.025]),
    ("HandManipulatePen", "object", "box", "BOX", [0.008, 0.008, 0.1]),
]
FIELDS = ("body_mass", "body_inertia", "body_invweight0", "dof_invweight0", "geom_rbound", "geom_type", "geom_aabb")


def compiled(env: Any, body: str, edit: Any) -> Any:
    """Compile the library's XML after editing the geom of one body."""
    spec = mujoco.MjSpec.from_file(env.unwrapped.fullpath)
    edit(spec.body(body).geoms[0])
    return spec.compile()


def assert_same_object(env: Any, model: Any, body: str) -> None:
    have, index = env.unwrapped.model, model.body(body).id
    rows = {"body": index, "geom": int(model.body_geomadr[index]), "dof": model.body_dofadr[index] + np.arange(6)}
    for field in FIELDS:
        row = rows[field.partition("_")[0]]
        np.testing.assert_allclose(getattr(have, field)[row], getattr(model, field)[row], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("name", "body", "word", "kind", "size"), SHAPED)
def test_a_shape_is_the_model_compiled_with_it(name: str, body: str, word: str, kind: str, size: list[float]) -> None:
    env = made(name, f"dynamics:object:{word}")
    mass = float(made(name).unwrapped.model.body(body).mass[0])

    def edit(geom: Any) -> None:
        geom.type, geom.size, geom.mass = getattr(mujoco.mjtGeom, f"mjGEOM_{kind}"), size, mass

    assert_same_object(env, compiled(env, body, edit), body)


@pytest.mark.parametrize("name", ["FetchPush", "HandManipulateEgg"])
def test_a_size_is_the_model_compiled_with_it(name: str) -> None:
    env, body = made(name, "dynamics:object_size:1.3"), "object0" if name.startswith("Fetch") else "object"
    mass = float(made(name).unwrapped.model.body(body).mass[0])

    def edit(geom: Any) -> None:
        geom.size, geom.mass = np.asarray(geom.size) * 1.3, mass

    assert_same_object(env, compiled(env, body, edit), body)


def test_an_object_comes_back_to_the_bit() -> None:
    """Shapes, sizes and masses come and go, in one environment, in any order."""
    from robust_gym.conformance import Worlds

    for name in ("FetchSlide", "HandManipulateBlock", "AdroitHandPen", "AdroitHandRelocate"):
        task = find_task(f"Robust-{name}-v0")
        with Worlds(task.id, 6) as worlds:
            nominal = worlds.play()
            for text in ("object_size:1.4", "object_size:0.8~every=2", "object_mass:3", "joint_armature:2~steps=1..3"):
                assert worlds.play(f"dynamics:{text}+dynamics:object_size:1.2~steps=2..4") != nominal
                assert worlds.play() == nominal
            if task.semantic:
                assert worlds.play("dynamics:object:sphere+dynamics:joint_armature:2~steps=1..3") != nominal
                assert worlds.play() == nominal


@pytest.mark.parametrize("name", ["FetchPush", "FetchSlide"])
def test_a_larger_object_begins_on_the_table(name: str) -> None:
    nominal, large = at(made(name), "object0")[2], at(made(name, "dynamics:object_size:1.4"), "object0")[2]
    half = float(made(name).unwrapped.model.geom("object0").size[1])
    assert large - nominal == pytest.approx(0.4 * half, abs=1e-6)
    assert at(still(made(name, "dynamics:object_size:1.4"), 5), "object0")[2] == pytest.approx(large, abs=2e-3)


def test_a_new_mass_leaves_the_gripper_on_its_target() -> None:
    """MuJoCo would renew the weld's pose together with the constants that depend on mass."""
    env, nominal = made("FetchPush", "dynamics:object_mass:2"), made("FetchPush")
    np.testing.assert_array_equal(env.unwrapped.model.eq_data, nominal.unwrapped.model.eq_data)
    have, want = (at(still(one, 10), "robot0:gripper_link") for one in (env, nominal))
    np.testing.assert_allclose(have, want, atol=1e-3)


# Physics in the right direction.


def travelled(name: str, disruption: str, body: str = "object0") -> float:
    env = made(name, disruption)
    start = at(env, body)
    return float(np.linalg.norm(at(still(env, 3), body)[:2] - start[:2]))


def test_a_pushed_puck_goes_further_on_a_slippery_table_and_less_far_when_heavy() -> None:
    push = "dynamics:object_push:6"
    nominal = travelled("FetchSlide", push)
    assert travelled("FetchSlide", f"{push}+dynamics:table_friction:0.2") > 1.2 * nominal > 0.001
    assert travelled("FetchSlide", f"{push}+dynamics:object_mass:2") < 0.7 * nominal
    assert travelled("FetchSlide", f"{push}+dynamics:gravity:2") < 0.9 * nominal
    assert travelled("FetchPush", f"{push}+dynamics:object:sphere") > travelled("FetchPush", push), "balls roll"


def test_a_slow_gripper_lags_behind() -> None:
    def moved(disruption: str | None) -> float:
        env = made("FetchReach", disruption)
        start = at(env, "robot0:gripper_link")
        for _ in range(5):
            env.step(np.array([1, 0, 0, 0], np.float32))
        return float((at(env, "robot0:gripper_link") - start)[0])

    assert moved("dynamics:tracking_time:5") < 0.7 * moved(None)


def test_a_rusty_hinge_stops_the_door() -> None:
    def opened(disruption: str | None) -> float:
        env = made("AdroitHandDoor", disruption)
        joint = env.unwrapped.data.joint("door_hinge")
        joint.qpos[0], joint.qvel[0] = 0.4, 2.0
        return float(still(env, 10).unwrapped.data.joint("door_hinge").qpos[0])

    assert opened("dynamics:hinge_friction:5") < opened(None) < opened("dynamics:hinge_friction:0")
    assert opened("dynamics:hinge_damping:5") < opened(None)


def test_a_weak_hand_closes_less() -> None:
    def bent(disruption: str | None) -> float:
        env = made("HandReach", disruption)
        for _ in range(3):
            env.step(np.ones(20, np.float32))
        return float(env.unwrapped.data.joint("robot0:MFJ2").qpos[0])

    assert bent("dynamics:actuator_gain:0.2") < bent(None)
    assert bent("dynamics:joint_damping:4") < bent(None)


@pytest.mark.parametrize(
    "extreme", ["friction:0.05", "gravity:3", "object_size:1.5", "object_mass:10", "object_push:1"]
)
def test_in_hand_resets_end_in_extreme_worlds(extreme: str) -> None:
    """They repeat until the object lies on the palm."""
    env = made("HandManipulateBlock", f"dynamics:{extreme}", seed=None)
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        assert np.isfinite(flat(observation)).all()
