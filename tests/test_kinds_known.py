"""What kinds and schedules do to signals that are known exactly."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import robust_gym
from robust_gym import Disruption, DisruptionError
from robust_gym.kinds import PRESETS
from robust_gym.wrappers.base import Signal
from robust_gym.wrappers.runner import Chain

FREE = spaces.Box(-np.inf, np.inf, (4,), np.float64)
UNIT = spaces.Box(-1.0, 1.0, (4,), np.float64)
SCALAR = spaces.Box(-np.inf, np.inf, (), np.float64)
IMAGE = spaces.Box(0, 255, (16, 20, 3), np.uint8)


def chain(disruption: str, space: Any = FREE, scale: float = 1.0, null: Any = None) -> Chain:
    shape = space.shape or ()
    nothing = np.zeros(shape, space.dtype) if null is None and isinstance(space, spaces.Box) else null
    return Chain(Disruption.parse(disruption).terms, Signal(space, np.full(shape, scale), nothing))


def run(disruption: str, values: Any, space: Any = FREE, scale: float = 1.0, seed: int = 1) -> np.ndarray:
    disturbed = chain(disruption, space, scale)
    disturbed.reset(seed)
    return np.array([disturbed(value) for value in values])


ZEROS = np.zeros((4000, 4))
RAMP = np.repeat(np.arange(40.0)[:, None], 4, axis=1)


def test_laplace_has_the_stated_deviation_and_heavy_tails() -> None:
    noise = run("obs:laplace:0.5", ZEROS, scale=2.0)
    assert noise.std() == pytest.approx(1.0, rel=0.05)
    assert abs(noise.mean()) < 0.03
    kurtosis = ((noise / noise.std()) ** 4).mean()
    assert 5 < kurtosis < 7.5  # 6 for a Laplace distribution, 3 for a normal one
    assert (np.abs(noise[:-1] - noise[1:]) > 0).all()


def test_ou_is_stationary_and_forgets_within_tau() -> None:
    noise = np.array([run("obs:ou:0.5,10", ZEROS[:200], seed=seed) for seed in range(100)])
    assert noise[:, 0].std() == pytest.approx(0.5, rel=0.15)
    assert noise[:, -1].std() == pytest.approx(0.5, rel=0.15)
    lagged = np.mean(noise[:, 10:] * noise[:, :-10]) / noise.var()
    assert lagged == pytest.approx(np.exp(-1), abs=0.06)


def test_spikes_are_as_many_and_as_large_as_said() -> None:
    off = run("obs:spike:0.1,3", ZEROS, scale=2.0)
    assert set(np.unique(off)) == {-6.0, 0.0, 6.0}
    assert (off != 0).mean() == pytest.approx(0.1, abs=0.01)
    assert (off > 0).mean() == pytest.approx(0.05, abs=0.008)


def test_drift_grows_by_its_rate_in_a_direction_of_the_episode() -> None:
    off = run("obs:drift:0.5", np.zeros((101, 4)))
    assert np.allclose(np.abs(off), np.arange(101)[:, None] / 100 * 0.5)
    ways = {tuple(np.sign(run("obs:drift:0.5", np.zeros((5, 4)), seed=seed)[-1])) for seed in range(30)}
    assert len(ways) > 5


def test_scale_quantise_and_clip() -> None:
    assert np.array_equal(run("obs:scale:-2", RAMP), -2 * RAMP)
    assert run("obs:quantise:0.5", [[0.2, 0.3, -0.8, 1.1]], scale=2.0).tolist() == [[0.0, 0.0, -1.0, 1.0]]
    assert run("reward:clip:2", [5.0, -7.0, 0.5], SCALAR, 1.5).tolist() == [3.0, -3.0, 0.5]


def test_mask_hides_the_same_dimensions_all_episode_and_one_at_least() -> None:
    seen = run("obs:mask:0.01", RAMP + 1)
    hidden = (seen == 0).all(axis=0)
    assert hidden.sum() == 1
    assert np.array_equal(seen[:, ~hidden], (RAMP + 1)[:, ~hidden])
    assert not run("obs:mask:1", RAMP).any()


def test_swap_trades_places_in_pairs() -> None:
    value = np.array([[1.0, 2.0, 3.0, 4.0]])
    for seed in range(20):
        (one,) = run("obs:swap:1", value, seed=seed)
        assert sorted(one) == [1, 2, 3, 4]
        assert (one != value[0]).sum() == 2
        (two,) = run("obs:swap:8", value, seed=seed)  # as many pairs as there are
        assert (two != value[0]).all()
    choices = run("action:swap:1", [0, 1, 2], spaces.Discrete(3))
    assert sorted(choices) == [0, 1, 2]
    assert (choices != [0, 1, 2]).sum() == 2


def test_dummy_dimensions_stand_behind_the_others() -> None:
    disturbed = chain("obs:dummy:3+obs:bias:1", UNIT)
    assert disturbed.result.space.shape == (7,)
    assert disturbed.result.space.low[:4].tolist() == [-1] * 4
    assert disturbed.result.space.low[4] == -np.inf
    disturbed.reset(1)
    seen = np.array([disturbed(np.full(4, -0.5)) for _ in range(2000)])
    assert np.allclose(seen[:, :4], 0.5)
    assert seen[:, 4:].mean() == pytest.approx(1.0, abs=0.06)  # standard normal, and the bias on it
    assert seen[:, 4:].std() == pytest.approx(1.0, abs=0.05)


def test_jitter_is_late_by_at_most_the_steps_and_never_goes_back() -> None:
    seen = run("obs:jitter:3", np.arange(2000.0)[:, None] * np.ones(4))[:, 0]
    late = np.arange(2000) - seen
    assert set(late) == {0.0, 1.0, 2.0, 3.0}
    assert (np.diff(seen) >= 0).all()


def test_actuators_that_are_dead_weak_or_saturated() -> None:
    small = [[0.05, -0.3, 0.6, -1.0]]
    assert run("action:deadzone:0.2", small, UNIT).tolist() == [[0.0, -0.3, 0.6, -1.0]]
    assert run("action:saturate:0.5", small, UNIT).tolist() == [[0.05, -0.3, 0.5, -0.5]]
    upper = spaces.Box(0.0, 2.0, (4,), np.float64)
    assert run("action:saturate:0.5", [[0.0, 1.0, 1.4, 2.0]], upper).tolist() == [[0.5, 1.0, 1.4, 1.5]]
    for seed in range(10):
        (broken,) = run("action:fail:0.5,2", [[0.4, 0.4, 0.4, 0.4]], UNIT, seed=seed)
        assert sorted(broken) == [0.2, 0.2, 0.4, 0.4]
    with pytest.raises(DisruptionError, match="5 dimensions cannot fail"):
        chain("action:fail:0,5", UNIT)


def test_reverse_mirrors_at_the_middle_of_the_range() -> None:
    upper = spaces.Box(0.0, 2.0, (4,), np.float64)
    assert run("action:reverse:1", [[0.0, 0.5, 1.0, 2.0]], upper).tolist() == [[2.0, 1.5, 1.0, 0.0]]
    (one,) = run("action:reverse:0.001", [[0.3, 0.3, 0.3, 0.3]], UNIT)
    assert sorted(one) == [-0.3, 0.3, 0.3, 0.3]


def test_repeat_holds_and_lag_follows() -> None:
    assert run("action:repeat:2", RAMP)[:7, 0].tolist() == [0, 0, 0, 3, 3, 3, 6]
    step = run("action:lag:5", np.ones((30, 4)), UNIT)[:, 0]
    assert np.allclose(step, 1 - np.exp(-np.arange(1, 31) / 5))


def test_random_actions() -> None:
    done = run("action:random:0.4", np.full((4000, 4), 0.25), UNIT)
    wrong = (done != 0.25).any(axis=1)
    assert wrong.mean() == pytest.approx(0.4, abs=0.03)
    assert done[wrong].std() == pytest.approx(2 / np.sqrt(12), rel=0.05)
    chosen = run("action:random:0.5", [2] * 4000, spaces.Discrete(4))
    assert [round((chosen == k).mean() * 6) for k in range(4)] == [1, 1, 3, 1]
    with pytest.raises(DisruptionError, match="needs bounds"):
        chain("action:random:0.5", FREE)


def test_sparse_rewards_are_sums() -> None:
    assert run("reward:sparse:3", np.arange(1.0, 8.0), SCALAR).tolist() == [0, 0, 6, 0, 0, 15, 0]
    assert run("reward:dropout:1", [1.0, 2.0], SCALAR).tolist() == [0, 0]
    assert run("reward:shift:2", [1.0], SCALAR, 1.5).tolist() == [4.0]


def test_false_alarms_of_costs() -> None:
    costs = spaces.Box(0.0, np.inf, (), np.float64)
    assert run("cost:flip:1", [0.0, 1.0, 3.0], costs, 2.0).tolist() == [2.0, 0.0, 0.0]


# --- images ---------------------------------------------------------------------------------------------------------


def picture() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, IMAGE.shape).astype(np.uint8)


def test_images_blurred_and_brightened() -> None:
    image = picture()
    assert run("obs:blur:2", [image], IMAGE)[0].std() < 0.4 * image.std()
    assert run("obs:contrast:0.1", [image], IMAGE)[0].std() == pytest.approx(0.1 * image.std(), rel=0.3)
    dark = run("obs:brightness:0.5", [image], IMAGE)[0]
    assert np.abs(dark.astype(int) - image // 2).max() <= 1
    assert np.abs(run("obs:jpeg:5", [image], IMAGE)[0].astype(int) - image).mean() > 10


def test_images_in_blocks_with_holes_and_photons() -> None:
    image = picture()
    blocks = run("obs:pixelate:4", [image], IMAGE)[0]
    assert (blocks[:4, :4] == blocks[0, 0]).all()
    assert np.abs(blocks[0, 0] - image[:4, :4].mean(axis=(0, 1))).max() <= 1
    covered = run("obs:occlude:0.25", [image, image], IMAGE)
    assert np.array_equal(covered[0], covered[1])
    assert (covered[0] != image).any(axis=2).sum() == pytest.approx(0.25 * 16 * 20, abs=3)
    grey = np.full(IMAGE.shape, 100, np.uint8)
    shots = run("obs:shot:25", [grey] * 30, IMAGE)
    assert shots.mean() == pytest.approx(100, rel=0.05)
    assert shots.std() == pytest.approx(np.sqrt(100 / 255 * 25) / 25 * 255, rel=0.1)
    spots = run("obs:impulse:0.2", [grey] * 30, IMAGE)
    assert (spots != 100).mean() == pytest.approx(0.2, abs=0.02)
    assert set(np.unique(spots)) == {0, 100, 255}
    assert (spots[..., 0] == spots[..., 1]).all()


def test_image_kinds_refuse_vectors() -> None:
    with pytest.raises(DisruptionError, match="acts on image signals"):
        chain("obs:blur:2", UNIT)


# --- schedules over episodes ----------------------------------------------------------------------------------------


def episodes(schedule: str, many: int = 60, seed: int = 3) -> np.ndarray:
    disturbed = chain(f"obs:bias:1~{schedule}")
    found = []
    for number in range(many):
        disturbed.reset(seed if number == 0 else None)
        inside = {float(disturbed(np.zeros(4))[0]) for _ in range(5)}
        assert len(inside) == 1, "a law over episodes holds for the whole of one"
        found += inside
    return np.array(found)


def test_laws_over_episodes() -> None:
    trend = episodes("trend=20")
    assert np.allclose(np.diff(trend)[trend[1:] < 1], 0.05)
    assert trend[-1] == 1.0
    cyclic = episodes("cyclic=10")
    assert np.allclose(cyclic[10:], cyclic[:-10])
    assert set(np.round(cyclic, 6)) == set(np.round(np.arange(10) / 10, 6))
    saw = episodes("saw=10")
    assert np.allclose(np.abs(np.diff(saw)), 0.2)
    assert (saw.min(), saw.max()) == (0.0, 1.0)
    wave = episodes("wave=10")
    assert np.allclose(wave[10:], wave[:-10])
    assert (round(float(wave.min()), 6), round(float(wave.max()), 6)) == (0.0, 1.0)


def test_walks_stay_between_none_and_all_and_are_those_of_the_seed() -> None:
    walk = episodes("walk=0.2", many=200)
    assert 0 <= walk.min() < 0.2
    assert 0.8 < walk.max() <= 1
    assert np.abs(np.diff(walk)).mean() == pytest.approx(0.2 * np.sqrt(2 / np.pi), rel=0.25)
    assert np.array_equal(walk, episodes("walk=0.2", many=200))
    assert not np.array_equal(walk, episodes("walk=0.2", many=200, seed=4))


def test_a_law_is_entered_anywhere_as_the_seed_says() -> None:
    starts = {round(float(episodes("cyclic=10", 1, seed)[0]), 6) for seed in range(60)}
    assert len(starts) == 10


def test_a_fault_comes_once_and_stays() -> None:
    onsets = []
    for seed in range(200):
        seen = run("obs:bias:1~fault=10", np.zeros((20, 4)), seed=seed)[:, 0]
        onset = int(np.argmax(seen))
        assert not seen[:onset].any()
        assert seen[onset:].all()
        onsets.append(onset)
    assert set(onsets) == set(range(10))


def test_dynamics_follow_laws_over_episodes() -> None:
    env = robust_gym.make("Robust-CartPole-v0", disruption="dynamics:gravity:2~cyclic=4")
    seen = [env.reset(seed=1 if n == 0 else None)[1]["dynamics"]["gravity"] for n in range(8)]
    assert seen[:4] == seen[4:]
    assert sorted(seen[:4]) == [1.0, 1.25, 1.5, 1.75]


# --- laws of the dynamics -------------------------------------------------------------------------------------------


def drawn(disruption: str, resets: int = 200, id: str = "Robust-CartPole-v0") -> np.ndarray:
    env = robust_gym.make(id, disruption=disruption)
    return np.array([list(env.reset(seed=seed)[1]["dynamics"].values()) for seed in range(resets)])


def test_corner_and_normal_draws() -> None:
    corner = drawn("dynamics:corner:0.2")
    assert set(np.unique(corner.round(9))) == {0.8, 1.2}
    assert len({tuple(row) for row in corner.round(9)}) > 10
    normal = drawn("dynamics:normal:0.1", 400)
    assert normal.std() == pytest.approx(0.1, rel=0.15)
    assert normal.min() >= 0.8
    assert normal.max() <= 1.2


def test_redraws_come_when_they_are_due() -> None:
    env = robust_gym.make("Robust-Pendulum-v0", disruption="dynamics:redraw:0.3,10")
    _, info = env.reset(seed=1)
    changes = []
    for t in range(35):
        *_, step_info = env.step(env.action_space.sample())
        if step_info.get("dynamics", info["dynamics"]) != info["dynamics"]:
            info = step_info
            changes.append(t)
    assert changes == [10, 20, 30]


def test_forces_push_and_are_drawn_anew() -> None:
    env: Any = robust_gym.make("Robust-Hopper-v0", disruption="dynamics:forces:0.5,5")
    task = robust_gym.task("Robust-Hopper-v0")
    names = [parameter.name for parameter in task.forces]
    assert names[:2] == ["push", "lift"]
    _, info = env.reset(seed=1)
    assert all(0 < abs(info["dynamics"][name]) <= 0.5 * task.dynamics[name].high for name in names)
    assert all(value == 1.0 for name, value in info["dynamics"].items() if task.dynamics[name].mode == "scale")
    before = info["dynamics"]["push"]
    for _ in range(6):
        *_, info = env.step(env.action_space.sample())
    assert info["dynamics"]["push"] != before
    with pytest.raises(DisruptionError, match="no parameter that is an external force"):
        robust_gym.make("Robust-CartPole-v0", disruption="dynamics:forces:0.5")


# --- presets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets_stand_for_their_terms(name: str) -> None:
    assert Disruption.parse(name) == Disruption.parse(PRESETS[name].disruption)
    more = Disruption.parse(f"{name}+cost:gauss:0.5")
    assert len(more.terms) == len(Disruption.parse(name).terms) + 1


def test_realworldrl_challenges_can_be_played() -> None:
    for name in ("realworldrl-easy", "realworldrl-medium", "realworldrl-hard"):
        env = gym.make("Robust-HalfCheetah-v0", disruption=name)
        env.reset(seed=1)
        for _ in range(30):
            observation, *_ = env.step(env.action_space.sample())
            assert observation in env.observation_space


@pytest.mark.parametrize("tail", ["~every=3", "@2", ":0.1"])
def test_presets_take_nothing(tail: str) -> None:
    with pytest.raises(DisruptionError, match="takes no arguments, level or schedule"):
        Disruption.parse(f"obs:0.1+realworldrl-easy{tail}")


def test_unknown_presets_are_suggested() -> None:
    with pytest.raises(DisruptionError, match="Did you mean 'realworldrl-easy'"):
        Disruption.parse("realworldrl-esy")
