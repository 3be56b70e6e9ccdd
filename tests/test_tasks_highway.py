"""The roads: equal to highway-env where nothing is disturbed, and known answers where something is."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym import registry
from robust_gym.task import load

pytest.importorskip("highway_env")
from highway_env.vehicle.behavior import AggressiveVehicle, IDMVehicle

from robust_gym.tasks import _highway_env as roads

IDS = robust_gym.list_tasks("highway")


def road(name: str, **conditions: Any) -> Any:
    task = registry.task(f"Robust-{name}-v0")
    env = load(task.base)(**task.kwargs)
    roads.DrivingDynamics(env, task).configure(conditions)
    return env


def flat(observation: Any) -> np.ndarray:
    if isinstance(observation, Mapping):
        observation = np.concatenate([part.ravel() for part in observation.values()])
    return np.asarray(observation, np.float32).ravel()


# highway-env's own intersections would change all traffic of this process, see the next test.
@pytest.mark.parametrize("id", [id for id in IDS if "Intersection" not in id])
@pytest.mark.filterwarnings("ignore")  # versions that highway-env calls out of date
def test_every_road_is_highway_envs_own(id: str) -> None:
    task = registry.task(id)
    config = task.kwargs.get("config")
    env, plain = load(task.base)(**task.kwargs), gym.make(task.kwargs["road"], **({"config": config} if config else {}))
    env.action_space.seed(1)
    observation, expected = env.reset(seed=3)[0], plain.reset(seed=3)[0]
    for _ in range(3):
        assert np.array_equal(flat(observation), flat(expected))
        assert env.observation_space.contains(observation)
        action = env.action_space.sample()
        observation, *rest, _ = env.step(action)
        expected, *expected_rest, _ = plain.step(action)
        assert rest == expected_rest
        if rest[1]:
            break


def test_an_intersection_leaves_other_roads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    env = road("Intersection")
    env.reset(seed=0)
    env.step(1)
    assert IDMVehicle.DISTANCE_WANTED == 10.0
    assert {vehicle.DISTANCE_WANTED for vehicle in drivers(env)} == {7}
    # What highway-env's own intersection does, and what must not reach a road that is already there.
    for attribute, value in (("DISTANCE_WANTED", 7), ("COMFORT_ACC_MAX", 6), ("COMFORT_ACC_MIN", -3)):
        monkeypatch.setattr(IDMVehicle, attribute, value)
    for name in ("Merge", "Racetrack"):
        other = road(name)
        other.reset(seed=0)
        assert {vehicle.DISTANCE_WANTED for vehicle in drivers(other)} == {10.0}
        assert {vehicle.COMFORT_ACC_MAX for vehicle in drivers(other)} == {3.0}


def drivers(env: Any) -> list[Any]:
    return [vehicle for vehicle in env.road.vehicles if isinstance(vehicle, IDMVehicle)]


_MEASURED = {
    "time_gap": lambda env: drivers(env)[0].TIME_WANTED,
    "jam_distance": lambda env: drivers(env)[0].DISTANCE_WANTED,
    "driver_acceleration": lambda env: drivers(env)[0].COMFORT_ACC_MAX,
    "politeness": lambda env: drivers(env)[0].POLITENESS,
    "length": lambda env: env.vehicle.LENGTH,
    "throttle_response": lambda env: env.vehicle.KP_A,
    "steering_response": lambda env: env.vehicle.KP_HEADING,
    "cruise_speed": lambda env: env.vehicle.target_speeds[1],
    "speed_limit": lambda env: env._limits[0][1],
    "vehicles": lambda env: env.config["vehicles_count"],
    "density": lambda env: env.config["vehicles_density"],
    "spawning": lambda env: env.config["spawn_probability"],
    "radius": lambda env: env.config["roundabout_radius"],
    "mass": lambda env: env.vehicle.MASS,
    "tyre_friction": lambda env: env.vehicle.FRICTION_FRONT,
    "engine": lambda env: env.action_type.acceleration_range[1],
    "slope": lambda env: sum(env.action_type.acceleration_range),
    "steering": lambda env: env.action_type.steering_range[1],
    "misalignment": lambda env: sum(env.action_type.steering_range),
}


@pytest.mark.parametrize("id", IDS)
def test_nominal_values_are_those_of_the_road(id: str) -> None:
    task = registry.task(id)
    env = load(task.base)(**task.kwargs)
    env.reset(seed=0)
    for name, parameter in task.dynamics.items():
        assert _MEASURED[name](env) == pytest.approx(parameter.nominal, abs=1e-3), name
        assert task.horizon == env.config.get("duration", task.horizon) * env.config["policy_frequency"] or (
            "duration" not in env.config
        )


def test_a_seeded_action_space_stays_seeded() -> None:
    env = robust_gym.make("Robust-TwoWay-v0")
    env.action_space.seed(4)
    first = [env.action_space.sample() for _ in range(8)]
    env.action_space.seed(4)
    again = []
    for _ in range(4):
        _, info = env.reset(seed=1)
        assert info["action"] == 1
        again += [env.action_space.sample(), env.action_space.sample()]
    assert again == first


def test_drivers_who_come_later_drive_as_the_others_do() -> None:
    env = road("Intersection", time_gap=2.0, spawning=1.6)
    env.reset(seed=1)
    known = set(map(id, drivers(env)))
    for _ in range(6):
        env.step(0)
    late = [vehicle for vehicle in drivers(env) if id(vehicle) not in known]
    assert late and {vehicle.TIME_WANTED for vehicle in late} == {3.0}


def heading_after(steps: int, action: float, **conditions: float) -> float:
    env = road("Parking", **conditions)
    env.reset(seed=0)
    before = env.vehicle.heading
    for _ in range(steps):
        env.step(np.array([1.0, action], np.float32))
    return float(env.vehicle.heading - before)


def test_a_long_car_turns_slowly_and_a_misaligned_one_by_itself() -> None:
    usual = heading_after(3, 0.3)
    assert heading_after(3, 0.3, length=2.0) == pytest.approx(usual / 2, rel=1e-6)
    assert 0 < heading_after(3, 0.3, steering=0.5) < usual
    assert heading_after(3, 0.0) == 0.0
    assert heading_after(3, 0.0, misalignment=-0.1) < 0.0


def test_engine_and_slope() -> None:
    speeds = {}
    for name, conditions in {"usual": {}, "weak": {"engine": 0.5}, "down": {"slope": 1.0}}.items():
        env = road("Parking", **conditions)
        env.reset(seed=0)
        env.step(np.array([1.0, 0.0], np.float32))
        speeds[name] = env.vehicle.speed
    assert speeds["weak"] == pytest.approx(speeds["usual"] / 2)
    assert speeds["down"] == pytest.approx(speeds["usual"] * 6 / 5)


def test_a_heavy_car_and_worn_tyres_steer_less() -> None:
    rates = {}
    for name, conditions in {"usual": {}, "heavy": {"mass": 2.0}, "worn": {"tyre_friction": 0.5}}.items():
        env = road("LaneKeeping", **conditions)
        env.reset(seed=0)
        env.step(np.array([0.5], np.float32))
        rates[name] = env.vehicle.yaw_rate
    # Without speed loss, stiffness and mass act by their quotient.
    assert rates["heavy"] == pytest.approx(rates["worn"])
    assert 0 < rates["heavy"] < rates["usual"]


def test_drivers_obey_another_speed_limit_and_keep_another_gap() -> None:
    slow, usual = road("Merge", speed_limit=0.5), road("Merge")
    for env in (slow, usual):
        env.reset(seed=0)
        for _ in range(3):
            env.step(1)
    assert np.mean([v.speed for v in drivers(slow)]) < np.mean([v.speed for v in drivers(usual)]) - 2.0
    gaps = []
    for env in (road("TwoWay"), road("TwoWay", time_gap=3.0)):
        env.reset(seed=0)
        for _ in range(8):
            if env.step(4)[2]:
                break
        first, second = drivers(env)[:2]
        gaps.append(second.position[0] - first.position[0])
    assert gaps[1] > gaps[0]


def test_semantic_shifts() -> None:
    env = road("Merge", traffic="aggressive")
    env.reset(seed=0)
    assert all(isinstance(vehicle, AggressiveVehicle) for vehicle in drivers(env))
    env = road("Highway", lanes="n4", vehicles=0.5)
    env.reset(seed=0)
    assert len(env.road.network.graph["0"]["1"]) == 4 and len(drivers(env)) == 10
    for option, node in (("straight", "o2"), ("right", "o3")):
        env = road("Intersection", route=option)
        env.reset(seed=0)
        assert env.vehicle.route[-1][1] == node
    for option in ("large", "oval"):
        own, shifted = gym.make(f"racetrack-{option}-v1").unwrapped, road("Racetrack", track=option)
        for env in (own, shifted):
            env.reset(seed=0)
        assert len(shifted.road.network.lanes_list()) == len(own.road.network.lanes_list())


def test_other_traffic_leaves_the_next_episodes_alone() -> None:
    task = registry.task("Robust-Merge-v0")
    env, plain = road("Merge", traffic="defensive"), road("Merge")
    env.reset(seed=1), plain.reset(seed=1)
    assert env.np_random.bit_generator.state == plain.np_random.bit_generator.state
    roads.DrivingDynamics(env, task).configure({})
    assert np.array_equal(env.reset()[0], plain.reset()[0])


def test_the_configuration_of_make_is_nominal() -> None:
    env = robust_gym.make("Robust-Highway-v0", disruption="dynamics:vehicles:1.5", config={"vehicles_count": 10})
    env.reset(seed=0)
    assert len(drivers(env.unwrapped)) == 15


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_go_on_alike(duplicate: Any) -> None:
    env = robust_gym.make(
        "Robust-Racetrack-v0", disruption="dynamics:track:oval+dynamics:speed_limit:0.5", render_mode="rgb_array"
    )
    env.reset(seed=0)
    env.render()
    twin = duplicate(env)
    for _ in range(3):
        action = env.action_space.sample()
        np.testing.assert_equal(twin.step(action)[:4], env.step(action)[:4])
    assert np.array_equal(twin.reset()[0], env.reset()[0])
    assert twin.render().shape == env.render().shape
    env.close()


def test_a_changed_configuration_belongs_to_make() -> None:
    with pytest.raises(ValueError, match="argument of make"):
        road("TwoWay").reset(seed=0, options={"config": {"duration": 3}})


def test_rendering() -> None:
    env = robust_gym.make("Robust-LaneKeeping-v0", render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (250, 600, 3)
    env.close()


def test_who_enters_is_settled_at_resets() -> None:
    with pytest.raises(robust_gym.DisruptionError, match="takes effect at resets only"):
        robust_gym.make("Robust-Intersection-v0", disruption="dynamics:spawning:0~ramp=5")
