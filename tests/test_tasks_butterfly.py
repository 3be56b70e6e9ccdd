"""Knights, pong and pistons: PettingZoo's own games, what agents see of them, and what dynamics do."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

from robust_gym.disruption import DisruptionError
from robust_gym.registry import list_tasks
from robust_gym.registry import task as find_task
from robust_gym.tasks import make_parallel, undisturbed

pytest.importorskip("pygame")
pytest.importorskip("pymunk")

TASKS = [find_task(id) for id in list_tasks("butterfly")]
EACH = pytest.mark.parametrize("task", TASKS, ids=[task.id for task in TASKS])
KAZ, PONG = "Robust-KnightsArchersZombies-v0", "Robust-CooperativePong-v0"
PONG_VECTOR, PISTONS = "Robust-CooperativePongVector-v0", "Robust-PistonballVector-v0"


def theirs(id: str, **kwargs):
    from pettingzoo.butterfly.cooperative_pong import cooperative_pong
    from pettingzoo.butterfly.knights_archers_zombies import knights_archers_zombies
    from pettingzoo.butterfly.pistonball import pistonball

    if id == KAZ:
        return knights_archers_zombies.parallel_env(**kwargs)
    if id == PISTONS:
        return pistonball.parallel_env()
    return cooperative_pong.parallel_env(render_mode="rgb_array")


def random_actions(env, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    spaces = {agent: env.action_space(agent) for agent in env.agents}
    return {
        agent: int(rng.integers(space.n)) if hasattr(space, "n") else rng.uniform(-1, 1, space.shape).astype(np.float32)
        for agent, space in spaces.items()
    }


@EACH
def test_is_pettingzoo_to_the_bit(task):
    ours, raw = undisturbed(task), theirs(task.id)
    assert ours.possible_agents == raw.possible_agents
    vector = task.id in (PONG_VECTOR, PISTONS)
    for seed in (3, 4):
        (observations, _), (expected, _) = ours.reset(seed=seed), raw.reset(seed=seed)
        if not vector:
            np.testing.assert_equal(observations, expected)
        if task.id == KAZ:
            raw.unwrapped.zombie_spawn_interval.reset()  # which PettingZoo forgets
        for step in range(200):
            actions = random_actions(ours, step)
            observations, rewards, terminated, truncated, _ = ours.step(actions)
            expected = raw.step(actions)
            if not vector:
                np.testing.assert_equal(observations, expected[0])
            assert (rewards, terminated, truncated) == expected[1:4]
            assert ours.agents == raw.agents
            if not ours.agents:
                break


@EACH
def test_conforms_to_pettingzoo_without_a_warning(task):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from pettingzoo.test import parallel_api_test
    parallel_api_test(undisturbed(task), num_cycles=40)


def test_an_episode_of_knights_does_not_depend_on_the_one_before():
    """PettingZoo's clock of zombies runs on over a reset."""
    env, fresh = undisturbed(find_task(KAZ)), undisturbed(find_task(KAZ))
    env.reset(seed=1)
    for step in range(7):
        env.step(random_actions(env, step))
    env.reset(seed=2), fresh.reset(seed=2)
    for step in range(50):
        actions = random_actions(env, step)
        np.testing.assert_equal(env.step(actions)[0], fresh.step(actions)[0])


