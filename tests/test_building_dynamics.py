"""The HVAC building's parameters and semantic shifts: each does what it says."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from building_rollouts import AGENTS, quiet, random_actions, rollout

from robust_gym.registry import task as find_task
from robust_gym.task import load
from robust_gym.tasks import building, make_parallel
from robust_gym.tasks._building_env import BuildingDynamics, make
from robust_gym.tasks._building_model import Dynamics, discretise, load_city

TASK = find_task("Robust-Building-v0")
pytestmark = pytest.mark.skipif(TASK.missing() is not None, reason=str(TASK.missing()))


@pytest.fixture(scope="module")
def nominal() -> tuple[np.ndarray, np.ndarray]:
    return rollout(make(), random_actions(0))


def changed(name: str) -> float:
    parameter = TASK.dynamics[name]
    return 1.3 if parameter.mode == "scale" else parameter.high / 2


@pytest.mark.parametrize("name", TASK.dynamics)
def test_every_parameter_changes_temperatures(name, nominal):
    env = make()
    BuildingDynamics(env, TASK).configure({name: changed(name)})
    observations, rewards = rollout(env, random_actions(0))
    assert np.abs(observations[..., 0] - nominal[0][..., 0]).max() > 0.01
    assert not np.array_equal(rewards, nominal[1])


@pytest.mark.parametrize("name", TASK.dynamics)
def test_identity_restores_every_bit(name, nominal):
    env = make()
    adapter = BuildingDynamics(env, TASK)
    adapter.configure({name: changed(name)})
    rollout(env, random_actions(0, 5))
    values = {other: parameter.identity for other, parameter in TASK.dynamics.items()}
    for back in ({}, {name: values[name]}, values):
        adapter.configure({name: changed(name)})
        adapter.configure(back)
        env.reset(seed=0)
        adapter.apply({name: changed(name)})
        adapter.apply(back)
        observations, rewards = rollout(env, random_actions(0))
        np.testing.assert_array_equal(observations, nominal[0])
        np.testing.assert_array_equal(rewards, nominal[1])


def test_a_change_within_an_episode_acts_at_once_and_ends(nominal):
    env = make()
    adapter = BuildingDynamics(env, TASK)
    actions = random_actions(0)
    observations, _ = env.reset(seed=0)
    for t, action in enumerate(actions[:60]):
        np.testing.assert_array_equal(list(observations.values()), nominal[0][t])
        observations, *_ = env.step(action)
    adapter.apply({"hvac_power": 0.5, "outdoor_temperature": 4.0})
    observations, *_ = env.step(actions[60])
    assert observations["zone_0"][0] != nominal[0][61, 0, 0]
    assert observations["zone_0"][1] == pytest.approx(nominal[0][61, 0, 1] + 4.0)
    adapter.apply({})
    observations, *_ = env.step(actions[61])
    assert observations["zone_0"][1] == nominal[0][62, 0, 1]


def test_nominal_values_are_sustaingyms():
    city = load_city("tucson")
    measured = {"hvac_power": city.max_power, "heat_capacity": city.capacities().sum(), **city.conductances()}
    for name, value in measured.items():
        assert TASK.dynamics[name].nominal == pytest.approx(value, rel=1e-4), name
    from sustaingym.envs.building import ParameterGenerator

    defaults = inspect.signature(ParameterGenerator).parameters
    assert TASK.dynamics["solar_gain"].nominal == defaults["shgc"].default
    assert defaults["full_occ"].default == 0  # nobody heats the building: "internal_gain" is 0


def test_thermal_parameters_equal_a_rebuilt_model():
    """Against SustainGym's own construction from changed heat transfer coefficients."""
    from sustaingym.envs.building.utils import BUILDINGS, ParameterGenerator

    walls = BUILDINGS["OfficeSmall"][1]
    weather, location = building.CITIES["tucson"]

    def rebuilt(ufactor, **arguments):
        from sustaingym.envs.building import BuildingEnv

        BUILDINGS["OfficeSmall"] = (BUILDINGS["OfficeSmall"][0], ufactor)
        try:
            with quiet():
                return BuildingEnv(ParameterGenerator("OfficeSmall", weather, location, **arguments))
        finally:
            BUILDINGS["OfficeSmall"] = (BUILDINGS["OfficeSmall"][0], walls)

    city = load_city("tucson")
    outside = walls._replace(outwall=walls.outwall * 2, roof=walls.roof * 2, window=walls.window * 2)
    inside = walls._replace(intwall=walls.intwall * 2, floor=walls.floor * 2, ceiling=walls.ceiling * 2)
    floor = walls._replace(groundfloor=walls.groundfloor * 2)
    for dynamics, reference in (
        (Dynamics(envelope_conductance=2), rebuilt(outside)),
        (Dynamics(interior_conductance=2), rebuilt(inside)),
        (Dynamics(ground_conductance=2), rebuilt(floor)),
        (Dynamics(solar_gain=2), rebuilt(walls, shgc=0.504)),
        (Dynamics(hvac_power=2), rebuilt(walls, max_power=16_000)),
        # Twice the capacity is the same as half the speed.
        (Dynamics(heat_capacity=2), rebuilt(walls, time_res=150, episode_len=576)),
    ):
        A_d, BD_d, _ = discretise(city, dynamics)
        np.testing.assert_allclose(A_d, reference.A_d, rtol=1e-9, atol=1e-12)
        expected = reference.BD_d.copy()
        if dynamics.heat_capacity != 1:
            expected[:, -1] *= 0.5  # SustainGym's irradiance is per step, and so twice as large at half the step
        np.testing.assert_allclose(BD_d, expected, rtol=1e-9, atol=1e-12)


