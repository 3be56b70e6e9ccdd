"""Worlds of trade: an inventory, an American put option, a driver who is dispatched to orders."""

from __future__ import annotations

import math

import numpy as np

from robust_gym.tasks._exact_model import TabularModel, world

# --- inventory ------------------------------------------------------------------------------------------------------

CAPACITY = 20


def _poisson(mean: float) -> np.ndarray:
    k = np.arange(CAPACITY + 1)
    logs = k * math.log(mean) - mean - np.array([math.lgamma(one + 1) for one in k])
    return np.exp(logs)


def _geometric(mean: float) -> np.ndarray:
    stop = 1.0 / (1.0 + mean)
    return stop * (1.0 - stop) ** np.arange(CAPACITY + 1)


def _two_point(mean: float) -> np.ndarray:
    """Return demand that is one of the two whole numbers around its mean."""
    law, low = np.zeros(CAPACITY + 1), min(int(mean), CAPACITY - 1)
    law[low + 1] = min(mean - low, 1.0)
    law[low] = 1.0 - law[low + 1]
    return law


DEMANDS = {"poisson": _poisson, "lumpy": _geometric, "steady": _two_point}
"""Laws of the daily demand, by the word used in disruptions: with the same mean, lumpy varies most."""


@world
def inventory(
    demand: float,
    price: float,
    unit_cost: float,
    order_cost: float,
    holding_cost: float,
    supply_failure: float,
    spoilage: float,
    demand_law: str,
) -> TabularModel:
    """Return the inventory of Szepesvári (2010, Example 1): order in the evening, sell tomorrow, lose unmet demand.

    An order of a units is cut to what fits; an order that fails to arrive is not paid. With probability ``spoilage``
    the night spoils what is left over.
    """
    n = CAPACITY + 1
    law = DEMANDS[demand_law](demand)
    law[-1] += 1.0 - law.sum()  # whatever exceeds the capacity sells all there is
    sold = np.zeros((n, n))  # probabilities of the stock left, by the stock of the morning
    for morning_stock in range(n):
        np.add.at(sold[morning_stock], np.maximum(morning_stock - np.arange(n), 0), law)
    stock, left = np.arange(n)[:, None], np.arange(n)
    order = np.minimum(np.arange(n), CAPACITY - stock)  # [stock, action]
    transition, paid = np.zeros((n, n, n)), np.zeros((n, n, n))
    for chance, arrived in ((1.0 - supply_failure, order), (supply_failure, np.zeros_like(order))):
        morning = stock + arrived
        cost = np.where(arrived > 0, order_cost + unit_cost * arrived, 0.0) + holding_cost * stock
        ways = chance * sold[morning]
        transition += ways
        paid += ways * (price * (morning[..., None] - left) - cost[..., None])
    for array in (transition, paid):
        spoilt = spoilage * array.sum(axis=2)
        array *= 1.0 - spoilage
        array[:, :, 0] += spoilt
    reward = np.divide(paid, transition, out=np.zeros_like(paid), where=transition > 0.0)
    names, orders = tuple(f"{k} in stock" for k in range(n)), tuple(f"order {k}" for k in range(n))
    return TabularModel(transition, reward, np.eye(n)[0], np.zeros(n, bool), 0.95, names, orders)


# --- American put option --------------------------------------------------------------------------------------------

EXPIRY = 10
_START = 5
_CRASH = 4


