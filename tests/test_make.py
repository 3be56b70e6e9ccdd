"""Tasks made with a disruption: what is refused, what is reported, and what keeps its meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from pettingzoo import ParallelEnv

import robust_gym
from robust_gym import Disruption, DisruptionError, registry
from robust_gym.task import Task


class Endless(ParallelEnv):
    """Two agents count the steps; one leaves after the third, the other never."""

    metadata = {"name": "endless"}
    possible_agents = ["brief", "patient"]

    def observation_space(self, agent: str) -> gym.Space:
        return gym.spaces.Box(-1e6, 1e6, (1,), np.float64)

    def action_space(self, agent: str) -> gym.Space:
        return gym.spaces.Discrete(2)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict, dict]:
        self.agents, self._t = list(self.possible_agents), 0
        return self._all(np.zeros(1)), self._all({})

    def _all(self, value: Any) -> dict[str, Any]:
        return dict.fromkeys(self.agents, value)

    def step(self, actions: dict[str, Any]) -> tuple[dict, dict, dict, dict, dict]:
        self._t += 1
        left = {agent: agent == "brief" and self._t == 3 for agent in self.agents}
        result = self._all(np.full(1, float(self._t))), self._all(1.0), left, self._all(False), self._all({})
        self.agents = [agent for agent in self.agents if not left[agent]]
        return result


class Counter(gym.Env):
    """Counts its steps."""

    observation_space = gym.spaces.Box(-1e6, 1e6, (1,), np.float64)
    action_space = gym.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, by: int = 1, render_mode: str | None = None) -> None:
        self._by = by

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self._t = 0
        return np.zeros(1), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        self._t += self._by
        return np.full(1, float(self._t)), 1.0, False, False, {}


class Still:
    """An adapter of a world without parameters."""

    def __init__(self, env: Any, task: Task) -> None:
        pass


def _own(id: str, base: str, horizon: int, **other: Any) -> Task:
    return Task(id, "own", "Own.", base, "test_make:Still", horizon, **other)


@pytest.fixture
def forget() -> Iterator[Callable[[str], None]]:
    """Return a function that notes an id which the registries forget after the test."""
    ids: list[str] = []
    yield ids.append
    for id in ids:
        registry._tasks.pop(id, None)
        gym.registry.pop(id, None)


def _still(env: Any) -> dict[str, Any]:
    return dict.fromkeys(env.agents, 0)


def test_the_horizon_ends_the_episodes_of_a_team(forget: Callable[[str], None]) -> None:
    """A world that never ends would be one episode for ever in training, where evaluation stops by itself."""
    from robust_gym.baselines.marl.copies import Beginning, SeparateCopies

    task = registry.register_task(_own("Own-Endless-v0", "test_make:Endless", 5, api="parallel", action="discrete"))
    forget(task.id)
    env = robust_gym.make(task.id, "obs:gauss:0.1")
    for _ in range(2):
        env.reset(seed=1)
        steps = []
        while env.agents and len(steps) < 20:
            steps.append(env.step(_still(env)))
        assert [list(step[3].items()) for step in steps] == [
            *([[("brief", False), ("patient", False)]] * 3),
            [("patient", False)],
            [("patient", True)],
        ]
        assert steps[-1][4]["patient"]["nominal_reward"] == 1.0
        assert not any(steps[-1][2].values())
        assert env.step({}) == ({}, {}, {}, {}, {})
    copies = SeparateCopies([robust_gym.make(task.id)])
    copies.begin([Beginning(0, 0, 1)])
    over = [copies.step(np.zeros((1, 2), np.int64)).over for _ in range(5)]
    assert over == [[False], [False], [False], [False], [True]]
    (result,) = robust_gym.evaluate(
        lambda seen: dict.fromkeys(seen, 0), task.id, disruptions="none", episodes=1
    ).results
    assert result.lengths == (5,)


def test_another_time_limit_of_a_team(forget: Callable[[str], None]) -> None:
    task = registry.register_task(_own("Own-Endless-v0", "test_make:Endless", 5, api="parallel", action="discrete"))
    forget(task.id)
    for limit, ends in ((2, 2), (9, 9), (-1, None)):
        env = robust_gym.make(task.id, max_episode_steps=limit)
        env.reset(seed=1)
        lengths = [step + 1 for step in range(20) if env.agents and env.step(_still(env)) and not env.agents]
        assert lengths == ([ends] if ends else [])
    with pytest.raises(ValueError, match="max_episode_steps must be at least 1, or -1 for no limit, got 0"):
        robust_gym.make_parallel(task.id, max_episode_steps=0)


@pytest.mark.parametrize(
    ("id", "disruption"),
    [
        ("Robust-MPESpread-v0", "obs:gauss:0.1+action:delay:1"),
        ("Robust-TwoStepGameSum-v0", "none"),
        ("Robust-Building-v0", "dynamics:0.2~ramp=50"),
    ],
)
def test_a_team_whose_world_ends_by_itself_is_left_as_it_is(id: str, disruption: str) -> None:
    if reason := robust_gym.task(id).missing():
        pytest.skip(reason)
    limited, free = robust_gym.make_parallel(id, disruption), robust_gym.make_parallel(id, disruption, "hidden", -1)
    np.testing.assert_equal(limited.reset(seed=3), free.reset(seed=3))
    spaces = {agent: free.action_space(agent) for agent in free.possible_agents}
    for number, space in enumerate(spaces.values()):
        space.seed(number)
    steps = 0
    while free.agents:
        actions = {agent: spaces[agent].sample() for agent in free.agents}
        np.testing.assert_equal(limited.step(actions), free.step(actions))
        assert limited.agents == free.agents
        steps += 1
    assert steps == robust_gym.task(id).horizon


def test_a_task_registered_again_has_its_new_horizon(forget: Callable[[str], None]) -> None:
    """As a cell of a notebook that is run twice does."""
    for horizon in (3, 7):
        forget(registry.register_task(_own("Own-Counter-v0", "test_make:Counter", horizon)).id)
        env = gym.make("Own-Counter-v0")
        env.reset(seed=1)
        steps = next(step for step in range(1, 20) if env.step(np.zeros(1, np.float32))[3])
        assert steps == horizon == gym.make_vec("Own-Counter-v0", num_envs=2).spec.max_episode_steps


def test_an_id_of_gymnasiums_own_is_refused() -> None:
    before = gym.spec("CartPole-v1")
    with pytest.raises(ValueError, match="Gymnasium has an environment 'CartPole-v1' of its own; give"):
        registry.register_task(_own("CartPole-v1", "test_make:Counter", 3))
    assert gym.spec("CartPole-v1") is before
    with pytest.raises(LookupError):
        robust_gym.task("CartPole-v1")


@pytest.mark.parametrize("entry_point", [Counter, lambda **kwargs: Counter(**kwargs), "test_make:Counter"])
def test_a_base_may_be_registered_with_a_class_and_with_wrappers(
    forget: Callable[[str], None], entry_point: Any
) -> None:
    """As ``gymnasium.make`` makes it, but for its time limit, which is the task's."""
    from gymnasium.wrappers import TransformReward

    double = gym.envs.registration.WrapperSpec(
        "TransformReward", "gymnasium.wrappers:TransformReward", {"func": lambda reward: 2 * reward}
    )
    assert TransformReward.__name__ == double.name
    gym.register("OwnBase-v0", entry_point, max_episode_steps=2, kwargs={"by": 3}, additional_wrappers=(double,))
    forget("OwnBase-v0")
    forget(registry.register_task(_own("Own-Counter-v0", "OwnBase-v0", 10)).id)
    env = gym.make("Own-Counter-v0")
    env.reset(seed=1)
    for step in range(1, 4):
        observation, reward, _, truncated, info = env.step(np.zeros(1, np.float32))
        assert (observation[0], reward, info["nominal_reward"], truncated) == (3 * step, 2.0, 2.0, False)


