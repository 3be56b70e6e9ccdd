"""The game between a protagonist and an adversary, and the models that learn it in turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize

from robust_gym.baselines.single.learners import MethodPPO
from robust_gym.task import Task
from robust_gym.vector.worlds import Worlds
from robust_gym.wrappers.observation import observation_signal

if TYPE_CHECKING:
    from robust_gym.baselines.single.alternating import Alternating


class Meddling:
    """What an adversary may do; as it stands, nothing.

    Args:
        size: Dimensions of its moves, each in [-1, 1].

    Attributes:
        space: The space of its moves.
    """

    def __init__(self, size: int) -> None:
        self.space = spaces.Box(-1.0, 1.0, (size,), np.float32)

    def seen(self, observations: np.ndarray, moves: np.ndarray, done: float) -> np.ndarray:
        """Return what the protagonist sees.

        Args:
            observations: What is, ``[copies, *shape]``.
            moves: The adversary's, ``[copies, size]``.
            done: Share of the training that is done.
        """
        return observations

    def act(self, moves: np.ndarray) -> None:
        """Act on the world, just before a step."""


class Perturbation(Meddling):
    """Moves what the protagonist sees within a ball in the largest norm, inside the observation space.

    Args:
        envs: The training environments. Where they normalise observations, the radius is in normalised units;
            else in units of each dimension's scale, as of ``obs:adversary``.
        task: The task.
        eps: Radius.
        warmup: Share of the training over which the radius rises from 0, linearly.
    """

    def __init__(self, envs: VecEnv, task: Task, eps: float, warmup: float) -> None:
        space = envs.observation_space
        assert isinstance(space, spaces.Box)
        super().__init__(int(np.prod(space.shape)))
        self._moments = envs if isinstance(envs, VecNormalize) and envs.norm_obs else None
        self._eps = eps if self._moments else eps * observation_signal(space, task).scale
        self._warmup = warmup
        self._low, self._high = space.low, space.high
        self._bounded = bool(np.isfinite(space.low).any() or np.isfinite(space.high).any())

    def radius(self, done: float) -> Any:
        """Return the radius in the units that the protagonist sees, when a share of the training is done."""
        return self._eps * (1.0 if done >= self._warmup else done / self._warmup)

    def seen(self, observations: np.ndarray, moves: np.ndarray, done: float) -> np.ndarray:
        """Return the moved observations."""
        moved = observations + self.radius(done) * moves.reshape(observations.shape)
        low: Any = self._low
        high: Any = self._high
        if self._moments is not None:
            # The normaliser clips what it gives, and so does the policy at evaluation.
            high = self._moments.normalize_obs(high) if self._bounded else self._moments.clip_obs
            low = self._moments.normalize_obs(low) if self._bounded else -self._moments.clip_obs
        clipped: np.ndarray = np.clip(moved, low, high).astype(observations.dtype)
        return clipped


class Forces(Meddling):
    """Pushes the world: external forces that hold for a step, written by the task's dynamics adapter.

    Args:
        envs: The training environments, whose disruption changes no dynamics.
        task: The task.
        newtons: Largest size of each force by the name of its parameter.
    """

    def __init__(self, envs: VecEnv, task: Task, newtons: Mapping[str, float]) -> None:
        super().__init__(len(newtons))
        self._newtons = newtons
        worlds = envs.unwrapped.get_attr("unwrapped")
        # Copies that step together are one object, which keeps an environment for each of them.
        self._batch = worlds[0] if isinstance(worlds[0], Worlds) else None
        self._adapters = [task.part("adapter")(world, task) for world in (self._batch.envs if self._batch else worlds)]

    def act(self, moves: np.ndarray) -> None:
        """Write the forces of the coming step."""
        for copy, (adapter, move) in enumerate(zip(self._adapters, moves.tolist(), strict=True)):
            adapter.apply({name: most * share for (name, most), share in zip(self._newtons.items(), move, strict=True)})
            if self._batch is not None:
                self._batch.simulator.world(copy)


class Game:
    """Training environments that two players act in.

    Args:
        envs: The environments.
        meddling: What the adversary may do.
        rates: Step sizes of the adversary's policy and critic; ``None`` where it has one.

    Attributes:
        envs: The same.
        meddling: The same.
        rates: The same.
        protagonist: The model that acts.
        adversary: The model that meddles.
    """

    protagonist: PPO
    adversary: Adversary

    def __init__(self, envs: VecEnv, meddling: Meddling, rates: tuple[float, float] | None = None) -> None:
        self.envs, self.meddling, self.rates = envs, meddling, rates
        self._now: np.ndarray | None = None
        self._steps = 0

    @property
    def now(self) -> np.ndarray:
        """The present true observations, of episodes that go on if there are any."""
        if self._now is None:
            self._now = np.asarray(self.envs.reset())
        return self._now

    def moves(self, observations: np.ndarray) -> np.ndarray:
        """Return what the adversary does now, ``[copies, size]``."""
        return self._answer(self.adversary, observations)

    def actions(self, seen: np.ndarray) -> np.ndarray:
        """Return what the protagonist does now, ``[copies, …]``."""
        return self._answer(self.protagonist, seen)

    def _answer(self, model: PPO, observations: np.ndarray) -> np.ndarray:
        """Return what a player does, whose exploration is drawn anew as often as in rollouts of its own."""
        every = model.sde_sample_freq if model.sde_sample_freq > 0 else model.n_steps
        if model.use_sde and self._steps % every == 0:
            model.policy.reset_noise(self.envs.num_envs)
        return model.policy.predict(observations)[0]

    def seen(self, observations: np.ndarray, moves: np.ndarray) -> np.ndarray:
        """Return what the protagonist sees of observations under the adversary's moves."""
        model = self.protagonist
        return self.meddling.seen(observations, moves, model.num_timesteps / model._total_timesteps)

    def step(self, actions: np.ndarray, moves: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Any]]:
        """Let both act."""
        self.meddling.act(moves)
        self._steps += 1
        found, rewards, dones, infos = self.envs.step(actions)
        self._now = np.asarray(found)
        return self._now, rewards, dones, infos


