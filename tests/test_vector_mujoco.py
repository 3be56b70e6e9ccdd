"""The batched MuJoCo tasks against Gymnasium's own environments, bit for bit."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import robust_gym
from robust_gym import registry
from robust_gym.disruption import Disruption, DisruptionError

pytest.importorskip("mujoco.batch")
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from robust_gym.vector.batched import BatchedVectorEnv

IDS = robust_gym.list_tasks("mujoco")
STEPS = 1000


def worlds(id: str) -> list[str]:
    """Return dynamics that differ from copy to copy: none, all drawn, one shape or gain, a drift, forces."""
    task = registry.task(id)
    shapes = [name for name in task.dynamics if name.endswith("_length")]
    one = f"dynamics:{shapes[0]}:0.8..1.2" if shapes else "dynamics:actuator_gain:1.3"
    last = "dynamics:forces:0.05,7" if task.forces else "dynamics:redraw:0.2,9"
    return ["none", "dynamics:0.3", one, "dynamics:0.4~ramp=50", last]


def batched(id: str, disruptions: list[str], mode: AutoresetMode, **kwargs: Any) -> BatchedVectorEnv:
    parsed = [Disruption.parse(one) for one in disruptions]
    return BatchedVectorEnv(registry.task(id), len(parsed), parsed, mode, **kwargs)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP], ids=lambda mode: mode.value)
@pytest.mark.parametrize("id", IDS)
@pytest.mark.filterwarnings("ignore")  # a world may become unstable, which MuJoCo tells either way
def test_copies_are_gymnasiums_own_environments(id: str, mode: AutoresetMode) -> None:
    strings = worlds(id)
    one_by_one = SyncVectorEnv(
        [lambda one=one: robust_gym.make(id, disruption=one) for one in strings], autoreset_mode=mode
    )
    together = batched(id, strings, mode)
    together.action_space.seed(0)
    first, second = one_by_one.reset(seed=3), together.reset(seed=3)
    assert np.array_equal(first[0], second[0])
    _same_dynamics(first[1], second[1])
    for t in range(STEPS):
        actions = together.action_space.sample()
        theirs, ours = one_by_one.step(actions), together.step(actions)
        for name, a, b in zip(("observation", "reward", "terminated", "truncated"), theirs[:4], ours[:4], strict=True):
            assert np.array_equal(a, b), f"{name} at step {t}"
        _same_dynamics(theirs[4], ours[4])
        for key in ("nominal_reward", "_nominal_reward", "_final_obs"):
            assert np.array_equal(theirs[4].get(key), ours[4].get(key)), f"{key} at step {t}"
        if "final_obs" in theirs[4]:
            for copy in np.flatnonzero(theirs[4]["_final_obs"]):
                assert np.array_equal(theirs[4]["final_obs"][copy], ours[4]["final_obs"][copy])
            told, kept = theirs[4]["final_info"], ours[4]["final_info"]
            assert np.array_equal(told["nominal_reward"], kept["nominal_reward"])
    one_by_one.close()
    together.close()


def _same_dynamics(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    assert ("dynamics" in theirs) == ("dynamics" in ours)
    for name, values in theirs.get("dynamics", {}).items():
        assert np.array_equal(values, ours["dynamics"][name]), name


def test_the_number_of_threads_does_not_matter() -> None:
    for id in ("Robust-Hopper-v0", "Robust-Ant-v0"):
        found = []
        for threads in (1, 2, 3):
            env = batched(id, worlds(id), AutoresetMode.NEXT_STEP, threads=threads)
            env.action_space.seed(1)
            seen = [env.reset(seed=1)[0]]
            seen += [env.step(env.action_space.sample())[0] for _ in range(50)]
            found.append(np.array(seen))
            env.close()
        assert np.array_equal(found[0], found[1])
        assert np.array_equal(found[0], found[2])


def test_keyword_arguments_hold() -> None:
    kwargs = {"terminate_when_unhealthy": False, "exclude_current_positions_from_observation": False}
    one = SyncVectorEnv([lambda: gym.make("Robust-Hopper-v0", **kwargs)])
    env = batched("Robust-Hopper-v0", ["none"], AutoresetMode.NEXT_STEP, **kwargs)
    assert env.observation_space == one.observation_space
    assert np.array_equal(one.reset(seed=1)[0], env.reset(seed=1)[0])
    for _ in range(100):
        actions = one.action_space.sample()
        theirs, ours = one.step(actions), env.step(actions)
        assert np.array_equal(theirs[0], ours[0])
        assert not ours[2].any()
    env.close()


def test_some_copies_can_be_reset() -> None:
    env = batched("Robust-Walker2d-v0", ["none"] * 3, AutoresetMode.DISABLED)
    first, _ = env.reset(seed=5)
    env.step(np.zeros((3, 6), np.float32))
    again, _ = env.reset(seed=[5, None, 9], options={"reset_mask": np.array([True, False, True])})
    assert np.array_equal(again[0], first[0])
    assert not np.array_equal(again[1], first[1])
    other = robust_gym.make("Robust-Walker2d-v0").reset(seed=9)[0]
    assert np.array_equal(again[2], other)
    env.close()


def test_a_copy_can_be_put_under_other_dynamics() -> None:
    env = batched("Robust-Hopper-v0", ["dynamics:torso_mass:2", "none"], AutoresetMode.NEXT_STEP)
    env.reset(seed=1)
    env.disturb(0, Disruption.parse("dynamics:gravity:1.5"))
    _, info = env.reset(seed=1)
    assert info["dynamics"]["gravity"].tolist() == [1.5, 1.0]
    assert info["dynamics"]["torso_mass"].tolist() == [1.0, 1.0]
    assert env.envs[0].model.body_mass[1] == env.envs[1].model.body_mass[1]
    with pytest.raises(DisruptionError, match="only dynamics"):
        env.disturb(0, Disruption.parse("obs:0.1"))
    with pytest.raises(ValueError, match="actions must have the shape"):
        env.step(np.zeros((2, 4)))
    env.close()