def test_gymnasium_says_of_a_team_what_makes_it() -> None:
    for make in (gym.make, lambda id: gym.make_vec(id, vectorization_mode="sync")):
        with pytest.raises(ValueError, match="^Robust-MPESpread-v0 has many agents: use robust_gym.make$"):
            make("Robust-MPESpread-v0")
    with pytest.raises(ValueError, match="^Robust-MPESpread-v0 has many agents, and Gymnasium's vector environments"):
        gym.make_vec("Robust-MPESpread-v0", num_envs=2)


@pytest.mark.parametrize(
    ("id", "text", "words"),
    [
        ("Robust-CartPole-v0", "action:0.1", "its actions are discrete.*delay, jitter, sticky"),
        ("Robust-CartPole-v0", "action:dropout:0.1", "no action that does nothing"),
        ("Robust-CartPole-v0", "dynamics:gravty:2", "no dynamics parameter 'gravty'.*Did you mean 'gravity'"),
        ("Robust-CartPole-v0", "dynamics:gravity:99", "out of bounds"),
        ("Robust-CartPole-v0", "dynamics:gravity:1", "changes nothing"),
        ("Robust-CartPole-v0", "dynamics:gravity:moon", "is a number"),
        ("Robust-CartPole-v0", "obs/agent_0:0.1", "has only one"),
        ("Robust-LunarLander-v0", "dynamics:wind_power:0", "changes nothing"),
        ("Robust-MPESpread-v0", "obs/agent_9:0.1", "no agent 'agent_9'.*Did you mean"),
        ("Robust-Building-v0", "dynamics:city:paris", "is one of"),
        ("Robust-Building-v0", "dynamics:city:tamp", "Did you mean 'tampa'"),
        ("Robust-Building-v0", "dynamics:city:tampa+dynamics:city:seattle", "given twice"),
        ("Robust-CartPole-v0", "dynamics:Gravity:1.2", "Did you mean 'gravity'"),
        ("Robust-Building-v0", "dynamics:city:tucson", "changes nothing"),
        ("Robust-Building-v0", "dynamics:city:tampa~every=3", "fixed within an episode"),
    ],
)
def test_make_refuses_what_a_task_cannot_honour(id: str, text: str, words: str) -> None:
    with pytest.raises(DisruptionError, match=words):
        robust_gym.make(id, disruption=text)


