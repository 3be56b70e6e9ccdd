"""Single-agent algorithms that Stable-Baselines3 trains: what all of them share, around its models.

An algorithm names a model, says which of its arguments the model takes, and inherits the rest: environments, seeds,
budgets, checkpoints, and taking the policy out of the model. A robust method overrides the step in which it differs;
its own losses go into the models of ``learners.py``. This module imports torch only inside its methods.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import YOUNGER, Checked
from robust_gym.baselines.single.saved import SavesFeedForward
from robust_gym.baselines.single.tuned import tuned
from robust_gym.task import Budget, Task

if TYPE_CHECKING:
    import numpy as np
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.vec_env import VecEnv

    from robust_gym.baselines.base import Progress
    from robust_gym.baselines.checkpoints import Checkpoints
    from robust_gym.baselines.single.policy import Critic, FeedForwardPolicy

Values = Mapping[str, Any]

_LEAST_ROLLOUTS = 24
_ACCEPTED: tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...] = (
    (
        ("n_envs", "batch_size", "n_epochs", "buffer_size", "train_freq", "policy_delay"),
        lambda n: n >= 1,
        "at least 1",
    ),
    (("n_steps",), lambda n: n >= 2, "at least 2"),
    (("gradient_steps",), lambda n: n >= 1 or n == -1, "at least 1, or -1 for as many as there were steps"),
    (("learning_rate", "max_grad_norm"), lambda x: 0 < x < math.inf, "a number above 0"),
    (("gamma", "gae_lambda", "tau", "learning_starts"), lambda x: 0 <= x <= 1, "from 0 to 1"),
    (("layers",), lambda layers: all(units >= 1 for units in layers), "numbers of at least 1"),
)
"""Arguments of many algorithms: what is good, and how to say so."""


@dataclass
class Standard(Checked, SavesFeedForward):
    """The steps of a training, in the order in which they are taken: values, fitted, envs, model, learn, policy.

    Attributes:
        train_disruption: Disruption of every training episode.
    """

    train_disruption: str = "none"

    vectors_only: ClassVar[bool] = False
    """Whether observations that are arrays, but no images, are flattened for it."""
    tuned_as: ClassVar[str] = ""
    """The algorithm whose values in ``tuned/`` it takes; its own by default."""
    passed: ClassVar[tuple[str, ...]] = ()
    """The arguments that the model takes under the same name."""

    def check(self) -> None:
        """Check the arguments that most algorithms have; ``None`` stands for the task's value.

        Raises:
            ValueError: At the first that is out of bounds, naming it and what is accepted.
        """
        for names, good, accepted in _ACCEPTED:
            for name in names:
                value = getattr(self, name, None)
                self._require(name, value is None or good(value), accepted)

    def train(
        self, task: Task, budget: Budget, seed: int, progress: Progress, checkpoints: Checkpoints | None = None
    ) -> FeedForwardPolicy:
        """Train on a task; the run depends on the arguments, the budget's steps and the seed alone.

        A run that goes on from a checkpoint, which is taken between rollouts, begins new episodes: it does all steps
        that are left and loses nothing that was learnt, but ends in other bits than one that was not stopped.

        Raises:
            ValueError: If an argument or the budget makes no sense.
        """
        import numpy as np

        from robust_gym.baselines.base import one_thread
        from robust_gym.baselines.single import sb3

        values = self.fitted(self.values(task), budget.steps)
        streams, torch_seed = np.random.SeedSequence(seed).spawn(2)
        envs = self.envs(task, values, streams)
        with contextlib.closing(envs), one_thread(), sb3.own_randomness():
            return self.learn(task, envs, values, torch_seed, progress, checkpoints)

    def values(self, task: Task) -> dict[str, Any]:
        """Return the arguments that a task's table completes: those given, else the task's, its family's, a default."""
        return tuned(self.tuned_as or self.algorithm, task, dataclasses.asdict(self))

    def fitted(self, values: Values, steps: int) -> dict[str, Any]:
        """Fit the values into a budget.

        Returns:
            The values, with the number of environments ``n_envs`` and the steps that will be used, ``steps``.
        """
        raise NotImplementedError

    def envs(self, task: Task, values: Values, seeds: np.random.SeedSequence) -> VecEnv:
        """Make the training environments."""
        from robust_gym.baselines.single import sb3

        return sb3.training_envs(
            task,
            values.get("train_disruption", self.train_disruption),
            values["n_envs"],
            seeds,
            normalise=values.get("normalise", False),
            gamma=values["gamma"],
            wrap=self.wrapper(task, values),
            flat=self.vectors_only,
        )

    def wrapper(self, task: Task, values: Values) -> Callable[[Any], Any] | None:
        """Return what wraps each training environment once more, if anything does."""
        return None

    def learn(
        self,
        task: Task,
        envs: VecEnv,
        values: Values,
        seed: np.random.SeedSequence,
        progress: Progress,
        checkpoints: Checkpoints | None = None,
    ) -> FeedForwardPolicy:
        """Let a new model learn, and take the policy out of what it has learnt.

        Args:
            task: What the policy acts in.
            envs: The training environments.
            values: What ``fitted`` returned.
            seed: Of torch and of the minibatches.
            progress: Called now and then with the steps done.
            checkpoints: Takes checkpoints, and knows the one to go on from.
        """
        from robust_gym.baselines.single import resuming

        model = self.model(task, envs, values, int(seed.generate_state(1)[0]))
        resuming.learn(model, values["steps"], progress, checkpoints)
        return self.policy(task, model, envs)

    def model(self, task: Task, envs: VecEnv, values: Values, seed: int) -> BaseAlgorithm:
        """Make the model that learns."""
        return self.kind()(
            self.network(task),
            envs,
            policy_kwargs=self.policy_arguments(values),
            seed=seed,
            device="cpu",
            **self.model_arguments(values),
        )

    def kind(self) -> Any:
        """Return the class of the model."""
        raise NotImplementedError

    def network(self, task: Task) -> str:
        """Return Stable-Baselines3's name of the policy."""
        return "CnnPolicy" if task.observation == "image" else "MlpPolicy"

    def policy_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the policy's networks."""
        return {"net_arch": list(values["layers"])}

    def model_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the model."""
        from robust_gym.baselines.single import sb3

        rate = sb3.schedule(values["learning_rate"], values.get("decay", False))
        return {"learning_rate": rate, **{name: values[name] for name in self.passed}}

    def policy(self, task: Task, model: Any, envs: VecEnv) -> FeedForwardPolicy:
        """Take the acting network, and a critic for adversaries, out of the trained model."""
        raise NotImplementedError


@dataclass
class OnPolicy(Standard):
    """What learns from whole rollouts of the present policy, as PPO does.

    Attributes:
        n_envs: Environments stepped side by side.
        n_steps: Steps of each between updates.
        learning_rate: Step size of the optimiser.
        decay: Whether it falls linearly to zero.
        gamma: Discount factor.
        gae_lambda: Decay of generalised advantage estimation.
        layers: Units in each hidden layer, of actor and critic alike.
        normalise: Whether observations (unless images) and rewards are normalised; the observations' moments are
            saved with the policy.
        ortho_init: Whether the first weights are orthogonal; the last layer of the actor then begins small.
    """

    n_envs: int | None = None
    n_steps: int | None = None
    learning_rate: float | None = None
    decay: bool | None = None
    gamma: float | None = None
    gae_lambda: float | None = None
    layers: tuple[int, ...] | None = None
    normalise: bool | None = None
    ortho_init: bool | None = field(default=None, metadata=YOUNGER)

    def fitted(self, values: Values, steps: int) -> dict[str, Any]:
        """Shorten rollouts where the budget has fewer than 24; steps that would fill no other one are left unused.

        Raises:
            ValueError: If there are fewer than two steps.
        """
        n_envs, n_steps, batch = fit_rollout(
            steps, values["n_envs"], values["n_steps"], values.get("batch_size", 1), self.algorithm
        )
        fit = {"n_envs": n_envs, "n_steps": n_steps, "steps": steps // (n_envs * n_steps) * n_steps * n_envs}
        return {**values, **fit, **({"batch_size": batch} if "batch_size" in values else {})}

    def policy_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the policy's networks."""
        return {**super().policy_arguments(values), "ortho_init": values["ortho_init"]}

    def policy(self, task: Task, model: Any, envs: VecEnv) -> FeedForwardPolicy:
        """Take out the actor, and the critic of states."""
        from robust_gym.baselines.single import sb3

        actor = model.policy
        critic = sb3.critic_of(actor.vf_features_extractor, [actor.mlp_extractor.value_net, actor.value_net], "state")
        hidden, last = actor.mlp_extractor.policy_net, actor.action_net
        extractor = actor.pi_features_extractor
        return sb3.policy_of(self.algorithm, task, extractor, hidden, last, envs, squash=False, critic=critic)