class _Seat(VecEnvWrapper):
    """The game as one of its players knows it.

    Args:
        game: The game.
        space: The player's actions.

    Attributes:
        game: The game.
    """

    def __init__(self, game: Game, space: spaces.Space[Any]) -> None:
        super().__init__(game.envs, action_space=space)
        self.game = game
        self._actions: Any = None

    def step_async(self, actions: np.ndarray) -> None:
        """Take over the player's actions."""
        self._actions = actions


class Protagonist(_Seat):
    """The game as the protagonist knows it: it sees what the adversary lets it see.

    Args:
        game: The game.
    """

    def __init__(self, game: Game) -> None:
        super().__init__(game, game.envs.action_space)
        self._moves: Any = None

    def reset(self) -> np.ndarray:
        """Return what it sees of the game as it stands."""
        return self._look(self.game.now)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step under the move that came with the last observation."""
        found, rewards, dones, infos = self.game.step(self._actions, self._moves)
        for info in (infos[copy] for copy in np.flatnonzero(dones)):
            last = np.asarray(info["terminal_observation"])[None]
            info["terminal_observation"] = self.game.seen(last, self.game.moves(last))[0]
        return self._look(found), rewards, dones, infos

    def _look(self, observations: np.ndarray) -> np.ndarray:
        self._moves = self.game.moves(observations)
        return self.game.seen(observations, self._moves)


class _Opponent(_Seat):
    """The game as the adversary knows it: it sees what is, and is paid what the protagonist pays.

    Args:
        game: The game.
    """

    def __init__(self, game: Game) -> None:
        super().__init__(game, game.meddling.space)

    def reset(self) -> np.ndarray:
        """Return the game as it stands."""
        return self.game.now

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Step; the protagonist answers what it sees under the adversary's move."""
        actions = self.game.actions(self.game.seen(self.game.now, self._actions))
        found, rewards, dones, infos = self.game.step(actions, self._actions)
        return found, -rewards, dones, infos


class Adversary(PPO):
    """The adversary; its first weights come from torch's present generator.

    Args:
        game: The game.
        critic: Step size of its critic, as a multiple of that of its policy.
        **arguments: Of ``PPO``.
    """

    def __init__(self, game: Game, critic: float, **arguments: Any) -> None:
        super().__init__("MlpPolicy", _Opponent(game), **arguments)
        if critic != 1.0:
            own = [*self.policy.mlp_extractor.value_net.parameters(), *self.policy.value_net.parameters()]
            others = [one for one in self.policy.parameters() if not any(one is weight for weight in own)]
            self.policy.optimizer = self.policy.optimizer_class(
                [{"params": others, "share": 1.0}, {"params": own, "share": critic}],
                lr=self.lr_schedule(1.0),
                **self.policy.optimizer_kwargs,
            )

    def _update_learning_rate(self, optimizers: Any) -> None:
        super()._update_learning_rate(optimizers)
        for group in self.policy.optimizer.param_groups:
            group["lr"] *= group.get("share", 1.0)

    def turn(self, remaining: float) -> None:
        """Learn from a rollout, while a share of the training remains."""
        self._last_obs = None  # so that it looks at the game anew
        _, callback = self._setup_learn(0, None, reset_num_timesteps=False)
        assert self.env is not None
        self.collect_rollouts(self.env, callback, self.rollout_buffer, self.n_steps)
        self._current_progress_remaining = remaining
        self.train()


class AlternatingPPO(MethodPPO):
    """The protagonist; after each of its turns the adversary takes one."""

    method: Alternating

    def train(self) -> None:
        """Learn from the protagonist's rollout, then let the adversary have those that are its."""
        super().train()
        env: Any = self.env
        steps, total = self.n_envs * self.n_steps, self._total_timesteps
        while not self.method.learns(self.num_timesteps // steps) and self.num_timesteps < total:
            env.game.adversary.turn(1 - (self.num_timesteps + steps) / total)
            self.num_timesteps += steps
        self._last_obs = env.reset()  # the game went on without it
