"""Walkers with a package and pursuers on a grid: PettingZoo's own games, and what dynamics do to them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from robust_gym.registry import list_tasks
from robust_gym.registry import task as find_task
from robust_gym.task import load
from robust_gym.tasks import make_parallel, undisturbed

pytest.importorskip("Box2D")
pytest.importorskip("scipy")

TASKS = [find_task(id) for id in list_tasks("sisl")]
EACH = pytest.mark.parametrize("task", TASKS, ids=[task.id for task in TASKS])


def theirs(task):
    from pettingzoo.sisl.multiwalker import multiwalker
    from pettingzoo.sisl.pursuit import pursuit

    return (multiwalker if "Multiwalker" in task.id else pursuit).parallel_env(**task.kwargs)


def random_actions(env, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    spaces = {agent: env.action_space(agent) for agent in env.agents}
    return {
        agent: int(rng.integers(space.n)) if hasattr(space, "n") else rng.uniform(-1, 1, space.shape).astype(np.float32)
        for agent, space in spaces.items()
    }


@EACH
def test_is_pettingzoo_to_the_bit(task):
    ours, raw = undisturbed(task), theirs(task)
    assert ours.possible_agents == raw.possible_agents
    for agent in ours.possible_agents:
        assert ours.action_space(agent) == raw.action_space(agent)
        assert ours.observation_space(agent) == raw.observation_space(agent)
    for seed in (3, None, 4):
        np.testing.assert_equal(ours.reset(seed=seed)[0], raw.reset(seed=seed)[0])
        for step in range(60):
            actions = random_actions(ours, step)
            observations, rewards, terminated, truncated, _ = ours.step(actions)
            expected = raw.step(actions)
            np.testing.assert_equal(observations, expected[0])
            assert (rewards, terminated, truncated) == expected[1:4]
            assert ours.agents == raw.agents
            if not ours.agents:
                break
            np.testing.assert_array_equal(ours.state(), raw.state())


@EACH
def test_a_seed_fixes_the_episode_whatever_was_before(task):
    env, fresh = undisturbed(task), undisturbed(task)
    adapter = load(task.adapter)(env, task)
    for name, parameter in task.dynamics.items():
        values = {name: parameter.high}
        adapter.configure(values)
        env.reset(seed=0)
        adapter.apply(values)
        env.step(random_actions(env))
    adapter.configure({})
    observations, _ = env.reset(seed=5)
    adapter.apply({})
    np.testing.assert_equal(observations, fresh.reset(seed=5)[0])
    for step in range(30):
        actions = random_actions(env, step)
        np.testing.assert_equal(env.step(actions)[0], fresh.step(actions)[0])
        if not env.agents:
            break


@EACH
def test_conforms_to_pettingzoo_without_a_warning(task):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pettingzoo.test import parallel_api_test
    parallel_api_test(undisturbed(task), num_cycles=60)


def test_nominal_values_of_the_walkers_world():
    task = find_task("Robust-Multiwalker-v0")
    env = undisturbed(task)
    env.reset(seed=0)
    game = env.game.env
    (hull,), (leg,), (package,) = (
        body.fixtures for body in (game.walkers[0].hull, game.walkers[0].legs[0], game.package)
    )
    assert game.terrain[0].fixtures[0].friction == task.dynamics["friction"].nominal
    assert hull.density == task.dynamics["hull_density"].nominal
    assert leg.density == task.dynamics["leg_density"].nominal
    assert package.density == task.dynamics["package_density"].nominal
    assert package.friction == task.dynamics["package_friction"].nominal
    assert tuple(game.world.gravity) == (0.0, -task.dynamics["gravity"].nominal)


def test_walkers_feel_their_world():
    def world(disruption: str | None):
        env = make_parallel("Robust-Multiwalker-v0", disruption)
        env.reset(seed=0)
        return env.unwrapped.game.env

    plain, heavy = world(None), world("dynamics:package_density:2")
    np.testing.assert_allclose(heavy.package.mass, 2 * plain.package.mass, rtol=1e-6)
    assert heavy.walkers[0].hull.mass == plain.walkers[0].hull.mass
    np.testing.assert_allclose(world("dynamics:slope:15").world.gravity, (-2.588190, -9.659258), rtol=1e-6)
    strong = world("dynamics:motor_torque:2+dynamics:motor_speed:0.5")
    for walker in (plain.walkers[0], strong.walkers[0]):
        walker.apply_action(np.array([0.5, -1.0, 0.0, 1.0]))
    for usual, changed in zip(plain.walkers[0].joints, strong.walkers[0].joints, strict=True):
        assert changed.motorSpeed == 0.5 * usual.motorSpeed


def test_hardcore_ground_has_obstacles():
    shapes = {}
    for disruption in (None, "dynamics:terrain:hardcore"):
        env = make_parallel("Robust-Multiwalker-v0", disruption)
        env.reset(seed=0)
        bodies = env.unwrapped.game.env.terrain
        shapes[disruption] = {type(fixture.shape).__name__ for body in bodies for fixture in body.fixtures}
    assert shapes == {None: {"b2EdgeShape"}, "dynamics:terrain:hardcore": {"b2EdgeShape", "b2PolygonShape"}}


def test_survivors_go_on_without_those_who_fell():
    env = make_parallel("Robust-MultiwalkerSurvivors-v0", "obs:gauss:0.1+action:delay:1+dynamics:0.2~every=5")
    teams = set()
    for seed in range(6):
        env.reset(seed=seed)
        while env.agents:
            acting = list(env.agents)
            observations, rewards, terminated, truncated, infos = env.step(random_actions(env))
            assert list(observations) == list(rewards) == list(infos) == acting
            assert env.agents == [agent for agent in acting if not terminated[agent] and not truncated[agent]]
            teams.add(len(env.agents))
    assert teams > {0, 3} and teams & {1, 2}


def test_maps_and_evaders():
    cells, positions = {}, {}
    for option in ("rectangle", "open", "pillars", "walls"):
        env = make_parallel("Robust-Pursuit-v0", None if option == "rectangle" else f"dynamics:map:{option}")
        env.reset(seed=0)
        game = env.unwrapped.game.env
        cells[option] = int((game.map_matrix == -1).sum())
        np.testing.assert_array_equal(env.unwrapped.game.state()[:, :, 0].T, -game.map_matrix)
        for agent in (*game.pursuers, *game.evaders):
            assert game.map_matrix[tuple(agent.current_position())] == 0
    assert cells == {"rectangle": 63, "open": 0, "pillars": 36, "walls": 21}

    for disruption in (None, "dynamics:evaders:frozen"):
        env = make_parallel("Robust-Pursuit-v0", disruption)
        env.reset(seed=0)
        game = env.unwrapped.game.env
        before = np.array([evader.current_position() for evader in game.evaders])
        env.step(dict.fromkeys(env.agents, 4))
        positions[disruption] = np.abs(np.array([evader.current_position() for evader in game.evaders]) - before).sum()
    assert positions[None] > 0 == positions["dynamics:evaders:frozen"]


def test_speeds_sight_and_number_of_evaders():
    def moved(disruption: str | None, steps: int = 4) -> int:
        """Cells a pursuer walks down an empty row."""
        env = make_parallel("Robust-Pursuit-v0", "+".join(filter(None, ["dynamics:map:open", disruption])))
        env.reset(seed=0)
        game = env.unwrapped.game.env
        game.pursuers[0].set_position(0, 0)
        for _ in range(steps):
            env.step({agent: 1 if agent == "pursuer_0" else 4 for agent in env.agents})
        return int(game.pursuers[0].current_position()[0])

    assert moved(None) == 4
    assert moved("dynamics:pursuer_speed:2") == 8
    assert moved("dynamics:pursuer_speed:0.5") == 2

    env = make_parallel("Robust-Pursuit-v0", "dynamics:evader_count:0.5+dynamics:sight:0.34")
    observations, _ = env.reset(seed=0)
    assert len(env.unwrapped.game.env.evaders) == 15
    for observation in observations.values():
        assert observation.shape == (7, 7, 3)
        assert observation[3, 3].any() and not np.delete(observation[:, 3], [2, 3, 4], axis=0).any()


def test_a_seed_fixes_how_evaders_wander_in_the_episodes_after_one_in_which_they_stay():
    def walks(before: int) -> list:
        env, found = make_parallel("Robust-Pursuit-v0", "dynamics:evaders:frozen~episode=0.5"), []
        for seed in range(6):
            for each in (before, seed, None, None):
                _, infos = env.reset(seed=each)
                for _ in range(3):
                    env.step(dict.fromkeys(env.agents, 4))
                evaders = env.unwrapped.game.env.evaders
                found.append((infos["pursuer_0"]["dynamics"]["evaders"], [e.current_position() for e in evaders]))
            found.pop(-4)
        return found

    one = walks(10)
    assert {word for word, _ in one} == {"frozen", "wandering"}
    np.testing.assert_equal(walks(11), one)


def test_time_that_is_up_truncates_walkers_and_a_fall_terminates():
    for kwargs in ({"max_cycles": 5}, {"max_cycles": 5, "terminate_on_fall": False}):
        env = make_parallel("Robust-Multiwalker-v0", **kwargs)
        env.reset(seed=0)
        for step in range(5):
            _, _, terminated, truncated, _ = env.step({agent: np.zeros(4, np.float32) for agent in env.agents})
            assert set(truncated.values()) == {step == 4} and not any(terminated.values())
        assert env.agents == []
    env.reset(seed=0)
    for step in range(5):
        if step == 4:
            env.unwrapped.game.env.fallen_walkers[1] = True
        _, _, terminated, truncated, _ = env.step({agent: np.zeros(4, np.float32) for agent in env.agents})
    assert terminated == {"walker_0": False, "walker_1": True, "walker_2": False}
    assert truncated == {agent: not over for agent, over in terminated.items()}


def test_bad_actions_are_named():
    env = undisturbed(find_task("Robust-Pursuit-v0"))
    env.reset(seed=0)
    with pytest.raises(ValueError, match="no action for 'pursuer_0'"):
        env.step({})
    with pytest.raises(ValueError, match="'pursuer_1' must be a whole number 0 to 4, got 9"):
        env.step({**dict.fromkeys(env.agents, 4), "pursuer_1": 9})
    env = undisturbed(find_task("Robust-Multiwalker-v0"))
    with pytest.raises(RuntimeError, match="reset"):
        env.state()
    with pytest.raises(RuntimeError, match="render_mode"):
        env.render()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="'walker_0' must be 4 numbers"):
        env.step(dict.fromkeys(env.agents, np.zeros(3)))


@pytest.mark.parametrize("id", ["Robust-Multiwalker-v0", "Robust-Pursuit-v0"])
def test_closing_one_leaves_the_pictures_of_others(id):
    one, other = (make_parallel(id, render_mode="rgb_array") for _ in range(2))
    one.reset(seed=0), other.reset(seed=0)
    assert one.render().ndim == 3
    one.close()
    assert other.render().dtype == np.uint8


def test_the_state_of_walkers_outlives_a_fall() -> None:
    env = undisturbed(find_task("Robust-MultiwalkerSurvivors-v0"))
    space, seen = env.state_space, set()
    with pytest.raises(RuntimeError, match="reset"):
        env.unwrapped.state()
    for seed in range(5):
        env.reset(seed=seed)
        while env.agents:
            env.step({agent: np.ones(4, np.float32) for agent in env.agents})
            state = env.state()
            assert state in space
            if not any(walker.hull is None for walker in env.unwrapped.game.env.walkers):
                np.testing.assert_array_equal(state, env.unwrapped.game.state())
            fallen = [walker.hull is None for walker in env.unwrapped.game.env.walkers]
            for place, gone in enumerate(fallen):
                own = state[24 * place : 24 * (place + 1)]
                assert own.any() != gone
            seen.add(tuple(fallen))
    assert len(seen) > 1