def test_internal_gain_is_heat_in_watts():
    city = load_city("tucson")
    _, BD_d, gain = discretise(city, Dynamics(internal_gain=800.0))
    np.testing.assert_allclose(gain, BD_d[:, 3:9] @ np.full(6, 0.1))
    assert discretise(city, Dynamics())[2] is None


@pytest.mark.parametrize("option", TASK.semantic["city"].options)
def test_every_city_is_another_world(option, nominal):
    env = make()
    adapter = BuildingDynamics(env, TASK)
    adapter.configure({"city": option})
    observations, infos = env.reset(seed=0)
    assert infos == make().reset(seed=0)[1]  # the same day
    for action in random_actions(0, 20):
        observations, *_ = env.step(action)
    same = np.array_equal(list(observations.values()), nominal[0][20])
    assert same == (option == "tucson")
    adapter.configure({})
    np.testing.assert_array_equal(rollout(env, random_actions(0, 20))[0], nominal[0][:21])


def test_another_season_is_another_day(nominal):
    env = make()
    adapter = BuildingDynamics(env, TASK)
    adapter.configure({"season": "late", "city": "tampa"})
    assert env.reset(seed=0)[1]["zone_0"]["day"] >= 200
    assert (env.city, env.season) == ("tampa", "late")
    adapter.configure({"season": "training"})
    np.testing.assert_array_equal(rollout(env, random_actions(0, 20))[0], nominal[0][:21])


@pytest.mark.parametrize("corner", range(6))
def test_observations_stay_inside_under_extreme_dynamics(corner):
    rng = np.random.default_rng(corner)
    bounds = TASK.dynamics.values()
    ends = [{p.name: p.low for p in bounds}, {p.name: p.high for p in bounds}]
    # The third has the most power in the least capacity with nowhere to go.
    ends.append({**ends[0], "hvac_power": 10.0, "solar_gain": 10.0, "internal_gain": 2000.0})
    values = ends[corner] if corner < 3 else {p.name: float(rng.choice([p.low, p.high])) for p in bounds}
    env = make()
    BuildingDynamics(env, TASK).configure({**values, "city": "fairbanks" if corner % 2 else "tucson"})
    for policy in (rng.integers(0, 200, (288, 6)), np.full((288, 6), 199), np.zeros((288, 6), int)):
        observations, _ = env.reset(seed=corner)
        for row in policy:
            for agent, observation in observations.items():
                assert observation.dtype == np.float32
                assert np.isfinite(observation).all()
                assert env.observation_space(agent).contains(observation), (agent, observation)
            assert env.state_space.contains(env.state())
            observations, rewards, *_ = env.step(dict(zip(AGENTS, row, strict=True)))
            assert np.isfinite(list(rewards.values())).all()


def test_task_is_consistent():
    assert load(TASK.base) is make
    assert load(TASK.adapter) is BuildingDynamics
    assert set(TASK.dynamics) == set(Dynamics.__dataclass_fields__)
    assert TASK.steps == {"smoke": 576, "quick": 28_800, "standard": 172_800}
    for name, parameter in TASK.dynamics.items():
        assert getattr(Dynamics(), name) == parameter.identity
    assert set(TASK.semantic["city"].options) == set(building.CITIES)
    assert set(TASK.semantic["season"].options) == set(building.SEASONS)


@pytest.mark.parametrize(
    "disruption",
    [
        "dynamics:city:tampa+dynamics:season:late",
        "dynamics:initial_temperature:4",
        "dynamics:0.2",
        "dynamics:0.3~ramp=144",
        "action:dropout:0.5+observation:0.1",
    ],
)
def test_disruptions_reach_the_building(disruption, nominal):
    env = make_parallel("Robust-Building-v0", disruption)
    observations, rewards = rollout(env, random_actions(0))
    assert not np.array_equal(rewards, nominal[1])
    again, _ = rollout(make_parallel("Robust-Building-v0", disruption), random_actions(0))
    np.testing.assert_array_equal(observations, again)
    plain, _ = rollout(make_parallel("Robust-Building-v0"), random_actions(0))
    np.testing.assert_array_equal(plain, nominal[0])