def test_dynamics_are_reported_as_one_would_write_them() -> None:
    env = gym.make(
        "Robust-CartPole-v0", disruption="dynamics:gravity:1.3+dynamics:gravity:0.5+dynamics:length:0.8..1.2"
    )
    _, info = env.reset(seed=1)
    assert info["dynamics"]["gravity"] == pytest.approx(0.65)
    assert env.unwrapped.gravity == pytest.approx(9.8 * 0.65)
    drawn = info["dynamics"]["length"]
    assert 0.8 <= drawn <= 1.2
    assert env.reset(seed=1)[1]["dynamics"]["length"] == drawn
    assert env.reset()[1]["dynamics"]["length"] != drawn
    assert env.unwrapped.polemass_length == env.unwrapped.masspole * env.unwrapped.length


def test_dynamics_drift_within_an_episode() -> None:
    env = gym.make("Robust-CartPole-v0", disruption="dynamics:gravity:2~ramp=4")
    env.reset(seed=1)
    seen = []
    for _ in range(6):
        env.step(env.action_space.sample())
        seen.append(env.unwrapped.gravity / 9.8)
    assert seen == pytest.approx([1.0, 1.25, 1.5, 1.75, 2.0, 2.0])


def test_set_parameters_add_up() -> None:
    env = gym.make("Robust-LunarLander-v0", disruption="dynamics:wind_power:5+dynamics:wind_power:3")
    _, info = env.reset(seed=1)
    assert info["dynamics"]["wind_power"] == 8
    assert env.unwrapped.wind_power == 8


def test_agents_have_noise_of_their_own() -> None:
    plain = robust_gym.make_parallel("Robust-MPESpread-v0").reset(seed=1)[0]
    all_of_them = robust_gym.make_parallel("Robust-MPESpread-v0", "obs:gauss:0.5").reset(seed=1)[0]
    one = robust_gym.make_parallel("Robust-MPESpread-v0", "obs/agent_1:gauss:0.5").reset(seed=1)[0]
    noise = {agent: all_of_them[agent] - plain[agent] for agent in plain}
    assert not np.allclose(noise["agent_0"], noise["agent_1"])
    assert np.array_equal(one["agent_0"], plain["agent_0"])
    assert not np.array_equal(one["agent_1"], plain["agent_1"])


