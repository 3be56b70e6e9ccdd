"""Chains and random worlds of the robust-RL papers: river swim, machine replacement, the gambler, Garnets."""

from __future__ import annotations

import functools

import numpy as np

from robust_gym.tasks._exact_model import TabularModel, world


def _at(n: int, state: int) -> np.ndarray:
    return np.eye(n)[state]


# --- river swim -----------------------------------------------------------------------------------------------------

_BANKS = 6
_BACK = 0.05
_AT_SOURCE = 0.6


@world
def river_swim(forward: float, entry: float, current: float, small_reward: float) -> TabularModel:
    """Return the river of Strehl & Littman, with the probabilities of Osband et al. and a current that may grow."""
    n = _BANKS
    transition = np.zeros((n, 2, n))
    for s in range(n):
        transition[s, 0, max(s - 1, 0)] = 1.0
    transition[0, 1, :2] = 1.0 - entry, entry
    for s in range(1, n - 1):
        transition[s, 1, s - 1 : s + 2] = _BACK, 1.0 - _BACK - forward, forward
    transition[-1, 1, -2:] = 1.0 - _AT_SOURCE, _AT_SOURCE
    washed = np.array([_at(n, max(s - 1, 0)) for s in range(n)])
    transition = (1.0 - current) * transition + current * washed[:, None]
    reward = np.zeros_like(transition)
    # Both are paid for the state and the action, wherever the swimmer ends up.
    reward[0, 0], reward[-1, 1] = small_reward, 1.0
    reward[transition == 0.0] = 0.0
    names = tuple(f"{s} from the mouth" for s in range(n))
    return TabularModel(transition, reward, _at(n, 0), np.zeros(n, bool), 0.95, names, ("left", "right"))


# --- machine replacement --------------------------------------------------------------------------------------------

_WORKING = 8


@world
def machine_replacement(
    wear: float,
    normal_repair: float,
    long_repair: float,
    finish: float,
    breakdown_cost: float,
    repair_cost: float,
    long_repair_cost: float,
) -> TabularModel:
    """Return the machine of Delage & Mannor: wear leads to breakdown, repair is normal or long and may fail.

    States 0 and 1 are the normal and the long repair, 2 the new and 9 the broken machine. Costs are paid on entering
    a state. Where the two kinds of repair would exceed probability 1, both shrink in proportion.
    """
    n, normal, long, new, broken = _WORKING + 2, 0, 1, 2, _WORKING + 1
    scale = max(1.0, normal_repair + long_repair)
    normal_repair, long_repair = normal_repair / scale, long_repair / scale
    transition = np.zeros((n, 2, n))
    for s in range(new, n):
        older = min(s + 1, broken)
        transition[s, 0] = (1.0 - wear) * _at(n, s) + wear * _at(n, older)
        fails = max(0.0, 1.0 - normal_repair - long_repair)  # what rounding may leave below zero
        transition[s, 1] = normal_repair * _at(n, normal) + long_repair * _at(n, long) + fails * _at(n, older)
    transition[normal, 0] = (1.0 - finish) * _at(n, normal) + finish * _at(n, new)
    transition[normal, 1, normal] = 1.0
    transition[long, 0, long] = 1.0
    transition[long, 1] = normal_repair * _at(n, normal) + (1.0 - normal_repair) * _at(n, long)
    reward = np.zeros_like(transition)
    reward[:, :, normal], reward[:, :, long], reward[:, :, broken] = -repair_cost, -long_repair_cost, -breakdown_cost
    reward[transition == 0.0] = 0.0
    names = ("normal repair", "long repair", *(f"age {age}" for age in range(_WORKING - 1)), "broken")
    return TabularModel(transition, reward, _at(n, new), np.zeros(n, bool), 0.8, names, ("run", "repair"))


# --- the gambler ----------------------------------------------------------------------------------------------------

GOAL = 50


@world
def gambler(head_probability: float, tie: float, rake: float, house_limit: float) -> TabularModel:
    """Return the gambler's problem: stake capital on a coin until it reaches 50 or nothing.

    Action a stakes a, or less where capital, the way to the goal or the house's limit allows no more.
    """
    n, most = GOAL + 1, GOAL // 2
    capital, wanted = np.arange(n)[:, None], np.arange(most + 1)[None]
    stake = np.minimum(np.minimum(wanted, int(house_limit + 1e-9)), np.minimum(capital, GOAL - capital))
    transition = np.zeros((n, most + 1, n))
    for probability, after in (
        (tie, capital + 0 * stake),
        ((1.0 - tie) * (1.0 - head_probability), capital - stake),
        ((1.0 - tie) * head_probability * (1.0 - rake), capital + stake),
        ((1.0 - tie) * head_probability * rake, capital + stake // 2),
    ):
        np.add.at(transition, (capital, wanted, after), probability)
    for end in (0, GOAL):
        transition[end] = _at(n, end)
    reward = np.zeros_like(transition)
    reward[:GOAL, :, GOAL] = 1.0
    reward[transition == 0.0] = 0.0
    initial = np.full(n, 1.0 / (n - 2))
    terminal = np.zeros(n, bool)
    initial[[0, GOAL]], terminal[[0, GOAL]] = 0.0, True
    return TabularModel(
        transition,
        reward,
        initial,
        terminal,
        1.0,
        tuple(f"capital {number}" for number in range(n)),
        tuple(f"stake {number}" for number in range(most + 1)),
    )


# --- Garnet ---------------------------------------------------------------------------------------------------------

_STATES, _CHOICES, _BRANCHES = 20, 4, 3
INSTANCES: dict[str, int] = {"first": 1, "second": 2, "third": 3}
"""Seeds of the random worlds, by the word used in disruptions."""


@functools.cache
def _garnet(seed: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw a Garnet: branch probabilities ``[S, A, S]``, rewards ``[S, A]``, and the state of least value."""
    rng = np.random.default_rng(seed)
    transition = np.zeros((_STATES, _CHOICES, _STATES))
    for s in range(_STATES):
        for a in range(_CHOICES):
            cuts = np.sort(rng.random(_BRANCHES - 1))
            chosen = rng.choice(_STATES, _BRANCHES, replace=False)
            transition[s, a, chosen] = np.diff(cuts, prepend=0.0, append=1.0)
    reward = rng.normal(size=(_STATES, _CHOICES))
    values, _ = _garnet_model(transition, reward).value_iteration()
    return transition, reward, int(values.argmin())


def _garnet_model(transition: np.ndarray, reward: np.ndarray) -> TabularModel:
    paid = np.where(transition > 0.0, reward[:, :, None], 0.0)
    return TabularModel(transition, paid, _at(_STATES, 0), np.zeros(_STATES, bool), 0.95)


@world
def garnet(sharpness: float, contamination: float, sabotage: float, restart: float, instance: str) -> TabularModel:
    """Return a Garnet (20 states, 4 actions, 3 branches), possibly contaminated."""
    nominal, reward, worst = _garnet(INSTANCES[instance])
    transition = nominal
    if sharpness != 1.0:
        transition = np.where(nominal > 0.0, nominal**sharpness, 0.0)
        transition = transition / transition.sum(axis=2, keepdims=True)
    for probability, target in (
        (contamination, np.full(_STATES, 1.0 / _STATES)),
        (sabotage, _at(_STATES, worst)),
        (restart, _at(_STATES, 0)),
    ):
        if probability:
            transition = (1.0 - probability) * transition + probability * target
    return _garnet_model(transition, reward)
