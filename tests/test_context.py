"""The privileged view, ``context="visible"``: what it shows, in which spaces, and that nothing else changes."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

import robust_gym
from robust_gym import registry
from robust_gym.task import DynamicsParameter, SemanticShift, Task
from robust_gym.tasks import build
from robust_gym.wrappers import VisibleContext
from robust_gym.wrappers.context import Context, View, is_visible

with warnings.catch_warnings():
    # PettingZoo's tests import one of its games in a way that it has itself deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pettingzoo.test import parallel_api_test

WORLD = Task(
    "Fake-World-v0",
    "fake",
    "Has one parameter of every sort.",
    "x:y",
    "x:Y",
    10,
    dynamics={
        "mass": DynamicsParameter("mass", "mass", "kg", 2.0, low=0.5, high=3.0),
        "wind": DynamicsParameter("wind", "wind", "N", 0.0, low=-20.0, high=40.0, mode="set"),
        "stuck": DynamicsParameter("stuck", "chance", "probability", 0.0, low=0.0, high=0.8, mode="set"),
        "seats": DynamicsParameter("seats", "seats", "seats", 3.0, low=0.4, high=1.2, whole=True),
    },
    semantic={"city": SemanticShift("city", "city", "rome", ("oslo", "rome", "tampa"))},
)


@pytest.mark.parametrize(
    ("dynamics", "expected"),
    [
        ({}, [0, 0, 0, 0, 0, 1, 0]),
        ({"mass": 0.5, "wind": -20.0, "city": "oslo"}, [-1, -1, 0, 0, 1, 0, 0]),
        ({"mass": 0.75, "wind": 10.0, "stuck": 0.2}, [-0.5, 0.25, 0.25, 0, 0, 1, 0]),
        ({"mass": 2.0, "stuck": 0.8, "city": "tampa"}, [0.5, 0, 1, 0, 0, 0, 1]),
        # A third, or four thirds, of three seats: what the world really has when 0.4 or 1.2 is written.
        ({"seats": 1 / 3}, [0, 0, 0, -1, 0, 1, 0]),
        ({"seats": 4 / 3}, [0, 0, 0, 1, 0, 1, 0]),
    ],
)
def test_numbers_are_linear_from_nominal_to_each_bound(dynamics: dict[str, Any], expected: list[float]) -> None:
    context = Context(WORLD)
    assert context.names == ("mass", "wind", "stuck", "seats", "city=oslo", "city=rome", "city=tampa")
    assert context.low.tolist() == [-1, -1, 0, -1, 0, 0, 0]
    assert context.high.tolist() == [1] * 7
    assert context({**WORLD.nominal_values(), **dynamics}) == pytest.approx(expected)


def test_whole_numbers_too_large_for_a_step_have_a_side_of_length_zero() -> None:
    seats = DynamicsParameter("seats", "seats", "seats", 3.0, low=0.9, high=2.0, whole=True)
    task = Task("Fake-Seats-v0", "fake", "Seats.", "x:y", "x:Y", 10, dynamics={"seats": seats})
    # No whole number lies between 2.7 and 3, but 0.9 is a factor that a disruption may come close to.
    assert Context(task)({"seats": 1.0}).tolist() == [0.0]
    assert Context(task)({"seats": 2.0}).tolist() == [1.0]


@pytest.mark.parametrize(
    ("space", "observation", "expected"),
    [
        (spaces.Box(-1, 1, (2,), np.float64), np.ones(2), spaces.Box(-1, 1, (3,), np.float64)),
        (spaces.Box(-1, 1, (2,), np.float32), np.ones(2, np.float32), spaces.Box(-1, 1, (3,), np.float32)),
        (
            spaces.Box(0, 9, (2,), np.uint8),
            np.array([4, 9], np.uint8),
            spaces.Box(np.array([0, 0, -1], np.float32), np.array([9, 9, 1], np.float32)),
        ),
        (spaces.Discrete(5), 4, spaces.Dict(observation=spaces.Discrete(5), context=spaces.Box(-1, 1, (1,)))),
        (
            spaces.Box(0, 255, (2, 2, 3), np.uint8),
            np.full((2, 2, 3), 7, np.uint8),
            spaces.Dict(observation=spaces.Box(0, 255, (2, 2, 3), np.uint8), context=spaces.Box(-1, 1, (1,))),
        ),
        (
            spaces.Dict(goal=spaces.Box(0, 1, (1,))),
            {"goal": np.zeros(1, np.float32)},
            spaces.Dict(goal=spaces.Box(0, 1, (1,)), context=spaces.Box(-1, 1, (1,))),
        ),
    ],
)
def test_every_space_gains_the_context_and_tells_the_truth(space: Any, observation: Any, expected: Any) -> None:
    mass = DynamicsParameter("mass", "mass", "kg", 2.0)
    context = Context(Task("Fake-Mass-v0", "fake", "Mass.", "x:y", "x:Y", 10, dynamics={"mass": mass}))
    view = View(space, context)
    assert view.space == expected
    seen = view(observation, context({"mass": 10.0}))
    assert view.space.contains(seen)
    if isinstance(seen, dict):
        assert seen["context"].tolist() == [1.0]
    else:
        assert seen.tolist() == [*np.asarray(observation).tolist(), 1.0]


def test_a_part_called_context_is_not_overwritten() -> None:
    space = spaces.Dict(context=spaces.Box(0, 1, (1,)))
    with pytest.raises(ValueError, match="have a part 'context' already"):
        View(space, Context(WORLD))


@pytest.mark.parametrize(
    ("id", "disruption"),
    [
        ("Robust-Hopper-v0", "dynamics:0.3+action:gauss:0.1+obs:gauss:0.1"),
        ("Robust-FrozenLake-v0", "dynamics:0.2+obs:random:0.2"),
        ("Robust-BuildingCentral-v0", "dynamics:city:tampa"),
        ("Robust-Highway-v0", None),
        ("Robust-FetchReach-v0", "dynamics:0.2"),
        ("Robust-MiniGridDistShift-v0", "obs:gauss:0.1"),
        ("Robust-Pendulum-v0", "obs:dummy:3"),
    ],
)
def test_gymnasium_accepts_it_and_specs_keep_it(id: str, disruption: str | None) -> None:
    env = gym.make(id, disruption=disruption, context="visible")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on the base environment's own spaces
        check_env(env, skip_render_check=True)
    assert env.spec is not None
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.spec == env.spec
    assert again.observation_space == env.observation_space
    first, second = (one.reset(seed=3)[0] for one in (env, again))
    for left, right in zip(_leaves(first), _leaves(second), strict=True):
        assert np.array_equal(left, right)
    env.close()
    again.close()


def _leaves(observation: Any) -> list[Any]:
    return list(observation.values()) if isinstance(observation, dict) else [observation]


def test_only_the_context_is_added_and_noise_leaves_it_true() -> None:
    disruption = "dynamics:gravity:2+obs:gauss:0.5+obs:delay:2"
    hidden = robust_gym.make("Robust-CartPole-v0", disruption=disruption)
    visible = robust_gym.make("Robust-CartPole-v0", disruption=disruption, context="visible")
    seen, shown = hidden.reset(seed=1)[0], visible.reset(seed=1)[0]
    for _ in range(5):
        assert np.array_equal(shown[:4], seen)
        assert shown[4:] == pytest.approx([1 / 9, 0, 0, 0, 0, 0][: len(shown) - 4])
        (seen, *left), (shown, *right) = hidden.step(1), visible.step(1)
        assert left == right


def test_hidden_is_the_default_and_changes_nothing() -> None:
    plain = robust_gym.make("Robust-CartPole-v0")
    hidden = robust_gym.make("Robust-CartPole-v0", context="hidden")
    assert plain.spec == hidden.spec
    assert str(plain) == str(hidden)
    assert str(gym.make("Robust-CartPole-v0", context="hidden")) == str(plain)


def test_it_follows_a_world_that_changes_within_the_episode() -> None:
    env = robust_gym.make("Robust-CartPole-v0", disruption="dynamics:gravity:10~ramp=4", context="visible")
    observation, _ = env.reset(seed=0)
    gravity = [observation[4]]
    for t in range(6):
        observation, *_, info = env.step(t % 2)
        gravity.append(observation[4])
        if "dynamics" in info:
            assert gravity[-1] == pytest.approx((info["dynamics"]["gravity"] - 1) / 9)
    # The reset and the first step are in the world of strength 0; the strength then grows to 1 in four steps.
    assert gravity == pytest.approx([0, 0, 0.25, 0.5, 0.75, 1, 1])


def test_another_world_at_each_reset_shows_another_context() -> None:
    env = robust_gym.make("Robust-CartPole-v0", disruption="dynamics:random:0.5", context="visible")
    contexts = [env.reset(seed=seed)[0][4:] for seed in (1, 2, 1)]
    assert np.array_equal(contexts[0], contexts[2])
    assert not np.array_equal(contexts[0], contexts[1])


@pytest.mark.parametrize("id", ["Robust-MPETag-v0", "Robust-Building-v0", "Robust-PursuitTag-v0"])
def test_every_agent_of_a_team_sees_the_world(id: str, capsys: pytest.CaptureFixture[str]) -> None:
    task = robust_gym.task(id)
    env: Any = robust_gym.make_parallel(id, disruption="dynamics:random:0.3~ramp=3", context="visible")
    hidden: Any = robust_gym.make(id, disruption="dynamics:random:0.3~ramp=3")
    context = Context(task)
    (seen, infos), (plain, _) = env.reset(seed=1), hidden.reset(seed=1)
    present: dict[Any, Any] = {}
    for _ in range(5):
        for agent in env.agents:
            own = seen[agent]
            present = infos[agent].get("dynamics", present)
            assert env.observation_space(agent) is env.observation_space(agent)
            assert env.observation_space(agent).contains(own)
            shown = own["context"] if isinstance(own, dict) else own[-len(context.names) :]
            rest = own["observation"] if isinstance(own, dict) else own[: -len(context.names)]
            assert np.array_equal(rest, plain[agent])
            assert shown == pytest.approx(context(present), abs=1e-6)
        actions = {agent: env.action_space(agent).sample() for agent in env.agents}
        seen, *_, infos = env.step(actions)
        plain, *_ = hidden.step(actions)
    assert present != task.nominal_values()
    parallel_api_test(env, num_cycles=20)
    capsys.readouterr()


def test_other_words_are_refused_in_one_line() -> None:
    expected = "unknown context 'visble' for Robust-CartPole-v0; contexts are hidden, visible. Did you mean 'visible'?"
    for make in (robust_gym.make, gym.make):
        with pytest.raises(ValueError) as error:
            make("Robust-CartPole-v0", context="visble")
        assert str(error.value) == expected
    with pytest.raises(
        ValueError, match=r"unknown context 'seen' for Robust-MPETag-v0; contexts are hidden, visible\.$"
    ):
        robust_gym.make_parallel("Robust-MPETag-v0", context="seen")
    with pytest.raises(ValueError, match="unknown context None"):
        is_visible(None, WORLD)  # type: ignore[arg-type]


def test_a_task_with_nothing_to_show_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Task("Fake-Plain-v0", "fake", "Stands still.", "x:y", "x:Y", 10)
    assert not is_visible("hidden", plain)
    monkeypatch.setitem(registry._tasks, plain.id, plain)
    with pytest.raises(ValueError) as error:
        build(plain.id, context="visible")
    expected = "Fake-Plain-v0 has no dynamics parameter and no semantic shift: context='visible' shows nothing"
    assert str(error.value) == expected


def test_an_environment_that_reports_no_dynamics_is_refused() -> None:
    env = VisibleContext(gym.make("CartPole-v1"), task="Robust-CartPole-v0")
    with pytest.raises(ValueError, match=r"reports no info\['dynamics'\]"):
        env.reset(seed=0)


def test_the_wrapper_itself_is_recorded_in_the_spec() -> None:
    env = VisibleContext(gym.make("Robust-CartPole-v0", disruption="obs:0.1"), task="Robust-CartPole-v0")
    assert env.spec is not None
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.observation_space == env.observation_space
