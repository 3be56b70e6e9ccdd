"""The particle tasks' parameters: each does what it says."""

from __future__ import annotations

import numpy as np
import pytest
from mpe_rollouts import DISCRETE, EACH, EACH_DISCRETE, make, mpe2, random_actions, rollout

from robust_gym.registry import task as find_task
from robust_gym.task import Task, load
from robust_gym.tasks import make_parallel
from robust_gym.tasks._mpe_dynamics import ParticleDynamics
from robust_gym.tasks._mpe_env import ACCELERATION, Particles

PARAMETERS = [(task, name) for task in DISCRETE if not task.slow for name in task.dynamics]
EACH_PARAMETER = pytest.mark.parametrize(
    ("task", "name"), PARAMETERS, ids=[f"{task.id}-{name}" for task, name in PARAMETERS]
)


def adapter_of(env: Particles, task: Task) -> ParticleDynamics:
    adapter = load(task.adapter)(env, task)
    assert isinstance(adapter, ParticleDynamics)
    return adapter


def changed(task: Task, name: str) -> float:
    parameter = task.dynamics[name]
    return 1.3 if parameter.mode == "scale" else parameter.high / 2


@EACH_PARAMETER
def test_identity_restores_every_bit(task, name):
    env, nominal = make(task), rollout(make(task))
    adapter = adapter_of(env, task)
    values = {other: parameter.identity for other, parameter in task.dynamics.items()}
    for back in ({}, {name: values[name]}, values):
        adapter.configure({name: changed(task, name)})
        rollout(env, [0])
        adapter.configure(back)
        env.reset(seed=0)
        adapter.apply({name: changed(task, name)})
        adapter.apply(back)
        np.testing.assert_array_equal(rollout(env), nominal)


@EACH_PARAMETER
def test_a_change_holds_over_a_reset(task, name):
    once, always = make(task), make(task)
    adapter_of(once, task).configure({name: changed(task, name)})
    adapter = adapter_of(always, task)
    for seed in range(6):
        adapter.configure({name: changed(task, name)})
        np.testing.assert_array_equal(rollout(once, [seed]), rollout(always, [seed]))


@EACH
def test_nominal_values_are_mpe2s(task):
    world = mpe2(task).unwrapped.world
    movers = [agent for agent in world.agents if agent.movable] or world.agents
    every = {
        "mass": [mover.mass for mover in movers],
        "damping": [world.damping],
        "acceleration": [ACCELERATION if mover.accel is None else mover.accel for mover in movers],
        "time_step": [world.dt],
        "agent_size": [agent.size for agent in world.agents],
        "landmark_size": [landmark.size for landmark in world.landmarks],
        "max_speed": [mover.max_speed for mover in movers],
        "contact_force": [world.contact_force],
        "contact_margin": [world.contact_margin],
        "message_gain": [1.0],
    }
    for name, parameter in task.dynamics.items():
        if parameter.unit == "of nominal":
            assert parameter.nominal == 1.0 and len(set(every[name])) > 1, name
        else:
            assert {parameter.nominal} == set(every.get(name, [0.0])), name


def test_parameters_mean_what_they_say():
    task = find_task("Robust-MPESpread-v0")
    env = make(task, N=1)
    adapter = adapter_of(env, task)

    def coast(values: dict[str, float], action: int = 2) -> tuple[np.ndarray, np.ndarray]:
        """Velocities after one move right, and after one more step without a move."""
        adapter.configure(values)
        env.reset(seed=0)
        first = env.step({"agent_0": action})[0]["agent_0"][:2]
        return first, env.step({"agent_0": 0})[0]["agent_0"][:2]

    first, second = coast({})
    np.testing.assert_allclose(first, [0.5, 0.0])
    np.testing.assert_allclose(second, [0.375, 0.0])
    np.testing.assert_allclose(coast({"mass": 2.0})[0], [0.25, 0.0])
    np.testing.assert_allclose(coast({"acceleration": 3.0})[0], [1.5, 0.0])
    np.testing.assert_allclose(coast({"time_step": 2.0})[0], [1.0, 0.0])
    np.testing.assert_allclose(coast({"damping": 2.0})[1], [0.25, 0.0])
    np.testing.assert_allclose(coast({"damping": 9.0})[1], [0.0, 0.0])
    np.testing.assert_allclose(coast({"wind_x": 1.0, "wind_y": -2.0}, action=0)[0], [0.1, -0.2])


