"""What the wrappers do to a signal that is known exactly."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from counter_help import TIMES, TRUE, Counter, applied, observations, rewards

from robust_gym import DisruptionError, make
from robust_gym.wrappers import ActionDisruption, ObservationDisruption, RewardDisruption


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


def test_one_s_own_environment_tells_the_truth_too() -> None:
    env = RewardDisruption(gym.make("CartPole-v1"), "reward:shift:5")
    env.reset(seed=1)
    _, reward, _, _, info = env.step(0)
    assert (reward, info["nominal_reward"]) == (6.0, 1.0)
    twice = RewardDisruption(env, "reward:shift:5")
    twice.reset(seed=1)
    _, reward, _, _, info = twice.step(0)
    assert (reward, info["nominal_reward"]) == (11.0, 1.0)


def test_an_episode_seed_is_not_negative() -> None:
    env = make("Robust-CartPole-v0", disruption="dynamics:random:0.2")
    with pytest.raises(gym.error.Error, match=r"greater or equal to zero, actual value: -1"):
        env.reset(seed=-1)


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
