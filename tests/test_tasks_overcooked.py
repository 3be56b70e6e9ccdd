"""Overcooked: JaxMARL to the bit, a soup cooked by hand, mishaps and other kitchens."""

from __future__ import annotations

import copy
import importlib.util
import pickle
import warnings

import numpy as np
import pytest

from robust_gym import registry
from robust_gym.tasks import make_parallel
from robust_gym.tasks.overcooked import LAYOUTS

if importlib.util.find_spec("jaxmarl") is None:
    pytest.skip("needs the extra 'smax'", allow_module_level=True)

import jax

from robust_gym.tasks import _overcooked_world
from robust_gym.tasks._overcooked_env import Kitchen

ID = "Robust-OvercookedCrampedRoom-v0"
UP, DOWN, RIGHT, LEFT, STAY, INTERACT = range(6)
STATIC = [10, 11, 12, 14, 15]  # pots, counters, onions, plates, windows
ONION = [LEFT, INTERACT, RIGHT, UP, INTERACT, LEFT]
"""From beside the onions of the cramped room: put one into the pot, and come back."""
SOUP = [*ONION * 3, DOWN, DOWN, INTERACT, UP, RIGHT, UP, *[STAY] * 15, INTERACT, DOWN, RIGHT, DOWN, INTERACT]
"""A soup from empty hands to the window."""


def certain(env: Kitchen, **chances: float) -> Kitchen:
    """Let mishaps happen for sure, more often than a disruption may say."""
    env.parameters = env.parameters._replace(**{name: np.float32(value) for name, value in chances.items()})
    return env


def cook(env, actions: list[int], other: int = STAY) -> list:
    return [env.step({"agent_0": action, "agent_1": other}) for action in actions]


def test_the_family_is_jaxmarls_five_layouts():
    assert set(LAYOUTS) == set(_overcooked_world._overcooked.layouts)
    assert len(registry.list_tasks("overcooked")) == 5


@pytest.mark.parametrize("layout", ["cramped_room", pytest.param("forced_coord", marks=pytest.mark.slow)])
def test_is_jaxmarl_to_the_bit(layout):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        plain = _overcooked_world._overcooked.Overcooked(_overcooked_world._overcooked.layouts[layout])
    ours = Kitchen(layout)
    assert ours.possible_agents == plain.agents
    reset, step = jax.jit(plain.reset), jax.jit(plain.step_env)
    actions = np.random.default_rng(0)
    observations, _ = ours.reset(seed=5)
    key = ours._key
    raw, state = reset(key)
    for t in range(400):
        for agent in plain.agents:
            np.testing.assert_array_equal(observations[agent], np.asarray(raw[agent]))
        chosen = {agent: int(actions.integers(6)) for agent in plain.agents}
        raw, state, rewards, dones, info = step(key, state, chosen)
        observations, ours_rewards, terminations, truncations, infos = ours.step(chosen)
        for agent in plain.agents:
            assert infos[agent]["delivery_reward"] == float(rewards[agent])
            assert ours_rewards[agent] == float(rewards[agent]) + float(info["shaped_reward"][agent])
        assert all(truncations.values()) == bool(dones["__all__"]) == (t == 399)
        assert not any(terminations.values())
    assert ours.agents == [] and ours.step({}) == ({}, {}, {}, {}, {})


def test_a_soup_earns_what_it_should():
    env = make_parallel(ID)
    env.reset(seed=0)
    steps = cook(env, SOUP)
    assert sum(rewards["agent_0"] for _, rewards, *_ in steps) == 3 * 3 + 3 + 5 + 20
    assert [rewards["agent_1"] for _, rewards, *_ in steps if rewards["agent_1"]] == [20.0]
    assert steps[-1][-1]["agent_1"] == {"delivery_reward": 20.0, "nominal_reward": 20.0}
    plain = make_parallel(ID, shaping=0.0)
    plain.reset(seed=0)
    assert sum(rewards["agent_0"] for _, rewards, *_ in cook(plain, SOUP)) == 20


def test_a_slip_goes_to_one_side():
    env = certain(Kitchen(), slip=1.0)
    moved = set()
    for seed in range(5):
        before, _ = env.reset(seed=seed)
        ((after, *_),) = cook(env, [DOWN])
        (row, column), (new_row, new_column) = (np.argwhere(seen["agent_0"][..., 0])[0] for seen in (before, after))
        assert new_row == row
        moved.add(int(new_column - column))
    assert moved & {-1, 1} and moved <= {-1, 0, 1}  # 0: against a wall


