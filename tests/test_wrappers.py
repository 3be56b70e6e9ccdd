"""What the wrappers do to a signal that is known exactly."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym import Disruption, DisruptionError
from robust_gym.disruption import Schedule
from robust_gym.wrappers import ActionDisruption, Nominal, ObservationDisruption, RewardDisruption
from robust_gym.wrappers.base import Stream, stream
from robust_gym.wrappers.schedule import Clock


class Counter(gym.Env[Any, Any]):
    """Observation (t, 10 t), reward t; records the actions it really gets."""

    def __init__(self, action_space: gym.Space[Any] | None = None, bound: float = np.inf) -> None:
        self.observation_space = gym.spaces.Box(-bound, bound, (2,), np.float64)
        self.action_space = action_space or gym.spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.actions: list[Any] = []

    def _observe(self) -> np.ndarray:
        return np.array([self.t, 10.0 * self.t])

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.t = 0
        self.actions = []
        return self._observe(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.t += 1
        self.actions.append(action)
        return self._observe(), float(self.t), False, False, {}


def observations(disruption: str, steps: int = 40, seed: int = 3, **kwargs: Any) -> np.ndarray:
    env = ObservationDisruption(Counter(**kwargs), disruption)
    seen = [env.reset(seed=seed)[0]]
    seen += [env.step(np.zeros(2, np.float32))[0] for _ in range(steps)]
    return np.array(seen)


def applied(disruption: str, actions: list[Any], space: gym.Space[Any] | None = None, seed: int = 3) -> list[Any]:
    env = ActionDisruption(Counter(space), disruption)
    env.reset(seed=seed)
    for action in actions:
        env.step(action)
    return list(env.unwrapped.actions)


def rewards(disruption: str, steps: int = 40, seed: int = 3) -> np.ndarray:
    env = RewardDisruption(Nominal(Counter()), disruption)
    env.reset(seed=seed)
    told = []
    for t in range(1, steps + 1):
        _, reward, _, _, info = env.step(np.zeros(2, np.float32))
        assert info["nominal_reward"] == t
        assert isinstance(reward, float)
        told.append(reward)
    return np.array(told)


TIMES = np.arange(41.0)
TRUE = np.stack([TIMES, 10 * TIMES], axis=1)


def test_observation_bias() -> None:
    assert np.array_equal(observations("obs:bias:0.5"), TRUE + 0.5)


def test_observation_delay_starts_with_the_reset_observation() -> None:
    assert np.array_equal(observations("obs:delay:3")[:, 0], np.maximum(TIMES - 3, 0))


def test_observation_gauss_has_the_stated_size_from_reset_on() -> None:
    noise = observations("obs:gauss:0.5", steps=4000) - np.stack([np.arange(4001), 10.0 * np.arange(4001)], axis=1)
    assert np.allclose(noise.std(axis=0), 0.5, rtol=0.05)
    assert np.allclose(noise.mean(axis=0), 0, atol=0.05)
    assert noise[0].any()
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.05  # each dimension has noise of its own


def test_observation_uniform_is_inside_its_width() -> None:
    noise = observations("obs:uniform:0.5") - TRUE
    assert np.abs(noise).max() <= 0.5
    assert np.abs(noise).max() > 0.4


def test_observation_dropout_zeroes_each_dimension_on_its_own() -> None:
    seen = observations("obs:dropout:0.5")[1:]
    lost = seen == 0
    assert np.array_equal(seen[~lost], TRUE[1:][~lost])
    assert 0.3 < lost.mean() < 0.7
    assert (lost[:, 0] != lost[:, 1]).any()


def test_observation_freeze_holds_for_the_stated_steps() -> None:
    seen = observations("obs:freeze:1,3")
    # Always sticking at once: a true value, then three stale ones, then a true one again.
    assert np.array_equal(seen[:, 0], TIMES - TIMES % 4)
    some = observations("obs:freeze:0.2,3")
    assert np.isin(some[:, 0], TIMES).all()
    assert (some[:, 0] <= TIMES).all()
    assert (some[:, 0] < TIMES).any()
    assert ((some[:, 0] < TIMES) != (some[:, 1] < 10 * TIMES)).any()


def test_observations_stay_inside_a_bounded_space() -> None:
    seen = observations("obs:gauss:5", bound=500.0)
    assert np.abs(seen).max() <= 500
    # Half the range of a bounded dimension is its scale where nothing has been measured.
    assert np.abs(observations("obs:bias:0.1", steps=1, bound=500.0)[0] - 50).max() < 1e-9


def test_terms_apply_in_the_order_written() -> None:
    biased_after = observations("obs:delay:2+obs:bias:1")
    dropped_after = observations("obs:bias:1+obs:dropout:1")
    assert np.array_equal(biased_after[:, 0], np.maximum(TIMES - 2, 0) + 1)
    assert not dropped_after.any()


def test_action_gain_clips_to_the_space() -> None:
    assert np.array_equal(applied("action:gain:3", [np.array([0.5, 1.0], np.float32)])[0], [1.5, 2.0])


def test_action_noise_is_in_units_of_half_the_range() -> None:
    done = np.array(applied("action:uniform:0.25", [np.zeros(2, np.float32)] * 500))
    assert 0.45 < np.abs(done).max() <= 0.5
    assert done.dtype == np.float32


def test_action_delay_begins_with_the_null_action() -> None:
    given = [np.full(2, k, np.float32) for k in (1.0, 1.5, 2.0)]
    assert [a.tolist() for a in applied("action:delay:2", given)] == [[0, 0], [0, 0], [1, 1]]
    # Without a no-op, the first action is repeated.
    assert applied("action:delay:2", [4, 1, 2, 3], gym.spaces.Discrete(5)) == [4, 4, 4, 1]


def test_action_sticky_repeats_what_was_applied() -> None:
    assert applied("action:sticky:1", [3, 1, 2], gym.spaces.Discrete(5)) == [3, 3, 3]
    done = applied("action:sticky:0.5", list(range(5)) * 20, gym.spaces.Discrete(5))
    assert done != list(range(5)) * 20
    assert all(a == k % 5 or a == done[k - 1] for k, a in enumerate(done))


def test_action_sticky_repeats_what_the_schedule_let_through() -> None:
    given = list(range(10))
    assert applied("action:sticky:1~every=2", given, gym.spaces.Discrete(10)) == [0, 1, 1, 3, 3, 5, 5, 7, 7, 9]
    assert applied("action:sticky:1~steps=5..7", given, gym.spaces.Discrete(10)) == [0, 1, 2, 3, 4, 4, 4, 4, 8, 9]


def test_what_the_agent_writes_into_an_observation_stays_with_the_agent() -> None:
    env = ObservationDisruption(Counter(), "obs:delay:3")
    observation, _ = env.reset(seed=1)
    for _ in range(6):
        observation[:] = 99
        observation, *_ = env.step(np.zeros(2, np.float32))
        assert not (observation == 99).any()


def test_action_dropout_loses_each_dimension_on_its_own() -> None:
    done = np.array(applied("action:dropout:0.5", [np.ones(2, np.float32)] * 100))
    assert set(np.unique(done)) == {0.0, 1.0}
    assert (done[:, 0] != done[:, 1]).any()


def test_the_callers_action_is_left_as_it_is() -> None:
    mine = np.ones(2, np.float32)
    env = ActionDisruption(Counter(), "action:gauss:0.5")
    env.reset(seed=1)
    env.step(mine)
    assert np.array_equal(mine, [1, 1])


def test_reward_kinds() -> None:
    true = np.arange(1.0, 41.0)
    assert np.array_equal(rewards("reward:scale:-2"), -2 * true)
    assert np.array_equal(rewards("reward:delay:3"), np.r_[0, 0, 0, true[:-3]])
    assert np.array_equal(rewards("reward:flip:1"), -true)
    flipped = rewards("reward:flip:0.5")
    assert np.array_equal(np.abs(flipped), true)
    assert 5 < (flipped < 0).sum() < 35
    assert np.abs(rewards("reward:uniform:0.5") - true).max() <= 0.5
    assert (rewards("reward:gauss:0.5") != true).all()


@pytest.mark.parametrize(
    ("schedule", "active"),
    [
        ("every=10", lambda t: t % 10 == 0),
        ("steps=5..7", lambda t: (t >= 5) & (t <= 7)),
        ("always", lambda t: t >= 0),
    ],
)
def test_schedules_choose_the_steps(schedule: str, active: Any) -> None:
    moved = (observations(f"obs:bias:1~{schedule}") != TRUE).all(axis=1)
    assert np.array_equal(moved, active(TIMES))


def test_ramp_and_sine_grow_and_fall() -> None:
    assert np.allclose(observations("obs:bias:1~ramp=20")[:, 0] - TIMES, np.minimum(1, TIMES / 20))
    assert np.allclose(observations("obs:bias:1~sine=20")[:, 0] - TIMES, (1 - np.cos(2 * np.pi * TIMES / 20)) / 2)


def test_probabilities_are_per_step_and_per_episode() -> None:
    per_step = (observations("obs:bias:1~p=0.3", steps=2000)[:, 0] != np.arange(2001.0)).mean()
    assert 0.25 < per_step < 0.35
    whole = [(observations("obs:bias:1~episode=0.5", seed=s)[:, 0] != TIMES).mean() for s in range(60)]
    assert set(whole) == {0.0, 1.0}
    assert 0.3 < np.mean(whole) < 0.7


def test_a_schedule_does_not_shift_the_noise() -> None:
    always = observations("obs:gauss:1") - TRUE
    some = observations("obs:gauss:1~every=3") - TRUE
    assert np.allclose(some[::3], always[::3])
    assert not some[1::3].any()


def test_noise_depends_on_the_seed_and_on_nothing_else() -> None:
    assert np.array_equal(observations("obs:gauss:1"), observations("obs:gauss:1"))
    assert not np.array_equal(observations("obs:gauss:1"), observations("obs:gauss:1", seed=4))
    # Two equal terms have streams of their own.
    twice = observations("obs:gauss:1+obs:gauss:1") - TRUE
    once = observations("obs:gauss:1") - TRUE
    assert not np.allclose(twice, 2 * once)


def test_unseeded_resets_go_on_and_seeded_ones_begin_anew() -> None:
    env = ObservationDisruption(Counter(), "obs:gauss:1")
    first, _ = env.reset(seed=1)
    second, _ = env.reset()
    again, _ = env.reset(seed=1)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    unseeded = ObservationDisruption(Counter(), "obs:gauss:1")
    other = ObservationDisruption(Counter(), "obs:gauss:1")
    assert not np.array_equal(unseeded.reset()[0], other.reset()[0])


def test_streams_differ_by_every_part_of_their_key() -> None:
    draws = [
        stream(seed, *key).random()
        for seed, key in [
            (1, (0, "action", "gauss")),
            (2, (0, "action", "gauss")),
            (1, (1, "action", "gauss")),
            (1, (0, "reward", "gauss")),
            (1, (0, "action", "uniform")),
        ]
    ]
    assert len(set(draws)) == 5


def test_clock_never_exceeds_one() -> None:
    clock = Clock(Schedule("ramp", (3,)))
    clock.reset(0, Stream(0, ("clock",)))
    assert [float(clock.strength()[0]) for _ in range(5)] == [0, 1 / 3, 2 / 3, 1, 1]


def test_image_observations_stay_whole_numbers() -> None:
    class Image(Counter):
        def __init__(self) -> None:
            super().__init__()
            self.observation_space = gym.spaces.Box(0, 255, (4, 4, 3), np.uint8)

        def _observe(self) -> np.ndarray:
            return np.full((4, 4, 3), 250, np.uint8)

    env = ObservationDisruption(Image(), "obs:gauss:0.3")
    seen, _ = env.reset(seed=1)
    assert seen.dtype == np.uint8
    assert seen.max() == 255
    assert seen.min() < 245
    assert env.observation_space.contains(seen)


def test_wrappers_refuse_what_they_cannot_disturb() -> None:
    class Text(Counter):
        def __init__(self) -> None:
            super().__init__(gym.spaces.Tuple([gym.spaces.Discrete(2)]))
            self.observation_space = gym.spaces.Discrete(3)

    with pytest.raises(DisruptionError, match="acts on box signals"):
        ObservationDisruption(Text(), "obs:0.1")
    with pytest.raises(DisruptionError, match="Box and Discrete actions"):
        ActionDisruption(Text(), "action:delay:1")
    with pytest.raises(DisruptionError, match="acts on box signals"):
        ActionDisruption(Counter(gym.spaces.Discrete(3)), "action:gauss:0.1")
    with pytest.raises(DisruptionError, match="needs an action that does nothing"):
        ActionDisruption(Counter(gym.spaces.Discrete(3)), "action:dropout:0.1")
    with pytest.raises(DisruptionError, match="there is only one"):
        ObservationDisruption(Counter(), "obs/agent_0:gauss:0.1")
    with pytest.raises(DisruptionError, match="takes terms of the reward channel"):
        RewardDisruption(Counter(), "obs:0.1")


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
