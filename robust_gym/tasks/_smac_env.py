"""SMAC's StarCraft II as a PettingZoo parallel environment, through the interface that SMAC and SMACv2 share."""

from __future__ import annotations

import contextlib
import importlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding

from robust_gym.disruption import did_you_mean
from robust_gym.task import MissingExtraError, Task
from robust_gym.tasks._parallel import DiscreteTeam
from robust_gym.tasks.smac import DIFFICULTIES, MAPS

_NOOP, _STOP = 0, 1
_UNITS = 5  # of each side in SMACv2's standard scenarios


class SmacBattle(DiscreteTeam):
    """Units of a team in StarCraft II, each moved by an agent, against the game's built-in player.

    Agents ``ally_0`` … observe SMAC's float32 features. Actions are SMAC's: no-op (of the dead), stop, north, south,
    east, west, then attack (or heal) unit 0, 1, …; one that ``infos[agent]["action_mask"]`` excludes becomes stop,
    or no-op for the dead. Every agent is told the team's reward. ``infos[agent]["battle_won"]`` says whether the
    battle is won. Agents stay until the episode ends, dead or alive.

    A seed means a new game: StarCraft II takes one only when it starts, so a reset with a seed restarts it (about ten
    seconds), and one without goes on in the game that runs.

    Args:
        map_name: A key of `MAPS`.
        render_mode: Only ``None``.
        difficulty: Level of the game's built-in player, a key of `DIFFICULTIES`.
        **arguments: More arguments of SMAC's ``StarCraft2Env``; not ``seed``, which comes with a reset.

    Raises:
        ValueError: If there is no such map, difficulty or render mode, or a seed is given.
    """

    metadata = {"name": "robust_smac_v0", "render_modes": [], "is_parallelizable": True}

    def __init__(
        self,
        map_name: str = "3m",
        render_mode: str | None = None,
        difficulty: str = "very_hard",
        **arguments: Any,
    ) -> None:
        if map_name not in MAPS:
            raise ValueError(f"unknown map {map_name!r}; maps are {', '.join(MAPS)}.{did_you_mean(map_name, MAPS)}")
        if difficulty not in DIFFICULTIES:
            hint = did_you_mean(difficulty, DIFFICULTIES)
            raise ValueError(f"unknown difficulty {difficulty!r}; levels are {', '.join(DIFFICULTIES)}.{hint}")
        if "seed" in arguments:
            raise ValueError("a seed is an argument of reset, and none of make")
        self.map_name, self._arguments = map_name, arguments
        self.difficulty = difficulty
        self._factors: dict[str, float] = {}
        self._rng: np.random.Generator | None = None
        self._shuffles = random.Random(0)
        self._t = 0
        self._game = self._build(0)
        self._started: str | None = None
        info = self._game.get_env_info()
        self._limit = int(info["episode_limit"])
        names = [f"ally_{number}" for number in range(info["n_agents"])]
        super().__init__(
            dict.fromkeys(names, _unbounded(info["obs_shape"])),
            dict.fromkeys(names, int(info["n_actions"])),
            _unbounded(info["state_shape"]),
            render_mode,
        )

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Begin an episode.

        Args:
            seed: Seeds the game, which is started anew; ``None`` lets it go on.
            options: Ignored.

        Raises:
            MissingExtraError: If StarCraft II is not installed.
        """
        fresh = self._rng is None or seed is not None or self._started != self.difficulty
        if self._rng is None or seed is not None:
            self._rng, _ = seeding.np_random(seed)
        if fresh:
            self._game.close()
            self._game = self._build(int(self._rng.integers(1, 2**31)))
            self._started = self.difficulty
            self._reseed()
            self.set_dynamics(self._factors)
        with self._shuffled(), _told_where_the_game_is():
            self._game.reset()
        self._t = 0
        self.agents = list(self.possible_agents)
        return self._observations(), self._infos({})

    def step(
        self, actions: Mapping[str, int]
    ) -> tuple[dict[str, np.ndarray], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Take one step.

        Args:
            actions: Every agent's action.

        Returns:
            Observations, rewards, terminations, truncations and infos; empty once the episode is over. Truncated
            are an episode whose time is up and one that the game broke off.

        Raises:
            ValueError: If an agent has no action, or one that is not in its space.
        """
        if not self.agents:
            return {}, {}, {}, {}, {}
        chosen = [
            action if mask[action] else _STOP if mask[_STOP] else _NOOP
            for action, mask in zip(self._read(actions), self._masks(), strict=True)
        ]
        reward, over, info = self._game.step(chosen)
        self._t += 1
        agents, infos = self.possible_agents, self._infos(info)
        alive = any(one["action_mask"][_STOP] for one in infos.values())
        undecided = self._t >= self._limit and alive and not info.get("battle_won")
        late = bool(over) and ("battle_won" not in info or undecided)
        if over:
            self.agents = []
        return (
            self._observations(),
            dict.fromkeys(agents, float(reward)),
            dict.fromkeys(agents, bool(over) and not late),
            dict.fromkeys(agents, late),
            infos,
        )

    def state(self) -> np.ndarray:
        """Return SMAC's state of the whole battle, float32.

        Raises:
            RuntimeError: Before the first reset.
        """
        if self._rng is None:
            raise RuntimeError("reset() comes before state()")
        return np.array(self._game.get_state(), np.float32)

    def close(self) -> None:
        """Close the game."""
        self._game.close()

    def set_dynamics(self, factors: Mapping[str, float]) -> None:
        """Set dynamics from now on.

        Args:
            factors: Factors of ``move_amount``, ``step_mul``, ``sight_range`` and ``shoot_range``; 1 if not named.
        """
        self._factors = dict(factors)
        game = self._inner()
        game._move_amount = self._nominal_move * factors.get("move_amount", 1.0)
        game._step_mul = max(1, round(self._nominal_steps * factors.get("step_mul", 1.0)))
        for name in ("sight_range", "shoot_range"):
            _scale_method(game, f"unit_{name}", factors.get(name, 1.0))

    def _inner(self) -> Any:
        """Return the StarCraft2Env, which SMACv2 wraps."""
        return getattr(self._game, "env", self._game)

    def _build(self, seed: int) -> Any:
        arguments = {"step_mul": 8, **self._arguments, "map_name": self.map_name, "seed": seed}
        arguments["difficulty"] = DIFFICULTIES[self.difficulty]
        units = MAPS[self.map_name].units
        if units:
            wrapper = importlib.import_module("smacv2.env.starcraft2.wrapper")
            standard = {"obs_own_pos": True, "use_unit_ranges": True, "min_attack_range": 2, "conic_fov": False}
            teams = _capabilities(self.map_name)
            game = wrapper.StarCraftCapabilityEnvWrapper(capability_config=teams, **{**standard, **arguments})
        else:
            game = importlib.import_module("smac.env").StarCraft2Env(**arguments)
        inner = getattr(game, "env", game)
        self._nominal_move, self._nominal_steps = inner._move_amount, inner._step_mul
        return game

    def _reseed(self) -> None:
        """Seed SMACv2's draws of teams and places, which have no seed of their own."""
        assert self._rng is not None
        self._shuffles = random.Random(int(self._rng.integers(2**31)))
        pending = list(getattr(self._game, "env_key_to_distribution_map", {}).values())
        while pending:
            distribution = pending.pop()
            for name, value in vars(distribution).items():
                if name == "rng":
                    distribution.rng = np.random.default_rng(int(self._rng.integers(2**31)))
                elif hasattr(value, "generate"):
                    pending.append(value)

    @contextlib.contextmanager
    def _shuffled(self) -> Iterator[None]:
        """Let SMACv2 shuffle its teams with our generator, and leave Python's own as it was."""
        before = random.getstate()
        random.setstate(self._shuffles.getstate())
        try:
            yield
        finally:
            self._shuffles.setstate(random.getstate())
            random.setstate(before)

    def _masks(self) -> list[np.ndarray]:
        numbers = range(len(self.possible_agents))
        return [np.array(self._game.get_avail_agent_actions(number), np.int8) for number in numbers]

    def _observations(self) -> dict[str, np.ndarray]:
        seen = [np.array(one, np.float32) for one in self._game.get_obs()]
        return dict(zip(self.possible_agents, seen, strict=True))

    def _infos(self, info: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        told = {**info, "battle_won": bool(info.get("battle_won", False))}
        masks = zip(self.possible_agents, self._masks(), strict=True)
        return {agent: {"action_mask": mask, **told} for agent, mask in masks}


def _unbounded(size: int) -> spaces.Box:
    return spaces.Box(-np.inf, np.inf, (int(size),), np.float32)


def _capabilities(map_name: str) -> dict[str, Any]:
    """Return the standard distribution of SMACv2's teams and places; a new one, since SMACv2 writes into it."""
    field = MAPS[map_name]
    return {
        "n_units": _UNITS,
        "n_enemies": _UNITS,
        "team_gen": {
            "dist_type": "weighted_teams",
            "unit_types": [unit for unit, _ in field.units],
            "weights": [weight for _, weight in field.units],
            "exception_unit_types": list(field.exceptions),
            "observe": True,
        },
        "start_positions": {"dist_type": "surrounded_and_reflect", "p": 0.5, "map_x": 32, "map_y": 32},
    }


def _scale_method(game: Any, name: str, factor: float) -> None:
    """Multiply what a method of the game's environment returns; at factor 1 it is its own again."""
    vars(game).pop(name, None)
    if factor != 1.0:
        method = getattr(game, name)
        setattr(game, name, lambda agent_id: method(agent_id) * factor)


@contextlib.contextmanager
def _told_where_the_game_is() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # PySC2's error when it finds no game; its module is imported by SMAC, not by us.
        if type(error).__name__ != "SC2LaunchError":
            raise
        raise MissingExtraError(
            f"StarCraft II does not start ({error}); install it and SMAC's maps, and set SC2PATH to its folder: "
            "https://github.com/oxwhirl/smac#installing-starcraft-ii"
        ) from error


def make(**kwargs: Any) -> SmacBattle:
    """Make a battle; the arguments are those of `SmacBattle`."""
    return SmacBattle(**kwargs)


class SmacDynamics:
    """Writes dynamics and the difficulty into a `SmacBattle`.

    Args:
        env: The unwrapped environment.
        task: Its task.
    """

    def __init__(self, env: SmacBattle, task: Task) -> None:
        self._env = env
        self._usual = task.semantic["difficulty"].nominal
        self._made_with = env.difficulty

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Set everything of the coming episode; another difficulty starts another game."""
        word = str(values.get("difficulty", self._usual))
        # What the environment was made with is nominal, whatever that of the task is.
        self._env.difficulty = self._made_with if word == self._usual else word
        self.apply({name: value for name, value in values.items() if not isinstance(value, str)})

    def apply(self, values: Mapping[str, float]) -> None:
        """Set all parameters; those without a value are nominal."""
        self._env.set_dynamics(values)