def test_a_fumbled_interaction_does_nothing():
    env = certain(Kitchen(), fumble=1.0)
    env.reset(seed=0)
    steps = cook(env, SOUP)
    assert not any(rewards["agent_0"] for _, rewards, *_ in steps)
    assert not steps[-1][0]["agent_0"][..., 23].any()


def test_what_is_spilt_is_gone():
    env = certain(Kitchen(), spill=1.0)
    env.reset(seed=0)
    first, second, third = cook(env, [LEFT, INTERACT, STAY])
    assert [step[0]["agent_0"][..., 23].sum() for step in (first, second, third)] == [0, 1, 0]


def test_what_lies_on_a_counter_spoils():
    def lying(spoil: float) -> list[float]:
        env = certain(Kitchen(), spoil=spoil)
        env.reset(seed=0)
        # An onion onto the counter above the cook.
        steps = cook(env, [LEFT, INTERACT, UP, INTERACT, STAY])
        return [float(step[0]["agent_0"][0, 1, 23]) for step in steps]

    assert lying(0.0) == [0, 0, 0, 1, 1]
    assert lying(1.0) == [0, 0, 0, 1, 0]
    env = certain(Kitchen(), spoil=1.0)
    env.reset(seed=0)
    after = cook(env, [STAY])[0][0]["agent_0"]
    np.testing.assert_array_equal(after[..., STATIC], Kitchen().reset(seed=0)[0]["agent_0"][..., STATIC])


def test_only_the_named_cook_pauses():
    env = Kitchen()
    env.parameters = env.parameters._replace(pause=np.array([1, 0], np.float32))
    before, _ = env.reset(seed=0)
    ((after, *_),) = cook(env, [DOWN], other=DOWN)
    np.testing.assert_array_equal(after["agent_0"][..., 0], before["agent_0"][..., 0])
    assert after["agent_1"][2, 3, 0] == 1


def grid(id: str, disruption: str | None = None) -> np.ndarray:
    env = make_parallel(id, disruption=disruption)
    return env.reset(seed=3)[0]["agent_0"]


@pytest.mark.parametrize(("option", "axis"), [("mirrored", 1), ("upside_down", 0)])
def test_kitchens_turned_over(option, axis):
    turned = grid(ID, f"dynamics:layout:{option}")
    np.testing.assert_array_equal(turned[..., [0, 1, *STATIC]], np.flip(grid(ID), axis)[..., [0, 1, *STATIC]])


def test_another_kitchen_of_the_same_size():
    ring, forced = "Robust-OvercookedCoordinationRing-v0", "Robust-OvercookedForcedCoordination-v0"
    np.testing.assert_array_equal(grid(ring, "dynamics:layout:forced_coord"), grid(forced))
    np.testing.assert_array_equal(grid(forced, "dynamics:layout:coord_ring"), grid(ring))


def test_swapped_roles_and_random_starts():
    nominal, swapped = grid(ID), grid(ID, "dynamics:roles:swapped")
    np.testing.assert_array_equal(swapped[..., 0], nominal[..., 1])
    starts = {grid_.tobytes() for grid_ in (grid(ID), grid(ID, "dynamics:start:random"))}
    assert len(starts) == 2
    env = make_parallel(ID, disruption="dynamics:start:random")
    cooking = [env.reset(seed=seed)[0]["agent_0"][..., 20].max() for seed in range(8)]
    assert max(cooking) > 0  # something is on the stove


def test_copies_and_pickles_go_on_alike():
    env = Kitchen()
    env.reset(seed=2)
    cook(env, SOUP[:7])
    for twin in (copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
        assert twin.kitchen is env.kitchen
        np.testing.assert_equal(cook(twin, SOUP[7:]), cook(copy.deepcopy(env), SOUP[7:]))


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="unknown layout 'cramped'.*Did you mean 'cramped_room'"):
        Kitchen("cramped")
    with pytest.raises(ValueError, match="max_steps must be at least 1, got 0"):
        Kitchen(max_steps=0)
    with pytest.raises(ValueError, match="no render mode 'human'"):
        Kitchen(render_mode="human")
