"""Grid worlds of our own: moves on a map, and how slipping, wind and sticky ground mix them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robust_gym.tasks._exact_model import TabularModel, world

DIRECTIONS = ((0, -1), (1, 0), (0, 1), (-1, 0))
"""Rows and columns of a step left, down, right and up: the actions of every grid world, in Gymnasium's order."""

ACTIONS = ("left", "down", "right", "up")
_STAY = 4


def move_law(slip: float = 0.0, tilt: float = 0.0, wind: float = 0.0, blows: int = 1, stuck: float = 0.0) -> np.ndarray:
    """Return which way an agent goes that wants to go some way.

    Args:
        slip: Probability of going to one side of the wanted direction instead.
        tilt: -1 to 1: which side that is; -1 is always the side counted before the action, 0 each with probability
            one half, 1 always the one counted after it.
        wind: Probability of going where the wind blows, whatever the action.
        blows: The wind's direction, a number of `DIRECTIONS`.
        stuck: Probability of not moving at all.

    Returns:
        Probabilities ``[4, 5]``: of the four directions and of staying, for each wanted direction.
    """
    law = np.zeros((4, 5))
    for wanted in range(4):
        law[wanted, wanted] = 1.0 - slip
        law[wanted, (wanted - 1) % 4] += slip * (1.0 - tilt) / 2.0
        law[wanted, (wanted + 1) % 4] += slip * (1.0 + tilt) / 2.0
    law *= 1.0 - wind
    law[:, blows] += wind
    law *= 1.0 - stuck
    law[:, _STAY] = stuck
    return law


class Grid:
    """The cells of a map that can be stood on, and the steps between them.

    Args:
        layout: Rows of the map; ``#`` is a wall.
    """

    def __init__(self, layout: Sequence[str]) -> None:
        self.layout = tuple(layout)
        self.cells = [(r, c) for r, row in enumerate(layout) for c, tile in enumerate(row) if tile != "#"]
        self.index = {cell: number for number, cell in enumerate(self.cells)}
        self.names = tuple(f"row {r}, column {c}" for r, c in self.cells)

    def find(self, tiles: str) -> list[int]:
        """Return the states whose tile is one of some characters."""
        return [number for number, (r, c) in enumerate(self.cells) if self.layout[r][c] in tiles]

    def step(self, state: int, direction: int) -> int:
        """Return where a step leads: into the next cell, or nowhere in front of a wall or the map's edge."""
        if direction == _STAY:
            return state
        (r, c), (down, right) = self.cells[state], DIRECTIONS[direction]
        return self.index.get((r + down, c + right), state)

    def transitions(self, law: np.ndarray, ends: Sequence[int]) -> np.ndarray:
        """Return the transition array ``[S, 4, S]`` of a `move_law`, with absorbing ends."""
        n = len(self.cells)
        steps = np.array([[self.step(s, b) for b in range(5)] for s in range(n)])
        transition = np.zeros((n, 4, n))
        for b in range(5):
            np.add.at(transition, (np.arange(n)[:, None], np.arange(4)[None], steps[:, b, None]), law[None, :, b])
        absorb(transition, ends)
        return transition

    def model(
        self, transition: np.ndarray, reward: np.ndarray, starts: Sequence[int], ends: Sequence[int], discount: float
    ) -> TabularModel:
        """Return the model of a grid world."""
        initial, terminal = np.zeros(len(self.cells)), np.zeros(len(self.cells), bool)
        initial[list(starts)] = 1.0 / len(starts)
        terminal[list(ends)] = True
        return TabularModel(transition, reward, initial, terminal, discount, self.names, ACTIONS, self.layout)


def absorb(transition: np.ndarray, states: Sequence[int]) -> None:
    """Make states lead to themselves, in place."""
    for state in states:
        transition[state] = 0.0
        transition[state, :, state] = 1.0


def on_arrival(transition: np.ndarray, ends: Sequence[int], at_end: float, elsewhere: float) -> np.ndarray:
    """Return rewards ``[S, A, S]``: one for entering an end, another for every other step; none at an end."""
    reward = np.full_like(transition, elsewhere)
    reward[:, :, list(ends)] = at_end
    reward[list(ends)] = 0.0
    reward[transition == 0.0] = 0.0
    return reward


# --- the grid of hybrid transfer ------------------------------------------------------------------------------------

_OPEN = ("S...", "S...", "S...", "S..G")
_QUICKSAND = ((1, 1), (2, 2), (1, 3))
ABSORBING: dict[str, tuple[tuple[int, int], ...]] = {
    "none": (),
    "diagonal": ((0, 3), (1, 2), (2, 1)),
    "ring": ((1, 1), (1, 2), (2, 1)),
    "side": ((0, 2), (1, 2), (2, 2)),
}
"""Three cells of the 4x4 grid that nobody leaves, by the word used in disruptions; a way to the goal is left."""


