"""MiniGrid worlds as seen by a learner: one vector of what the robot sees, and its mission where it has one."""

from __future__ import annotations

import contextlib
import copy
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from robust_gym.task import Task
from robust_gym.wrappers.base import stream

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
import minigrid  # noqa: F401  (registers its ids)
from minigrid.core.actions import Actions
from minigrid.core.constants import COLOR_NAMES, COLOR_TO_IDX, OBJECT_TO_IDX, STATE_TO_IDX
from minigrid.minigrid_env import MiniGridEnv

VIEW = 7
"""Width and depth of what the robot sees, in cells; it stands in the middle of the last row and looks forward."""

WORDS = (
    *("a", "and", "ball", "blue", "box", "door", "fetch", "from", "get", "go", "goal", "green", "grey", "key"),
    *("must", "near", "pick", "purple", "put", "red", "room", "the", "to", "unlock", "up", "yellow", "you"),
)
"""Every word of the missions, in the order of a word's one-hot vector."""

# How far each cell of the view is from the robot, ahead or to a side, as a share of the farthest.
_AHEAD, _ASIDE = 1 - np.arange(VIEW) / (VIEW - 1), np.abs(np.linspace(-1, 1, VIEW))
_DISTANCE = np.maximum(_ASIDE[:, None], _AHEAD[None, :])
_FORWARD, _TURNS = int(Actions.forward), {int(Actions.left): -1, int(Actions.right): 1}
_HANDLING = frozenset(map(int, (Actions.pickup, Actions.drop, Actions.toggle)))
_COLOURED = ("key", "ball", "box", "door", "goal", "wall")
_SWAPPED = dict(zip(COLOR_NAMES, [*COLOR_NAMES[1:], COLOR_NAMES[0]], strict=True))
# Attributes of MiniGrid's worlds that hold how many things a reset puts there.
_COUNTS = {"obstacles": "n_obstacles", "objects": "numObjs", "distractors": "num_dists"}
_COUNTED = frozenset(_COUNTS.values())


@dataclass(frozen=True)
class Nature:
    """What may differ from MiniGrid's own rules.

    Attributes:
        slip: Probability that the robot, told to go forward, stays where it is.
        veer: Probability that the robot, told to go forward, turns left or right instead.
        overshoot: Probability that a turn goes on for another quarter.
        fumble: Probability that picking up, dropping or toggling fails.
        rest: Probability that the moving obstacles stand still for a step.
        sight: How far the robot sees, ahead and to its sides, as a share of its view.
    """

    slip: float = 0.0
    veer: float = 0.0
    overshoot: float = 0.0
    fumble: float = 0.0
    rest: float = 0.0
    sight: float = 1.0


@dataclass(frozen=True)
class Layout:
    """What a reset builds.

    Attributes:
        map: Name of another map; empty for the task's own.
        walls: ``"glass"`` lets the robot see through walls that are opaque in MiniGrid.
        colours: ``"swapped"`` gives all but lava and floor another colour, the same for the same.
        ajar: Probability that a door which is not locked stands open.
        counts: How many obstacles, objects or distractors there are, relative to MiniGrid's number.
    """

    map: str = ""
    walls: str = ""
    colours: str = ""
    ajar: float = 0.0
    counts: Mapping[str, float] = field(default_factory=dict)


