"""DeepMind Control: the same tasks as the library's own, and parameters that do what they say."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym.task import load

suite = pytest.importorskip("dm_control.suite")
pytest.importorskip("shimmy")
TASKS = robust_gym.list_tasks("dm_control")
# One task of every variant of every domain, as their parameters go.
VARIANTS = list({tuple(robust_gym.task(id).dynamics.values()): id for id in TASKS}.values())
LIBRARY = {
    "Robust-DmCheetahRun-v0": ("cheetah", "run"),
    "Robust-DmFingerSpin-v0": ("finger", "spin"),
    "Robust-DmFishSwim-v0": ("fish", "swim"),
    "Robust-DmHumanoidStand-v0": ("humanoid", "stand"),
    "Robust-DmManipulatorInsertPeg-v0": ("manipulator", "insert_peg"),
    "Robust-DmPointMassHard-v0": ("point_mass", "hard"),
}


def made(id: str, disruption: str | None = None, seed: int = 1) -> Any:
    env = gym.make(id, disruption=disruption)
    env.reset(seed=seed)
    return env.unwrapped


def test_the_whole_suite_but_lqr_is_here() -> None:
    registered = {robust_gym.task(id).kwargs["name"] for id in TASKS}
    library = {f"{domain}/{task}" for domain, task in suite.ALL_TASKS if domain != "lqr"}
    assert {name for name in registered if "/" in name} == library


def test_every_manipulation_task_with_features_but_one_is_here() -> None:
    from dm_control import manipulation

    registered = {robust_gym.task(id).kwargs["name"] for id in TASKS}
    features = set(manipulation.get_environments_by_tag("features"))
    assert len(features) == 13 and features - registered == {"reassemble_5_bricks_random_order_features"}


@pytest.mark.parametrize("id", VARIANTS)
def test_nominal_values_are_those_of_the_model(id: str) -> None:
    task = robust_gym.task(id)
    measured = load(task.adapter)(made(id), task).measure()
    assert set(measured) == {name for name, one in task.dynamics.items() if one.mode == "scale"}
    for name, value in measured.items():
        assert task.dynamics[name].nominal == pytest.approx(value, abs=6e-4), name


@pytest.mark.parametrize("id", LIBRARY)
def test_equals_the_library(id: str) -> None:
    ours = gym.make(id)
    observation, _ = ours.reset(seed=3)
    # dm_control's legacy interface to the generator that Gymnasium makes of the seed.
    random = np.random.RandomState(gym.utils.seeding.np_random(3)[0].bit_generator)
    domain, name = LIBRARY[id]
    theirs = suite.load(domain, name, task_kwargs={"random": random})
    step = theirs.reset()
    ours.action_space.seed(0)
    for _ in range(20):
        flat = np.concatenate([np.ravel(step.observation[key]) for key in sorted(step.observation)])
        np.testing.assert_array_equal(observation, flat)
        action = ours.action_space.sample()
        step = theirs.step(action)
        observation, reward, terminated, truncated, info = ours.step(action)
        assert (reward, terminated, truncated, info["discount"]) == (step.reward, False, False, 1.0)
        assert type(reward) is float


@pytest.mark.parametrize("id", ["Robust-DmPendulumSwingup-v0", "Robust-DmReachSite-v0"])
def test_an_episode_is_truncated_at_the_horizon(id: str) -> None:
    env = gym.make(id)
    env.reset(seed=0)
    action = np.zeros(env.action_space.shape)
    for _ in range(robust_gym.task(id).horizon - 1):
        *_, terminated, truncated, _ = env.step(action)
        assert not terminated and not truncated
    *_, terminated, truncated, info = env.step(action)
    assert truncated and not terminated and info["discount"] == 1.0


def test_a_diverged_simulation_ends_the_episode() -> None:
    env = made("Robust-DmWalkerWalk-v0")
    before, *_ = env.step(np.zeros(6))
    env.data.qvel[:] = np.nan
    observation, reward, terminated, truncated, info = env.step(np.zeros(6))
    np.testing.assert_array_equal(observation, before)
    assert (reward, terminated, truncated, info["diverged"]) == (0.0, True, False, True)
    fresh, _ = env.reset(seed=1)
    assert np.isfinite(fresh).all()


def test_a_start_that_diverges_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from dm_control.rl.control import PhysicsError

    env = made("Robust-DmWalkerWalk-v0")
    reset, failures = env._inner.reset, [PhysicsError("one"), PhysicsError("two")]

    def failing() -> Any:
        if failures:
            raise failures.pop()
        return reset()

    monkeypatch.setattr(env._inner, "reset", failing)
    env.reset(seed=0)
    assert not failures
    failures += [PhysicsError("always")] * 10
    with pytest.raises(PhysicsError, match="always"):
        env.reset(seed=0)


def test_escape_needs_no_renderer_when_nobody_looks() -> None:
    env = made("Robust-DmQuadrupedEscape-v0")
    terrain = env.model.hfield_data.copy()
    env.reset(seed=2)
    assert (env.model.hfield_data != terrain).any()
    env.step(env.action_space.sample())


def test_pickles_as_a_fresh_environment() -> None:
    env = made("Robust-DmAcrobotSwingup-v0")
    copy = pickle.loads(pickle.dumps(env))
    np.testing.assert_array_equal(copy.reset(seed=5)[0], env.reset(seed=5)[0])


def test_any_seed_that_gymnasium_takes() -> None:
    env = made("Robust-DmPendulumSwingup-v0")
    first, _ = env.reset(seed=2**70)
    np.testing.assert_array_equal(env.reset(seed=2**70)[0], first)
    with pytest.raises(gym.error.Error):
        env.reset(seed=-1)


def test_dynamics_are_written_over_what_a_reset_writes() -> None:
    def hinge(disruption: str | None) -> float:
        return float(made("Robust-DmFingerSpin-v0", disruption)._inner.physics.named.model.dof_damping["hinge"][0])

    assert hinge(None) == pytest.approx(0.03)
    assert hinge("dynamics:joint_damping:2") == pytest.approx(0.06)


def test_dynamics_are_written_into_models_that_resets_compile() -> None:
    env = gym.make("Robust-DmStack3Bricks-v0", disruption="dynamics:brick_4_mass:2+dynamics:arm_mass:0.5")
    models = []
    for seed in range(2):
        env.reset(seed=seed)
        model = env.unwrapped.model
        assert model.body("duplo2x4_4/").mass[0] == pytest.approx(2 * model.body("duplo2x4_2/").mass[0])
        assert model.body("jaco_arm/b_1").mass[0] == pytest.approx(0.643 / 2, abs=1e-3)
        models.append(model)
    assert models[0] is not models[1]


@pytest.mark.parametrize(
    ("id", "name", "factor", "geoms"),
    [
        ("Robust-DmCartpoleSwingup-v0", "pole_1_length", 3.0, ("pole_1",)),
        ("Robust-DmWalkerWalk-v0", "thigh_length", 2.0, ("right_thigh", "left_thigh")),
        ("Robust-DmWalkerWalk-v0", "torso_length", 1.5, ("torso",)),
        ("Robust-DmQuadrupedWalk-v0", "shin_length", 2.0, ("shin_front_left", "shin_back_right")),
        ("Robust-DmHumanoidWalk-v0", "shin_length", 1.2, ("right_shin", "left_shin")),
    ],
)
def test_lengths(id: str, name: str, factor: float, geoms: tuple[str, ...]) -> None:
    nominal, longer = made(id).model, made(id, f"dynamics:{name}:{factor:g}").model
    for geom in geoms:
        assert longer.geom(geom).size[1] == pytest.approx(factor * nominal.geom(geom).size[1])
        # The ends that the capsule has beside its length keep the shape of the rest.
        assert longer.geom(geom).size[0] == nominal.geom(geom).size[0]


def test_a_walker_with_longer_legs_starts_as_far_above_the_ground() -> None:
    def lowest(disruption: str | None) -> float:
        env = gym.make("Robust-DmWalkerStand-v0", disruption=disruption)
        env.reset(seed=0)
        data, model = env.unwrapped.data, env.unwrapped.model
        assert env.unwrapped.data.qpos[0] == 0.0
        # Standing straight, as the model is drawn.
        data.qpos[:] = 0.0
        import mujoco

        mujoco.mj_forward(model, data)
        feet = [data.geom(name).xpos[2] - model.geom(name).size[0] for name in ("right_foot", "left_foot")]
        return float(min(feet))

    assert lowest("dynamics:thigh_length:2") == pytest.approx(lowest(None), abs=1e-9)


def test_gravity_pulls_a_pendulum_down_faster() -> None:
    def speed(disruption: str | None) -> float:
        env = made("Robust-DmPendulumSwingup-v0", disruption)
        env.data.qpos[:], env.data.qvel[:] = np.pi / 2, 0.0
        env._inner.physics.forward()
        env.step(np.zeros(1))
        return abs(float(env.data.qvel[0]))

    assert speed("dynamics:gravity:2") == pytest.approx(2 * speed(None), rel=0.01)


def test_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    made("Robust-DmCheetahRun-v0")
    assert not caplog.records