@world
def grid_world(slip: float, wind: float, stuck: float, quicksand: float, absorbing: str) -> TabularModel:
    """Return a 4x4 grid with three cells that may absorb, after HySRL's; every step that ends on the goal pays 1."""
    grid = Grid(_OPEN)
    transition = grid.transitions(move_law(slip, wind=wind, blows=3, stuck=stuck), ())
    for cell in _QUICKSAND:
        state = grid.index[cell]
        transition[state] *= 1.0 - quicksand
        transition[state, :, state] += quicksand
    absorb(transition, [grid.index[cell] for cell in ABSORBING[absorbing]])
    reward = np.zeros_like(transition)
    reward[:, :, grid.find("G")] = 1.0
    reward[transition == 0.0] = 0.0
    return grid.model(transition, reward, grid.find("S"), (), 0.95)


# --- four rooms -----------------------------------------------------------------------------------------------------

_ROOMS = (
    "#############",
    "#SSSSS#.....#",
    "#SSSSS#.....#",
    "#SSSSSn.....#",
    "#SSSSS#.....#",
    "#SSSSS#.....#",
    "##w####.....#",
    "#.....###e###",
    "#.....#.....#",
    "#.....#.....#",
    "#.....s..G..#",
    "#.....#.....#",
    "#############",
)
DOORS: dict[str, str] = {"open": "", "north_closed": "n", "west_closed": "w"}
"""The doorways closed, by the word used in disruptions; ``n`` leaves the first room to the right, ``w`` downwards."""


@world
def four_rooms(slip: float, wind: float, stuck: float, threshold: float, doors: str) -> TabularModel:
    """Return the four rooms of Sutton, Precup & Singh: start anywhere in the first, the goal is in the last."""
    grid = Grid(_ROOMS)
    ends = grid.find("G")
    law = np.full((4, 5), stuck)
    # Here a slip leads into any of the three other directions, not only to the sides; the wind blows up.
    wanted = (1.0 - slip) * np.eye(4) + slip * (1.0 - np.eye(4)) / 3.0
    law[:, :_STAY] = (1.0 - stuck) * ((1.0 - wind) * wanted + wind * np.eye(4)[3])
    transition = grid.transitions(law, ends)
    closed = grid.find(DOORS[doors]) if DOORS[doors] else []
    for door in grid.find("nwes"):
        _block(transition, door, 1.0 if door in closed else threshold)
    return grid.model(transition, on_arrival(transition, ends, 1.0, 0.0), grid.find("S"), ends, 0.9)


def _block(transition: np.ndarray, door: int, probability: float) -> None:
    """Let every step into a cell fail with some probability, in place."""
    for state in range(len(transition)):
        if state != door:
            lost = probability * transition[state, :, door]
            transition[state, :, door] -= lost
            transition[state, :, state] += lost


# --- windy gridworld ------------------------------------------------------------------------------------------------

WINDS: dict[str, tuple[int, ...]] = {
    "standard": (0, 0, 0, 1, 1, 1, 2, 2, 1, 0),
    "reversed": (0, 1, 2, 2, 1, 1, 1, 0, 0, 0),
    "storm": (0, 1, 1, 2, 2, 2, 3, 3, 2, 1),
    "downward": (0, 0, 0, -1, -1, -1, -2, -2, -1, 0),
}
"""Cells that the wind of each column carries upwards, by the word used in disruptions."""
_WINDY = (*["." * 10] * 3, "S......G..", *["." * 10] * 3)


@world
def windy_gridworld(wind: float, gust: float, slip: float, stuck: float, winds: str) -> TabularModel:
    """Return Sutton & Barto's windy gridworld (Example 6.5), with the gusts of their Exercise 6.10."""
    grid = Grid(_WINDY)
    ends, law, n = grid.find("G"), move_law(slip, stuck=stuck), len(grid.cells)
    transition = np.zeros((n, 4, n))
    for state, (row, column) in enumerate(grid.cells):
        for lift, chance in _lifts(wind * WINDS[winds][column], gust):
            for b in range(5):
                down, right = DIRECTIONS[b] if b < _STAY else (0, 0)
                there = grid.index[(_clip(row + down - lift, 7), _clip(column + right, 10))]
                transition[state, :, there] += chance * law[:, b]
    absorb(transition, ends)
    return grid.model(transition, on_arrival(transition, ends, -1.0, -1.0), grid.find("S"), ends, 0.99)


def _lifts(strength: float, gust: float) -> list[tuple[int, float]]:
    """Return how many cells the wind carries, with probabilities: a broken strength is drawn between its neighbours."""
    if strength == 0.0:
        return [(0, 1.0)]
    whole = int(np.floor(strength))
    rest = strength - whole
    calm = [(whole, 1.0 - rest), (whole + 1, rest)]
    return [
        (lift + change, chance * weight)
        for lift, chance in calm
        for change, weight in ((0, 1.0 - gust), (1, gust / 2), (-1, gust / 2))
        if chance * weight > 0.0
    ]


def _clip(value: int, size: int) -> int:
    return min(max(value, 0), size - 1)