class GridWorld(gym.Env[Any, Any]):
    """One of MiniGrid's worlds, with observations that are Boxes.

    An observation is a vector of ``uint8``: the egocentric view of 7 x 7 cells as MiniGrid encodes it (object,
    colour and state of each cell: ``ImgObsWrapper``), flattened, then the compass direction as four zeros and ones.
    Where the mission differs between episodes, it is a dict of that vector, ``"observation"``, and ``"mission"``:
    one-hot words, in the order of ``WORDS``, for every word of the sentence (as ``FlatObsWrapper`` has its letters).

    Args:
        id: MiniGrid's id.
        steps: Steps after which an episode is truncated, whatever the map.
        words: Length of the longest mission; 0 where all episodes have the same.
        idle: The action that changes nothing: ``"done"``, or ``"turn"`` where that one ends an episode or does not
            exist, and so doing nothing means a turn that is taken back.
        maps: Other maps, by name: their ``id``, arguments, and ``attributes`` set on the built world.
        render_mode: As of MiniGrid.
    """

    metadata = MiniGridEnv.metadata

    def __init__(
        self,
        id: str,
        steps: int,
        words: int = 0,
        idle: str = "done",
        maps: Mapping[str, Mapping[str, Any]] | None = None,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = render_mode
        self.nature, self.layout = Nature(), Layout()
        self._maps = {"": {"id": id}, **(maps or {})}
        self._steps, self._length, self._idle = steps, words, idle
        self._own: Any = self._build("")
        self.world = self._own
        self._shifted: dict[str, Any] = {}
        self._built: dict[str, dict[str, int]] = {}  # how many things each of these was built for
        self._luck: np.random.Generator | None = None
        self.action_space = spaces.Discrete(int(self._own.action_space.n))
        cell = [max(codes.values()) for codes in (OBJECT_TO_IDX, COLOR_TO_IDX, STATE_TO_IDX)]
        high = np.array(cell * VIEW * VIEW + [1] * 4, np.uint8)
        seen = spaces.Box(np.zeros_like(high), high, dtype=np.uint8)
        mission = spaces.Box(0, 1, (words * len(WORDS),), np.uint8)
        self.observation_space: spaces.Space[Any] = (
            spaces.Dict({"observation": seen, "mission": mission}) if words else seen
        )

    def _build(self, name: str) -> Any:
        arguments = dict(self._maps[name])
        spec = gym.spec(arguments.pop("id"))
        attributes = arguments.pop("attributes", {})
        creator = gym.envs.registration.load_env_creator(str(spec.entry_point))
        world = creator(**{**spec.kwargs, **arguments}, max_steps=self._steps, render_mode=self.render_mode)
        for attribute, value in attributes.items():
            setattr(world, attribute, value)
        return world

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Build the world of an episode, which the seed determines."""
        super().reset(seed=seed)
        if seed is not None or self._luck is None:
            entropy = np.random.SeedSequence().generate_state(1)[0] if seed is None else seed
            self._luck = stream(int(entropy), "minigrid", "luck")
            self._doors = stream(int(entropy), "minigrid", "ajar")
        before = copy.deepcopy(self.np_random) if self.layout != Layout() else None
        # Another layout may take more draws. They come from a copy, so that all later episodes, and the random
        # moves of obstacles, are those of the undisturbed world.
        self.world = self._own
        seen = self._generate(self.np_random)
        if before is not None:
            self.world = self._laid_out()
            self._generate(before)
            self._redecorate()
            seen = self.world.gen_obs()
            self.world.np_random = self.np_random
        return self._observation(seen), {}

    def _laid_out(self) -> Any:
        """Return the world, apart from the task's own, that the layout asks for."""
        name = self.layout.map
        if name not in self._shifted:
            self._shifted[name] = self._build(name)
            self._built[name] = {key: value for key, value in vars(self._shifted[name]).items() if key in _COUNTED}
        world, own, built = self._shifted[name], self._own, self._built[name]
        for count, attribute in _COUNTS.items():
            if count in self.layout.counts:
                number = built.get(attribute, getattr(own, attribute))
                setattr(world, attribute, max(1, round(number * self.layout.counts[count])))
            elif attribute in built:  # an earlier episode may have had another number
                setattr(world, attribute, built[attribute])
        world.see_through_walls = own.see_through_walls or bool(self.layout.walls)
        return world

    def _generate(self, rng: np.random.Generator) -> dict[str, Any]:
        self.world.np_random = rng
        with contextlib.redirect_stdout(io.StringIO()):  # BabyAI tells of every layout that it rejects
            seen, _ = self.world.reset()
        return seen

    def _redecorate(self) -> None:
        """Give everything its other colour, and open doors, as the layout says."""
        queue, known = list(self.world.grid.grid), set()
        while queue:
            thing = queue.pop()
            if thing is None or id(thing) in known:
                continue
            known.add(id(thing))
            queue.append(thing.contains)
            if self.layout.colours and thing.type in _COLOURED:
                thing.color = _SWAPPED[thing.color]
            if self.layout.ajar and thing.type == "door" and not thing.is_locked:
                thing.is_open = bool(self._doors.random() < self.layout.ajar)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act, where the robot obeys."""
        world, nature, command = self.world, self.nature, int(action)
        assert self._luck is not None, "reset before step"
        # Always as many draws, so that the luck of a step does not depend on what was told before.
        obeys, side, rests = self._luck.random(3)
        resting = rests < nature.rest
        if resting:
            obstacles, world.obstacles = world.obstacles, []
        if command == _FORWARD and obeys < nature.veer:
            command = int(Actions.left if side < 0.5 else Actions.right)
            seen, reward, terminated, truncated, info = world.step(command)
        elif (command == _FORWARD and obeys < nature.veer + nature.slip) or (
            command in _HANDLING and obeys < nature.fumble
        ):
            seen, reward, terminated, truncated, info = self._nothing()
        else:
            if command in _TURNS and obeys < nature.overshoot:
                world.agent_dir = (world.agent_dir + _TURNS[command]) % 4
            seen, reward, terminated, truncated, info = world.step(command)
        if resting:
            world.obstacles = obstacles
        return self._observation(seen), float(reward), bool(terminated), bool(truncated), info

    def _nothing(self) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        if self._idle == "done":
            return self.world.step(int(Actions.done))
        direction = self.world.agent_dir
        _, *rest = self.world.step(int(Actions.left))
        self.world.agent_dir = direction
        return self.world.gen_obs(), *rest

    def _observation(self, seen: Mapping[str, Any]) -> Any:
        image = seen["image"]
        if self.layout.colours:  # beyond its map, MiniGrid shows walls that are nowhere in the world
            image[image[..., 0] == OBJECT_TO_IDX["wall"], 1] = COLOR_TO_IDX[_SWAPPED["grey"]]
        if self.nature.sight < 1.0:
            image[self.nature.sight < _DISTANCE] = OBJECT_TO_IDX["unseen"]
        compass = np.zeros(4, np.uint8)
        compass[seen["direction"]] = 1
        vector = np.concatenate([image.ravel(), compass])
        return {"observation": vector, "mission": self._mission(seen["mission"])} if self._length else vector

    def _mission(self, sentence: str) -> np.ndarray:
        encoded = np.zeros((self._length, len(WORDS)), np.uint8)
        for place, word in enumerate(sentence.replace(",", "").split()):
            encoded[place, WORDS.index(word)] = 1
        return encoded.ravel()

    def render(self) -> Any:
        """Draw the world as MiniGrid does."""
        return self.world.render()

    def close(self) -> None:
        """Close the worlds' windows."""
        for world in (self._own, *self._shifted.values()):
            world.close()


class GridDynamics:
    """Writes the nature and the layout of a grid world.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: GridWorld, task: Task) -> None:
        self._env = env
        self._nominal = {shift.name: shift.nominal for shift in task.semantic.values()}

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set what the coming reset builds."""
        words = {name: str(value) for name, value in values.items() if self._nominal.get(name, value) != value}
        counts = {name: float(value) for name, value in values.items() if name in _COUNTS and value != 1.0}
        self._env.layout = Layout(ajar=float(values.get("ajar", 0.0)), counts=counts, **words)
        self.apply({name: value for name, value in values.items() if not isinstance(value, str)})

    def apply(self, values: Mapping[str, float]) -> None:
        """Set the nature of the present episode; layouts stay until the next reset."""
        now = {name: value for name, value in values.items() if name in Nature.__dataclass_fields__}
        self._env.nature = replace(Nature(), **now)
