"""The effective MuJoCo parameters, against models compiled from XML with those values."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym.tasks.mujoco import _mass_groups

mujoco = pytest.importorskip("mujoco")
TASKS = robust_gym.list_tasks("mujoco")


def made(id: str, disruption: str, seed: int = 1) -> Any:
    env = gym.make(id, disruption=disruption)
    env.reset(seed=seed)
    return env.unwrapped


def compiled(id: str, edit: Any) -> Any:
    """Compile the task's XML after editing its specification."""
    spec = mujoco.MjSpec.from_file(gym.make(id).unwrapped.fullpath)
    edit(spec)
    return spec.compile()


@pytest.mark.parametrize("id", TASKS)
def test_nominal_masses_are_those_of_the_model(id: str) -> None:
    model = gym.make(id).unwrapped.model
    for name, bodies in _mass_groups(model, robust_gym.task(id)).items():
        assert bodies, f"{name} names no body"
        total = model.body_mass[bodies].sum()
        assert robust_gym.task(id).dynamics[name].nominal == pytest.approx(total, abs=6e-4)


@pytest.mark.parametrize(
    ("id", "attribute", "value"),
    [
        ("Robust-Hopper-v0", "friction", 2.0),
        ("Robust-HalfCheetah-v0", "friction", 0.4),
        ("Robust-Walker2d-v0", "friction", 1.9),
        ("Robust-Ant-v0", "friction", 1.0),
        ("Robust-Hopper-v0", "gravity", 9.81),
        ("Robust-Swimmer-v0", "fluid_density", 4000.0),
        ("Robust-Swimmer-v0", "fluid_viscosity", 0.1),
    ],
)
def test_other_nominal_values_are_those_of_the_model(id: str, attribute: str, value: float) -> None:
    model = gym.make(id).unwrapped.model
    real = {
        "friction": model.geom_friction[:, 0].max(),
        "gravity": -model.opt.gravity[2],
        "fluid_density": model.opt.density,
        "fluid_viscosity": model.opt.viscosity,
    }[attribute]
    assert robust_gym.task(id).dynamics[attribute].nominal == pytest.approx(value) == pytest.approx(real)


@pytest.mark.parametrize(
    ("id", "body", "factor"),
    [
        ("Robust-Hopper-v0", "torso", 1.7),
        ("Robust-Hopper-v0", "foot", 0.4),
        ("Robust-Walker2d-v0", "thigh_left", 2.0),
        ("Robust-InvertedPendulum-v0", "pole", 3.0),
        ("Robust-Humanoid-v0", "left_shin", 0.5),
        ("Robust-Swimmer-v0", "mid", 1.3),
    ],
)
def test_a_scaled_mass_is_the_model_compiled_with_that_density(id: str, body: str, factor: float) -> None:
    """Scaling every geom's density scales mass and inertia, and MuJoCo derives the rest from them."""

    def edit(spec: Any) -> None:
        for geom in spec.body(body).geoms:
            geom.density *= factor

    want, have = compiled(id, edit), made(id, f"dynamics:{body}_mass:{factor}").model
    for field in (
        "body_mass",
        "body_inertia",
        "body_ipos",
        "body_subtreemass",
        "body_invweight0",
        "dof_invweight0",
        "dof_M0",
        "actuator_acc0",
    ):
        assert np.allclose(getattr(have, field), getattr(want, field), rtol=1e-9), field


def test_the_trajectory_is_that_of_the_compiled_model() -> None:
    def edit(spec: Any) -> None:
        for geom in spec.body("torso").geoms:
            geom.density *= 1.7
        for geom in spec.geoms:
            geom.friction[0] *= 0.5
        spec.option.gravity[2] *= 1.2

    env = made("Robust-Hopper-v0", "dynamics:torso_mass:1.7+dynamics:friction:0.5+dynamics:gravity:1.2")
    model = compiled("Robust-Hopper-v0", edit)
    data = mujoco.MjData(model)
    data.qpos[:], data.qvel[:] = env.data.qpos, env.data.qvel
    mujoco.mj_forward(model, data)
    for k in range(40):
        action = np.sin([k, 2 * k, 3 * k]).astype(np.float32)
        env.step(action)
        data.ctrl[:] = action
        mujoco.mj_step(model, data, nstep=env.frame_skip)
        assert np.allclose(env.data.qpos, data.qpos, rtol=1e-6, atol=1e-9), k


