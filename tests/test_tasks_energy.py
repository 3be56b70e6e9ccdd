"""The energy family: equality with SustainGym, its data, and what disruptions do."""

import sys
import types
import warnings

import numpy as np
import pytest
from gymnasium import spaces

import robust_gym
from robust_gym import registry
from robust_gym.tasks._energy_charging import EVCharging
from robust_gym.tasks._energy_garage import STEPS, Garage, Sessions, network
from robust_gym.tasks._energy_traces import PERIODS, days, draw_sessions, mixture, moer

pytest.importorskip("sustaingym")
pytest.importorskip("pandas")
plant = pytest.mark.skipif(registry.task("Robust-Cogen-v0").missing() is not None, reason="the plant needs onnxruntime")
building = pytest.mark.skipif(registry.task("Robust-BuildingCentral-v0").missing() is not None, reason="no building")


def day_total(env: EVCharging, day: int, seed: int, action: float = 1.0) -> dict[str, float]:
    env.reset(seed=seed, options={"day": day})
    total = {"reward": 0.0, "profit": 0.0, "carbon_cost": 0.0, "excess_charge": 0.0}
    for _ in range(STEPS):
        _, reward, _, truncated, info = env.step(np.full(env.action_space.shape, action, np.float32))
        total["reward"] += reward
        for name in ("profit", "carbon_cost", "excess_charge"):
            total[name] += info[name]
    assert truncated
    return total


# --- charging -------------------------------------------------------------------------------------------------------

# Totals of SustainGym 0.1.7 on acnportal 0.3.3 for the cars that our generator draws from seed 3, and these actions.
KNOWN = {
    "caltech": (14.146545457931333, 3.1181873371167885, 6.395241509172999),
    "jpl": (41.70230760952894, 8.672731922625784, 3.6169946662264603),
}


