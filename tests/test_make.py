"""Tasks made with a disruption: what is refused, what is reported, and what keeps its meaning."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym import Disruption, DisruptionError


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