@pytest.mark.parametrize("factor", [0.3, 2.0])
def test_friction_reaches_the_contacts(factor: float) -> None:
    """MuJoCo takes the larger friction of the two geoms: scaling one of them alone may do nothing."""

    def contact_friction(disruption: str) -> float:
        env = made("Robust-Hopper-v0", disruption)
        for _ in range(50):
            env.step(np.zeros(3, np.float32))
            foot = mujoco.mj_name2id(env.model, mujoco.mjtObj.mjOBJ_GEOM, "foot_geom")
            touching = [c.friction[0] for c in env.data.contact[: env.data.ncon] if foot in (c.geom1, c.geom2)]
            if touching:
                return float(touching[0])
        raise AssertionError("the foot never touched the ground")

    assert contact_friction(f"dynamics:friction:{factor}") == pytest.approx(factor * contact_friction("none"))


def test_derived_constants_follow_the_mass() -> None:
    """Without mj_setConst the inverse weights, and so the contacts, would stay those of the old mass."""
    nominal, heavy = made("Robust-Hopper-v0", "none").model, made("Robust-Hopper-v0", "dynamics:torso_mass:3").model
    assert not np.allclose(nominal.dof_invweight0, heavy.dof_invweight0)
    assert np.allclose(heavy.body_inertia[1], 3 * nominal.body_inertia[1])


def test_wind_blows_the_robot_away() -> None:
    def drift(disruption: str) -> float:
        env = made("Robust-Ant-v0", disruption)
        for _ in range(60):
            env.step(np.zeros(8, np.float32))
        return float(env.data.qpos[0])

    assert drift("dynamics:wind:20") > drift("none") > drift("dynamics:wind:-20")


def test_a_rebuilt_model_gets_the_dynamics_again() -> None:
    env = gym.make("Robust-Hopper-v0", disruption="dynamics:gravity:1.3+dynamics:torso_mass:2")
    env.reset(seed=1)
    inner = env.unwrapped
    original = inner.reset_model

    def rebuild() -> Any:
        inner.model = mujoco.MjModel.from_xml_path(inner.fullpath)
        inner.data = mujoco.MjData(inner.model)
        return original()

    inner.reset_model = rebuild
    for _ in range(2):
        env.reset(seed=1)
        assert inner.model.opt.gravity[2] == pytest.approx(-9.81 * 1.3)
        assert inner.model.body_mass[1] == pytest.approx(2 * 3.665, rel=1e-3)


def test_dynamics_do_not_pile_up_over_episodes() -> None:
    env = gym.make("Robust-Hopper-v0", disruption="dynamics:torso_mass:2")
    for _ in range(3):
        env.reset()
        assert env.unwrapped.model.body_mass[1] == pytest.approx(2 * 3.665, rel=1e-3)


def test_copies_do_not_share_their_model() -> None:
    changed, plain = made("Robust-Hopper-v0", "dynamics:gravity:2"), made("Robust-Hopper-v0", "none")
    assert changed.model.opt.gravity[2] == pytest.approx(2 * plain.model.opt.gravity[2])


def test_half_cheetah_is_gymnasiums_own_without_its_warning(capfd: pytest.CaptureFixture[str]) -> None:
    from robust_gym.conformance import rollout

    ours = gym.make("Robust-HalfCheetah-v0")
    assert "settotalmass" not in "".join(capfd.readouterr())
    assert rollout(ours) == rollout(gym.make("HalfCheetah-v5"))
