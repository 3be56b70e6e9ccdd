"""The effective MuJoCo parameters, against models compiled from XML with those values."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym.tasks import _mujoco_parameters as parameters
from robust_gym.tasks._mujoco_dynamics import MujocoDynamics

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
def test_nominal_values_are_those_of_the_model(id: str) -> None:
    task = robust_gym.task(id)
    measured = MujocoDynamics(gym.make(id).unwrapped, task).measure()
    for name, value in measured.items():
        assert task.dynamics[name].nominal == pytest.approx(value, abs=6e-4), name


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


def test_what_is_written_is_nominal_times_factor_to_the_bit() -> None:
    """The rule that published results depend on."""
    factors = {"gravity": 1.3, "friction": 0.7, "joint_damping": 2.1, "actuator_gain": 0.9, "thigh_mass": 1.7}
    model = made("Robust-Walker2d-v0", "+".join(f"dynamics:{name}:{value}" for name, value in factors.items())).model
    want = made("Robust-Walker2d-v0", "none").model
    thigh = want.body("thigh").id
    want.opt.gravity[:] *= factors["gravity"]
    want.geom_friction[:, 0] *= factors["friction"]
    want.dof_damping[:] *= factors["joint_damping"]
    want.actuator_gear[:] *= factors["actuator_gain"]
    want.body_mass[thigh] *= factors["thigh_mass"]
    want.body_inertia[thigh] *= factors["thigh_mass"]
    mujoco.mj_setConst(want, mujoco.MjData(want))
    names = [name for name in dir(want) if isinstance(getattr(want, name), np.ndarray)]
    assert [name for name in names if not np.array_equal(getattr(model, name), getattr(want, name))] == []


XML = """
<mujoco>
  <default><geom density="1000"/></default>
  <worldbody>
    <geom name="ground" type="plane" size="1 1 1" friction="0.4"/>
    <body name="robot0:base" pos="0 0 1">
      <joint name="lift" type="slide" axis="0 0 1"/>
      <geom name="hull" size="0.1" friction="0.9"/>
      <body name="arm"><joint name="elbow" axis="0 1 0" damping="0.5"/><geom size="0.05 0.2" type="capsule"/></body>
      <body name="other"><joint name="wrist" axis="0 1 0"/><geom name="tip" size="0.05" friction="0.2"/></body>
    </body>
  </worldbody>
  <contact><pair geom1="ground" geom2="tip" friction="0.3 0.3"/></contact>
  <actuator>
    <motor joint="lift" gear="3"/>
    <position joint="elbow" kp="7" forcerange="-2 2"/>
    <velocity joint="wrist" kv="5"/>
  </actuator>