@dataclass
class OffPolicy(Standard):
    """What learns from a replay buffer, as SAC does.

    Attributes:
        learning_rate: Adam's, for all networks.
        decay: Whether it falls linearly to zero.
        buffer_size: Transitions kept.
        batch_size: Transitions in an update.
        train_freq: Environment steps between updates.
        gradient_steps: Updates each time; -1 for as many as there were steps.
        gamma: Discount factor.
        learning_starts: Share of the budget, all of it random, before the first update.
        layers: Units in each hidden layer, of all networks alike.
    """

    learning_rate: float | None = None
    decay: bool | None = None
    buffer_size: int | None = None
    batch_size: int | None = None
    train_freq: int | None = None
    gradient_steps: int | None = None
    gamma: float | None = None
    learning_starts: float | None = None
    layers: tuple[int, ...] | None = None

    def fitted(self, values: Values, steps: int) -> dict[str, Any]:
        """Fit the buffer and the first, random steps; it collects whole batches, and leaves steps beyond unused."""
        every = min(values["train_freq"], steps)
        return {
            **values,
            "n_envs": 1,
            "train_freq": every,
            "buffer_size": min(values["buffer_size"], steps),
            "learning_starts": round(values["learning_starts"] * steps),
            "steps": steps // every * every,
        }

    def model_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the model."""
        common = ("buffer_size", "batch_size", "train_freq", "gradient_steps", "gamma", "learning_starts")
        return {**super().model_arguments(values), **{name: values[name] for name in common}}

    def policy(self, task: Task, model: Any, envs: VecEnv) -> FeedForwardPolicy:
        """Take out the actor, and one critic of actions: it tells an adversary as much as both."""
        from robust_gym.baselines.single import sb3

        actor = model.actor
        trunk, last = self.actor_layers(actor)
        critic = self.critic(model)
        extractor = actor.features_extractor
        return sb3.policy_of(self.algorithm, task, extractor, trunk, last, envs, squash=True, critic=critic)

    def actor_layers(self, actor: Any) -> tuple[Any, Any]:
        """Return the hidden layers of the actor, and the last, whose tanh is the action."""
        return actor.latent_pi, actor.mu

    def critic(self, model: Any) -> Critic | None:
        """Return the critic to keep."""
        from robust_gym.baselines.single import sb3

        return sb3.critic_of(model.actor.features_extractor, [model.critic.q_networks[0]], "action")


def fit_rollout(steps: int, n_envs: int, n_steps: int, batch_size: int, algorithm: str = "ppo") -> tuple[int, int, int]:
    """Fit rollouts into a budget.

    Args:
        steps: The budget's steps.
        n_envs: Environments wished for.
        n_steps: Steps of each in a rollout, likewise.
        batch_size: Transitions in a minibatch, likewise.
        algorithm: Whose budget it is.

    Returns:
        The three numbers to use: at least 24 rollouts where that is possible, and whole minibatches.

    Raises:
        ValueError: If there are fewer than two steps.
    """
    if steps < 2:
        raise ValueError(f"{algorithm} needs a budget of at least 2 steps, got {steps}")
    n_envs = min(n_envs, steps // 2)
    n_steps = max(2, min(n_steps, steps // (n_envs * _LEAST_ROLLOUTS)))
    batch_size = min(batch_size, n_envs * n_steps)
    # A rollout of whole minibatches that every environment contributes equally to.
    unit = math.lcm(n_envs, batch_size)
    if unit <= n_envs * n_steps:
        n_steps = n_envs * n_steps // unit * unit // n_envs
    else:
        batch_size = n_envs * n_steps
    return n_envs, n_steps, batch_size