def test_channels_mean_what_they_say():
    task = find_task("Robust-MPECrypto-v0")
    env = make(task)
    adapter = adapter_of(env, task)

    def heard(**values: float) -> list[np.ndarray]:
        """What Eve hears in three steps in which Alice says 2, 0 and 0."""
        adapter.configure(values)
        env.reset(seed=0)
        return [env.step({"eve_0": 0, "bob_0": 0, "alice_0": said})[0]["eve_0"] for said in (2, 0, 0)]

    two, nought, silence = np.eye(4)[2], np.eye(4)[0], np.zeros(4)
    np.testing.assert_allclose(heard(), [two, nought, nought])
    np.testing.assert_allclose(heard(message_gain=0.5), [0.5 * two, 0.5 * nought, 0.5 * nought])
    np.testing.assert_allclose(heard(crosstalk=1.0), np.full((3, 4), 0.25))
    np.testing.assert_allclose(heard(message_delay=1.0), [silence, two, nought])
    np.testing.assert_allclose(heard(message_delay=2.0), [silence, silence, two])
    np.testing.assert_allclose(heard(), [two, nought, nought])


def test_a_channel_leaves_answers_that_nobody_hears():
    task = find_task("Robust-MPECrypto-v0")
    env = make(task)
    adapter = adapter_of(env, task)

    def paid(**values: float) -> list[dict[str, float]]:
        adapter.configure(values)
        env.reset(seed=0)
        answers = [{"eve_0": eve, "bob_0": bob, "alice_0": 1} for eve, bob in ((0, 1), (1, 2), (2, 3), (3, 0))]
        return [env.step(one)[1] for one in answers]

    assert any(any(rewards.values()) for rewards in paid())
    for values in ({"message_gain": 2.0}, {"message_gain": 0.0}, {"crosstalk": 0.7}, {"message_delay": 2.0}):
        assert paid(**values) == paid(), values


def test_messages_of_the_first_tasks_are_not_drawn():
    """Their published protocol was drawn without."""
    for id in ("Robust-MPEReference-v0", "Robust-MPESpeakerListener-v0"):
        drawn = [name for name, parameter in find_task(id).dynamics.items() if parameter.drawn]
        assert drawn == ["mass", "damping", "acceleration", "time_step", "wind_x", "wind_y"]


@EACH_DISCRETE
@pytest.mark.parametrize("corner", range(4))
def test_observations_stay_inside_under_extreme_dynamics(task, corner):
    rng = np.random.default_rng(corner)
    env = make(task)
    adapter = adapter_of(env, task)
    for episode in range(4 if task.slow else 20):
        ends = {p.name: (p.low, p.high) for p in task.dynamics.values()}
        values = {name: end[corner] if corner < 2 else float(rng.choice(end)) for name, end in ends.items()}
        adapter.configure(values)
        observations, _ = env.reset(seed=episode)
        for action in random_actions(env, episode):
            observations, rewards, *_ = env.step(action)
            for agent, observation in observations.items():
                assert observation.dtype == np.float32
                assert np.isfinite(observation).all()
                assert env.observation_space(agent).contains(observation)
            assert env.state_space.contains(env.state())
            assert np.isfinite(list(rewards.values())).all()


@EACH_DISCRETE
@pytest.mark.parametrize(
    "disruption", ["dynamics:0.2", "dynamics:0.3~ramp=12", "action:delay:2+observation:0.1", "action:sticky:0.9"]
)
def test_disruptions_reach_the_particles(task, disruption):
    np.testing.assert_array_equal(rollout(make_parallel(task.id)), rollout(make(task)))
    disturbed = rollout(make_parallel(task.id, disruption))
    assert not np.array_equal(disturbed, rollout(make(task)))
    np.testing.assert_array_equal(disturbed, rollout(make_parallel(task.id, disruption)))