def mixed_actions(n: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    actions = [rng.random(n).astype(np.float32) for _ in range(STEPS)]
    return [np.ones(n, np.float32) if k % 3 == 0 else action for k, action in enumerate(actions)]


@pytest.mark.parametrize("site", ["caltech", "jpl"])
def test_charging_adds_up_to_sustaingyms_totals(site: str) -> None:
    env = EVCharging(site)
    env.reset(seed=3)
    total = np.zeros(3)
    for action in mixed_actions(env.action_space.shape[0]):
        info = env.step(action)[4]
        total += [info["profit"], info["carbon_cost"], info["excess_charge"]]
    np.testing.assert_allclose(total, KNOWN[site], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("site", ["caltech", "jpl"])
def test_charging_is_sustaingyms_step_for_step(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("acnportal")
    monkeypatch.setitem(sys.modules, "pkg_resources", types.ModuleType("pkg_resources"))  # gone from setuptools
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from acnportal.acnsim.network.sites import caltech_acn, jpl_acn
        from sustaingym.envs.evcharging import EVChargingEnv, RealTraceGenerator

        class Given(RealTraceGenerator):
            """Gives the cars that our environment has drawn."""

            sessions: Sessions

            def _create_events(self):
                s = self.sessions
                return pd.DataFrame(
                    {
                        "arrival": s.arrival.astype(int),
                        "departure": s.departure.astype(int),
                        "estimated_departure": s.estimate.astype(int),
                        "requested_energy (kWh)": s.energy,
                        "session_id": [str(k) for k in range(len(s.arrival))],
                        "station_id": [self.station_ids[k] for k in s.station],
                    }
                )

            def _update_day(self):
                pass

        theirs_network = {"caltech": caltech_acn, "jpl": jpl_acn}[site]()
        phases = np.exp(1j * np.deg2rad(theirs_network._phase_angles))
        np.testing.assert_array_equal(theirs_network.constraint_matrix * phases, network(site).currents)
        np.testing.assert_array_equal(theirs_network.magnitudes, network(site).limits)

        generator = Given(site, "Summer 2019")
        theirs = EVChargingEnv(generator, project_action_in_env=False)
        ours = EVCharging(site)
        for seed in (3, 5):
            observation, info = ours.reset(seed=seed)
            generator.sessions = ours.world.garage._begin
            expected, _ = theirs.reset(seed=info["day"])
            np.testing.assert_array_equal(ours.world.garage._moer, theirs.moer)
            np.testing.assert_array_equal(spaces.flatten(theirs.observation_space, expected), observation)
            for action in mixed_actions(theirs.num_stations):
                observation, reward, _, over, _ = ours.step(action)
                expected, their_reward, their_over, _, _ = theirs.step(action.astype(np.float64))
                np.testing.assert_array_equal(spaces.flatten(theirs.observation_space, expected), observation)
                assert reward == pytest.approx(their_reward, abs=1e-12)
                assert over == their_over


def test_the_team_is_the_garage() -> None:
    team, single = robust_gym.make("Robust-EVChargingTeam-v0"), EVCharging("caltech")
    seen, _ = team.reset(seed=2, options={"day": 9})
    rng = np.random.default_rng(2)
    # The team's generator is its own; give the single garage the same cars.
    single.world.garage.reset(team.unwrapped.world.garage._begin, moer("summer_2019", 9))
    np.testing.assert_array_equal(seen["CA-308"], single.world.garage.observe())
    for _ in range(STEPS):
        levels = rng.integers(0, 5, 54)
        seen, rewards, _, _, _ = team.step(dict(zip(team.possible_agents, levels, strict=True)))
        observation, reward, _, _, _ = single.step((levels / 4).astype(np.float32))
        np.testing.assert_array_equal(seen["CA-308"], observation)
        assert sum(rewards.values()) == pytest.approx(reward)
    assert not team.agents


def test_the_mixture_is_sampled_as_it_was_fitted() -> None:
    fitted, counts, _ = mixture("jpl", "summer_2019")
    cars = [draw_sessions("jpl", "summer_2019", "model", 0, np.random.default_rng(seed)) for seed in range(40)]
    assert abs(np.mean([len(one.arrival) for one in cars]) / counts.mean() - 1.0) < 0.25
    rng = np.random.default_rng(0)
    parts = rng.choice(len(fitted.weights_), 20_000, p=fitted.weights_ / fitted.weights_.sum())
    rows = np.stack([rng.multivariate_normal(fitted.means_[k], fitted.covariances_[k]) for k in parts])
    steps = np.floor(rows[:, :3] * STEPS)
    inside = (rows[:, 0] >= 0) & (rows[:, 1:3] < 1).all(axis=1) & (rows[:, 3] >= 0)
    inside &= (steps[:, 0] < steps[:, 1]) & (steps[:, 0] < steps[:, 2])
    for column, name in enumerate(("arrival", "departure", "estimate")):
        drawn = np.concatenate([getattr(one, name) for one in cars]) / STEPS
        assert abs(drawn.mean() - (steps[inside, column] / STEPS).mean()) < 0.02
    energy = np.concatenate([one.energy for one in cars]) / 100
    assert abs(energy.mean() - np.minimum(rows[inside, 3], 1.0).mean()) < 0.02


def test_no_station_takes_two_cars() -> None:
    cars = draw_sessions("caltech", "summer_2019", "model", 0, np.random.default_rng(1), arrivals=3.0, stay=2.0)
    for station in set(cars.station.tolist()):
        mine = cars.station == station
        assert (cars.arrival[mine][1:] > cars.departure[mine][:-1]).all()


def test_the_first_cars_are_the_same_whatever_their_number() -> None:
    few, many = (
        draw_sessions("caltech", "summer_2019", "model", 0, np.random.default_rng(1), arrivals=factor)
        for factor in (0.5, 1.0)
    )
    rows = {tuple(row) for row in np.stack([many.arrival, many.estimate, many.energy], axis=1)}
    assert {tuple(row) for row in np.stack([few.arrival, few.estimate, few.energy], axis=1)} < rows


@pytest.mark.parametrize("period", list(PERIODS))
def test_every_period_has_its_days(period: str) -> None:
    assert moer(period, days(period) - 1).shape == (289, 37)
    env = EVCharging(period=period, traces="recorded")
    _, info = env.reset(seed=1, options={"day": 3})
    assert info["day"] == 3
    with pytest.raises(ValueError, match="whole number 0 to"):
        env.reset(options={"day": days(period)})


def test_a_battery_charges_at_full_current_and_then_slows_down() -> None:
    garage = Garage("caltech")
    car = Sessions(np.array([0.0]), np.array([288.0]), np.array([100.0]), np.array([10.0]), np.array([0]))
    garage.reset([car][0], np.zeros((289, 37)))
    left = []
    for _ in range(40):
        garage.step(np.ones(54))
        left.append(float(garage.observe()[0]))
    assert left[0] == pytest.approx(10.0), "a car that arrives at step 0 is plugged in after the first step"
    assert left[1] == pytest.approx(10.0 - 32 * 208 / 1000 / 12, abs=1e-6)
    taken = -np.diff(left)
    assert taken[1] > 5 * taken[22] > 0, "the last kWh take ever longer"


@pytest.mark.parametrize(
    ("disruption", "part", "sign"),
    [
        ("dynamics:arrivals:2.0", "profit", 1),
        ("dynamics:requested_energy:2.0", "profit", 1),
        ("dynamics:overstay:-150", "profit", -1),
        ("dynamics:stay:0.2", "profit", -1),
        ("dynamics:charger_current:0.25", "profit", -1),
        ("dynamics:voltage:0.5", "profit", -1),
        ("dynamics:battery_power:0.05", "profit", -1),
        ("dynamics:price:2.0", "profit", 1),
        ("dynamics:emissions:2.0", "carbon_cost", 1),
        ("dynamics:carbon_price:2.0", "carbon_cost", 1),
        ("dynamics:transformer:0.5", "excess_charge", 1),
        ("dynamics:violation_cost:2.0", "excess_charge", 1),
        ("dynamics:period:spring_2020", "profit", -1),
    ],
)
def test_charging_dynamics_act_as_they_say(disruption: str, part: str, sign: int) -> None:
    def average(text: str) -> float:
        env = robust_gym.make("Robust-EVCharging-v0", text)
        total = 0.0
        for seed in range(3):
            env.reset(seed=seed)
            total += sum(env.step(np.ones(54, np.float32))[4][part] for _ in range(STEPS))
        return total

    assert np.sign(average(disruption) - average("none")) == sign


def test_the_least_overstay_is_a_step_and_the_weakest_charger_charges() -> None:
    def leaving(overstay: float) -> np.ndarray:
        return draw_sessions(
            "caltech", "summer_2019", "recorded", 3, np.random.default_rng(0), overstay=overstay
        ).departure

    usual = leaving(0.0)
    for minutes, steps in ((1, 1), (6, 1), (8, 2), (-1, -1)):
        moved = leaving(minutes / 5) - usual
        assert moved[usual < 280].mean() == pytest.approx(steps, abs=0.1)
    weakest = registry.task("Robust-EVCharging-v0").dynamics["charger_current"].low
    env = robust_gym.make("Robust-EVCharging-v0", f"dynamics:charger_current:{weakest}")
    assert day_total(env, 0, 0)["profit"] > 0


def test_action_and_observation_are_the_callers_own() -> None:
    env = EVCharging()
    first, _ = env.reset(seed=0)
    kept, action = first.copy(), np.full(54, 0.7, np.float32)
    second = env.step(action)[0]
    assert (action == np.float32(0.7)).all()
    second[:] = 0.0
    np.testing.assert_array_equal(first, kept)
    assert env.step(action)[0].any()


def test_bad_words_are_refused() -> None:
    with pytest.raises(ValueError, match="Did you mean 'summer_2019'"):
        EVCharging(period="sumer_2019")
    with pytest.raises(ValueError, match="unknown traces"):
        EVCharging(traces="real")
    env = EVCharging()
    env.reset(seed=0)
    day_total(env, 0, 0)
    with pytest.raises(RuntimeError, match="day is over"):
        env.step(np.zeros(54, np.float32))


# --- cogeneration ---------------------------------------------------------------------------------------------------


@plant
@pytest.mark.slow
def test_the_plant_is_sustaingyms(monkeypatch: pytest.MonkeyPatch) -> None:
    import pandas as pd
    import sustaingym.envs.cogen.env as upstream
    from sustaingym.envs.cogen import MultiAgentCogenEnv

    from robust_gym.tasks._energy_plant import COLUMNS, limits, record
    from robust_gym.tasks._energy_plant_world import AGENTS

    frames = [pd.DataFrame(day, columns=list(COLUMNS)) for day in record().table]
    monkeypatch.setattr(upstream.load_ambients, "construct_df", lambda **_: frames)
    names = limits()[2][3:]

    def action_of(settings: np.ndarray) -> dict:
        return {
            name: int(value) if "FFU" in name or name == "CT_NrBays" else np.array([value], np.float32)
            for name, value in zip(names, settings, strict=True)
        }

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = upstream.CogenEnv()
        theirs_team = MultiAgentCogenEnv(forecast_horizon=3, forecast_noise_std=0.0)
        ours = robust_gym.make("Robust-Cogen-v0").unwrapped
        team = robust_gym.make("Robust-CogenTeam-v0")
        rng = np.random.default_rng(0)
        for day in (0, 251):
            ours.reset(seed=1, options={"day": day})
            team.reset(seed=1, options={"day": day})
            theirs.reset(seed=day)
            theirs_team.reset(seed=day)
            for env, world in ((theirs, ours.world), (theirs_team.single_env, team.unwrapped.world)):
                env.obs["Prev_Action"] = env.current_action = action_of(world._set)
            for _ in range(96):
                action = rng.uniform(-1, 1, 15).astype(np.float32)
                observation, reward, _, over, _ = ours.step(action)
                settings = action_of(ours.world._set)
                expected, their_reward, their_over, _, _ = theirs.step(settings)
                assert reward == pytest.approx(their_reward, rel=1e-6)
                assert over == their_over
                columns = ("TAMB", "PAMB", "RHAMB", "Target_Power", "Target_Steam", "Energy_Price", "Gas_Price")
                flat = np.concatenate([expected["Time"], *(expected[name] for name in columns)])
                np.testing.assert_array_equal(flat, np.delete(observation, range(1, 16)))
                _, rewards, _, _, _ = team.step({agent: action[list(part)] for agent, part in AGENTS.items()})
                keys = theirs_team.agents_to_action_keys
                parts = {agent: {key: settings[key] for key in mine} for agent, mine in keys.items()}
                _, their_rewards, _, _, _ = theirs_team.step(parts)
                np.testing.assert_allclose(list(rewards.values()), list(their_rewards.values()), rtol=1e-5)


@plant
def test_actions_reach_the_ends_of_the_plants_inputs() -> None:
    from robust_gym.tasks._energy_plant import limits

    env = robust_gym.make("Robust-Cogen-v0").unwrapped
    env.reset(seed=0)
    low, high, _ = limits()
    for action, expected in ((-1.0, low), (1.0, high)):
        observation = env.step(np.full(15, action, np.float32))[0]
        np.testing.assert_allclose(env.world._set, expected[3:], rtol=1e-6)
        np.testing.assert_allclose(observation[1:16], action, atol=1e-6)


@plant
@pytest.mark.parametrize(
    ("disruption", "sign"),
    [
        ("dynamics:power_demand:1.5", -1),
        ("dynamics:steam_demand:1.5", -1),
        ("dynamics:wind_capacity:400", 1),
        ("dynamics:power_loss:0.3", -1),
        ("dynamics:steam_loss:0.3", -1),
        ("dynamics:fuel_cost:2.0", -1),
        ("dynamics:ramp_penalty:2.0", -1),
        ("dynamics:delivery_penalty:2.0", -1),
        ("dynamics:constraint_penalty:2.0", -1),
    ],
)
def test_plant_dynamics_act_as_they_say(disruption: str, sign: int) -> None:
    def total(text: str) -> float:
        env = robust_gym.make("Robust-Cogen-v0", text)
        env.action_space.seed(0)
        env.reset(seed=4)
        return sum(float(env.step(env.action_space.sample())[1]) for _ in range(96))

    assert np.sign(total(disruption) - total("none")) == sign


@plant
def test_the_weather_moves_and_stays_within_the_model() -> None:
    for disruption, column, change in (
        ("dynamics:ambient_temperature:10", 0, 10.0),
        ("dynamics:ambient_pressure:-0.2", 1, -0.2),
        ("dynamics:humidity:0.1", 2, 0.1),
    ):
        rows = []
        for text in ("none", disruption):
            env = robust_gym.make("Robust-Cogen-v0", text)
            rows.append(env.reset(seed=4)[0][16 + 4 * column : 20 + 4 * column])
        np.testing.assert_allclose(rows[1] - rows[0], change, atol=1e-4)
    hot = robust_gym.make("Robust-Cogen-v0", "dynamics:ambient_temperature:30").reset(seed=4)[0]
    assert (hot[16:20] <= 115.0).all()


@plant
def test_seasons_draw_their_days() -> None:
    from robust_gym.tasks._energy_plant import SEASONS, record

    for season, months in SEASONS.items():
        env = robust_gym.make("Robust-Cogen-v0", None if season == "summer" else f"dynamics:season:{season}")
        for seed in range(5):
            assert record().months[env.reset(seed=seed)[1]["day"]] in months


@plant
def test_the_record_is_kept_and_read_again(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from robust_gym.tasks import _energy_plant

    known = _energy_plant.record()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(_energy_plant, "_read_spreadsheets", lambda: known)
    read = _energy_plant.record.__wrapped__
    assert read() is known
    (path,) = (tmp_path / "robust_gym").iterdir()
    again = read()
    assert again is not known
    np.testing.assert_array_equal(again.table, known.table)
    path.write_bytes(b"half a file")
    assert read() is known, "a broken cache is written anew"


# --- the central building -------------------------------------------------------------------------------------------


@building
def test_the_central_building_is_the_teams() -> None:
    single, team = robust_gym.make("Robust-BuildingCentral-v0").unwrapped, robust_gym.make("Robust-Building-v0")
    seen, info = single.reset(seed=3)
    team.reset(seed=0, options={"day": info["day"]})
    np.testing.assert_array_equal(seen, team.state())
    rng = np.random.default_rng(0)
    for _ in range(50):
        levels = rng.integers(0, 200, 6)
        seen, reward, _, _, _ = single.step(((levels - 100) / 100).astype(np.float32))
        _, rewards, _, _, _ = team.step(dict(zip(team.possible_agents, levels.tolist(), strict=True)))
        np.testing.assert_array_equal(seen, team.state())
        assert reward == rewards["zone_0"]
    assert single.reset(options={"day": 7})[1]["day"] == 7


@pytest.mark.parametrize("disruption", ["none", "obs:gauss:0.1", "dynamics:price:2"])
def test_what_the_environment_was_made_with_is_nominal(disruption: str) -> None:
    env = robust_gym.make("Robust-EVCharging-v0", period="fall_2019", disruption=disruption)
    env.reset(seed=0)
    assert env.unwrapped.world.period == "fall_2019"
    env.close()


def test_a_car_that_comes_and_goes_within_the_first_step_leaves() -> None:
    garage = Garage("caltech")
    arrival, departure, estimate, energy = (np.array([value]) for value in (0.0, 1.0, 1.0, 50.0))
    garage.reset(Sessions(arrival, departure, estimate, energy, np.array([0])), np.full((289, 37), 0.3))
    pilots = np.zeros(54)
    pilots[0] = 1.0
    here = []
    for _ in range(4):
        garage.step(pilots)
        here.append(bool(garage._here[0]))
    assert here == [True, False, False, False]
