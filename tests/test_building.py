"""The HVAC building: SustainGym to the bit, with the agents, spaces and seeds that PettingZoo asks for."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest
from building_rollouts import AGENTS, random_actions, rollout, sustaingym

from robust_gym.registry import task as find_task
from robust_gym.tasks._building_env import Building, make
from robust_gym.tasks._building_model import load_city

with warnings.catch_warnings():
    # PettingZoo's tests import one of its games in a way that it has itself deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import parallel_api_test
    from pettingzoo.test.state_test import state_test

TASK = find_task("Robust-Building-v0")
pytestmark = pytest.mark.skipif(TASK.missing() is not None, reason=str(TASK.missing()))
PAPER_DAYS = np.random.default_rng(11).integers(0, 200, 50)


@pytest.fixture(scope="module")
def nominal() -> tuple[np.ndarray, np.ndarray]:
    return rollout(make(), random_actions(0))


@pytest.mark.parametrize("city", ["tucson", "new_york", "fairbanks"])
def test_is_sustaingym_to_the_bit(city):
    theirs, ours = sustaingym(city), Building(city=city)
    for day in (0, 17, 199, 364):
        raw, _ = theirs.reset(seed=day)
        observations, infos = ours.reset(options={"day": day})
        assert infos == {agent: {"day": day} for agent in AGENTS}
        actions = random_actions(day)
        actions[5] = dict.fromkeys(AGENTS, 100)
        actions[6] = dict(zip(AGENTS, [0, 199] * 3, strict=True))
        for t, action in enumerate(actions):
            state = ours.state()
            np.testing.assert_array_equal(state, raw[0])
            for zone, agent in enumerate(AGENTS):
                np.testing.assert_array_equal(observations[agent], [state[zone], *state[6:]])
            raw, raw_rewards, _, raw_truncated, _ = theirs.step(dict(enumerate(action.values())))
            observations, rewards, terminated, truncated, infos = ours.step(action)
            assert list(rewards.values()) == [float(raw_rewards[0])] * 6
            assert not any(terminated.values())
            assert set(truncated.values()) == {raw_truncated[0]} == {t == 287}
            assert infos == {agent: {} for agent in AGENTS}
        np.testing.assert_array_equal(ours.state(), raw[0])
        assert ours.agents == [] and ours.step({}) == ({}, {}, {}, {}, {})


def hand_controller(env: Building, day: int) -> float:
    """Return the team's return of a = .15 (22 - T_i) + .01 (22 - T_out)."""
    observations, _ = env.reset(options={"day": day})
    total = 0.0
    while env.agents:
        seen = np.array(list(observations.values()))
        power = 0.15 * (22 - seen[:, 0]) + 0.01 * (22 - seen[:, 1])
        actions = np.clip(np.round(100 * power) + 100, 0, 199).astype(int)
        observations, rewards, *_ = env.step(dict(zip(AGENTS, map(int, actions), strict=True)))
        total += sum(rewards.values())
    return total


@pytest.mark.parametrize(
    ("city", "expected"),
    [
        ("tucson", -563),
        ("tampa", -520),
        ("honolulu", -363),
        ("el_paso", -674),
        ("cool_marine_seattle", -680),
        ("new_york", -807),
    ],
)
def test_hand_controller_reaches_the_measured_returns(city, expected):
    env = Building(city=city)
    assert np.mean([hand_controller(env, int(day)) for day in PAPER_DAYS]) == pytest.approx(expected, abs=0.6)


def test_conforms_to_pettingzoo():
    env = make()
    parallel_api_test(env, num_cycles=600)
    assert env.metadata["name"] == str(env)


@pytest.mark.filterwarnings("ignore:Environment's m.*imum state space value is:UserWarning")
def test_state_conforms():
    from pettingzoo.utils import parallel_to_aec

    env = make()
    env.reset(seed=0)
    assert env.state_space.contains(env.state())
    state_test(parallel_to_aec(make()), make())