@world
def american_option(up_probability: float, tick: float, strike: float, crash: float, calm: float) -> TabularModel:
    """Return an American put option on a price that goes up or down by a factor at each of ten steps.

    A state is a time and a price, ``100 (1 + tick)^k``, at first with k from -5 to 5. Holding at the last time lets
    the option expire; exercising pays ``max(strike - price, 0)``.
    """
    width = 2 * (_START + EXPIRY) + 1
    middle = _START + EXPIRY
    n = EXPIRY * width + 1
    over = n - 1
    transition, reward = np.zeros((n, 2, n)), np.zeros((n, 2, n))
    prices = 100.0 * (1.0 + tick) ** (np.arange(width) - middle)
    level, moves = np.arange(width), (1.0 - crash) * (1.0 - calm)
    day = np.zeros((width, width))
    for by, chance in (
        (1, moves * up_probability),
        (-1, moves * (1.0 - up_probability)),
        (0, (1.0 - crash) * calm),
        (-_CRASH, crash),
    ):
        np.add.at(day, (level, np.clip(level + by, 0, width - 1)), chance)
    for t in range(EXPIRY):
        now = slice(t * width, (t + 1) * width)
        transition[now, 1, over] = 1.0
        reward[now, 1, over] = np.maximum(strike - prices, 0.0)
        if t < EXPIRY - 1:
            transition[now, 0, now.stop : now.stop + width] = day
        else:
            transition[now, 0, over] = 1.0
    transition[over, :, over] = 1.0
    initial, terminal = np.zeros(n), np.zeros(n, bool)
    initial[middle - _START : middle + _START + 1] = 1.0 / (2 * _START + 1)
    terminal[over] = True
    names = (*(f"step {t}, price level {k - middle}" for t in range(EXPIRY) for k in range(width)), "exercised or over")
    return TabularModel(transition, reward, initial, terminal, 1.0, names, ("hold", "exercise"))


# --- order dispatch -------------------------------------------------------------------------------------------------

SIDE = 4
_MOVES = ((0, -1), (1, 0), (0, 1), (-1, 0))
_FAR = 3
CITIES: dict[str, tuple[str, ...]] = {
    # Expected orders in every zone, in tenths; rows from north to south.
    "evening": ("1221", "2552", "2552", "1221"),
    "morning": ("5335", "3113", "3113", "5335"),
    "event": ("1111", "1112", "1128", "1288"),
    "holiday": ("8421", "4211", "2111", "1111"),
}
"""Demand in the zones of the city, by the word used in disruptions."""


@world
def order_dispatch(
    demand: float, fare: float, fuel: float, cancellation: float, traffic: float, long_trips: float, city: str
) -> TabularModel:
    """Return a driver on a grid of 4x4 zones who accepts an order or moves to another zone.

    A state is a zone and what waits there: nothing, a short order (to a zone at most two blocks away) or a long one
    (three or more). Accepting takes the driver to the order's destination, uniformly drawn, and pays ``fare`` per
    block less the fuel; a cancelled order leaves it where it is. Whatever was not accepted goes to another driver.
    """
    zones = [(r, c) for r in range(SIDE) for c in range(SIDE)]
    m = len(zones)
    chances = np.minimum(demand * np.array([float(tile) for row in CITIES[city] for tile in row]) / 10.0, 1.0)
    waiting = np.stack([1.0 - chances, chances * (1.0 - long_trips), chances * long_trips], axis=1)  # [zone, kind]
    blocks = np.array([[abs(a - c) + abs(b - d) for c, d in zones] for a, b in zones])
    travel = np.zeros((m, 3, 6, m))  # zone, kind, action, zone: before the next orders come in
    earned = np.zeros((m, 3, 6, m))
    for z, (r, c) in enumerate(zones):
        travel[z, :, 4:, z] = 1.0  # waiting, and accepting where there is nothing to accept
        for action, (down, right) in enumerate(_MOVES):
            row, column = r + down, c + right
            there = row * SIDE + column if 0 <= row < SIDE and 0 <= column < SIDE else z
            travel[z, :, action, there] += 1.0 - traffic
            travel[z, :, action, z] += traffic
            earned[z, :, action] = -fuel
        for kind, wanted in ((1, (blocks[z] > 0) & (blocks[z] < _FAR)), (2, blocks[z] >= _FAR)):
            travel[z, kind, 5] = (1.0 - cancellation) * wanted / wanted.sum()
            travel[z, kind, 5, z] += cancellation
            earned[z, kind, 5] = (fare - fuel) * blocks[z]
    transition = (travel[..., None] * waiting).reshape(m * 3, 6, m * 3)
    reward = np.broadcast_to(earned[..., None], (*earned.shape, 3)).reshape(m * 3, 6, m * 3).copy()
    reward[transition == 0.0] = 0.0
    kinds = ("no order", "short order", "long order")
    return TabularModel(
        transition,
        reward,
        waiting.ravel() / m,
        np.zeros(m * 3, bool),
        0.95,
        tuple(f"zone {r},{c}, {kind}" for r, c in zones for kind in kinds),
        ("west", "south", "east", "north", "wait", "accept"),
    )