def test_a_parsed_disruption_is_accepted() -> None:
    env = robust_gym.make("Robust-CartPole-v0", disruption=Disruption.parse("obs:0.1"))
    assert env.spec.kwargs["disruption"] == "observation:gauss:0.1"


def test_the_world_is_always_reported_whole() -> None:
    task = robust_gym.task("Robust-CartPole-v0")
    plain = gym.make("Robust-CartPole-v0").reset(seed=1)[1]["dynamics"]
    assert plain == dict.fromkeys(task.dynamics, 1.0)
    changed = gym.make("Robust-CartPole-v0", disruption="dynamics:length:2").reset(seed=1)[1]["dynamics"]
    assert changed == {**plain, "length": 2.0}
    infos = robust_gym.make_parallel("Robust-Building-v0", "dynamics:city:tampa").reset(seed=1)[1]
    assert infos["zone_0"]["dynamics"]["city"] == "tampa"
    assert infos["zone_0"]["dynamics"]["season"] == "training"


def test_composed_dynamics_stay_within_their_bounds() -> None:
    env = gym.make("Robust-CartPole-v0", disruption="dynamics:gravity:10+dynamics:gravity:10")
    assert env.reset(seed=1)[1]["dynamics"]["gravity"] == 10


def test_a_changed_world_stays_in_the_declared_space() -> None:
    env = gym.make("Robust-LunarLanderContinuous-v0", disruption="dynamics:lander_density:0.1")
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        env.action_space.seed(seed)
        for _ in range(150):
            assert env.observation_space.contains(observation)
            observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                break


def test_a_spec_can_be_made_with_another_disruption() -> None:
    noisy = gym.make("Robust-CartPole-v0", disruption="obs:gauss:0.5")
    plain = gym.make(noisy.spec, disruption="none")
    assert np.array_equal(plain.reset(seed=1)[0], gym.make("CartPole-v1").reset(seed=1)[0])
    other = gym.make(noisy.spec, disruption="action:delay:1")
    assert other.spec.kwargs["disruption"] == "action:delay:1"
    assert gym.make_vec(noisy.spec, num_envs=2, disruption="none").reset(seed=1)[0].shape == (2, 4)


def test_arguments_of_the_environment_keep_their_meaning() -> None:
    small = gym.make("Robust-Ant-v0", include_cfrc_ext_in_observation=False, disruption="obs:0.1")
    assert small.reset(seed=1)[0].shape == (27,)
    lander = gym.make(
        "Robust-LunarLander-v0", gravity=-5.0, enable_wind=True, wind_power=12.0, disruption="dynamics:leg_density:1.5"
    )
    lander.reset(seed=1)
    assert lander.unwrapped.world.gravity[1] == -5.0
    assert (lander.unwrapped.enable_wind, lander.unwrapped.wind_power) == (True, 12.0)
    throttle = gym.make("Robust-LunarLander-v0", continuous=True, disruption="action:gauss:0.1")
    throttle.reset(seed=1)
    throttle.step(throttle.action_space.sample())
    with pytest.raises(DisruptionError, match="its actions are discrete"):
        gym.make("Robust-CarRacing-v0", continuous=False, disruption="action:gauss:0.1")


def test_copies_and_pictures() -> None:
    import copy
    import pickle

    env = gym.make("Robust-LunarLander-v0", disruption="dynamics:0.2")
    env.reset(seed=1)
    for other in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert np.array_equal(other.reset(seed=2)[0], env.reset(seed=2)[0])
    film = gym.make("Robust-CartPole-v0", render_mode="rgb_array_list", disruption="obs:0.1")
    film.reset(seed=1)
    film.step(1)
    assert len(film.render()) == 2


def test_gymnasium_specs_take_strings_only() -> None:
    with pytest.raises(DisruptionError, match="as a string"):
        gym.make("Robust-CartPole-v0", disruption=Disruption.parse("obs:0.1"))