def test_agents_and_spaces():
    env = make()
    assert env.possible_agents == AGENTS
    assert {env.action_space(agent).n for agent in AGENTS} == {200}
    assert TASK.null_action == 100
    assert len({id(env.action_space(agent)) for agent in AGENTS}) == 6
    assert len({id(env.observation_space(agent)) for agent in AGENTS}) == 6
    with pytest.raises(RuntimeError, match="reset"):
        env.state()


def test_same_seed_same_rollout(nominal):
    for env in (make(), make()):
        observations, rewards = rollout(env, random_actions(0))
        np.testing.assert_array_equal(observations, nominal[0])
        np.testing.assert_array_equal(rewards, nominal[1])
    one, other = make(), make()
    one.reset(seed=3), other.reset(seed=3)
    days = [one.reset()[1]["zone_0"]["day"] for _ in range(10)]
    assert days == [other.reset()[1]["zone_0"]["day"] for _ in range(10)]
    assert len(set(days)) > 5


@pytest.mark.parametrize(("season", "first", "last"), [("training", 0, 199), ("late", 200, 364)])
def test_seeds_draw_days_of_the_season(season, first, last):
    env = make(season=season)
    days = [env.reset(seed=seed)[1]["zone_0"]["day"] for seed in [*range(300), 2**30, 2**63 - 1]]
    assert first <= min(days) < first + 10 and last - 10 < max(days) <= last


def test_a_named_day_is_that_day_and_draws_nothing():
    env, other = make(), make()
    for day in (0, 364, np.int64(7)):
        assert env.reset(seed=5, options={"day": day})[1]["zone_0"]["day"] == day
    other.reset(seed=5, options={"day": 1})
    assert other.reset()[1] == make().reset(seed=5)[1]


@pytest.mark.parametrize("day", [-1, 365, 1.5, "monday", None])
def test_refuses_days_that_do_not_exist(day):
    with pytest.raises(ValueError, match="0 to 364"):
        make().reset(options={"day": day})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"city": "tuscon"}, "unknown city 'tuscon'.*Did you mean 'tucson'"),
        ({"season": "winter"}, "unknown season 'winter'"),
        ({"render_mode": "human"}, "no render mode 'human'"),
    ],
)
def test_refuses_arguments_that_do_not_exist(arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)


@pytest.mark.parametrize("bad", [200, -1, 3.0, None, "up"])
def test_refuses_actions_outside_the_space(bad):
    env = make()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="'zone_2' must be a whole number 0 to 199"):
        env.step({**dict.fromkeys(AGENTS, 100), "zone_2": bad})
    with pytest.raises(ValueError, match="no action for 'zone_1'"):
        env.step({"zone_0": 100})


def test_results_are_fresh():
    env = make()
    first, infos = env.reset(seed=0)
    kept = copy.deepcopy(first)
    for array in first.values():
        array += 1000
    infos["zone_0"]["day"] = -1
    state = env.state()
    state[:] = np.nan
    second, *_, infos = env.step(dict.fromkeys(AGENTS, 100))
    assert all(np.abs(array).max() < 500 for array in second.values())
    assert not any(np.shares_memory(first[agent], second[agent]) for agent in AGENTS)
    assert not np.shares_memory(second["zone_0"], second["zone_1"])
    again, _ = env.reset(seed=0)
    for agent in AGENTS:
        np.testing.assert_array_equal(again[agent], kept[agent])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_copies_go_on_alike(duplicate):
    env = make()
    assert duplicate(env).reset(seed=1)[0].keys() == env.reset(seed=1)[0].keys()
    actions = random_actions(1, 20)
    for action in actions[:10]:
        env.step(action)
    other = duplicate(env)
    for action in actions[10:]:
        for one, two in zip(env.step(action)[:2], other.step(action)[:2], strict=True):
            np.testing.assert_equal(one, two)
    assert env.reset()[1] == other.reset()[1]
    assert len(pickle.dumps(env)) < 50_000


def test_loading_is_silent_and_cached(capfd):
    load_city.cache_clear()
    make(city="denver")
    assert capfd.readouterr() == ("", "")
    assert make(city="denver")._city is make(city="denver")._city
