"""The grid worlds: equal to MiniGrid where nothing is disturbed, and known answers where something is."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym import registry
from robust_gym.task import load

pytest.importorskip("minigrid")
from robust_gym.tasks import _minigrid_env as grids

IDS = robust_gym.list_tasks("minigrid")
LEFT, RIGHT, FORWARD, PICKUP, DROP, TOGGLE, DONE = range(7)


def world(name: str, **conditions: Any) -> Any:
    task = registry.task(f"Robust-{name}-v0")
    env = load(task.base)(**task.kwargs)
    grids.GridDynamics(env, task).configure(conditions)
    return env


def seen(observation: Any) -> Any:
    return observation["observation"] if isinstance(observation, dict) else observation


@pytest.mark.parametrize("id", IDS)
def test_every_world_is_minigrids_own(id: str) -> None:
    task = registry.task(id)
    env, plain = load(task.base)(**task.kwargs), gym.make(task.kwargs["id"]).unwrapped
    observation, _ = env.reset(seed=3)
    if id.startswith("Robust-BabyAI"):  # they set their number of steps when an episode begins
        plain.reset(seed=3)
    assert plain.max_steps == task.horizon
    expected, _ = plain.reset(seed=3)
    actions = np.random.default_rng(3)
    for _ in range(60):
        assert np.array_equal(seen(observation)[:147], expected["image"].ravel())
        assert np.argmax(seen(observation)[147:]) == expected["direction"]
        assert env.observation_space.contains(observation)
        if task.observation == "dict":
            words = observation["mission"].reshape(-1, len(grids.WORDS))
            said = [grids.WORDS[row.argmax()] for row in words if row.any()]
            assert said == expected["mission"].replace(",", "").split()
        action = int(actions.integers(plain.action_space.n))
        observation, *rest, _ = env.step(action)
        expected, *expected_rest, _ = plain.step(action)
        assert rest == expected_rest
        if rest[1] or rest[2]:
            break


@pytest.mark.parametrize("id", IDS)
def test_missions_stand_beside_observations_where_they_differ(id: str) -> None:
    env = robust_gym.make(id)
    missions = set()
    for seed in range(10):
        env.reset(seed=seed)
        missions.add(env.unwrapped.world.mission.replace(" a ", " the "))  # "a" red ball is no other than "the"
    assert (len(missions) > 1) == (registry.task(id).observation == "dict")


def test_another_map_is_that_map_and_leaves_no_trace() -> None:
    env, plain = world("MiniGridDoorKey8x8", map="s16"), gym.make("MiniGrid-DoorKey-16x16-v0").unwrapped
    for seed in (1, 2):
        plain.reset(seed=seed)
        env.reset(seed=seed)
        assert env.world.width == 16
        assert np.array_equal(env.world.grid.encode(), plain.grid.encode())
        assert env.world.max_steps == 640
    own = world("MiniGridDoorKey8x8")
    own.reset(seed=2)
    assert own.np_random.bit_generator.state == env.np_random.bit_generator.state
    env.layout = grids.Layout()
    first, second = env.reset()[0], own.reset()[0]
    assert env.world.width == 8
    assert np.array_equal(first, second)


@pytest.mark.parametrize("id", IDS)
def test_every_map_can_be_made_and_looks_the_same(id: str) -> None:
    task = registry.task(id)
    for option in task.semantic["map"].options[1:] if "map" in task.semantic else ():
        env = load(task.base)(**task.kwargs)
        grids.GridDynamics(env, task).configure({"map": option})
        for seed in range(5):
            observation, _ = env.reset(seed=seed)
            assert env.observation_space.contains(observation)
            assert env.world.action_space.n == env.action_space.n
            assert env.world.max_steps == task.horizon


@pytest.mark.parametrize("id", IDS)
def test_random_layouts_leave_no_trace(id: str) -> None:
    """Whatever number, map or door an episode drew, the next one is that of its seed."""
    env = robust_gym.make(id, disruption="dynamics:random@2")
    firsts = {seed: seen(env.reset(seed=seed)[0]) for seed in range(120, 140)}
    for seed, first in reversed(firsts.items()):
        assert np.array_equal(seen(env.reset(seed=seed)[0]), first), seed


def test_rooms_of_other_sizes() -> None:
    for option, size in (("s5", 5), ("s8", 8)):
        env = world("MiniGridUnlock", map=option)
        env.reset(seed=0)
        assert (env.world.grid.width, env.world.grid.height) == (2 * size - 1, size)


def test_a_robot_that_slips_stays_and_one_that_veers_turns() -> None:
    env = world("MiniGridEmpty8x8")
    env.reset(seed=0)
    env.nature = grids.Nature(slip=1.0)
    env.step(FORWARD)
    assert tuple(env.world.agent_pos) == (1, 1) and env.world.agent_dir == 0
    env.nature = grids.Nature(veer=1.0)
    env.step(FORWARD)
    assert tuple(env.world.agent_pos) == (1, 1) and env.world.agent_dir in (1, 3)
    assert env.world.step_count == 2


def test_slips_happen_as_often_as_said() -> None:
    env = world("MiniGridEmpty16x16", slip=0.3)
    moved = steps = 0
    for seed in range(40):
        env.reset(seed=seed)
        for _ in range(12):
            before = tuple(env.world.agent_pos)
            env.step(FORWARD)
            moved += tuple(env.world.agent_pos) != before
            steps += 1
    assert moved / steps == pytest.approx(0.7, abs=0.07)


def test_a_turn_that_overshoots_goes_half_round() -> None:
    env = world("MiniGridEmpty8x8")
    env.reset(seed=0)
    env.nature = grids.Nature(overshoot=1.0)
    observation, *_ = env.step(LEFT)
    assert env.world.agent_dir == 2
    assert observation[147:].argmax() == 2


def test_a_slip_where_done_has_a_meaning_does_not_say_done() -> None:
    env = world("MiniGridGoToDoor6x6")
    env.reset(seed=0)
    env.nature = grids.Nature(slip=1.0)
    before = (tuple(env.world.agent_pos), env.world.agent_dir)
    observation, _, terminated, _, _ = env.step(FORWARD)
    assert not terminated
    assert (tuple(env.world.agent_pos), env.world.agent_dir) == before
    assert observation["observation"][147:].argmax() == before[1]


def test_fumbling_hands_pick_nothing_up() -> None:
    for fumble in (0.0, 1.0):
        env = world("MiniGridUnlock", fumble=fumble)
        actions, picked = np.random.default_rng(0), False
        env.reset(seed=1)
        for _ in range(280):
            env.step(int(actions.choice([LEFT, RIGHT, FORWARD, PICKUP])))
            picked |= env.world.carrying is not None
        assert picked == (fumble == 0.0)


def test_resting_obstacles_stand_still_and_their_number_changes() -> None:
    env = world("MiniGridDynamicObstacles8x8", rest=1.0, obstacles=1.5)
    env.reset(seed=0)
    assert len(env.world.obstacles) == 6
    before = [ball.cur_pos for ball in env.world.obstacles]
    env.step(LEFT)
    assert [ball.cur_pos for ball in env.world.obstacles] == before
    env.nature = grids.Nature()
    for _ in range(3):
        env.step(LEFT)
    assert [ball.cur_pos for ball in env.world.obstacles] != before


def test_short_sight_hides_what_is_far() -> None:
    full, _ = world("MiniGridEmpty16x16").reset(seed=0)
    short, _ = world("MiniGridEmpty16x16", sight=0.5).reset(seed=0)
    full, short = full[:147].reshape(7, 7, 3), short[:147].reshape(7, 7, 3)
    assert np.array_equal(full[2:5, 3:], short[2:5, 3:])
    assert not short[:, :3].any() and not short[:2].any() and not short[5:].any()


def test_other_colours_keep_the_game() -> None:
    env, plain = world("MiniGridDoorKey5x5", colours="swapped"), world("MiniGridDoorKey5x5")
    shifted, usual = env.reset(seed=4)[0][:147].reshape(7, 7, 3), plain.reset(seed=4)[0][:147].reshape(7, 7, 3)
    assert np.array_equal(shifted[..., [0, 2]], usual[..., [0, 2]])
    solid = usual[..., 0] > 1
    assert (shifted[solid][:, 1] != usual[solid][:, 1]).all()
    things = {thing.type: thing for thing in env.world.grid.grid if thing is not None}
    assert things["key"].color == things["door"].color == "blue"
    env.world.carrying = things["key"]
    assert things["door"].toggle(env.world, things["door"].cur_pos)


def test_glass_walls_and_open_doors() -> None:
    opaque, glass = world("MiniGridFourRooms").reset(seed=0)[0], world("MiniGridFourRooms", walls="glass").reset(seed=0)
    assert (glass[0][:147:3] > 0).all() and not (opaque[:147:3] > 0).all()
    for share in (0.0, 1.0):
        env = world("MiniGridMultiRoomN6", ajar=share)
        env.reset(seed=0)
        doors = [thing for thing in env.world.grid.grid if thing is not None and thing.type == "door"]
        assert doors and all(door.is_open == bool(share) for door in doors)


def test_the_mission_stays_true_under_observation_noise() -> None:
    noisy = robust_gym.make("Robust-MiniGridFetch8x8N3-v0", disruption="obs:gauss@5")
    plain = robust_gym.make("Robust-MiniGridFetch8x8N3-v0")
    observation, expected = noisy.reset(seed=5)[0], plain.reset(seed=5)[0]
    assert np.array_equal(observation["mission"], expected["mission"])
    assert not np.array_equal(observation["observation"], expected["observation"])


def test_building_a_level_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    env = world("BabyAIGoTo")
    for seed in range(10):  # some layouts are rejected, of which BabyAI tells
        env.reset(seed=seed)
    assert capsys.readouterr() == ("", "")


def test_rendering() -> None:
    env = robust_gym.make("Robust-MiniGridEmpty5x5-v0", render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape == (160, 160, 3)
    env.close()


@pytest.mark.parametrize(
    ("id", "disruption"),
    [
        ("Robust-MiniGridFetch8x8N3-v0", "dynamics:map:s5n2+dynamics:objects:3"),
        ("Robust-BabyAIGoToLocal-v0", "dynamics:map:s6+dynamics:distractors:2"),
    ],
)
def test_a_smaller_map_with_more_in_it_has_room(id: str, disruption: str) -> None:
    env = robust_gym.make(id, disruption=disruption)
    for seed in range(3):
        env.reset(seed=seed)