</mujoco>
"""


class World:
    """A small environment with a motor, two servos and a contact pair."""

    def __init__(self) -> None:
        self.model = mujoco.MjModel.from_xml_string(XML)
        self.data = mujoco.MjData(self.model)


def adapter(*parameters: Any, cls: Any = MujocoDynamics) -> Any:
    task = dataclasses.replace(
        robust_gym.task("Robust-Ant-v0"), id="Robust-Small-v0", dynamics={one.name: one for one in parameters}
    )
    return cls(World(), task)


@pytest.mark.parametrize("parameter", [parameters.GAIN, parameters.SERVO_GAIN])
def test_a_gain_scales_the_force_of_motors_and_servos(parameter: Any) -> None:
    def forces(factor: float) -> np.ndarray:
        dynamics = adapter(parameter)
        dynamics.apply({"actuator_gain": factor})
        model, data = dynamics.physics()
        data.qpos[:], data.qvel[:], data.ctrl[:] = [0.1, 0.2, 0.3], [0.1, -0.2, 0.3], [0.5, 0.3, -0.4]
        mujoco.mj_forward(model, data)
        free = data.qfrc_actuator.copy()
        data.ctrl[1] = 100.0  # beyond the limit of the force
        mujoco.mj_forward(model, data)
        return np.array([*free, data.qfrc_actuator[1]])

    assert forces(1.0)[:3] == pytest.approx([1.5, 7 * 0.1, 5 * -0.7])
    assert forces(1.0)[3] == 2.0
    assert forces(1.7) == pytest.approx(1.7 * forces(1.0))


def test_friction_of_all_of_one_body_and_of_one_geom() -> None:
    dynamics = adapter(parameters.friction(1.0), *parameters.frictions(other=0.3, ground=0.4, robot0_base=0.9))
    model = dynamics.physics()[0]
    nominal, pair = model.geom_friction[:, 0].copy(), model.pair_friction.copy()
    assert dynamics.measure() == {
        "friction": 1.0,
        "other_friction": 0.3,
        "ground_friction": 0.4,
        "robot0_base_friction": 0.9,
    }
    dynamics.apply({"friction": 0.5, "other_friction": 3.0})
    assert model.geom_friction[:, 0] == pytest.approx(nominal * [0.5, 0.5, 0.5, 1.5])
    assert model.pair_friction[0, :2] == pytest.approx(1.5 * pair[0, :2])
    dynamics.apply({"ground_friction": 2.0})
    assert model.geom_friction[:, 0] == pytest.approx(nominal * [2, 1, 1, 1])
    dynamics.apply({})
    assert np.array_equal(model.geom_friction[:, 0], nominal)
    assert np.array_equal(model.pair_friction, pair)


def test_masses_multiply_and_belong_to_the_nearest_body_named() -> None:
    dynamics = adapter(parameters.MASS, *parameters.masses(robot0_base=1.0, arm=1.0))
    model = dynamics.physics()[0]
    mass, derived = model.body_mass.copy(), model.dof_invweight0.copy()
    dynamics.apply({"mass": 2.0, "robot0_base_mass": 3.0, "arm_mass": 5.0})
    assert model.body_mass == pytest.approx(mass * [1, 6, 10, 6])
    assert not np.array_equal(model.dof_invweight0, derived)
    dynamics.apply({"mass": 1.0, "robot0_base_mass": 1.0, "arm_mass": 1.0})
    assert np.array_equal(model.body_mass, mass)
    assert np.array_equal(model.dof_invweight0, derived)


def test_dry_friction_and_rotors_of_joints() -> None:
    dynamics = adapter(parameters.joint_friction("N m", 2.0), parameters.DAMPING)
    model = dynamics.physics()[0]
    dynamics.apply({"joint_friction": 0.7, "joint_damping": 2.0})
    assert list(model.dof_frictionloss) == [0.7, 0.7, 0.7]
    assert list(model.dof_damping) == [0.0, 1.0, 0.0]
    dynamics.apply({"joint_friction": 0.0})
    assert not model.dof_frictionloss.any()
    with pytest.raises(ValueError, match="'joint_armature': the model has only zeros there, which no factor changes"):
        adapter(parameters.ARMATURE)


def test_pushes_act_on_the_body_they_name_and_survive_resets() -> None:
    dynamics = adapter(parameters.push(5.0), parameters.crosspush(5.0, "arm"), parameters.lift(5.0, "other"))
    model, data = dynamics.physics()
    values = {"push": 1.0, "arm_crosspush": 2.0, "other_lift": -3.0}
    for _ in range(2):
        mujoco.mj_resetData(model, data)
        dynamics.configure(values)
        mujoco.mj_resetData(model, data)
        dynamics.apply(values)
        force = data.xfrc_applied.copy()
        assert list(force[1]) == [1, 0, 0, 0, 0, 0]
        assert list(force[2]) == [0, 2, 0, 0, 0, 0]
        assert list(force[3]) == [0, 0, -3, 0, 0, 0]
    dynamics.apply(dict.fromkeys(values, 0.0))
    assert not data.xfrc_applied.any()


def test_a_scheduled_push_acts_in_single_steps() -> None:
    env = gym.make("Robust-Hopper-v0", disruption="dynamics:push:50~every=4")
    env.reset(seed=1)
    forces = []
    for _ in range(9):
        env.step(np.zeros(3, np.float32))
        forces.append(float(env.unwrapped.data.xfrc_applied[1, 0]))
    assert sorted(set(forces)) == [0.0, 50.0]
    assert forces.count(50.0) in (2, 3)


def test_groups_and_parameters_of_a_subclass() -> None:
    class Own(MujocoDynamics):
        handled = ("colour",)
        groups = {"limbs": ("arm", "other")}
        main_body = "arm"

        def write(self, values: Any) -> None:
            self.colour = values.get("colour", 1.0)

    colour = dataclasses.replace(parameters.MASS, name="colour")
    dynamics = adapter(colour, *parameters.masses(limbs=1.0), parameters.push(3.0), cls=Own)
    mass = dynamics.physics()[0].body_mass.copy()
    dynamics.configure({"limbs_mass": 2.0, "colour": 0.5, "push": 1.0, "map": "a word, for the subclass"})
    assert dynamics.physics()[0].body_mass == pytest.approx(mass * [1, 1, 2, 2])
    assert dynamics.colour == 0.5
    assert dynamics.physics()[1].xfrc_applied[2, 0] == 1.0


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        (
            parameters.masses(amr=1.0)[0],
            "parameter 'amr_mass': the model has no body 'amr'; it has robot0_base, arm, other",
        ),
        (parameters.masses(amr=1.0)[0], "Did you mean 'arm'?"),
        (
            parameters.frictions(tipp=1.0)[0],
            "has no body or geom 'tipp'; it has robot0_base, arm, other, ground, hull, tip",
        ),
        (parameters.push(1.0, "leg"), "'leg_push': the model has no body 'leg'"),
        (parameters.STIFFNESS, "'joint_stiffness': the model has only zeros there"),
        (dataclasses.replace(parameters.MASS, name="fluid_density"), "has no medium"),
        (dataclasses.replace(parameters.MASS, name="colour"), "knows no parameter called 'colour'; it knows gravity"),
    ],
)
def test_what_the_model_has_not_is_one_clear_error(parameter: Any, said: str) -> None:
    with pytest.raises(ValueError, match="Robust-Small-v0") as error:
        adapter(parameter)
    assert said in str(error.value)


def test_the_parameters_need_no_simulator() -> None:
    code = "import sys, robust_gym.tasks._mujoco_dynamics, robust_gym.tasks.mujoco; sys.exit('mujoco' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