def test_making_knights_leaves_the_interpreter_alone():
    code = (
        "import sys, robust_gym; sys.dont_write_bytecode = False;"
        "robust_gym.make('Robust-KnightsArchersZombies-v0').reset(seed=0); print(sys.dont_write_bytecode)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "False"


def test_knights_nominal_values_and_constants():
    from pettingzoo.butterfly.knights_archers_zombies.src import constants

    task = find_task(KAZ)
    nominal = {name: parameter.nominal for name, parameter in task.dynamics.items()}
    env = make_parallel(KAZ, "dynamics:zombie_speed:2+dynamics:player_speed:0.5+dynamics:spawn_delay:0.1")
    env.reset(seed=0)
    game = env.unwrapped.game
    heights = []
    for _ in range(12):
        env.step(dict.fromkeys(env.agents, 5))
        heights.append([zombie.rect.y for zombie in game.zombie_list])
    # The first zombie comes at y = 5 after two steps in place of twenty; then they come down 10 pixels a step, not 5.
    assert heights[0] == [] and heights[1] == [5] and heights[2] == [15] and len(heights[-1]) == 6
    assert {player.speed for player in game.agent_map.values()} == {12.5}
    assert nominal["zombie_speed"] == constants.ZOMBIE_Y_SPEED == 5  # a step leaves them as they were
    assert nominal["zombie_sway"] == constants.ZOMBIE_X_SPEED
    assert nominal["arrow_speed"] == constants.ARROW_SPEED
    assert nominal["reload"] == constants.ARROW_TIMEOUT
    assert nominal["player_speed"] == constants.ARCHER_SPEED == constants.KNIGHT_SPEED
    assert nominal["turn_rate"] == constants.PLAYER_ANG_RATE
    assert nominal["spawn_delay"] == undisturbed(task).game.zombie_spawn_interval.step_interval


def test_borders_can_be_deadly():
    env = make_parallel(KAZ, "dynamics:borders:deadly")
    env.reset(seed=0)
    for _ in range(5):  # archer_0 walks backwards, off the lower end
        env.step({agent: 1 if agent == "archer_0" else 5 for agent in env.agents})
    assert env.agents == ["archer_1", "knight_0", "knight_1"]


def test_pong_is_seen_as_numbers():
    env = undisturbed(find_task(PONG_VECTOR))
    observations, _ = env.reset(seed=0)
    game = env.game.env
    for agent, own, other in (("paddle_0", game.p0, game.p1), ("paddle_1", game.p1, game.p0)):
        expected = [0.5, own.rects[0].height / 280, 0.5, other.rects[0].height / 280, 0.5, 0.5]
        np.testing.assert_allclose(observations[agent][:6], expected, atol=2e-3)
        np.testing.assert_allclose(np.linalg.norm(observations[agent][6:]), 1.0, rtol=1e-6)
    observations, *_ = env.step({"paddle_0": 1, "paddle_1": 0})
    assert observations["paddle_0"][0] < 0.5 and observations["paddle_1"][0] == 0.5
    assert observations["paddle_0"][2] == observations["paddle_1"][0]


def test_pongs_world():
    def start(disruption: str | None):
        env = make_parallel(PONG_VECTOR, disruption)
        for seed in (0, None, 1):  # the world outlives unseeded resets
            env.reset(seed=seed)
            env.step({"paddle_0": 2, "paddle_1": 2})
        return env.unwrapped.game.env, env.state()

    plain, state = start(None)
    fast, quick = start("dynamics:ball_speed:0.5+dynamics:left_speed:2")
    np.testing.assert_allclose(quick[6:], 0.5 * state[6:], rtol=1e-6)
    assert fast.p0.rects[0].y - plain.p0.rects[0].y == 12 and fast.p1.rects[0].y == plain.p1.rects[0].y
    large, _ = start("dynamics:paddle_size:2")
    assert [rect.height for rect in large.p1.rects] == [2 * rect.height for rect in plain.p1.rects]
    flat, _ = start("dynamics:right_paddle:flat")
    assert len(plain.p1.rects) == 4 and len(flat.p1.rects) == 1


def test_pongs_first_picture_is_of_the_new_world():
    pictures = {}
    for disruption in (None, "dynamics:paddle_size:2"):
        observations, _ = make_parallel(PONG, disruption).reset(seed=0)
        pictures[disruption] = observations["paddle_0"]
        assert observations["paddle_0"].shape == (280, 480, 3)
        assert observations["paddle_0"].max() == 255
    left = {name: (picture[:, 5, 0] > 0).sum() for name, picture in pictures.items()}
    assert left == {None: 40, "dynamics:paddle_size:2": 80}


def test_paddles_that_grow_stay_on_the_screen():
    env = make_parallel(PONG_VECTOR, "dynamics:paddle_size:3~steps=15..60")
    env.reset(seed=0)
    game = env.unwrapped.game.env
    for _ in range(30):
        env.step({"paddle_0": 1, "paddle_1": 2})  # to the edges
    for paddle, usual in ((game.p0, 40), (game.p1, 60)):
        assert paddle.rects[0].height == 3 * usual and game.area.contains(paddle.rects[0])
        assert len({rect.centery for rect in paddle.rects[:3]}) == 1
    places = [paddle.rects[0].y for paddle in (game.p0, game.p1)]
    env.step({"paddle_0": 2, "paddle_1": 1})
    assert [paddle.rects[0].y for paddle in (game.p0, game.p1)] == [places[0] + 12, places[1] - 12]


def test_paddles_move_by_the_nearest_whole_pixel():
    for disruption in ("dynamics:left_speed:1.03", "dynamics:right_speed:0.97"):
        with pytest.raises(DisruptionError, match="a whole number, which changes nothing"):
            make_parallel(PONG_VECTOR, disruption)
    for factor, pixels in ((1.05, 13), (0.9, 11), (0.1, 1)):
        env = make_parallel(PONG_VECTOR, f"dynamics:left_speed:{factor}")
        env.reset(seed=0)
        rect = env.unwrapped.game.env.p0.rects[0]
        before = rect.y
        env.step({"paddle_0": 2, "paddle_1": 0})
        assert rect.y - before == pixels


def test_knights_can_be_seen_as_pictures():
    env, raw = undisturbed(find_task(KAZ), obs_method="image"), theirs(KAZ, obs_method="image")
    (observations, _), (expected, _) = env.reset(seed=0), raw.reset(seed=0)
    for agent, picture in observations.items():
        assert picture in env.observation_space(agent)
        np.testing.assert_array_equal(picture, expected[agent])
    assert observations["knight_0"].max() > 1


def test_pistons_see_their_neighbours_and_the_ball():
    env = undisturbed(find_task(PISTONS))
    observations, _ = env.reset(seed=0)
    heights = [observations[agent][0] for agent in env.agents]
    assert min(heights) >= 0 and max(heights) <= 0.5
    np.testing.assert_array_equal([observations[a][1] for a in env.agents], [0.0, *heights[:-1]])
    np.testing.assert_array_equal([observations[a][2] for a in env.agents], [*heights[1:], 0.0])
    game = env.game
    for number, agent in enumerate(env.agents):
        centre = game.wall_width + game.piston_width * number + game.piston_radius + game.piston_width / 2
        np.testing.assert_allclose(observations[agent][3] * game.screen_width, game.ball.position.x - centre, rtol=1e-4)
    np.testing.assert_array_equal(env.state()[:20], heights)
    lifted, *_ = env.step(dict.fromkeys(env.agents, np.ones(1, np.float32)))
    np.testing.assert_allclose([lifted[a][0] for a in env.agents], np.array(heights) + 1 / 16, atol=1e-6)


def test_pistonballs_world():
    def after(disruption: str | None):
        env = make_parallel(PISTONS, disruption)
        env.reset(seed=0)
        for _ in range(20):
            env.step(dict.fromkeys(env.agents, np.zeros(1, np.float32)))
        return env.unwrapped.game

    task, plain = find_task(PISTONS), after(None)
    assert plain.space.gravity == (0.0, task.dynamics["gravity"].nominal) and plain.space.damping == 1.0
    assert {shape.friction for shape in plain.ball.shapes} == {task.dynamics["ball_friction"].nominal}
    left, right = (after(f"dynamics:tilt:{tilt}").ball.position.x for tilt in (-5, 5))
    assert left < plain.ball.position.x < right
    assert after("dynamics:drag:3").ball.kinetic_energy < plain.ball.kinetic_energy
    assert after("dynamics:ball_inertia:2").ball.moment == 2 * plain.ball.moment
    env = make_parallel(PISTONS, "dynamics:piston_speed:2")
    before, _ = env.reset(seed=0)
    lifted, *_ = env.step(dict.fromkeys(env.agents, np.ones(1, np.float32)))
    assert lifted["piston_3"][0] - before["piston_3"][0] == pytest.approx(2 / 16)


@EACH
def test_pictures_survive_the_closing_of_another(task):
    one, other = (make_parallel(task.id, render_mode="rgb_array") for _ in range(2))
    one.reset(seed=0), other.reset(seed=0)
    assert one.render().ndim == 3
    one.close()
    other.step(random_actions(other))
    assert other.render().dtype == np.uint8


def test_whole_pixels_that_change_nothing_are_refused():
    with pytest.raises(DisruptionError, match="a whole number, which changes nothing"):
        make_parallel("Robust-KnightsArchersZombies-v0", disruption="dynamics:zombie_speed:1.05")


def test_what_the_environments_were_made_with_is_nominal():
    def made(id: str, **kwargs):
        env = make_parallel(id, disruption="obs:gauss:0.1", **kwargs)
        adapted = make_parallel(id, disruption="dynamics:0.1", **kwargs)
        for one in (env, adapted):
            one.reset(seed=0)
        return env.unwrapped.game, adapted.unwrapped.game

    for game in made("Robust-KnightsArchersZombies-v0", line_death=True):
        assert game.line_death
    for game in made("Robust-CooperativePongVector-v0", cake_paddle=False):
        assert game.right_paddle == "flat"
