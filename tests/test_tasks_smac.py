"""The adapter to StarCraft II, on a stand-in for the game; the game itself is not tested here."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

import fake_sc2
import numpy as np
import pytest
from fake_sc2 import StarCraft2Env

from robust_gym import conformance, registry
from robust_gym.task import MissingExtraError
from robust_gym.tasks import make_parallel
from robust_gym.tasks._smac_env import SmacBattle
from robust_gym.tasks.smac import DIFFICULTIES, MAPS

V1, V2 = "Robust-Smac3m-v0", "Robust-SmacV2Terran-v0"


@pytest.fixture
def game(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    fake_sc2.install(monkeypatch)
    yield


def stop(env: SmacBattle) -> dict[str, int]:
    return dict.fromkeys(env.agents, 1)


@pytest.mark.parametrize("id", registry.list_tasks("smac"))
def test_without_the_package_one_line_says_how_to_get_it(id, monkeypatch):
    for name in ("smac", "smacv2"):
        monkeypatch.setitem(sys.modules, name, None)
    package = "smacv2" if MAPS[registry.task(id).kwargs["map_name"]].units else "smac"
    with pytest.raises(MissingExtraError, match=f"needs the package '{package}.env'.*oxwhirl/{package}.git") as error:
        make_parallel(id)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("id", [V1, V2])
@pytest.mark.filterwarnings("ignore")  # of PettingZoo's own tests
@pytest.mark.parametrize("check", [name for name in conformance.CHECKS if name not in ("spawn", "protocol")])
def test_the_adapter_is_conformant(id, check, game):
    conformance.CHECKS[check](id)


def test_seeds_start_a_game_and_others_go_on(game):
    env = make_parallel(V1)
    first, _ = env.reset(seed=3)
    second, _ = env.reset()
    assert StarCraft2Env.launches == 1
    assert not np.array_equal(first["ally_0"], second["ally_0"])
    again, _ = env.reset(seed=3)
    assert StarCraft2Env.launches == 2
    np.testing.assert_array_equal(again["ally_0"], first["ally_0"])


def test_smacv2s_draws_follow_the_seed_and_leave_pythons_generator_alone(game):
    env = make_parallel(V2)
    before = random.getstate()
    drawn = [env.reset(seed=seed)[0]["ally_0"] for seed in (1, 2, 1)] + [env.reset()[0]["ally_0"]]
    assert random.getstate() == before
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1]) and not np.array_equal(drawn[2], drawn[3])


def test_an_action_that_is_not_available_becomes_stop_or_no_op(game):
    env = SmacBattle("3m")
    _, infos = env.reset(seed=0)
    assert infos["ally_0"]["action_mask"].tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 0]
    start = env.state()
    env.step(dict.fromkeys(env.agents, 6))  # nobody is in range
    np.testing.assert_array_equal(env.state()[:9], start[:9])
    env._game.allies[1].health = 0.0
    observations, *_, infos = env.step(dict.fromkeys(env.agents, 4))
    assert infos["ally_1"]["action_mask"].tolist() == [1] + [0] * 8
    assert not observations["ally_1"].any() and env.agents == env.possible_agents


def test_a_won_battle_terminates(game):
    env = SmacBattle("3m")
    env.reset(seed=0)
    for enemy in env._game.enemies:
        enemy.health = 0.0
    _, rewards, terminations, truncations, infos = env.step(stop(env))
    assert rewards == dict.fromkeys(env.possible_agents, 10.0)
    assert all(terminations.values()) and not any(truncations.values()) and env.agents == []
    assert all(info["battle_won"] is True for info in infos.values())
    assert env.step({}) == ({}, {}, {}, {}, {})


def test_a_lost_battle_terminates(game):
    env = SmacBattle("3m")
    env.reset(seed=0)
    for ally in env._game.allies:
        ally.health = 0.0
    _, _, terminations, truncations, infos = env.step(stop(env))
    assert all(terminations.values()) and not any(truncations.values())
    assert not infos["ally_0"]["battle_won"]


def test_time_running_out_and_a_broken_game_truncate(game):
    env = SmacBattle("3m")
    env.reset(seed=0)
    for unit in env._game.allies:
        unit.health = 1e9
    steps = 0
    while env.agents:
        _, _, terminations, truncations, _ = env.step(stop(env))
        steps += 1
    assert steps == fake_sc2.LIMIT and all(truncations.values()) and not any(terminations.values())
    env.reset()
    env._game.fail_next = True
    _, _, terminations, truncations, _ = env.step(stop(env))
    assert all(truncations.values()) and not any(terminations.values()) and not env.agents


def test_dynamics_reach_the_game_and_go_back(game):
    env = make_parallel(
        V1, disruption="dynamics:move_amount:0.5+dynamics:step_mul:1.4+dynamics:shoot_range:2~steps=2..3"
    )
    env.reset(seed=0)
    inner = env.unwrapped._inner()
    assert (inner._move_amount, inner._step_mul, inner.unit_shoot_range(0), inner.unit_sight_range(0)) == (1, 11, 6, 9)
    seen = []
    for _ in range(5):
        env.step(dict.fromkeys(env.agents, 1))
        seen.append(inner.unit_shoot_range(0))
    assert 12 in seen and seen[-1] == 6 and "unit_shoot_range" not in vars(inner)


@pytest.mark.parametrize("word", DIFFICULTIES)
def test_difficulty_is_the_games_own(word, game):
    disruption = None if word == "very_hard" else f"dynamics:difficulty:{word}"
    env = make_parallel(V1, disruption=disruption)
    env.reset(seed=0)
    assert env.unwrapped._inner().difficulty == DIFFICULTIES[word]


def test_the_difficulty_that_a_battle_was_made_with_is_nominal(game):
    env = make_parallel(V1, disruption="dynamics:difficulty:hard~episode=0.5", difficulty="easy")
    levels = set()
    for seed in range(6):
        env.reset(seed=seed)
        levels.add(env.unwrapped._inner().difficulty)
    assert levels == {DIFFICULTIES["easy"], DIFFICULTIES["hard"]}
    with pytest.raises(ValueError, match="unknown difficulty 'hardd'.*Did you mean 'harde?r?'"):
        SmacBattle("3m", difficulty="hardd")
    with pytest.raises(ValueError, match="a seed is an argument of reset"):
        SmacBattle("3m", seed=3)


def test_smacv2_gets_its_standard_teams(game):
    env = make_parallel("Robust-SmacV2Zerg-v0")
    config = env.unwrapped._game.capability_config
    assert config["n_units"] == config["n_enemies"] == 5
    assert config["team_gen"]["unit_types"] == ["zergling", "baneling", "hydralisk"]
    assert sum(config["team_gen"]["weights"]) == pytest.approx(1)
    assert env.unwrapped._inner().arguments["use_unit_ranges"] is True


def test_a_missing_game_is_one_clear_error(game, monkeypatch):
    monkeypatch.setattr(StarCraft2Env, "installed", False)
    env = make_parallel(V1)
    with pytest.raises(MissingExtraError, match="StarCraft II does not start.*SC2PATH"):
        env.reset(seed=0)


def test_unknown_maps_and_render_modes_are_refused(game):
    with pytest.raises(ValueError, match="unknown map '3mm'.*Did you mean '3m'"):
        SmacBattle("3mm")
    with pytest.raises(ValueError, match="no render mode 'human'"):
        SmacBattle("3m", render_mode="human")
    with pytest.raises(RuntimeError, match="reset"):
        SmacBattle("3m").state()
